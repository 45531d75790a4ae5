package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

class CommandLineTest {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(tools.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    @Test
    void helpNamesEveryCommandAndExitCode() {
        var run = Run.of("--help");
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .contains("demo", "evaluate", "compare", "generate", "chat")
                .contains("plan", "compress", "inspect", "export", "verify", "doctor", "completion")
                .contains("9 interrupted");
        assertThat(run.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "demo",
                "plan",
                "compress",
                "recover",
                "evaluate",
                "compare",
                "bench",
                "explore",
                "generate",
                "chat",
                "inspect",
                "export",
                "verify",
                "doctor",
                "completion"
            })
    void everyCommandHasHelp(String command) {
        var run = Run.of(command, "--help");
        assertThat(run.code()).isZero();
        assertThat(run.out()).startsWith("Usage: lowrank " + command).contains("--json");
    }

    @Test
    void versionNamesLowrankAndJava() {
        assertThat(Run.of("--version").out()).startsWith("lowrank ").contains("Java 25");
    }

    @Test
    void anUnknownCommandOffersTheNearest() {
        var run = Run.of("comprss");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("no command comprss").contains("Did you mean compress?");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void anUnknownOptionOffersTheNearest() {
        var run = Run.of("plan", "--kep=0.8");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("lowrank plan has no option --kep.").contains("Did you mean --keep?");
    }

    @Test
    void anUnknownMethodOffersTheNearest() {
        var run = Run.of("plan", "--method", "svdllm");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("Did you mean svd-llm?").contains("asvd");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1.5", "-1", "NaN", "many"})
    void aShareOutOfRangeIsAUsageError(String keep) {
        var run = Run.of("plan", "--keep", keep);
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--keep");
    }

    @Test
    void rankAndKeepExcludeEachOther() {
        var run = Run.of("plan", "--keep", "0.8", "--rank", "8");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("exclude one another");
    }

    @Test
    void anUnknownTargetOffersTheNearest() {
        var run = Run.of("plan", "--targets", "q,gaet");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("Did you mean gate?");
    }

    @Test
    void noCommandIsAUsageError() {
        var run = Run.of();
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("A command is missing");
    }

    @Test
    void aMissingModelIsBadInput() {
        var run = Run.of("inspect", "no/such/folder");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("no/such/folder does not exist");
    }

    @Test
    void aHubNameThatIsNotCachedIsOffline(@TempDir Path cache) {
        var run = Run.with(Run.ROOT, Map.of("HF_HUB_CACHE", cache.toString()), "inspect", "org/name");
        assertThat(run.code()).isEqualTo(8);
        assertThat(run.err()).contains(cache.toString()).contains("hf download org/name");
    }

    @Test
    void aFolderWithoutWeightsIsBadInput(@TempDir Path folder) {
        var run = Run.of("inspect", folder.toString());
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("neither model.safetensors");
    }

    @Test
    void aFolderWithoutManifestWasNeverFinished(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("config.json"), "{}");
        var run = Run.of("verify", folder.toString());
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.out()).contains("was never finished");
    }

    @Test
    void noStackTraceWithoutDebug() {
        assertThat(Run.of("inspect", "nowhere").err()).doesNotContain("\tat ");
        assertThat(Run.of("inspect", "nowhere", "--debug").err()).contains("\tat ");
    }

    @Test
    void jsonIsOneDocumentAndNothingElse() {
        var run = Run.of("completion", "bash", "--json");
        assertThat(run.code()).isZero();
        assertThat(JSON.readTree(run.out()).path("shell").asString()).isEqualTo("bash");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect --json nowhere", "inspect --jso --json", "comprss --json"})
    void aFailureWithJsonIsOneDocumentToo(String line) {
        var run = Run.of(line.split(" "));
        var error = JSON.readTree(run.out()).path("error");
        assertThat(error.path("exit_code").asInt()).isEqualTo(run.code());
        assertThat(error.path("message").asString()).isNotEmpty();
        assertThat(run.err()).contains("error: ");
    }

    @Test
    void theEnvironmentSuppliesDefaults() {
        var run = Run.with(Run.ROOT, Map.of("LOWRANK_KEEP", "1.5"), "plan");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("1.5");
    }

    @Test
    void aFlagWinsOverTheEnvironment() {
        var run = Run.with(Run.ROOT, Map.of("LOWRANK_METHOD", "nonsense"), "plan", "--method", "svdd");
        assertThat(run.err()).contains("svdd").doesNotContain("nonsense");
    }

    @Test
    void theEnvironmentMeetsARequiredOption(@TempDir Path folder) {
        var run = Run.with(
                Run.ROOT, Map.of("LOWRANK_OUTPUT", folder.resolve("out").toString()), "export", "nowhere", "--merged");
        assertThat(run.code()).isEqualTo(4);
    }

    @Test
    void switchesInTheEnvironmentAreReadLikeTheHubReadsThem() {
        assertThat(Run.with(Run.ROOT, Map.of("LOWRANK_JSON", "1"), "completion", "bash")
                        .out())
                .startsWith("{");
        assertThat(Run.with(Run.ROOT, Map.of("LOWRANK_JSON", "0"), "completion", "bash")
                        .out())
                .startsWith("#");
    }
}
