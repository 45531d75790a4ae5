package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.IntToLongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What survives a kill: the fingerprint of the run, and for each finished block its part file, its report
/// and the residual stream that flows into the next one. A block counts as finished when its journal entry
/// is there and every file it names still has the recorded checksum; anything else is done again.
final class RunState {
    private static final String GRADIENTS = "gradients.json";
    private static final String ROTATION = "rotation.json";
    private static final String ALLOCATION = "allocation.json";
    private static final String SEARCH = "search.json";
    private static final String FINDINGS = "findings.json";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final OutputFolder folder;
    private final Path work;
    private int round;

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
            return new RunState(folder, Files.createDirectories(shared));
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

    /// Which of several models of the same run is cut; 0 unless a bound needs more than one.
    int round() {
        return round;
    }

    /// Cuts another model, with a journal and parts of its own.
    void enter(int other) {
        round = other;
        try {
            Files.createDirectories(roundFolder());
        } catch (IOException failure) {
            throw WorkFiles.failed(roundFolder(), failure);
        }
    }

    /// Where the journal and the parts of the round lie.
    Path roundFolder() {
        return work.resolve(roundName(round));
    }

    private static String roundName(int round) {
        return round == 0 ? "" : String.format(Locale.ROOT, "round-%02d", round);
    }

    /// The search for the largest cut within a bound, as far as it has come; null if it has not begun.
    @Nullable
    BoundSearch search() {
        return read(work.resolve(SEARCH), BoundSearch.class);
    }

    /// Stores how far the search has come.
    void finishRound(BoundSearch search) {
        WorkFiles.write(work.resolve(SEARCH), JSON.writeValueAsBytes(search));
    }

    /// Whether an earlier round was cut by the same ranks.
    boolean cutBefore(int current, Allocation allocation, List<LinearSite> sites) {
        for (var earlier = 0; earlier < current; earlier++) {
            var other = allocated(earlier, sites);
            if (other != null && other.choices().equals(allocation.choices())) {
                return true;
            }
        }
        return false;
    }

    /// Starts or resumes a run in an output folder.
    ///
    /// @throws CheckpointException if the folder holds the work of a different run
    static RunState open(OutputFolder folder, ObjectNode fingerprint) {
        Fingerprint.claim(folder, fingerprint);
        return new RunState(folder, folder.workFolder());
    }

    /// Finished working files, which several jobs may share.
    ///
    /// @param of what was measured, besides what the files' names say
    /// @param files checksum of each, by name
    /// @param hidden checksum of the calibration stream after a block; 0 without one
    record Finished(String of, Map<String, Long> files, long hidden) {
        private static Finished of(String of, List<Path> files, long hidden) {
            var checksums = new TreeMap<String, Long>();
            files.forEach(file -> checksums.put(name(file), WorkFiles.checksum(file)));
            return new Finished(of, checksums, hidden);
        }
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName());
    }

    /// Declares a block decomposed; every file must be complete.
    ///
    /// @param of what the decompositions were made from
    void finishDecomposing(int block, String of, List<Path> files, long hidden) {
        WorkFiles.write(decomposition(block), JSON.writeValueAsBytes(Finished.of(of, files, hidden)));
    }

    /// A choice of ranks, by the names of sites.
    ///
    /// @param predictedLoss null for none
    record Chosen(
            Map<String, Choice> choices,
            long cost,
            @Nullable Double predictedLoss,
            Map<String, String> marks,
            List<String> notes) {
        private static Chosen of(Allocation allocation) {
            var predicted = allocation.predictedLoss();
            return new Chosen(
                    byName(allocation.choices()),
                    allocation.cost(),
                    Double.isNaN(predicted) ? null : Double.valueOf(predicted),
                    byName(allocation.marks()),
                    allocation.notes());
        }

        private static <T> Map<String, T> byName(Map<LinearSite, T> map) {
            var named = new LinkedHashMap<String, T>();
            map.forEach((site, value) -> named.put(site.name(), value));
            return named;
        }

        private static <T> Map<LinearSite, T> bySite(List<LinearSite> sites, Map<String, T> map) {
            var result = new LinkedHashMap<LinearSite, T>();
            for (var site : sites) {
                var value = map.get(site.name());
                if (value != null) {
                    result.put(site, value);
                }
            }
            return result;
        }

        private Allocation allocation(List<LinearSite> sites) {
            return new Allocation(
                    bySite(sites, choices),
                    cost,
                    predictedLoss == null ? Double.NaN : predictedLoss,
                    bySite(sites, marks),
                    notes);
        }
    }

    /// Stores the ranks before the first block is cut by them: blocks that are finished stand on them.
    void finishAllocating(Allocation allocation) {
        WorkFiles.write(roundFolder().resolve(ALLOCATION), JSON.writeValueAsBytes(Chosen.of(allocation)));
    }

    /// Stores what ranks are decided by; all rounds of a run decide by the same.
    void keepFindings(SiteFindings findings) {
        WorkFiles.write(work.resolve(FINDINGS), JSON.writeValueAsBytes(findings));
    }

    /// What ranks were decided by; null before that.
    @Nullable
    SiteFindings findings() {
        return read(work.resolve(FINDINGS), SiteFindings.class);
    }

    /// Takes ranks back that no block was cut by.
    void forgetAllocation() {
        try {
            Files.deleteIfExists(roundFolder().resolve(ALLOCATION));
        } catch (IOException failure) {
            throw WorkFiles.failed(roundFolder(), failure);
        }
    }

    /// The ranks that were decided; null if none were.
    ///
    /// @param sites the targets, in execution order
    @Nullable
    Allocation allocated(List<LinearSite> sites) {
        return allocated(round, sites);
    }

    private @Nullable Allocation allocated(int of, List<LinearSite> sites) {
        var chosen = read(work.resolve(roundName(of)).resolve(ALLOCATION), Chosen.class);
        return chosen == null || !chosen.choices().keySet().equals(names(sites)) ? null : chosen.allocation(sites);
    }

    private static Set<String> names(List<LinearSite> sites) {
        return sites.stream().map(LinearSite::name).collect(Collectors.toSet());
    }

    /// Declares the gradients at all outputs measured; every file must be complete.
    ///
    /// @param of what they were measured on
    void finishGradients(String of, List<Path> files) {
        WorkFiles.write(work.resolve(GRADIENTS), JSON.writeValueAsBytes(Finished.of(of, files, 0)));
    }

    /// Whether the gradients at all outputs are measured, each file verified.
    ///
    /// @param of what they must have been measured on
    /// @param wanted every file that must be there
    boolean gradientsMeasured(String of, List<Path> wanted) {
        var entry = read(work.resolve(GRADIENTS), Finished.class);
        return entry != null && good(entry, of, wanted);
    }

    /// Declares the axes of the residual stream found and its tables rotated; every file must be complete.
    ///
    /// @param of what they were found from
    void finishRotation(String of, List<Path> files) {
        WorkFiles.write(work.resolve(ROTATION), JSON.writeValueAsBytes(Finished.of(of, files, 0)));
    }

    /// Whether the axes are found and the tables rotated, each file verified.
    ///
    /// @param of what they must have been found from
    /// @param wanted every file that must be there
    boolean rotated(String of, List<Path> wanted) {
        var entry = read(work.resolve(ROTATION), Finished.class);
        return entry != null && good(entry, of, wanted);
    }

    /// How many blocks from the first on are decomposed, each verified.
    ///
    /// @param of what the decompositions must have been made from
    /// @param wanted every file of a block that must be there
    /// @param hidden the calibration stream; null without calibration
    int decomposed(int blocks, String of, IntFunction<List<Path>> wanted, @Nullable HiddenStates hidden) {
        var entries = new ArrayList<Finished>();
        while (entries.size() < blocks) {
            var entry = read(decomposition(entries.size()), Finished.class);
            if (entry == null || !good(entry, of, wanted.apply(entries.size()))) {
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

    private boolean good(Finished entry, String of, List<Path> wanted) {
        return of.equals(entry.of())
                && wanted.stream().allMatch(file -> {
                    var checksum = entry.files().get(name(file));
                    return checksum != null && WorkFiles.checksum(file) == checksum;
                });
    }

    private Path decomposition(int block) {
        return work.resolve(String.format(Locale.ROOT, "decomposed-%05d.json", block));
    }

    /// The part file of a block's tensors.
    String partName(int block) {
        var folder = round == 0 ? "" : roundName(round) + "/";
        return String.format(Locale.ROOT, ".work/%spart-%05d.safetensors", folder, block);
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
        return roundFolder().resolve(String.format(Locale.ROOT, "block-%05d.json", block));
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
