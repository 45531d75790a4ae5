package dev.lowrank.recover;

import dev.lowrank.model.Angles;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchHead;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/// A compressed model in memory while it is trained: what moves lies in [Parameters], the rest stays as
/// loaded.
final class Student implements AutoCloseable {
    private final DecoderSpec spec;
    private final Embedding embedding;
    private final DType products;
    private final TensorStore store;
    private final Set<LinearSite> sites;
    private final SharedFactors shared;
    private final List<TorchBlock> blocks = new ArrayList<>();
    private final TorchHead head;
    private final Parameters parameters;

    /// @param trained which tensors move
    /// @param sites linears that move
    /// @param products element type of matrix products, F32 or BF16
    Student(LanguageModel model, Trained trained, Set<LinearSite> sites, DType products) {
        this.spec = model.spec();
        this.embedding = Embedding.of(model);
        this.products = products;
        this.sites = sites;
        this.shared = SharedFactors.of(model);
        this.store = new TensorStore("the student of " + model.checkpoint().path());
        try (var _ = TensorScope.open()) {
            var moved = new LinkedHashMap<String, Tensor>();
            var linears = new TrainableLinears(model, sites, shared);
            var choose = choosing(trained, moved);
            for (var block : spec.blocks()) {
                blocks.add(TensorScope.tidy(() -> load(model, block, linears).with(choose)));
                model.weights().release(block);
            }
            var loaded = TorchHead.load(model, products);
            head = new TorchHead(loaded.norm().with(spec.finalNorm(), choose), store.keep(loaded.weight()));
            parameters = new Parameters(moved, store);
            store.release(moved.values());
            store.keep(head.norm().tensors().stream()
                    .filter(tensor -> !moved.containsValue(tensor))
                    .toList());
        } catch (RuntimeException failure) {
            store.close();
            throw failure;
        }
    }

    private TorchBlock load(LanguageModel model, DecoderSpec.Block block, TrainableLinears linears) {
        try (var arena = Arena.ofShared()) {
            return TorchBlock.differentiable(spec, block, model.weights(), site -> linears.of(site, arena));
        }
    }

    private BiFunction<String, Tensor, Tensor> choosing(Trained trained, Map<String, Tensor> moved) {
        return (name, tensor) -> keep(name, tensor, trained, moved);
    }

    /// Takes a loaded tensor over: as something that moves, or in the type that products are computed in.
    private Tensor keep(String name, Tensor tensor, Trained trained, Map<String, Tensor> moved) {
        var site = sites.stream()
                .filter(each -> name.startsWith(each.name() + "."))
                .findFirst();
        var ofSite = spec.sites().anyMatch(each -> name.startsWith(each.name() + "."));
        var moves = ofSite ? site.isPresent() : trained != Trained.LRC;
        if (moves) {
            // Another reader's shared factor is there already.
            return moved.computeIfAbsent(shared.stored(name), any -> store.keep(tensor));
        }
        return store.keep(tensor.rank() > 1 ? tensor.to(products) : tensor);
    }

    DecoderSpec spec() {
        return spec;
    }

    Parameters parameters() {
        return parameters;
    }

    /// Linears that move.
    Set<LinearSite> sites() {
        return sites;
    }

    /// Which right factors are read by several sites.
    SharedFactors shared() {
        return shared;
    }

    /// Element type of matrix products.
    DType products() {
        return products;
    }

    /// A block with other tensors in place of its trained ones.
    ///
    /// @param tensors all trained tensors of the block, by stored name
    TorchBlock block(int index, Map<String, Tensor> tensors) {
        return blocks.get(index).with(replacing(tensors));
    }

    private BiFunction<String, Tensor, Tensor> replacing(Map<String, Tensor> tensors) {
        return (name, tensor) -> tensors.getOrDefault(shared.stored(name), tensor);
    }

    /// Where the trained tensors that a block reads lie, by stored name.
    Map<String, Parameters.Slot> parametersOf(int block) {
        var own = new LinkedHashMap<String, Parameters.Slot>();
        blocks.get(block).with((name, tensor) -> {
            var slot = parameters.slots().get(shared.stored(name));
            if (slot != null) {
                own.put(slot.name(), slot);
            }
            return tensor;
        });
        return own;
    }

    /// Trained matrices in the type that products are computed in; the vector itself where that is F32.
    ///
    /// @return `[parameters.decayed]`, in the innermost scope
    Tensor matrices() {
        var all = parameters.values().narrow(0, 0, parameters.decayed());
        return products == DType.F32 ? all : all.to(products);
    }

    /// The model at the parameters' present values, in tensors of the innermost scope.
    ///
    /// @param matrices as [#matrices] made them; borrowed
    /// @param leaves whether gradients by the parameters will be asked for
    View view(Tensor matrices, boolean leaves) {
        var tensors = new LinkedHashMap<String, Tensor>();
        parameters.slots().forEach((name, slot) -> {
            var part = slot.of(slot.matrix() ? matrices : parameters.values());
            tensors.put(name, leaves ? Grad.leaf(part) : Grad.detached(part));
        });
        return new View(tensors);
    }

    @Override
    public void close() {
        store.close();
    }

    /// The model at some values of its parameters; valid while the scope it was made in is open.
    final class View {
        private final Map<String, Tensor> tensors;
        private final List<TorchBlock> current;
        private final TorchHead ownHead;

        private View(Map<String, Tensor> tensors) {
            this.tensors = tensors;
            var replace = replacing(tensors);
            this.current = blocks.stream().map(block -> block.with(replace)).toList();
            this.ownHead = new TorchHead(head.norm().with(spec.finalNorm(), replace), head.weight());
        }

        /// The trained tensors of a run of blocks, by name.
        Map<String, Tensor> ofBlocks(int first, int end) {
            var own = new LinkedHashMap<String, Tensor>();
            for (var block = first; block < end; block++) {
                parametersOf(block).keySet().forEach(name -> own.put(name, Objects.requireNonNull(tensors.get(name))));
            }
            return own;
        }

        /// The trained tensors of the final norm, by name.
        Map<String, Tensor> ofNorm() {
            var own = new LinkedHashMap<String, Tensor>();
            tensors.forEach((name, tensor) -> {
                if (name.startsWith(spec.finalNorm() + ".")) {
                    own.put(name, tensor);
                }
            });
            return own;
        }

        /// The residual stream before the first block, `[1, seq, hidden]`.
        Tensor embed(int[] tokens) {
            return embedding.lookup(List.of(tokens), 0);
        }

        /// Runs some blocks.
        Tensor run(int first, int end, Tensor hidden, @Nullable Angles angles) {
            var x = hidden;
            for (var block : current.subList(first, end)) {
                x = block.forward(x, angles, null, SiteTap.NONE);
            }
            return x;
        }

        /// The final norm at these parameters, and the head.
        TorchHead head() {
            return ownHead;
        }
    }
}
