package dev.lowrank.model.output;

import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.ModelWeights;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteForms;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// The tensors of a GGUF file in its order: embeddings, blocks, head.
final class GgufTensors {
    private final GgufTarget target;
    private final ModelWeights weights;
    private final SiteForms forms;
    private final Widening widening;
    private final List<Planned> tensors = new ArrayList<>();

    /// A tensor, read when its turn comes.
    ///
    /// @param name of the file
    /// @param stored type in the model; where it has to be computed, the type that most of the model has
    /// @param shape outermost first
    /// @param scores whether it scores tokens
    /// @param values in any floating type
    record Planned(String name, DType stored, Shape shape, boolean scores, Supplier<HostTensor> values) {}

    private GgufTensors(GgufTarget target) {
        this.target = target;
        this.weights = target.model().weights();
        this.forms = SiteForms.of(target.model().checkpoint().config());
        this.widening = target.widening();
    }

    static List<Planned> of(GgufTarget target) {
        return new GgufTensors(target).list();
    }

    private List<Planned> list() {
        var spec = target.spec();
        if (spec.positions() instanceof Positions.Learned(var table)) {
            add("position_embd.weight", table + ".weight", false);
        } else {
            addRotaryDivisors();
        }
        add("token_embd.weight", spec.embedding() + ".weight", spec.tied());
        for (var block : target.model().spec().blocks()) {
            addBlock(block);
        }
        addNorm("output_norm", spec.finalNorm());
        if (!spec.tied()) {
            add("output.weight", spec.head() + ".weight", true);
        }
        return tensors;
    }

    private void addRotaryDivisors() {
        var checkpoint = target.model().checkpoint();
        var divisors =
                checkpoint instanceof GgufFile file ? file.rotaryDivisors() : GgufKeysOf.rotaryDivisors(target.model());
        divisors.ifPresent(tensor ->
                tensors.add(new Planned("rope_freqs.weight", tensor.dtype(), tensor.shape(), false, () -> tensor)));
    }

    private void add(String name, String stored, boolean scores) {
        var tensor = weights.read(stored);
        tensors.add(new Planned(name, tensor.dtype(), tensor.shape(), scores, () -> weights.read(stored)));
    }

    private void addNorm(String name, String stored) {
        add(name + ".weight", stored + ".weight", false);
        if (target.spec().norm().kind() == Norm.Kind.LAYER) {
            add(name + ".bias", stored + ".bias", false);
        }
    }

    private void addBlock(Block block) {
        var prefix = "blk." + block.index() + ".";
        addNorm(prefix + "attn_norm", block.attentionNorm());
        addNorm(prefix + "ffn_norm", block.mlpNorm());
        for (var site : block.sites()) {
            var name = prefix + part(site.role());
            var full = widening.of(site);
            tensors.add(new Planned(
                    name + ".weight", storedType(site), Shape.of(full.out(), full.in()), false, () -> weight(site)));
            if (target.biased().contains(site.role())) {
                tensors.add(new Planned(name + ".bias", DType.F32, Shape.of(full.out()), false, () -> bias(site)));
            }
        }
    }

    static String part(Role role) {
        return switch (role) {
            case Q_PROJ -> "attn_q";
            case K_PROJ -> "attn_k";
            case V_PROJ -> "attn_v";
            case QKV_PROJ -> "attn_qkv";
            case O_PROJ -> "attn_output";
            case GATE_PROJ -> "ffn_gate";
            case UP_PROJ -> "ffn_up";
            case DOWN_PROJ -> "ffn_down";
        };
    }

    private DType storedType(LinearSite site) {
        return isStored(site) ? weights.read(site.name() + ".weight").dtype() : weights.storedType();
    }

    /// Whether a site's matrix is there and need not be computed.
    private boolean isStored(LinearSite site) {
        var full = widening.of(site);
        return forms.form(site).equals("dense")
                && forms.sparse(site) == 0
                && full.in() == site.in()
                && full.out() == site.out();
    }

    private HostTensor weight(LinearSite site) {
        var linear = weights.linear(site);
        if (isStored(site) && linear instanceof Linear.Dense(var weight, var _)) {
            return ordered(site, weight);
        }
        return ordered(
                site,
                TensorScope.tidy(() -> widening.weight(site, MergedExport.matrix(linear))
                        .to(DType.F32)
                        .contiguous()
                        .toHost(DType.F32, Arena.ofAuto())));
    }

    private HostTensor bias(LinearSite site) {
        var width = widening.of(site).out();
        var bias = weights.linear(site).bias();
        if (bias == null) {
            return HostTensor.ofFloats(new float[width], width);
        }
        return ordered(
                site,
                bias.shape().elements() == width
                        ? bias
                        : TensorScope.tidy(() -> widening.bias(site, Tensors.from(bias, DType.F64))
                                .to(DType.F32)
                                .contiguous()
                                .toHost(DType.F32, Arena.ofAuto())));
    }

    private HostTensor ordered(LinearSite site, HostTensor tensor) {
        var spec = target.spec();
        return switch (site.role()) {
            case Q_PROJ, K_PROJ -> target.pairsRows() ? RowOrder.pairs(tensor, spec.headDim()) : tensor;
            case QKV_PROJ ->
                spec.qkvOrder() == QkvOrder.PER_HEAD
                        ? RowOrder.concatenated(tensor, spec.heads(), spec.headDim())
                        : tensor;
            case V_PROJ, O_PROJ, GATE_PROJ, UP_PROJ, DOWN_PROJ -> tensor;
        };
    }
}
