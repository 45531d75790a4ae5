package dev.lowrank.compress;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.TensorScope;
import java.util.List;
import java.util.function.Consumer;

/// A pass over blocks of the source in order, some neighbours at a time, which files between them connect.
///
/// What flowed into the blocks before the last ones done is forgotten; what flowed into the last ones
/// stays, in case they turn out torn when a killed run goes on.
///
/// @param name of the pass in progress reports
/// @param streams what flows through the blocks, stored under their places
record BlockPass(LanguageModel source, String name, List<HiddenStates> streams, Progress progress) {

    /// Passes over blocks one by one.
    ///
    /// @param start places that an earlier run has finished
    /// @param work on a block, in a scope of its own
    void each(List<Block> blocks, int start, Consumer<SourceBlock> work) {
        together(blocks.stream().map(List::of).toList(), start, group -> work.accept(group.getFirst()));
    }

    /// Passes over neighbours.
    ///
    /// @param groups all blocks in order
    /// @param start places that an earlier run has finished, in whole groups
    /// @param work on neighbours, in a scope of its own
    void together(List<List<Block>> groups, int start, Consumer<List<SourceBlock>> work) {
        var total = groups.stream().mapToInt(List::size).sum();
        var before = 0;
        var place = 0;
        for (var group : groups) {
            if (place >= start) {
                progress.step(name, place, total);
                var blocks = group.stream()
                        .map(block -> SourceBlock.of(source, block))
                        .toList();
                TensorScope.tidyRun(() -> work.accept(blocks));
                blocks.forEach(SourceBlock::release);
                forget(before, place);
            }
            before = place;
            place += group.size();
        }
        progress.step(name, total, total);
    }

    private void forget(int from, int to) {
        for (var gone = from; gone < to; gone++) {
            for (var stream : streams) {
                stream.forget(gone);
            }
        }
    }
}
