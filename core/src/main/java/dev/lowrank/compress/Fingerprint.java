package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.checkpoint.Sha256;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Everything that decides the bytes of an output, as JSON: the same fingerprint gives the same files.
/// Written into the manifest, and compared when a run is resumed.
public final class Fingerprint {
    /// Changes when a change of the program changes what it writes.
    public static final String FORMAT = "lowrank-3";

    private static final String FILE = "fingerprint.json";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private Fingerprint() {}

    /// Makes an output folder the place of a run, or takes up the same run that lies there unfinished.
    ///
    /// @param fingerprint of the run
    /// @throws CheckpointException if the folder holds the work of a different run
    public static void claim(OutputFolder folder, ObjectNode fingerprint) {
        var file = folder.workFolder().resolve(FILE);
        var before = WorkFiles.json(file);
        if (before == null) {
            folder.clear();
            WorkFiles.write(file, JSON.writeValueAsBytes(fingerprint));
        } else if (!before.equals(fingerprint)) {
            throw new CheckpointException(
                    Code.RESUME_FINGERPRINT,
                    folder.folder(),
                    "An unfinished run lies here that was asked something else ("
                            + String.join("; ", differences(before, fingerprint))
                            + "). Repeat that run to finish it, or add --restart to discard it");
        }
    }

    /// Describes a run.
    ///
    /// @param source what [#source] says of the model, which several runs share
    /// @param shares how many calibration windows each part sees
    /// @param products element type in which gradient passes, updates and what they replace multiply;
    ///     counts
    ///     where there are any
    /// @param calibration what steers the run; null for nothing
    /// @param validation what allocators measure candidates on; null for nothing
    static ObjectNode of(
            ObjectNode source,
            CompressionRecipe recipe,
            CalibrationShares shares,
            DType products,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation) {
        var root = JSON.createObjectNode();
        root.put("format", FORMAT);
        root.put("threads", Compute.threads());
        if (shares.metric() + shares.curves() + shares.update() > 0) {
            root.put("products", products.name());
        }
        root.set("source", source);
        root.set("recipe", recipe(recipe));
        if (calibration != null) {
            root.set("calibration", JSON.valueToTree(calibration.identity()));
            root.set("windows", JSON.valueToTree(shares));
        }
        if (validation != null) {
            root.set("validation", JSON.valueToTree(validation.identity()));
        }
        // Read back from text, so that a number compares equal to the same number in a file.
        return (ObjectNode) JSON.readTree(JSON.writeValueAsString(root));
    }

    private static ObjectNode recipe(CompressionRecipe recipe) {
        var node = JSON.createObjectNode();
        node.put("method", recipe.name());
        node.put("method_options", recipe.method().toString());
        var storage = recipe.storage();
        node.put("storage", storage.policy().id());
        node.put("allocator", recipe.allocator().toString());
        node.put("budget", recipe.budget().toString());
        node.put("rank_multiple", recipe.rankMultiple());
        if (recipe.update() != null) {
            node.put("update", recipe.update().toString());
        }
        var targets = node.putArray("targets");
        recipe.targets().stream().map(Role::id).sorted().forEach(targets::add);
        var layers = node.putArray("protected_layers");
        new TreeSet<>(recipe.protectedLayers()).forEach(layers::add);
        node.put("dtype", recipe.dtype() == null ? "source" : recipe.dtype().name());
        if (storage.quantization() != null) {
            node.put("quantization", storage.quantization().toString());
        }
        if (storage.outliers() != null) {
            node.put("outliers", storage.outliers().share());
        }
        if (storage.bits() != null) {
            node.put("bits", storage.bits().toString());
        }
        node.put("seed", recipe.seed());
        return node;
    }

    /// Name, length and hash of every file that the weights and the configuration come from.
    public static ObjectNode source(Path path) {
        var files = new TreeMap<String, Path>();
        if (Files.isDirectory(path)) {
            try (var entries = Files.list(path)) {
                entries.filter(Files::isRegularFile)
                        .filter(file -> file.toString().endsWith(".safetensors")
                                || file.toString().endsWith(".json"))
                        .forEach(file -> files.put(String.valueOf(file.getFileName()), file));
            } catch (IOException failure) {
                throw WorkFiles.failed(path, failure);
            }
        } else {
            files.put(String.valueOf(path.getFileName()), path);
        }
        var node = JSON.createObjectNode();
        files.forEach((name, file) -> node.put(name, sha256(file)));
        return node;
    }

    private static String sha256(Path file) {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return Sha256.of(channel);
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }

    /// The keys in which two fingerprints differ, as `key: before -> now`.
    public static List<String> differences(ObjectNode before, ObjectNode now) {
        var names = new TreeSet<String>();
        names.addAll(before.propertyNames());
        names.addAll(now.propertyNames());
        return names.stream()
                .filter(name -> !before.path(name).equals(now.path(name)))
                .map(name -> name + ": " + before.path(name) + " -> " + now.path(name))
                .toList();
    }
}
