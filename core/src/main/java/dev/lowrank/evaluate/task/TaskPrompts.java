package dev.lowrank.evaluate.task;

import dev.lowrank.text.DataRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Turns records into what a model is asked: description, examples, question.
///
/// Examples are drawn for each document in turn by CPython's generator with the harness's seed; where they
/// come from the questions themselves, one more is drawn and the document itself taken out.
final class TaskPrompts {
    /// Seed of lm-evaluation-harness.
    private static final int SEED = 1234;

    private final TaskDefinition task;
    private final int shots;
    private final TaskData data;
    private final Map<String, PythonRandom> random = new HashMap<>();

    private TaskPrompts(TaskDefinition task, int shots, TaskData data) {
        this.task = task;
        this.shots = shots;
        this.data = data;
    }

    /// @param limit how many documents at most
    static List<TaskDocument> of(TaskDefinition task, int shots, TaskData data, int limit) {
        var prompts = new TaskPrompts(task, shots, data);
        return data.records().stream().limit(limit).map(prompts::document).toList();
    }

    private TaskDocument document(DataRecord record) {
        var question = question(record, group(record));
        var before = description(record) + examples(record, question.group());
        var contexts = question.contexts().stream().map(before::concat).toList();
        return new TaskDocument(
                record, question.group(), contexts, question.choices(), question.gold(), question.target());
    }

    private String description(DataRecord record) {
        var description = task.prompt().description();
        return description == null ? "" : description.text(record.fields(), record.where());
    }

    private String group(DataRecord record) {
        return task.group() == null ? "" : String.valueOf(record.fields().get(task.group()));
    }

    private TaskDocument question(DataRecord record, String group) {
        var prompt = task.prompt();
        var where = record.where();
        var text = prompt.text().value(record.fields(), where);
        var contexts = text instanceof List<?>
                ? prompt.text().texts(record.fields(), where)
                : List.of(prompt.text().text(record.fields(), where));
        if (prompt.choice() == null) {
            var target = prompt.target().text(record.fields(), where);
            return new TaskDocument(record, group, contexts, List.of(), List.of(), target);
        }
        var choices = prompt.choice().texts(record.fields(), where);
        var gold = prompt.target().numbers(record.fields(), where);
        var document = new TaskDocument(record, group, contexts, choices, gold, "");
        if (gold.isEmpty() || gold.stream().anyMatch(place -> place < 0 || place >= document.answers())) {
            throw new TaskException(where + ": the right answer is " + gold + ", expected a place from 0 to "
                    + (document.answers() - 1));
        }
        return document;
    }

    private String examples(DataRecord record, String group) {
        if (shots == 0) {
            return "";
        }
        var text = new StringBuilder();
        for (var example : drawn(record, group)) {
            var question = question(example, group);
            text.append(asked(question))
                    .append(task.prompt().targetDelimiter())
                    .append(answer(question))
                    .append(task.prompt().fewshotDelimiter());
        }
        return text.toString();
    }

    private static String asked(TaskDocument example) {
        return example.contexts().size() == 1
                ? example.contexts().getFirst()
                : example.contexts().get(example.gold().getFirst());
    }

    private static String answer(TaskDocument example) {
        if (example.choices().isEmpty()) {
            return example.target();
        }
        return example.contexts().size() == 1
                ? example.choices().get(example.gold().getFirst())
                : example.choices().getFirst();
    }

    private List<DataRecord> drawn(DataRecord record, String group) {
        var own = data.examples().isEmpty();
        var pool = (own ? data.records() : data.examples())
                .stream().filter(example -> group(example).equals(group)).toList();
        var others =
                own ? pool.stream().filter(example -> !same(example, record)).toList() : pool;
        if (others.size() < shots) {
            throw new TaskException("The task " + task.name() + " has " + others.size() + " examples"
                    + (group.isEmpty() ? "" : " of " + group) + "; " + shots
                    + " were asked for. Ask for fewer --shots");
        }
        if (task.shots().first()) {
            return others.subList(0, shots);
        }
        var generator = Objects.requireNonNull(random.computeIfAbsent(group, _ -> new PythonRandom(SEED)));
        if (!own) {
            return generator.sample(pool.size(), shots).stream().map(pool::get).toList();
        }
        var examples = new ArrayList<DataRecord>();
        for (var place : generator.sample(pool.size(), shots + 1)) {
            if (examples.size() < shots && !same(pool.get(place), record)) {
                examples.add(pool.get(place));
            }
        }
        return examples;
    }

    private static boolean same(DataRecord a, DataRecord b) {
        return a.fields().equals(b.fields());
    }
}
