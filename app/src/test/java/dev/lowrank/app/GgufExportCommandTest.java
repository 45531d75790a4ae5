package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class GgufExportCommandTest {
    private static final String POCKET = Run.ROOT.resolve("models/pocket").toString();

    @TempDir
    private Path folder;

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    @Test
    void oneFileIsWrittenAndDescribed() throws Exception {
        var run = Run.of("export", POCKET, "--gguf", file("p.gguf"), "--type", "Q4_K", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var json = JsonMapper.builder().build().readTree(run.out());
        assertThat(json.path("form").asString()).isEqualTo("gguf");
        assertThat(json.path("type").asString()).isEqualTo("q4_k");
        assertThat(json.path("architecture").asString()).isEqualTo("llama");
        assertThat(json.path("bytes").asLong()).isEqualTo(Files.size(folder.resolve("p.gguf")));
        assertThat(json.path("tensors").path("Q4_K").asInt()).isEqualTo(36);
        assertThat(json.path("notes").toString()).contains("rows of 704");
        assertThat(folder).isDirectoryContaining("glob:**/p.gguf").isDirectoryNotContaining("glob:**/*.{lock,writing}");

        var inspected = Run.of("inspect", file("p.gguf"), "--json");
        assertThat(inspected.code()).as(inspected.err()).isZero();
        var text = Run.of("export", POCKET, "--gguf", file("stored.gguf"));
        assertThat(text.out())
                .contains("stored.gguf: GGUF file of architecture llama")
                .contains("43 BF16");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "export POCKET | form of the export | --merged and --gguf",
                "export POCKET --merged -o OUT --gguf FILE | two forms | one of them",
                "export POCKET --merged | folder to make | -o FOLDER",
                "export POCKET --merged -o OUT --type q8_0 | --type goes with --gguf | --gguf",
                "export POCKET --gguf FILE -o OUT | names its file itself | -o",
                "export POCKET --gguf FILE --type q9_9 | q9_9 | Q8_0",
            })
    void whatDoesNotFitTogetherIsAUsageError(String line, String fact, String hint) {
        var arguments =
                line.replace("FILE", file("p.gguf")).replace("OUT", file("out")).split(" ");
        for (var i = 0; i < arguments.length; i++) {
            arguments[i] = arguments[i].equals("POCKET") ? POCKET : arguments[i];
        }
        var run = Run.of(arguments);
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains(fact).contains(hint);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anOutputFolderFromTheEnvironmentIsNotMeant() {
        var run = Run.with(Run.ROOT, Map.of("LOWRANK_OUTPUT", file("out")), "export", POCKET, "--gguf", file("p.gguf"));
        assertThat(run.code()).as(run.err()).isZero();
    }

    @Test
    void whatIsThereStays() throws Exception {
        Files.writeString(folder.resolve("p.gguf"), "mine");
        var run = Run.of("export", POCKET, "--gguf", file("p.gguf"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("exists already");
        assertThat(folder.resolve("p.gguf")).hasContent("mine");
        var inside = Run.of("export", POCKET, "--gguf", POCKET + "/inside.gguf");
        assertThat(inside.code()).isEqualTo(2);
        assertThat(Path.of(POCKET, "inside.gguf")).doesNotExist();
    }

    @Test
    void aModelThatIsNotThereIsAnInputError() {
        assertThat(Run.of("export", file("nowhere"), "--gguf", file("p.gguf")).code())
                .isEqualTo(4);
    }
}
