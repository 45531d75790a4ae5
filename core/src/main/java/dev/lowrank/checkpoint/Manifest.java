package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `lowrank.json`, the last file written into an output folder: how it was made, and length and hash of
/// every other file. A folder without it is unfinished.
///
/// @param run how the folder was made: recipe, seeds, inputs, results
/// @param files all other files, sorted by path
public record Manifest(ObjectNode run, List<ManifestFile> files) {
    /// Name of the manifest in its folder.
    public static final String FILE_NAME = "lowrank.json";

    private static final int VERSION = 1;
    private static final long MAX_BYTES = 64L << 20;
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

    public Manifest {
        run = run.deepCopy();
        files = List.copyOf(files);
    }

    /// @return a copy of how the folder was made
    @Override
    public ObjectNode run() {
        return run.deepCopy();
    }

    /// @param folder a finished output folder
    /// @return its manifest
    /// @throws CheckpointException `INCOMPLETE` if there is none or it is torn, `PATH_*` if it names files
    ///     elsewhere
    public static Manifest read(Path folder) {
        var paths = SafePaths.of(folder);
        var file = paths.shown(FILE_NAME);
        if (!paths.exists(FILE_NAME)) {
            throw new CheckpointException(
                    Code.INCOMPLETE, folder, "The folder has no " + FILE_NAME + ": it is unfinished or not an output");
        }
        var bytes = paths.readSmall(FILE_NAME, MAX_BYTES, Code.JSON_LIMIT);
        var root = Json.parse(file, bytes, Code.INCOMPLETE, Code.JSON_LIMIT);
        var version = root.path("manifest_version");
        if (!version.isInt() || version.intValue() != VERSION) {
            throw new CheckpointException(
                    Code.INCOMPLETE, file, "Expected manifest_version " + VERSION + ", found " + version);
        }
        if (!(root.get("run") instanceof ObjectNode run) || !root.path("files").isArray()) {
            throw new CheckpointException(Code.INCOMPLETE, file, "The manifest lacks run or files");
        }
        return new Manifest(run, files(file, root.path("files")));
    }

    private static List<ManifestFile> files(Path file, JsonNode array) {
        var files = new ArrayList<ManifestFile>();
        var seen = new HashSet<String>();
        for (var node : array) {
            var path = node.path("path").stringValue("");
            var bytes = node.path("bytes").longValue(-1);
            var hash = node.path("sha256").stringValue("");
            for (var part : path.split("/", -1)) {
                SafePaths.requirePlain(file, part);
            }
            if (bytes < 0 || !HASH.matcher(hash).matches() || !seen.add(path)) {
                throw new CheckpointException(Code.INCOMPLETE, file, -1, path, "A damaged entry of the manifest", null);
            }
            files.add(new ManifestFile(path, bytes, hash));
        }
        return files;
    }

    byte[] toBytes() {
        var root = Json.object();
        root.put("manifest_version", VERSION);
        root.set("run", run);
        var array = root.putArray("files");
        for (var file : files) {
            array.addObject()
                    .put("path", file.path())
                    .put("bytes", file.bytes())
                    .put("sha256", file.sha256());
        }
        return Json.write(root);
    }
}
