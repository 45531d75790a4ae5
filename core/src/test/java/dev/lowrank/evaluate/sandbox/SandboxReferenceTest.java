package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Reference solutions pass, and fail when they are spoilt: X13 of the catalogue.
@Tag("sandbox")
@Tag("shared")
class SandboxReferenceTest {
    private static List<JsonNode> problems(String name) throws IOException {
        var root = Path.of(System.getProperty("lowrank.root", "."));
        for (var up : new String[] {"../shared", "../../shared"}) {
            var file = root.resolve(up).resolve("data/tasks").resolve(name).normalize();
            if (Files.exists(file)) {
                var mapper = JsonMapper.builder().build();
                return Files.readAllLines(file).stream().map(mapper::readTree).toList();
            }
        }
        Assumptions.abort("Not found beside " + root + ": ../shared/data/tasks/" + name);
        throw new AssertionError();
    }

    private static String humanEval(JsonNode problem, String completion) {
        return problem.get("prompt").asString() + completion + "\n"
                + problem.get("test").asString() + "\ncheck("
                + problem.get("entry_point").asString() + ")";
    }

    private static String mbpp(JsonNode problem, String code) {
        var tests =
                problem.get("test_list").valueStream().map(JsonNode::asString).collect(Collectors.joining("\n"));
        return code + "\n" + problem.get("test_setup_code").asString() + "\n" + tests + "\n";
    }

    private static Map<String, String> labels(List<JsonNode> problems, List<String> programs) {
        try (var sandbox = Sandboxes.open(SandboxLimits.standard())) {
            var outcomes = sandbox.runAll(programs, Progress.silent());
            var labels = new LinkedHashMap<String, String>();
            for (var i = 0; i < outcomes.size(); i++) {
                labels.put(problems.get(i).get("id").asString(), outcomes.get(i).label());
            }
            return labels;
        }
    }

    @Test
    void x13EveryHumanEvalSolutionPasses() throws IOException {
        var problems = problems("humaneval.jsonl");
        var programs = problems.stream()
                .map(problem ->
                        humanEval(problem, problem.get("canonical_solution").asString()))
                .toList();
        var labels = labels(problems, programs);
        assertThat(labels).hasSizeGreaterThanOrEqualTo(100);
        labels.values().removeIf("passed"::equals);
        assertThat(labels).isEmpty();
    }

    @Test
    void x13NoEmptyHumanEvalSolutionPasses() throws IOException {
        var problems = problems("humaneval.jsonl");
        var programs = problems.stream()
                .map(problem -> humanEval(problem, "    pass\n"))
                .toList();
        assertThat(labels(problems, programs)).doesNotContainValue("passed");
    }

    @Test
    void x13EveryMbppSolutionPasses() throws IOException {
        var problems = problems("mbpp.jsonl");
        var programs = new ArrayList<String>();
        for (var problem : problems) {
            programs.add(mbpp(problem, problem.get("code").asString()));
        }
        var labels = labels(problems, programs);
        assertThat(labels).hasSizeGreaterThanOrEqualTo(300);
        labels.values().removeIf("passed"::equals);
        assertThat(labels).isEmpty();
    }
}
