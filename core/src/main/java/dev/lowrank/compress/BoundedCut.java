package dev.lowrank.compress;

import dev.lowrank.compress.BoundSearch.Cut;
import dev.lowrank.compress.BoundSearch.Missed;
import dev.lowrank.compress.BoundSearch.Round;
import dev.lowrank.compress.BoundSearch.Take;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Makes sure that what is written is within the bound that a recipe sets, see [BoundSearch]. Rounds differ
/// in ranks alone: decompositions and evidence stay as they are. Each round is journaled by itself, so that
/// a run that is continued cuts and measures none twice.
///
/// @param ranks decides the ranks of a round
/// @param cut cuts the job's blocks in the round that it stands in, as far as they are not cut yet
/// @param windows of the validation text
record BoundedCut(RankDecision ranks, Consumer<JobState> cut, List<int[]> windows, Finish finish, Progress progress) {

    /// Goes on until a round is taken.
    ///
    /// @throws BoundMissedException if not even the model with nothing cut is within the bound
    void run(JobState job, WithinBound asked) {
        var search = job.state.search();
        if (search == null) {
            search = new BoundSearch(JobState.nats(asked), ranks.dense(), List.of(), null);
        }
        if (search.rounds().isEmpty()) {
            search = measured(job, search, 0);
        }
        while (search.chosen() == null) {
            search = switch (search.next(false)) {
                case Take take -> taken(job, search, take.round());
                case Missed _ -> throw missed(search);
                case Cut next -> next(job, search, asked, next);
            };
        }
        job.take(search);
    }

    private BoundSearch next(JobState job, BoundSearch search, WithinBound asked, Cut next) {
        var round = search.rounds().size();
        if (allocated(job, asked, round, next.trialBound())) {
            return measured(job, search, round);
        }
        return switch (search.next(true)) {
            case Take take -> taken(job, search, take.round());
            case Missed _ -> throw missed(search);
            case Cut last -> {
                job.forgetRanks();
                allocated(job, asked, round, last.trialBound());
                yield measured(job, search, round);
            }
        };
    }

    /// Enters a round and decides its ranks.
    ///
    /// @return whether they were not cut in an earlier one
    private boolean allocated(JobState job, WithinBound asked, int round, double trialBound) {
        job.enter(round);
        if (!job.allocated()) {
            ranks.decide(job, asked.bounding(trialBound > 0 ? PerplexityIncrease.ofNats(trialBound) : null));
        }
        return !job.state.cutBefore(round, job.allocation(), job.sites());
    }

    private BoundSearch measured(JobState job, BoundSearch search, int round) {
        job.enter(round);
        cut.accept(job);
        var allocation = job.allocation();
        var written = written(job) - search.dense();
        var cuts = allocation.choices().values().stream().anyMatch(choice -> !choice.isDense());
        var measured = search.with(new Round(job.keptShare(), Math.max(0, allocation.predictedLoss()), written, cuts));
        job.state.finishRound(measured);
        return measured;
    }

    private BoundSearch taken(JobState job, BoundSearch search, int round) {
        var taken = search.taking(round);
        job.state.finishRound(taken);
        return taken;
    }

    /// The loss of the model as it is written: assembled, and opened again.
    private double written(JobState job) {
        progress.step("validate", 0, 1);
        finish.assemble(job);
        try (var reopened = LanguageModel.of(job.folder.reopen())) {
            var work = job.folder.workFolder();
            var stream = new CalibrationStream(reopened, windows, work, "written");
            stream.embed();
            var blocks = reopened.spec().blocks();
            for (var block : blocks) {
                TensorScope.tidyRun(() -> stream.forward(
                        block.index(),
                        TorchBlock.load(reopened.spec(), block, reopened.weights(), reopened.weights()::linear)));
                stream.hidden().forget(block.index());
            }
            try (var decoder = TorchDecoder.load(reopened, Residency.STREAMED)) {
                var loss = WindowLoss.mean(decoder, stream.hidden(), blocks.size(), windows);
                progress.step("validate", 1, 1);
                return loss;
            } finally {
                stream.hidden().forget(blocks.size());
            }
        }
    }

    private static BoundMissedException missed(BoundSearch search) {
        var last = search.rounds().getLast();
        return new BoundMissedException(String.format(
                Locale.ROOT,
                "Even with nothing cut, what is written is beyond the bound on the validation text: perplexity %.4f"
                        + " to %.4f (%+.4f %%), allowed %+.4f %%. Allow more, or write a wider element type (--dtype)",
                Math.exp(search.dense()),
                Math.exp(search.dense() + last.written()),
                100 * Math.expm1(last.written()),
                100 * Math.expm1(search.bound())));
    }
}
