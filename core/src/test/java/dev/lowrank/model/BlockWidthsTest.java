package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.DecoderSpec.Heads;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class BlockWidthsTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String GOOD =
            "[{'intermediate':9,'key_dim':4,'value_dim':3,'pairs':[[0,3],[2,1]]},{'intermediate':12,'key_dim':8,"
                    + "'value_dim':8,'pairs':[]}]";

    private static ModelConfig config(String blocks) {
        var text = "{'model_type':'llama','hidden_size':32,'num_hidden_layers':2,'num_attention_heads':4,"
                + "'num_key_value_heads':2,'intermediate_size':12,'vocab_size':5,'lowrank':{'version':1,'sites':{},"
                + "'blocks':" + blocks + "}}";
        return new ModelConfig((ObjectNode) JSON.readTree(text.replace('\'', '"')));
    }

    private static DecoderSpec describe(String blocks) {
        return new Llama().describe(config(blocks), name -> true);
    }

    @Test
    void eachBlockHasTheWidthsOfItsOwn() {
        var spec = describe(GOOD);
        var first = spec.blocks().getFirst();
        assertThat(first.heads()).isEqualTo(new Heads(4, 3, List.of(List.of(0, 3), List.of(2, 1))));
        assertThat(first.require(Role.Q_PROJ).out()).isEqualTo(16);
        assertThat(first.require(Role.K_PROJ).out()).isEqualTo(8);
        assertThat(first.require(Role.V_PROJ).out()).isEqualTo(6);
        assertThat(first.require(Role.O_PROJ).in()).isEqualTo(12);
        assertThat(first.require(Role.DOWN_PROJ).in()).isEqualTo(9);
        assertThat(spec.blocks().getLast().heads()).isEqualTo(Heads.whole(8));
        assertThat(spec.attentionScale()).isEqualTo(1 / Math.sqrt(8));
        var written = JSON.createArrayNode();
        spec.blocks()
                .forEach(block -> written.add(
                        new BlockWidths(block.require(Role.DOWN_PROJ).in(), block.heads()).json()));
        assertThat(describe(written.toString().replace('"', '\''))).isEqualTo(spec);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'intermediate':9 | 'intermediate':13 | lowrank.blocks[0].intermediate",
                "'intermediate':9 | 'intermediate':0 | lowrank.blocks[0].intermediate",
                "'key_dim':4 | 'key_dim':3 | rotary pairs are whole",
                "'key_dim':4 | 'key_dim':10 | from 1 to 8",
                "'value_dim':3 | 'value_dim':'x' | lowrank.blocks[0].value_dim",
                "[0,3],[2,1] | [0,3] | one for each of 2 key heads",
                "[0,3],[2,1] | [0,3],[2,2] | 2 different pairs",
                "[0,3],[2,1] | [0,4],[2,1] | from 0 to 3",
                "[0,3],[2,1] | [0],[2,1] | 2 different pairs",
                "[[0,3],[2,1]] | [] | one for each of 2 key heads",
                "}] | }, {}] | one for each of 2 blocks"
            })
    void whatDoesNotFitTheModelIsRefused(String good, String bad, String message) {
        assertThatThrownBy(() -> describe(GOOD.replace(good, bad)))
                .isInstanceOfSatisfying(
                        CheckpointException.class,
                        failure -> assertThat(failure.code()).isEqualTo(Code.CFG_RANGE))
                .hasMessageContaining(message);
    }

    @Test
    void aBorrowedFactorMustBeThereAndFit() {
        var sites = "{'version':1,'sites':{'x':{'form':'factored','rank':2,'a':'y'},'y':{'form':'%s','rank':%d}}}";
        for (var bad : List.of(sites.formatted("pivoted", 2), sites.formatted("factored", 3))) {
            var config = new ModelConfig((ObjectNode) JSON.readTree("{\"lowrank\":" + bad.replace('\'', '"') + "}"));
            assertThatThrownBy(() -> SiteForms.of(config))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("lowrank.sites.x.a")
                    .hasMessageContaining("same rank");
        }
    }
}
