package dev.lowrank.recover;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.output.ModelFolder;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import dev.lowrank.model.output.OutputTensor;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/// Writes a trained student as a folder: every tensor that moved in the storage form, rank and element type
/// it had, all others byte for byte.
final class RecoveryOutput {
    private final LanguageModel model;
    private final Student student;
    private final OutputFolder folder;
    private final Set<String> moved;

    RecoveryOutput(LanguageModel model, Student student, OutputFolder folder) {
        this.model = model;
        this.student = student;
        this.folder = folder;
        this.moved = model.weights().names().stream().filter(this::moves).collect(Collectors.toUnmodifiableSet());
    }

    private boolean moves(String name) {
        return student.parameters().slots().containsKey(name)
                || student.sites().stream().anyMatch(site -> name.startsWith(site.name() + "."));
    }

    /// Writes weights, configuration and tokenizer.
    void write() {
        var parts = new ArrayList<SafetensorsFile>();
        try {
            var tensors = new ArrayList<OutputTensor>();
            var done = new HashSet<String>();
            for (var block : student.spec().blocks()) {
                var name = String.format(Locale.ROOT, ".work/part-%05d.safetensors", block.index());
                try (var arena = Arena.ofConfined()) {
                    Shards.writeFile(folder, name, block(block.sites(), arena));
                }
                var part = SafetensorsFile.open(folder.folder().resolve(name));
                parts.add(part);
                for (var each : part.names()) {
                    tensors.add(OutputTensor.of(each, part.tensor(each)));
                    done.add(each);
                }
                model.weights().release(block);
            }
            for (var name : model.weights().names()) {
                if (!done.contains(name)) {
                    tensors.add(other(name));
                }
            }
            Shards.write(folder, tensors, Shards.MOST_BYTES);
        } finally {
            parts.forEach(SafetensorsFile::close);
        }
        ModelFolder.writeCompressed(
                model,
                folder,
                model.checkpoint().config(),
                stored(),
                model.weights().storedType());
    }

    private List<OutputTensor> block(List<LinearSite> sites, Arena arena) {
        var tensors = new ArrayList<OutputTensor>();
        for (var site : sites) {
            var own = student.sites().contains(site) ? trained(site, arena) : same(site);
            // A factor that another site stores is written with that one.
            own.removeIf(tensor -> !tensor.name().startsWith(site.name() + ".")
                    || !student.shared().stored(tensor.name()).equals(tensor.name()));
            tensors.addAll(own);
        }
        return tensors;
    }

    private List<OutputTensor> same(LinearSite site) {
        return new ArrayList<>(
                model.weights().tensorNames(site).stream().map(this::same).toList());
    }

    private List<OutputTensor> trained(LinearSite site, Arena arena) {
        var stored = TrainableForm.stored(
                model.weights().linear(site),
                part -> slot(student.shared().stored(site.name() + "." + part))
                        .of(student.parameters().values()),
                site.name(),
                arena);
        return stored instanceof Linear.Dense dense
                ? OutputTensor.dense(site, dense)
                : OutputTensor.of(site.name(), stored);
    }

    private Parameters.Slot slot(String name) {
        return Objects.requireNonNull(student.parameters().slots().get(name), name);
    }

    private OutputTensor same(String name) {
        var info = model.checkpoint().info(name);
        return new OutputTensor(
                name, info.dtype(), info.shape(), () -> model.checkpoint().read(name));
    }

    /// A tensor that belongs to no site: a norm that may have moved, or a table.
    private OutputTensor other(String name) {
        var slot = student.parameters().slots().get(name);
        if (slot == null) {
            return same(name);
        }
        var info = model.checkpoint().info(name);
        return new OutputTensor(name, info.dtype(), info.shape(), () -> norm(slot));
    }

    private HostTensor norm(Parameters.Slot slot) {
        return TensorScope.tidy(() -> Finite.check(slot.of(student.parameters().values()), slot.name())
                .toHost(DType.F32, Arena.ofAuto()));
    }

    private LinkedHashMap<LinearSite, StoredSite> stored() {
        var stored = new LinkedHashMap<LinearSite, StoredSite>();
        student.spec().sites().forEach(site -> {
            var linear = model.weights().linear(site);
            if (!(linear instanceof Linear.Dense)) {
                stored.put(
                        site, StoredSite.of(linear).borrowing(student.shared().lender(site)));
            }
        });
        return stored;
    }

    /// Refuses a folder that is not of the same names, shapes and types, or whose frozen tensors differ.
    /// The student may be closed by then.
    ///
    /// @param reopened what was written
    void check(LanguageModel reopened) {
        var expected = shapes(model);
        var found = shapes(reopened);
        if (!expected.equals(found)) {
            throw new IllegalStateException("The folder written has other tensors than the model it was trained from."
                    + " This is a fault of the program; the unfinished folder is " + folder.folder());
        }
        for (var name : expected.keySet()) {
            var before = model.weights().read(name);
            if (!moved.contains(name)
                    && before.data().mismatch(reopened.weights().read(name).data()) >= 0) {
                throw new IllegalStateException(name + " was not trained but differs in the folder written. This is a"
                        + " fault of the program; the unfinished folder is " + folder.folder());
            }
            before.release();
        }
    }

    private static HashMap<String, String> shapes(LanguageModel of) {
        var shapes = new HashMap<String, String>();
        for (var name : of.weights().names()) {
            var info = of.checkpoint().info(name);
            shapes.put(name, info.dtype() + " " + info.shape());
        }
        return shapes;
    }
}
