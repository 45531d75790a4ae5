package dev.lowrank.app;

import dev.lowrank.explore.Constraint;
import dev.lowrank.explore.DesignSpace;
import dev.lowrank.explore.Measures;
import dev.lowrank.explore.Objective;
import dev.lowrank.explore.Search;
import dev.lowrank.explore.Sweep;
import dev.lowrank.explore.Sweep.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say what is swept and what is searched for.
final class ExploreOptions {
    /// Names of all sweeps, for completion and help.
    static final class SweepIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return sweeps().iterator();
        }
    }

    /// Names of all searches, for completion and help.
    static final class SearchIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Search.IDS.iterator();
        }
    }

    @Option(
            names = "--sweep",
            split = ",",
            paramLabel = "KIND",
            completionCandidates = SweepIds.class,
            description = "Vary one thing: ${COMPLETION-CANDIDATES}; several, one after the other.")
    private List<String> kinds = new ArrayList<>();

    @Option(
            names = "--sweep-ranks",
            split = ",",
            paramLabel = "R",
            description = "rank: the ranks; if not given powers of two and the largest that saves anything.")
    private List<Integer> ranks = new ArrayList<>();

    @Option(
            names = "--sweep-rank",
            paramLabel = "R",
            defaultValue = "1",
            description = "layer, distance, tensor: the rank of what is cut (${DEFAULT-VALUE}).")
    private int rank;

    @Option(
            names = "--sweep-layers",
            paramLabel = "N",
            description = "distance: layers that are cut; a quarter of all, at least 2, if not given.")
    private @Nullable Integer layers;

    @Option(
            names = "--search",
            paramLabel = "SEARCH",
            completionCandidates = SearchIds.class,
            description = "Search a rank for every site: ${COMPLETION-CANDIDATES}.")
    private @Nullable String search;

    @Option(
            names = "--evaluations",
            paramLabel = "N",
            defaultValue = "200",
            description = "Configurations that a search measures (${DEFAULT-VALUE}).")
    private int evaluations;

    @Option(
            names = "--objective",
            split = ",",
            paramLabel = "MEASURE",
            defaultValue = "perplexity,bytes",
            description = "What a search trades off, the quality first (${DEFAULT-VALUE}). Measures are perplexity,"
                    + " bytes, parameters, decode-bytes, memory and latency, and TASK:METRIC such as arc_easy:acc of what"
                    + " --tasks names.")
    private List<String> objectives = new ArrayList<>();

    @Option(
            names = "--constraint",
            paramLabel = "BOUND",
            description = "What must hold of every member of the front: 'bytes<=-9%%' (against the original),"
                    + " 'bytes<=300MB', 'latency<=2ms', 'perplexity<=+1%%'; may be given several times.")
    private List<String> constraints = new ArrayList<>();

    private static List<String> sweeps() {
        return Arrays.stream(Kind.values()).map(Kind::id).toList();
    }

    /// Whether there is nothing to measure.
    boolean isEmpty() {
        return kinds.isEmpty() && search == null;
    }

    /// Whether a search is asked for.
    boolean searches() {
        return search != null;
    }

    /// Refuses names that are not known, before anything is opened.
    void check() {
        kinds.forEach(kind -> UsageErrors.known(kind, "sweeps", sweeps()));
        if (search != null) {
            UsageErrors.known(search, "searches", Search.IDS);
        }
        if (evaluations < 1) {
            throw new CommandException(
                    ExitCode.USAGE, "--evaluations must be at least 1, not " + evaluations + ".", "");
        }
    }

    /// The sweeps.
    ///
    /// @throws CommandException with code 2 for a rank or a number of layers that is out of range
    List<Sweep> sweeps(DesignSpace space) {
        return UsageErrors.check(() -> new LinkedHashSet<>(kinds)
                .stream().map(Kind::of).map(kind -> sweep(kind, space)).toList());
    }

    private Sweep sweep(Kind kind, DesignSpace space) {
        var sweep = switch (kind) {
            case RANK -> ranks.isEmpty() ? Sweep.Rank.doubling(space) : new Sweep.Rank(ranks);
            case LAYER -> new Sweep.Layer(rank);
            case DISTANCE -> layers == null ? Sweep.Distance.quarter(rank, space) : new Sweep.Distance(rank, layers);
            case TENSOR -> new Sweep.Tensor(rank);
        };
        var _ = sweep.points(space); // says at once what does not fit
        return sweep;
    }

    /// The search.
    Search search() {
        return Search.of(String.valueOf(search));
    }

    int evaluations() {
        return evaluations;
    }

    /// What is traded off.
    ///
    /// @param qualities names of what is measured
    /// @param larger those of them of which more is better
    /// @throws CommandException with code 2 for a name that is not known
    List<Objective> objectives(List<String> qualities, Set<String> larger) {
        var known = measures(qualities);
        objectives.forEach(name -> UsageErrors.known(name, "measures", known));
        return new LinkedHashSet<>(objectives)
                .stream()
                        .map(name -> new Objective(name, larger.contains(name)))
                        .toList();
    }

    /// What must hold.
    ///
    /// @param qualities names of what is measured
    /// @throws CommandException with code 2 for a bound that cannot be read
    List<Constraint> constraints(List<String> qualities) {
        var known = measures(qualities);
        return constraints.stream()
                .map(text -> ConstraintOption.parse(text, known))
                .toList();
    }

    /// Energy is not among them: it is measured of a few, not estimated of all.
    private static List<String> measures(List<String> qualities) {
        return Stream.concat(
                        qualities.stream(),
                        Stream.of(
                                Measures.BYTES,
                                Measures.PARAMETERS,
                                Measures.DECODE_BYTES,
                                Measures.MEMORY,
                                Measures.LATENCY))
                .toList();
    }
}
