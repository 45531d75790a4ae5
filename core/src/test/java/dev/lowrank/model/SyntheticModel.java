package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Activation;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.LinearSite.Layout;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.TypeConversion;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// A gated, rotary decoder with random weights that needs no files.
final class SyntheticModel implements RowDecoder.Weights {
    private final DType dtype;
    private final DecoderSpec spec;
    private final Map<String, HostTensor> tensors = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(7);

    /// The shape of a synthetic model.
    record Dimensions(int vocab, int hidden, int layers, int heads, int kvHeads, int inner) {
        /// SmolLM2-135M.
        static final Dimensions SMOLLM2 = new Dimensions(49152, 576, 30, 9, 3, 1536);

        static final Dimensions TINY = new Dimensions(97, 40, 2, 4, 2, 72);

        /// Whole blocks of every type.
        static final Dimensions BLOCKS = new Dimensions(97, 256, 2, 4, 2, 512);

        /// The smallest for a type.
        static Dimensions smallest(DType dtype) {
            return dtype.isBlocks() ? BLOCKS : TINY;
        }
    }

    SyntheticModel(DType dtype, Dimensions size) {
        this.dtype = dtype;
        var headDim = size.hidden() / size.heads();
        var inverse = new double[headDim / 2];
        for (var i = 0; i < inverse.length; i++) {
            inverse[i] = Math.pow(10_000, -2.0 * i / headDim);
        }
        var blocks = new ArrayList<Block>();
        for (var i = 0; i < size.layers(); i++) {
            blocks.add(new Block(i, "a" + i, "m" + i, sites(i, size, headDim), DecoderSpec.Heads.whole(headDim)));
        }
        spec = new DecoderSpec(
                "llama",
                size.vocab(),
                size.hidden(),
                size.heads(),
                size.kvHeads(),
                headDim,
                8192,
                new Norm(Norm.Kind.RMS, 1e-5),
                DecoderSpec.Residual.NORM_FIRST,
                new Positions.Rotary(new Rope(inverse, 1)),
                Activation.SILU,
                QkvOrder.CONCATENATED,
                "embed",
                new DecoderSpec.Purpose.Decoder("norm", "embed"),
                blocks);
    }

    private static List<LinearSite> sites(int i, Dimensions size, int headDim) {
        var kv = size.kvHeads() * headDim;
        return List.of(
                site(i, Role.Q_PROJ, size.hidden(), size.hidden()),
                site(i, Role.K_PROJ, size.hidden(), kv),
                site(i, Role.V_PROJ, size.hidden(), kv),
                site(i, Role.O_PROJ, size.hidden(), size.hidden()),
                site(i, Role.GATE_PROJ, size.hidden(), size.inner()),
                site(i, Role.UP_PROJ, size.hidden(), size.inner()),
                site(i, Role.DOWN_PROJ, size.inner(), size.hidden()));
    }

    private static LinearSite site(int layer, Role role, int in, int out) {
        return new LinearSite(layer, role, layer + "." + role.id(), in, out, false, Layout.OUT_IN);
    }

    DecoderSpec spec() {
        return spec;
    }

    @Override
    public HostTensor read(String name) {
        return tensors.computeIfAbsent(
                name,
                key -> key.equals("embed.weight")
                        ? random(spec.vocabSize(), spec.hiddenSize())
                        : ones(spec.hiddenSize()));
    }

    @Override
    public Linear linear(LinearSite site) {
        return new Linear.Dense(tensors.computeIfAbsent(site.name(), _ -> random(site.out(), site.in())), null);
    }

    private static HostTensor ones(int length) {
        var values = new float[length];
        Arrays.fill(values, 1);
        return HostTensor.ofFloats(values, length);
    }

    HostTensor random(int rows, int columns) {
        return random(dtype, random, rows, columns);
    }

    /// Uniform values of variance `1 / columns`, outside the heap.
    static HostTensor random(DType dtype, SplittableRandom random, int rows, int columns) {
        if (dtype.isBlocks()) {
            return TypeConversion.convert(random(DType.F32, random, rows, columns), dtype, "random", Arena.ofAuto());
        }
        var data = Arena.ofAuto().allocate((long) rows * columns * dtype.bytes(), 64);
        var bound = Math.sqrt(3.0 / columns);
        for (var i = 0L; i < (long) rows * columns; i++) {
            var value = (float) random.nextDouble(-bound, bound);
            switch (dtype) {
                case F32 -> data.set(HostTensor.FLOAT, i * 4, value);
                case F64 -> data.set(HostTensor.DOUBLE, i * 8, value);
                case BF16 -> data.set(HostTensor.SHORT, i * 2, (short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> data.set(HostTensor.SHORT, i * 2, Float.floatToFloat16(value));
                default -> throw new IllegalArgumentException("No random " + dtype);
            }
        }
        return new HostTensor(dtype, Shape.of(rows, columns), data);
    }
}
