package dev.lowrank.compress;

import dev.lowrank.checkpoint.Sha256;
import dev.lowrank.compress.Evidences.Gathered;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Decides the ranks of jobs over decompositions and evidence that are made once.
final class RankDecision implements AutoCloseable {
    private final DecompositionFiles files;
    private final Path work;
    private final @Nullable DenseStream dense;
    private final String of;
    private final Supplier<Gathered> evidence;
    private final Progress progress;
    private final Map<SiteMethod, Trials> trials = new HashMap<>();
    private @Nullable Gathered gathered;

    /// @param work folder of working files
    /// @param of what the decompositions were made from, and of what
    /// @param evidence gathers what allocators need, or reads it
    RankDecision(
            LanguageModel source,
            DecompositionFiles files,
            Path work,
            @Nullable ValidationSet validation,
            String of,
            Supplier<Gathered> evidence,
            Progress progress) {
        this.files = files;
        this.work = work;
        this.dense = validation == null ? null : new DenseStream(source, validation, work);
        this.of = validation == null ? of : of + "\n" + validation.identity();
        this.evidence = evidence;
        this.progress = progress;
    }

    /// Decides a job's ranks.
    ///
    /// @param allocator its own, or its own with another bound
    void decide(JobState job, Allocator allocator) {
        job.allocate(gathered(), trial(job.recipe().siteMethod()), allocator);
    }

    /// What allocators need, measured at the first use.
    Gathered gathered() {
        if (gathered == null) {
            gathered = evidence.get();
        }
        return gathered;
    }

    /// The loss of the source on the validation text, in nats per token.
    double dense() {
        return required().loss();
    }

    private DenseStream required() {
        if (dense == null) {
            throw new IllegalStateException("There is no validation text, though the recipe needs one");
        }
        return dense;
    }

    private @Nullable TrialLoss trial(SiteMethod method) {
        return dense == null ? null : trials.computeIfAbsent(method, any -> trials(dense, method));
    }

    private Trials trials(DenseStream stream, SiteMethod method) {
        var name = String.format(
                Locale.ROOT,
                "trials-%s-%08x.json",
                method.info().id(),
                method.toString().hashCode());
        var losses = new TrialLosses(work.resolve(name), Sha256.of(of + "\n" + method));
        return new Trials(stream, new TrialCuts(files, method), losses, progress);
    }

    @Override
    public void close() {
        if (dense != null) {
            dense.close();
        }
    }
}
