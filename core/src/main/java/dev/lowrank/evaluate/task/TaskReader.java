package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.task.TaskDefinition.Counted;
import dev.lowrank.evaluate.task.TaskDefinition.Data;
import dev.lowrank.evaluate.task.TaskDefinition.Generation;
import dev.lowrank.evaluate.task.TaskDefinition.Layout;
import dev.lowrank.evaluate.task.TaskDefinition.Prompt;
import dev.lowrank.evaluate.task.TaskDefinition.Shots;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads a task from YAML whose keys are, where there is one, those of lm-evaluation-harness.
final class TaskReader {
    private static final Set<String> KEYS = Set.of(
            "task",
            "output_type",
            "data",
            "layouts",
            "group",
            "description",
            "doc_to_text",
            "doc_to_choice",
            "doc_to_target",
            "doc_to_program",
            "target_delimiter",
            "fewshot_delimiter",
            "num_fewshot",
            "fewshot",
            "generation_kwargs",
            "metric_list",
            "filter_list");
    private static final int STANDARD_TOKENS = 256;

    private final YamlNode root;

    private TaskReader(YamlNode root) {
        this.root = root;
    }

    /// @param file name for messages
    /// @param yaml the task's text
    /// @throws TaskException naming the key that is missing, unknown or broken
    static TaskDefinition read(String file, String yaml) {
        return new TaskReader(YamlNode.parse(file, yaml)).read();
    }

    private TaskDefinition read() {
        root.only(KEYS);
        var output = root.choice("output_type", OutputType.class);
        var generation = generation(output);
        var program = root.optional("doc_to_program");
        if (program != null && output != OutputType.GENERATE_UNTIL) {
            throw root.fault("doc_to_program", "belongs to output_type generate_until");
        }
        if (output == OutputType.MULTIPLE_CHOICE && root.optional("doc_to_choice") == null) {
            throw root.fault("doc_to_choice", "is needed for output_type multiple_choice");
        }
        return new TaskDefinition(
                root.text("task"),
                output,
                data(root.child("data")),
                root.children("layouts").stream().map(TaskReader::layout).toList(),
                prompt(),
                shots(),
                metrics(output),
                generation,
                root.optionalText("group"));
    }

    private static Data data(YamlNode node) {
        node.only(Set.of("file", "source"));
        return new Data(node.text("file"), node.text("source"));
    }

    private static Layout layout(YamlNode node) {
        node.only(Set.of("needs", "fields", "preparation"));
        var fields = new LinkedHashMap<String, Field>();
        if (node.optional("fields") != null) {
            var child = node.child("fields");
            child.keys().forEach(key -> fields.put(key, child.field(key)));
        }
        return new Layout(
                node.texts("needs"),
                fields,
                node.optional("preparation") == null ? null : node.choice("preparation", Preparation.class));
    }

    private Prompt prompt() {
        return new Prompt(
                optionalField("description"),
                root.field("doc_to_text"),
                optionalField("doc_to_choice"),
                root.field("doc_to_target"),
                optionalField("doc_to_program"),
                root.text("target_delimiter", " "),
                root.text("fewshot_delimiter", "\n\n"));
    }

    private @Nullable Field optionalField(String key) {
        return root.optional(key) == null ? null : root.field(key);
    }

    private Shots shots() {
        var standard = root.number("num_fewshot", 0);
        if (root.optional("fewshot") == null) {
            return new Shots(standard, false, null, null, false, List.of());
        }
        var node = root.child("fewshot");
        node.only(Set.of("fixed", "file", "source", "sampler", "indices"));
        return new Shots(
                standard,
                node.flag("fixed"),
                node.optionalText("file"),
                node.optionalText("source"),
                node.text("sampler", "default").equals("first_n"),
                node.optional("indices") == null ? List.of() : node.numbers("indices"));
    }

    private @Nullable Generation generation(OutputType output) {
        if (output != OutputType.GENERATE_UNTIL) {
            return null;
        }
        var node = root.child("generation_kwargs");
        node.only(Set.of("until", "max_gen_toks"));
        return new Generation(node.texts("until"), node.number("max_gen_toks", STANDARD_TOKENS));
    }

    private List<Counted> metrics(OutputType output) {
        var filters = new ArrayList<AnswerFilter>();
        if (root.optional("filter_list") != null) {
            for (var node : root.children("filter_list")) {
                node.only(Set.of("name", "regex_pattern", "group_select"));
                filters.add(new AnswerFilter(
                        node.text("name"), node.pattern("regex_pattern"), node.number("group_select", 0) < 0));
            }
        }
        var metrics = new ArrayList<Counted>();
        for (var node : root.children("metric_list")) {
            node.only(Set.of("metric", "as", "regexes_to_ignore", "ignore_case", "numeric"));
            var metric = node.choice("metric", Metric.class);
            if (!metric.fits(output)) {
                throw node.fault("metric", "does not fit output_type " + root.text("output_type"));
            }
            var as = node.text("as", node.text("metric"));
            var match = new AnswerMatch(
                    node.optional("regexes_to_ignore") == null ? List.of() : node.patterns("regexes_to_ignore"),
                    node.flag("ignore_case"),
                    node.flag("numeric"));
            if (metric == Metric.EXACT_MATCH && !filters.isEmpty()) {
                filters.forEach(filter -> metrics.add(new Counted(metric, as + "," + filter.name(), filter, match)));
            } else {
                metrics.add(new Counted(metric, as, null, match));
            }
        }
        return metrics;
    }
}
