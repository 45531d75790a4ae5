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
    private @Nullable TorchDecoder decoder;

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
    /// @return nats per token
    double loss(int first, BlockSource blocks) {
        var last = source.spec().blocks().size();
        var head = prepared();
        if (first == last) {
            return WindowLoss.mean(head, stream.hidden(), last, windows);
        }
        var trial = new CalibrationStream(source, windows, work, "trial");
        for (var index = first; index < last; index++) {
            var from = index == first ? stream.hidden() : trial.hidden();
            step(index, from, trial, blocks);
            trial.hidden().forget(index);
        }
        try {
            return WindowLoss.mean(head, trial.hidden(), last, windows);
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
    private TorchDecoder prepared() {
        if (decoder == null) {
            stream.embed();
            for (var index = 0; index < source.spec().blocks().size(); index++) {
                step(index, stream.hidden(), stream, (block, work) -> work.accept(block.load()));
            }
            decoder = TorchDecoder.load(source, Residency.STREAMED);
        }
        return decoder;
    }

    @Override
    public void close() {
        if (decoder != null) {
            decoder.close();
        }
        for (var index = 0; index <= source.spec().blocks().size(); index++) {
            stream.hidden().forget(index);
        }
    }
}
