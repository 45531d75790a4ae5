package dev.lowrank.compress;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.TensorScope;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;

/// How much each block changes the residual stream of the whole model: 1 − the mean cosine of what goes in
/// and what comes out (ShortGPT, arXiv:2403.03853).
final class BlockInfluences {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private BlockInfluences() {}

    /// What a file holds.
    record Stored(double[] influence) {}

    /// Measures every block, or reads what an unfinished run has measured.
    ///
    /// @param work folder of working files, of one recipe and calibration set
    static double[] measure(LanguageModel source, List<int[]> windows, Path work, Progress progress) {
        var file = work.resolve("influence.json");
        var before = WorkFiles.json(file);
        if (before != null) {
            return JSON.treeToValue(before, Stored.class).influence();
        }
        var blocks = source.spec().blocks();
        var stream = new CalibrationStream(source, windows, work, "influence");
        var found = new double[blocks.size()];
        stream.embed();
        for (var each : blocks) {
            progress.step("influence", each.index(), blocks.size());
            var block = SourceBlock.of(source, each);
            TensorScope.tidyRun(() -> stream.forward(block.index(), block.load()));
            found[each.index()] = of(stream.hidden(), each.index(), windows.size());
            stream.hidden().forget(each.index());
            block.release();
        }
        stream.hidden().forget(blocks.size());
        progress.step("influence", blocks.size(), blocks.size());
        WorkFiles.write(file, JSON.writeValueAsBytes(new Stored(found)));
        return found;
    }

    /// The influence of a block whose input and output are stored.
    static double of(HiddenStates hidden, int block, int windows) {
        var sum = 0.0;
        for (var i = 0; i < windows; i++) {
            var window = i;
            sum += TensorScope.tidy(() -> {
                var in = hidden.read(block, window, 1);
                var out = hidden.read(block + 1, window, 1);
                var products = in.mul(out).sum(-1, false);
                var lengths = in.square().sum(-1, false).mul(out.square().sum(-1, false));
                return products.div(lengths.sqrt()).mean().item();
            });
        }
        return 1 - sum / windows;
    }
}
