package dev.lowrank.compress;

import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.sensitivity.SiteSensitivity;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One forward and one backward pass of some windows through the source, block by block, with the
/// gradient of the loss at every site's output. One block's weights and activations are in memory at a
/// time; what flows between blocks lies in files.
final class SensitivityPass {
    /// Rows of the vocabulary-wide logits that one thread holds at once.
    private static final int HEAD_ROWS = 128;

    private final LanguageModel source;
    private final List<int[]> windows;
    private final DecompositionFiles files;
    private final CalibrationStream stream;
    private final HiddenStates gradients;
    private final long seed;
    private final Progress progress;

    /// Which labels the loss is taken for.
    enum Labels {
        /// Drawn from the model's own predictions: squares of gradients are then the Fisher information.
        DRAWN,
        /// The text's next tokens; the last position has none and does not count.
        TEXT
    }

    /// @param windows at least one, of equal length
    /// @param files decompositions of all targets
    /// @param seed draws the labels
    SensitivityPass(
            LanguageModel source,
            List<int[]> windows,
            DecompositionFiles files,
            Path work,
            long seed,
            Progress progress) {
        this.source = source;
        this.windows = windows;
        this.files = files;
        this.stream = new CalibrationStream(source, windows, work, "trail");
        this.gradients = new HiddenStates(
                work, "gradient", windows.getFirst().length, source.spec().hiddenSize());
        this.seed = seed;
        this.progress = progress;
    }

    /// What was found at a site.
    ///
    /// @param divergence `[k + 1]`, see [SiteSensitivity#divergence]
    /// @param firstOrder `[k]`, see [SiteSensitivity#firstOrder]
    record Found(double[] divergence, double[] firstOrder) {}

    /// What was found in the whole model.
    ///
    /// @param sites by method and site
    /// @param blockInfluence `[blocks]`, 1 − mean cosine of a block's input and output
    record Result(Map<Method, Map<LinearSite, Found>> sites, double[] blockInfluence) {}

    /// Runs both passes.
    ///
    /// @param targets sites to look at
    /// @param methods whose decompositions of the targets are looked at
    Result run(List<LinearSite> targets, List<Method> methods, Labels labels) {
        var blocks = source.spec().blocks();
        var steps = 2 * blocks.size();
        var influences = forward(steps);
        head(labels);
        var found = new LinkedHashMap<Method, Map<LinearSite, Found>>();
        methods.forEach(method -> found.put(method, new LinkedHashMap<>()));
        for (var index = blocks.size() - 1; index >= 0; index--) {
            progress.step("sensitivity", steps - 1 - index, steps);
            var block = SourceBlock.of(source, blocks.get(index));
            var own = targets.stream()
                    .filter(site -> site.layer() == block.index())
                    .toList();
            TensorScope.tidyRun(() -> backward(block, own, found));
            stream.hidden().forget(index + 1);
            gradients.forget(index + 1);
            block.release();
        }
        progress.step("sensitivity", steps, steps);
        stream.hidden().forget(0);
        gradients.forget(0);
        return new Result(found, influences);
    }

    private double[] forward(int steps) {
        var influences = new double[steps / 2];
        stream.embed();
        for (var each : source.spec().blocks()) {
            progress.step("sensitivity", each.index(), steps);
            var block = SourceBlock.of(source, each);
            TensorScope.tidyRun(() -> stream.forward(block.index(), block.load()));
            influences[block.index()] = influence(block.index());
            block.release();
        }
        return influences;
    }

    /// How much a block changes the residual stream: 1 − the mean cosine of what goes in and what comes out
    /// (ShortGPT, arXiv:2403.03853).
    private double influence(int block) {
        var sum = 0.0;
        for (var i = 0; i < windows.size(); i++) {
            var window = i;
            sum += TensorScope.tidy(() -> {
                var in = stream.hidden().read(block, window, 1);
                var out = stream.hidden().read(block + 1, window, 1);
                var products = in.mul(out).sum(-1, false);
                var lengths = in.square().sum(-1, false).mul(out.square().sum(-1, false));
                return products.div(lengths.sqrt()).mean().item();
            });
        }
        return 1 - sum / windows.size();
    }

    /// The gradient of the loss by the residual stream after the last block.
    private void head(Labels labels) {
        var last = source.spec().blocks().size();
        try (var decoder = TorchDecoder.load(source, Residency.STREAMED)) {
            Compute.each(windows.size(), window -> {
                var random = new SplittableRandom(seed + window);
                TensorScope.tidyRun(() -> {
                    var hidden = stream.hidden().read(last, window, 1);
                    var rows = (int) hidden.size(1);
                    var parts = new ArrayList<Tensor>();
                    for (var first = 0; first < rows; first += HEAD_ROWS) {
                        var from = first;
                        var count = Math.min(HEAD_ROWS, rows - first);
                        parts.add(TensorScope.tidy(
                                () -> headGradient(decoder, hidden, window, from, count, labels, random)));
                    }
                    gradients.write(last, window, Tensors.cat(parts, 1));
                });
            });
        }
    }

    private Tensor headGradient(
            TorchDecoder decoder,
            Tensor hidden,
            int window,
            int first,
            int count,
            Labels labels,
            SplittableRandom random) {
        return Grad.on(() -> {
            var leaf = Grad.leaf(hidden.narrow(1, first, count));
            var logits = decoder.logits(leaf).select(0, 0); // [count, vocab]
            var targets = labels == Labels.DRAWN ? drawn(logits, random) : next(window, first, count);
            var losses = Functional.crossEntropy(logits, targets);
            return Grad.of(losses, Tensors.full(1, DType.F32, count), List.of(leaf))
                    .getFirst();
        });
    }

    /// A label for each row, drawn by inverting the distribution function.
    private static Tensor drawn(Tensor logits, SplittableRandom random) {
        return Grad.off(() -> TensorScope.tidy(() -> {
            var cumulative = logits.softmax(-1).cumsum(-1);
            var rows = (int) logits.size(0);
            var draws = new float[rows];
            for (var i = 0; i < rows; i++) {
                draws[i] = (float) random.nextDouble();
            }
            // Scaled by the last sum, which F32 does not make exactly 1.
            var thresholds = Tensors.ofFloats(draws, rows, 1).mul(cumulative.narrow(1, logits.size(1) - 1, 1));
            return thresholds.sub(cumulative).gt(0).to(DType.F32).sum(1, false).to(DType.I64);
        }));
    }

    private Tensor next(int window, int first, int count) {
        var tokens = windows.get(window);
        var labels = new long[count];
        for (var i = 0; i < count; i++) {
            labels[i] = first + i + 1 < tokens.length ? tokens[first + i + 1] : Functional.IGNORED;
        }
        return Tensors.ofLongs(labels, count);
    }

    private void backward(SourceBlock block, List<LinearSite> targets, Map<Method, Map<LinearSite, Found>> found) {
        try (var store = new TensorStore("sensitivities of block " + block.index())) {
            var shares = Math.min(Compute.threads(), windows.size());
            var sums = new ArrayList<List<SiteSums>>();
            for (var share = 0; share < shares; share++) {
                sums.add(new ArrayList<>());
            }
            for (var method : found.keySet()) {
                for (var site : targets) {
                    var basis = basis(block, site, method);
                    sums.forEach(own -> own.add(new SiteSums(method, site, SiteSensitivity.start(basis, store))));
                }
            }
            var loaded = block.load();
            var angles = stream.angles();
            Compute.each(shares, share -> {
                for (var window = share; window < windows.size(); window += shares) {
                    var one = window;
                    TensorScope.tidyRun(() -> backward(block, loaded, angles, one, targets, sums.get(share)));
                }
            });
            for (var i = 0; i < sums.getFirst().size(); i++) {
                var total = sums.getFirst().get(i);
                for (var other : sums.subList(1, shares)) {
                    total.sums().add(other.get(i).sums());
                }
                of(found, total.method()).put(total.site(), total.found());
            }
        }
    }

    private record SiteSums(Method method, LinearSite site, SiteSensitivity sums) {
        Found found() {
            return new Found(sums.divergence(site.name()), sums.firstOrder(site.name()));
        }
    }

    private void backward(
            SourceBlock block,
            TorchBlock loaded,
            TorchBlock.@Nullable Angles angles,
            int window,
            List<LinearSite> targets,
            List<SiteSums> sums) {
        try (var outputs = new Outputs(targets)) {
            var seed = gradients.read(block.index() + 1, window, 1);
            var found = Grad.on(() -> {
                var leaf = Grad.leaf(stream.hidden().read(block.index(), window, 1));
                var result = loaded.forward(leaf, angles, null, outputs);
                return Grad.of(result, seed, outputs.and(leaf));
            });
            gradients.write(block.index(), window, found.getLast());
            var sites = List.copyOf(outputs.seen.keySet());
            for (var one : sums) {
                one.sums().add(rows(of(outputs.seen, one.site())), rows(found.get(sites.indexOf(one.site()))));
            }
        }
    }

    private SiteSensitivity.Basis basis(SourceBlock block, LinearSite site, Method method) {
        return TensorScope.tidy(() -> {
            var dense = block.dense(site);
            var offset = dense.bias() == null ? null : Tensors.from(dense.bias(), DType.F32);
            for (var mean : files.mean(site, method)) {
                offset = Functional.linear(mean.unsqueeze(0), Tensors.from(dense.weight(), DType.F32), offset)
                        .squeeze(0);
            }
            return new SiteSensitivity.Basis(files.basis(site, method).flip(1).contiguous(), offset);
        });
    }

    /// `[1, seq, out]` as `[seq, out]`, without its history.
    private static Tensor rows(Tensor x) {
        return Grad.detached(x.select(0, 0));
    }

    private static <K, T> T of(Map<K, T> all, K key) {
        return Objects.requireNonNull(all.get(key), key.toString());
    }

    /// Holds on to the outputs of a block's targets while they are part of a computation.
    private static final class Outputs implements SiteTap, AutoCloseable {
        private final Map<Role, LinearSite> targets = new EnumMap<>(Role.class);
        private final Map<LinearSite, Tensor> seen = new LinkedHashMap<>();
        private final TensorStore store = new TensorStore("outputs of sites");

        Outputs(List<LinearSite> targets) {
            targets.forEach(site -> this.targets.put(site.role(), site));
        }

        @Override
        public void output(Role role, Tensor output) {
            var site = targets.get(role);
            if (site != null) {
                seen.put(site, store.keep(output));
            }
        }

        /// The outputs, then one more.
        List<Tensor> and(Tensor other) {
            return Stream.concat(seen.values().stream(), Stream.of(other)).toList();
        }

        @Override
        public void close() {
            store.close();
        }
    }
}
