package dev.lowrank.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The values that the weights of one quantised block can take once its scales are fixed, for rounding them
/// one by one: [#fit] fixes scales, [#round] chooses codes, [#write] stores them beside the scales.
///
/// One thread at a time; used for one block after the other. No allocation after construction.
public final class BlockGrid {
    private final DType type;
    private final BlockEncoder encoder;
    private final float[] steps;
    private final float[] offsets;
    private final byte[] codes;
    private final int zero;
    private final int most;

    /// @param type one of [TypeConversion#blockTypes()]
    /// @throws IllegalArgumentException for another
    public BlockGrid(DType type) {
        this.type = type;
        this.encoder = BlockEncoder.of(type);
        this.steps = new float[type.blockWeights()];
        this.offsets = new float[type.blockWeights()];
        this.codes = new byte[type.blockWeights()];
        this.zero = switch (type) {
            case Q4_0 -> 8;
            case Q5_0 -> 16;
            case Q6_K -> 32;
            case Q8_0 -> 127;
            default -> 0;
        };
        this.most = switch (type) {
            case Q5_0 -> 31;
            case Q6_K -> 63;
            case Q8_0 -> 254;
            default -> 15;
        };
    }

    /// Rounds a block as if its weights were independent, and keeps the scales that this gave it.
    ///
    /// @param weights finite, from `from` on
    /// @param target receives the block, its first byte at `at`
    /// @throws NumericalException if a scale does not fit into a half
    public void fit(float[] weights, int from, MemorySegment target, long at) {
        encoder.encode(weights, from, target, at);
        if (!BlockDecoder.finiteScales(type, target, at)) {
            throw new NumericalException(
                    NumericalException.Kind.NON_FINITE,
                    type + " block",
                    "its scale is too large for a half; store the matrix in BF16 or F32");
        }
        Arrays.fill(offsets, 0);
        switch (type) {
            case Q4_K -> subBlocks(target, at);
            case Q6_K -> {
                var d = BlockDecoder.half(target, at + 208);
                for (var i = 0; i < steps.length; i++) {
                    steps[i] = d * target.get(JAVA_BYTE, at + 192 + i / 16);
                }
            }
            case Q4_1 -> {
                Arrays.fill(steps, BlockDecoder.half(target, at));
                Arrays.fill(offsets, BlockDecoder.half(target, at + 2));
            }
            default -> Arrays.fill(steps, BlockDecoder.half(target, at));
        }
    }

    private void subBlocks(MemorySegment target, long at) {
        var d = BlockDecoder.half(target, at);
        var min = BlockDecoder.half(target, at + 2);
        for (var i = 0; i < steps.length; i++) {
            steps[i] = d * Blocks256.subScale(target, at + 4, i / 32);
            offsets[i] = -min * Blocks256.subMin(target, at + 4, i / 32);
        }
    }

    /// Chooses the code of a weight whose value is nearest.
    ///
    /// @param place of the weight in the block
    /// @return that value, as decoding gives it
    public double round(int place, double weight) {
        var step = steps[place];
        if (type == DType.NF4) {
            var code = NormalFloat4.nearest((float) weight, step);
            codes[place] = (byte) code;
            return step * NormalFloat4.level(code);
        }
        var level = step == 0 ? 0 : Math.rint((weight - offsets[place]) / step);
        var code = (int) Math.clamp(level + zero, 0, most);
        codes[place] = (byte) code;
        return step * (code - zero) + offsets[place];
    }

    /// Stores the codes in the block that was fitted last.
    public void write(MemorySegment target, long at) {
        switch (type) {
            case Q8_0 -> {
                for (var i = 0; i < codes.length; i++) {
                    target.set(JAVA_BYTE, at + 2 + i, (byte) ((codes[i] & 0xFF) - zero));
                }
            }
            case Q5_0 -> {
                Encoders32.packPairs(codes, target, at + 6);
                Encoders32.packFifth(codes, target, at + 2);
            }
            case Q4_1 -> Encoders32.packPairs(codes, target, at + 4);
            case Q4_K -> Encoders256.packPairs(codes, target, at + 16);
            case Q6_K -> Encoders256.packCodes(codes, target, at);
            default -> Encoders32.packPairs(codes, target, at + 2); // Q4_0, NF4
        }
    }
}
