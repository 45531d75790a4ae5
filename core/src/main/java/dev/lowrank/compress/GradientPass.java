package dev.lowrank.compress;

import dev.lowrank.model.Angles;
import dev.lowrank.model.Feed;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchHead;
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
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A forward and a backward pass of some windows through the source, block by block, with the gradient of
/// the loss at every site's output. One block's weights and activations are in memory at a time; what flows
/// between blocks lies in files, which closing removes.
///
/// Blocks and head multiply in BF16 where the processor is quicker at that ([MixedPrecision]): what is
/// summed over tokens is rounded far less than one drawing of labels differs from another. Sums, norms and
/// attention are in F32.
///
/// The forward pass and the head run once, when they are first needed; each observation then costs one
/// backward pass.
final class GradientPass implements AutoCloseable {
    /// Rows of the vocabulary-wide logits that one thread holds at once.
    private static final int HEAD_ROWS = 64;

    private final LanguageModel source;
    private final List<int[]> windows;
    private final Labels labels;
    private final CalibrationStream stream;
    private final HiddenStates gradients;
    private final long seed;
    private final DType products;
    private final Progress progress;
    private boolean prepared;

    /// Which labels the loss is taken for.
    enum Labels {
        /// Drawn from the model's own predictions: squares of gradients are then the Fisher information. Of
        /// an encoder, directions of its embedding: see [EmbeddingError].
        DRAWN,
        /// The text's next tokens; the last position has none and does not count.
        TEXT
    }

    /// @param windows at least one, of equal length
    /// @param seed draws the labels
    GradientPass(LanguageModel source, List<int[]> windows, Labels labels, Path work, long seed, Progress progress) {
        this.source = source;
        this.windows = windows;
        this.labels = labels;
        this.stream = new CalibrationStream(source, windows, work, "trail");
        this.gradients = new HiddenStates(
                work, "gradient", windows.getFirst().length, source.spec().hiddenSize());
        this.seed = seed;
        this.products = MixedPrecision.products(source.spec());
        this.progress = progress;
    }

    /// What is summed over the tokens at each site.
    ///
    /// @param <S> sums of one site
    interface Observation<S> {
        /// Starts with nothing seen; called once for each thread that will add.
        ///
        /// @param store owner of the sums
        S start(SourceBlock block, LinearSite site, TensorStore store);

        /// Adds tokens.
        ///
        /// @param input `[tokens, in]`, in the type that the block multiplies in
        /// @param output F32 `[tokens, out]`, bias included
        /// @param gradient F32 `[tokens, out]`, of the loss summed over tokens
        void add(S sums, Tensor input, Tensor output, Tensor gradient);

        /// Adds what another thread has seen.
        void merge(S sums, S other);

        /// Takes the result of a site.
        void finish(LinearSite site, S sums);
    }

    /// Runs a backward pass.
    ///
    /// @param targets sites to look at
    <S> void observe(List<LinearSite> targets, Observation<S> observation) {
        prepare();
        var blocks = source.spec().blocks();
        for (var index = blocks.size() - 1; index >= 0; index--) {
            progress.step("backward", blocks.size() - 1L - index, blocks.size());
            var block = SourceBlock.of(source, blocks.get(index));
            var own = targets.stream()
                    .filter(site -> site.layer() == block.index())
                    .toList();
            TensorScope.tidyRun(() -> backward(block, own, observation));
            if (index + 1 < blocks.size()) {
                gradients.forget(index + 1); // what the head gave stays for the next observation
            }
            block.release();
        }
        gradients.forget(0);
        progress.step("backward", blocks.size(), blocks.size());
    }

    private void prepare() {
        if (!prepared) {
            forward();
            head();
            prepared = true;
        }
    }

    private void forward() {
        var blocks = source.spec().blocks();
        stream.embed();
        for (var each : blocks) {
            progress.step("forward", each.index(), blocks.size());
            var block = SourceBlock.of(source, each);
            TensorScope.tidyRun(() -> stream.forward(block.index(), block.load(products)));
            block.release();
        }
        progress.step("forward", blocks.size(), blocks.size());
    }

    /// The gradient of the loss by the residual stream after the last block.
    private void head() {
        if (source.spec().encoder().isEmpty()) {
            predictions();
            return;
        }
        var last = source.spec().blocks().size();
        var error = new EmbeddingError(source.pooling());
        Compute.each(
                windows.size(),
                window -> TensorScope.tidyRun(() -> gradients.write(
                        last, window, error.gradient(stream.hidden().read(last, window, 1), seed + window))));
    }

    /// `p − y` at the logits, in closed form, so that no vocabulary-wide tensor is kept for a backward
    /// pass.
    private void predictions() {
        var last = source.spec().blocks().size();
        TensorScope.tidyRun(() -> {
            var loaded = TorchHead.load(source, products);
            Compute.each(
                    windows.size(),
                    window -> TensorScope.tidyRun(() -> {
                        var leaf = Grad.on(() -> Grad.leaf(stream.hidden().read(last, window, 1)));
                        var normed = Grad.on(() -> loaded.normed(leaf));
                        var ofNormed = ofNormed(loaded, Grad.detached(normed).select(0, 0), window);
                        gradients.write(
                                last,
                                window,
                                Grad.of(normed, ofNormed.unsqueeze(0), List.of(leaf))
                                        .getFirst());
                    }));
        });
    }

    /// @param normed F32 `[seq, hidden]`, what the head sees of a window
    /// @return likewise, the gradient by it
    private Tensor ofNormed(TorchHead head, Tensor normed, int window) {
        var tokens = windows.get(window);
        var random = new SplittableRandom(seed + window);
        var known = labels == Labels.TEXT ? tokens.length - 1 : tokens.length;
        var parts = new ArrayList<Tensor>();
        for (var first = 0; first < known; first += HEAD_ROWS) {
            var from = first;
            var count = Math.min(HEAD_ROWS, known - first);
            parts.add(TensorScope.tidy(() -> {
                var p = head.logits(normed.narrow(0, from, count)).softmax(-1);
                var wanted = labels == Labels.DRAWN ? drawn(p, random) : next(tokens, from, count);
                return head.through(Functional.scatterAdd_(p, wanted, Tensors.full(-1, DType.F32, count, 1)));
            }));
        }
        if (known < tokens.length) {
            parts.add(Tensors.zeros(DType.F32, tokens.length - known, normed.size(1)));
        }
        return Tensors.cat(parts, 0);
    }

    /// @return I64 `[count, 1]`
    private static Tensor next(int[] tokens, int first, int count) {
        var labels = new long[count];
        for (var i = 0; i < count; i++) {
            labels[i] = tokens[first + i + 1];
        }
        return Tensors.ofLongs(labels, count, 1);
    }

    /// A label for each row, drawn by inverting the distribution function.
    ///
    /// @param probabilities F32 `[rows, vocab]`
    /// @return I64 `[rows, 1]`
    private static Tensor drawn(Tensor probabilities, SplittableRandom random) {
        return TensorScope.tidy(() -> {
            var cumulative = probabilities.cumsum(-1);
            var rows = (int) cumulative.size(0);
            var draws = new float[rows];
            for (var i = 0; i < rows; i++) {
                draws[i] = (float) random.nextDouble();
            }
            // Scaled by the last sum, which F32 does not make exactly 1.
            var last = cumulative.size(1) - 1;
            var thresholds = Tensors.ofFloats(draws, rows, 1).mul(cumulative.narrow(1, last, 1));
            return Functional.searchSorted(cumulative, thresholds);
        });
    }

    private <S> void backward(SourceBlock block, List<LinearSite> targets, Observation<S> observation) {
        try (var store = new TensorStore("sums over the gradients of block " + block.index())) {
            var shares = Math.min(Compute.threads(), windows.size());
            var sums = new ArrayList<Map<LinearSite, S>>();
            for (var share = 0; share < shares; share++) {
                var own = new LinkedHashMap<LinearSite, S>();
                targets.forEach(site -> own.put(site, observation.start(block, site, store)));
                sums.add(own);
            }
            var loaded = block.differentiable(products);
            var angles = stream.angles();
            Compute.each(shares, share -> {
                for (var window = share; window < windows.size(); window += shares) {
                    var one = window;
                    TensorScope.tidyRun(() -> backward(block, loaded, angles, one, sums.get(share), observation));
                }
            });
            sums.getFirst().forEach((site, total) -> {
                sums.subList(1, shares).forEach(other -> observation.merge(total, of(other, site)));
                observation.finish(site, total);
            });
        }
    }

    private <S> void backward(
            SourceBlock block,
            TorchBlock loaded,
            @Nullable Angles angles,
            int window,
            Map<LinearSite, S> sums,
            Observation<S> observation) {
        try (var outputs = new Outputs(sums.keySet())) {
            var seedGradient = gradients.read(block.index() + 1, window, 1);
            var found = Grad.on(() -> {
                var leaf = Grad.leaf(stream.hidden().read(block.index(), window, 1));
                var result = loaded.forward(leaf, angles, null, outputs);
                return Grad.of(result, seedGradient, outputs.and(leaf));
            });
            gradients.write(block.index(), window, found.getLast());
            var sites = List.copyOf(outputs.seen.keySet());
            for (var i = 0; i < sites.size(); i++) {
                var site = sites.get(i);
                var input = Objects.requireNonNull(outputs.fed.get(site.role().feed()), site.name());
                observation.add(of(sums, site), rows(input), rows(of(outputs.seen, site)), rows(found.get(i)));
            }
        }
    }

    /// `[1, seq, out]` as `[seq, out]`, without its history.
    private static Tensor rows(Tensor x) {
        return Grad.detached(x.select(0, 0));
    }

    private static <T> T of(Map<LinearSite, T> all, LinearSite key) {
        return Objects.requireNonNull(all.get(key), key.name());
    }

    @Override
    public void close() {
        for (var block = 0; block <= source.spec().blocks().size(); block++) {
            stream.hidden().forget(block);
            gradients.forget(block);
        }
    }

    /// Holds on to inputs and outputs of a block's targets while they are part of a computation.
    private static final class Outputs implements SiteTap, AutoCloseable {
        private final Map<Role, LinearSite> targets = new EnumMap<>(Role.class);
        private final Map<LinearSite, Tensor> seen = new LinkedHashMap<>();
        private final Map<Feed, Tensor> fed = new EnumMap<>(Feed.class);
        private final TensorStore store = new TensorStore("inputs and outputs of sites");

        Outputs(Set<LinearSite> targets) {
            targets.forEach(site -> this.targets.put(site.role(), site));
        }

        @Override
        public void input(Feed feed, Tensor input) {
            fed.put(feed, store.keep(input));
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
