package dev.lowrank.model.output;

import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.checkpoint.GgufWriter;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TypeConversion;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Writes a model as one GGUF file that llama.cpp and what is built on it run: weights, tokenizer and chat
/// template.
///
/// Compressed linears are multiplied back into matrices, for GGUF has no factors. Matrices take the type
/// asked for ([GgufForm]); norms, biases and learned positions stay F32. What is stored in the type already
/// is copied to the bit, so nothing is rounded twice.
public final class GgufExport {
    private GgufExport() {}

    /// What was written.
    ///
    /// @param architecture as llama.cpp calls it
    /// @param bytes size of the file
    /// @param tensors how many there are of each type, by its name
    /// @param notes what was changed besides types, one sentence each
    public record Written(String architecture, long bytes, Map<String, Integer> tensors, List<String> notes) {}

    private record Typed(GgufTensors.Planned tensor, DType type) {
        GgufWriter.Entry entry() {
            return new GgufWriter.Entry(tensor.name(), type, tensor.shape());
        }
    }

    /// Writes the file; it appears whole or not at all.
    ///
    /// @param model a decoder
    /// @param file the file to make
    /// @param form type of the matrices; null keeps what is stored
    /// @throws dev.lowrank.checkpoint.CheckpointException if the model is none that llama.cpp runs or the
    ///     file
    ///     cannot be made
    /// @throws dev.lowrank.text.TextException if GGUF has no words for its tokenizer
    /// @throws dev.lowrank.tensor.NumericalException if a weight is not finite or too large for its type
    public static Written write(LanguageModel model, Path file, @Nullable GgufForm form, Progress progress) {
        var target = GgufTarget.of(model, form);
        var tensors = GgufTensors.of(target).stream()
                .map(tensor -> new Typed(tensor, type(tensor, form)))
                .toList();
        var quantised = tensors.stream().anyMatch(tensor -> tensor.type().isBlocks());
        var keys = GgufKeysOf.of(target, fileType(model, form), quantised);
        var entries = tensors.stream().map(Typed::entry).toList();
        try (var writer = GgufWriter.create(file, List.of(model.checkpoint().path()), keys, entries)) {
            for (var i = 0; i < tensors.size(); i++) {
                progress.step("write tensors", i, tensors.size());
                write(writer, tensors.get(i));
            }
            writer.finish();
            progress.step("write tensors", tensors.size(), tensors.size());
            return new Written(target.architecture(), writer.bytes(), counts(tensors), notes(target, tensors, form));
        }
    }

    private static void write(GgufWriter writer, Typed typed) {
        var name = typed.tensor().name();
        var values = typed.tensor().values().get();
        try (var arena = Arena.ofShared()) {
            writer.write(
                    name,
                    values.dtype() == typed.type()
                            ? values
                            : TypeConversion.convert(values, typed.type(), name, arena));
        }
        values.release();
    }

    private static DType type(GgufTensors.Planned tensor, @Nullable GgufForm form) {
        var shape = tensor.shape();
        if (shape.rank() < 2 || tensor.name().equals("position_embd.weight")) {
            return DType.F32;
        }
        return form == null
                ? GgufForm.keeping(tensor.stored())
                : form.of(shape.size(1), tensor.scores(), tensor.stored());
    }

    private static int fileType(LanguageModel model, @Nullable GgufForm form) {
        if (form != null) {
            return form.fileType();
        }
        var kept = model.checkpoint() instanceof GgufFile;
        return kept
                ? -1
                : GgufForm.of(GgufForm.keeping(model.weights().storedType())).fileType();
    }

    private static Map<String, Integer> counts(List<Typed> tensors) {
        var counts = new TreeMap<String, Integer>();
        tensors.forEach(tensor -> counts.merge(tensor.type().name(), 1, Integer::sum));
        return counts;
    }

    private static List<String> notes(GgufTarget target, List<Typed> tensors, @Nullable GgufForm form) {
        var notes = new ArrayList<>(target.notes());
        if (form == null) {
            return notes;
        }
        var twice = tensors.stream()
                .filter(typed -> typed.tensor().stored().isBlocks()
                        && typed.type().isBlocks()
                        && typed.tensor().stored() != typed.type())
                .count();
        if (twice > 0) {
            notes.add(twice + " matrices were in blocks of another type already: what that lost is lost here too.");
        }
        var others = new TreeMap<String, Integer>();
        for (var tensor : tensors) {
            var shape = tensor.tensor().shape();
            if (shape.rank() == 2 && shape.size(1) % form.blockWeights() != 0) {
                others.merge(tensor.type() + " (rows of " + shape.size(1) + ")", 1, Integer::sum);
            }
        }
        others.forEach((type, count) -> notes.add(count + (count == 1 ? " matrix is " : " matrices are ") + type
                + ", not whole blocks of " + form.blockWeights() + " as " + form + " needs."));
        var finer = tensors.stream()
                .filter(tensor -> tensor.tensor().scores()
                        && tensor.type() != form.dtype()
                        && tensor.tensor().shape().size(1) % form.blockWeights() == 0)
                .findFirst();
        finer.ifPresent(tensor -> notes.add(
                tensor.tensor().name() + ", which scores tokens, is " + tensor.type() + ": four bits cost it most."));
        return notes;
    }
}
