package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What survives a kill: the fingerprint of the run, and for each finished block its part file, its report
/// and the residual stream that flows into the next one. A block counts as finished when its journal entry
/// is there and every file it names still has the recorded checksum; anything else is done again.
final class RunState {
    private static final String FINGERPRINT = "fingerprint.json";
    private static final String GRADIENTS = "gradients.json";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final OutputFolder folder;
    private final Path work;

    private RunState(OutputFolder folder, Path work) {
        this.folder = folder;
        this.work = work;
    }

    /// What survives of passes that several jobs share, in a folder of its own.
    ///
    /// @param name of the folder
    RunState sharing(String name) {
        var shared = work.resolve(name);
        try {
            return new RunState(folder, java.nio.file.Files.createDirectories(shared));
        } catch (IOException failure) {
            throw WorkFiles.failed(shared, failure);
        }
    }

    /// The folder of working files.
    Path work() {
        return work;
    }

    /// A finished block.
    ///
    /// @param sites what became of its targets, by their names in the source
    /// @param stored what its compressed sites store, by site name
    /// @param part checksum of its part file
    /// @param hidden checksum of the calibration streams after it; 0 without calibration
    /// @param probe checksum of the probe after it
    /// @param widths its own widths; null where they are the source's
    record Entry(
            List<SiteReport> sites,
            Map<String, StoredSite> stored,
            long part,
            long hidden,
            long probe,
            @Nullable BlockWidths widths) {}

    /// Starts or resumes a run in an output folder.
    ///
    /// @throws CheckpointException if the folder holds the work of a different run
    static RunState open(OutputFolder folder, ObjectNode fingerprint) {
        var state = new RunState(folder, folder.workFolder());
        var file = state.work.resolve(FINGERPRINT);
        var before = WorkFiles.json(file);
        if (before == null) {
            folder.clear();
            folder.workFolder();
            WorkFiles.write(file, JSON.writeValueAsBytes(fingerprint));
        } else if (!before.equals(fingerprint)) {
            throw new CheckpointException(
                    Code.RESUME_FINGERPRINT,
                    folder.folder(),
                    "An unfinished run lies here that was asked something else ("
                            + String.join("; ", Fingerprint.differences(before, fingerprint))
                            + "). Repeat that run to finish it, or add --restart to discard it");
        }
        return state;
    }

    /// Finished working files.
    ///
    /// @param files checksum of each, by name
    /// @param hidden checksum of the calibration stream after a block; 0 without one
    record Files(Map<String, Long> files, long hidden) {
        private static Files of(List<Path> files, long hidden) {
            var checksums = new TreeMap<String, Long>();
            files.forEach(file -> checksums.put(String.valueOf(file.getFileName()), WorkFiles.checksum(file)));
            return new Files(checksums, hidden);
        }
    }

    /// Declares a block decomposed; every file must be complete.
    void finishDecomposing(int block, List<Path> files, long hidden) {
        WorkFiles.write(decomposition(block), JSON.writeValueAsBytes(Files.of(files, hidden)));
    }

    /// Declares the gradients at all outputs measured; every file must be complete.
    void finishGradients(List<Path> files) {
        WorkFiles.write(work.resolve(GRADIENTS), JSON.writeValueAsBytes(Files.of(files, 0)));
    }

    /// Whether the gradients at all outputs are measured, each file verified.
    boolean gradientsMeasured() {
        var entry = read(work.resolve(GRADIENTS), Files.class);
        return entry != null && good(entry);
    }

    /// How many blocks from the first on are decomposed, each verified.
    ///
    /// @param hidden the calibration stream; null without calibration
    int decomposed(int blocks, @Nullable HiddenStates hidden) {
        var entries = new ArrayList<Files>();
        while (entries.size() < blocks) {
            var entry = read(decomposition(entries.size()), Files.class);
            if (entry == null || !good(entry)) {
                break;
            }
            entries.add(entry);
        }
        while (hidden != null
                && !entries.isEmpty()
                && entries.size() < blocks
                && hidden.checksum(entries.size()) != entries.getLast().hidden()) {
            entries.removeLast();
        }
        return entries.size();
    }

    private boolean good(Files entry) {
        return entry.files().entrySet().stream()
                .allMatch(file -> WorkFiles.checksum(work.resolve(file.getKey())) == file.getValue());
    }

    private Path decomposition(int block) {
        return work.resolve(String.format(Locale.ROOT, "decomposed-%05d.json", block));
    }

    /// The part file of a block's tensors.
    static String partName(int block) {
        return String.format(Locale.ROOT, ".work/part-%05d.safetensors", block);
    }

    /// Where the part file lies.
    Path part(int block) {
        return folder.folder().resolve(partName(block));
    }

    /// The finished blocks from the first on, each verified.
    ///
    /// @param streams checksum of the calibration streams into a block; 0 for none
    /// @param probe the probe's stream
    List<Entry> finished(int blocks, IntToLongFunction streams, HiddenStates probe) {
        var entries = new ArrayList<Entry>();
        for (var block = 0; block < blocks; block++) {
            var entry = read(journal(block), Entry.class);
            if (entry == null || WorkFiles.checksum(part(block)) != entry.part()) {
                break;
            }
            entries.add(entry);
        }
        while (!entries.isEmpty() && !streamsGood(entries.size() - 1, blocks, entries.getLast(), streams, probe)) {
            entries.removeLast();
        }
        return entries;
    }

    private static boolean streamsGood(
            int block, int blocks, Entry entry, IntToLongFunction streams, HiddenStates probe) {
        var hiddenGood = block + 1 == blocks || streams.applyAsLong(block + 1) == entry.hidden();
        return hiddenGood && probe.checksum(block + 1) == entry.probe();
    }

    private <T> @Nullable T read(Path file, Class<T> type) {
        var node = WorkFiles.json(file);
        try {
            return node == null ? null : JSON.treeToValue(node, type);
        } catch (JacksonException damaged) {
            return null;
        }
    }

    /// Declares a block finished; every file it names must be complete.
    void finish(int block, Entry entry) {
        WorkFiles.write(journal(block), JSON.writeValueAsBytes(entry));
    }

    private Path journal(int block) {
        return work.resolve(String.format(Locale.ROOT, "block-%05d.json", block));
    }

    /// What all compressed sites store, by site.
    static Map<LinearSite, StoredSite> stored(List<LinearSite> sites, List<Entry> entries) {
        var stored = new LinkedHashMap<LinearSite, StoredSite>();
        for (var site : sites) {
            var found = site.layer() < entries.size()
                    ? entries.get(site.layer()).stored().get(site.name())
                    : null;
            if (found != null) {
                stored.put(site, found);
            }
        }
        return stored;
    }
}
