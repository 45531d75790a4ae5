package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The residual stream of the validation windows before every block of the source, in working files: a
/// candidate that cuts nothing before some block is measured from there on. Made at the first use; one for
/// all candidates.
final class DenseStream implements AutoCloseable {
    private final LanguageModel source;
    private final List<int[]> windows;
    private final Path work;
    private final CalibrationStream stream;
    private @Nullable Judge judge;

    /// @param work folder of working files
    DenseStream(LanguageModel source, ValidationSet validation, Path work) {
        this.source = source;
        this.windows = validation.windows();
        this.work = work;
        stream = new CalibrationStream(source, windows, work, "dense");
    }

    /// The loss of the source itself.
    double loss() {
        return loss(source.spec().blocks().size(), (block, work) -> work.accept(block.load()));
    }

    /// The loss of the source with other blocks in its place from one on.
    ///
    /// @param first the first block that differs; the number of blocks for none
    /// @param blocks gives a block, in the innermost scope; asked in order
    /// @return nats per token; of an encoder the [EmbeddingError]
    double loss(int first, BlockSource blocks) {
        var last = source.spec().blocks().size();
        var judged = prepared();
        if (first == last) {
            return judged.mean(stream.hidden(), last);
        }
        var trial = new CalibrationStream(source, windows, work, "trial");
        for (var index = first; index < last; index++) {
            var from = index == first ? stream.hidden() : trial.hidden();
            step(index, from, trial, blocks);
            trial.hidden().forget(index);
        }
        try {
            return judged.mean(trial.hidden(), last);
        } finally {
            trial.hidden().forget(last);
        }
    }

    /// The first block that a candidate cuts; the number of blocks if it cuts nothing.
    int firstCut(Allocation candidate) {
        var first = source.spec().blocks().size();
        for (var choice : candidate.choices().entrySet()) {
            if (!choice.getValue().isDense()) {
                first = Math.min(first, choice.getKey().layer());
            }
        }
        return first;
    }

    /// Gives the blocks of a candidate.
    interface BlockSource {
        /// Does something with a block in LibTorch's memory, while what it is made of is there.
        void use(SourceBlock block, BlockUse work);
    }

    /// What is done with a block.
    interface BlockUse {
        void accept(TorchBlock loaded);
    }

    private void step(int index, HiddenStates from, CalibrationStream to, BlockSource blocks) {
        var block = SourceBlock.of(source, source.spec().blocks().get(index));
        TensorScope.tidyRun(() -> blocks.use(block, loaded -> {
            var angles = to.angles();
            to.eachBatch((share, batch) -> {
                var input = from.read(index, batch.first(), batch.count());
                to.hidden().write(index + 1, batch.first(), loaded.forward(input, angles, null, SiteTap.NONE));
            });
        }));
        block.release();
    }

    /// Runs the windows through the source, once.
    private Judge prepared() {
        if (judge == null) {
            stream.embed();
            for (var index = 0; index < source.spec().blocks().size(); index++) {
                step(index, stream.hidden(), stream, (block, work) -> work.accept(block.load()));
            }
            judge = source.spec().encoder().isPresent()
                    ? new Distance(new EmbeddingError(source.pooling()))
                    : new Predictions(TorchDecoder.load(source, Residency.STREAMED));
        }
        return judge;
    }

    /// Says what a stream after the last block is worth.
    private sealed interface Judge extends AutoCloseable {
        double mean(HiddenStates hidden, int last);

        @Override
        void close();
    }

    /// By how well the next tokens are predicted, in nats per token.
    private final class Predictions implements Judge {
        private final TorchDecoder decoder;

        Predictions(TorchDecoder decoder) {
            this.decoder = decoder;
        }

        @Override
        public double mean(HiddenStates hidden, int last) {
            return WindowLoss.mean(decoder, hidden, last, windows);
        }

        @Override
        public void close() {
            decoder.close();
        }
    }

    /// By how far the texts' embeddings are from those of the source.
    private final class Distance implements Judge {
        private final EmbeddingError error;

        Distance(EmbeddingError error) {
            this.error = error;
        }

        @Override
        public double mean(HiddenStates hidden, int last) {
            return error.mean(hidden, stream.hidden(), last, windows.size());
        }

        @Override
        public void close() {}
    }

    @Override
    public void close() {
        if (judge != null) {
            judge.close();
        }
        for (var index = 0; index <= source.spec().blocks().size(); index++) {
            stream.hidden().forget(index);
        }
    }
}
