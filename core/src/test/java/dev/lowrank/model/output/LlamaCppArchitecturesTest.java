package dev.lowrank.model.output;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.Generator;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.PythonPeer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/// Every architecture that is written as GGUF, and every rotary scaling, in real llama.cpp; needs a Python
/// with xllamacpp, see [PythonPeer].
@Tag("python")
class LlamaCppArchitecturesTest {
    private static final int TOKENS = 32;
    private static final List<String> PROMPTS = List.of("abc def", "The (x) = 12;", "~~~");

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "llama-gqa-tied, DENSE, llama",
        "llama-rope-llama3-biased, DENSE, llama",
        "llama-rope-linear, DENSE, llama",
        "llama-rope-yarn, DENSE, llama",
        "qwen2-tied, DENSE, qwen2",
        "qwen2-tied, PIVOTED_BIASED, llama",
        "gpt2, DENSE, gpt2",
        "gpt2, FACTORED, gpt2",
        "gpt_bigcode-multi-query, DENSE, starcoder",
        "gpt_bigcode-multi-head, DENSE, starcoder",
    })
    void continuesTextsAsHere(String golden, CompressedForm form, String architecture) throws Exception {
        var python = PythonPeer.with(folder, "xllamacpp");
        var source = SmallModels.copy(GoldenModel.of(golden), folder.resolve("source"));
        if (form != CompressedForm.DENSE) {
            try (var model = LanguageModel.open(source)) {
                form.write(model, 0.7, folder.resolve("compressed"));
            }
            source = folder.resolve("compressed");
        }
        var file = folder.resolve("model.gguf");
        try (var model = LanguageModel.open(source)) {
            var written = GgufExport.write(model, file, GgufForm.F32, Progress.silent());
            assertThat(written.architecture()).isEqualTo(architecture);
            assertThat(theirs(python, file)).isEqualTo(ours(model));
        }
    }

    private static List<String> theirs(PythonPeer python, Path file) throws Exception {
        var command = new ArrayList<>(
                List.of(PythonPeer.script("llama_cpp_greedy.py"), file.toString(), String.valueOf(TOKENS)));
        command.addAll(PROMPTS);
        var done = python.run(command.toArray(String[]::new));
        assertThat(done.code()).as(done.errors()).isZero();
        var texts = new ArrayList<String>();
        JsonMapper.builder()
                .build()
                .readTree(done.output())
                .forEach(each -> texts.add(each.path("text").asString()));
        return texts;
    }

    private static List<String> ours(LanguageModel model) {
        var texts = new ArrayList<String>();
        try (var decoder = RowDecoder.of(model, 1);
                var tokenizer = model.tokenizer()) {
            var generator = Generator.of(decoder, tokenizer);
            for (var prompt : PROMPTS) {
                var request = new Generator.Request(tokenizer.encode(prompt), TOKENS, SamplingOptions.greedy());
                texts.add(generator.generate(request).text());
            }
        }
        return texts;
    }
}
