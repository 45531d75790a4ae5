package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Processor;

/// Whether products in BF16 are quicker than in F32 here, for passes whose results are sums over many
/// tokens.
public final class MixedPrecision {
    /// Below this width converting costs more than multiplying saves (decision 14).
    private static final int LEAST_WIDTH = 256;

    private MixedPrecision() {}

    /// The type of products in passes whose results are wanted as statistics, not as digits.
    public static DType products(DecoderSpec spec) {
        return pays(spec) ? DType.BF16 : DType.F32;
    }

    /// The type of products in which a model reads prompts: BF16 where its own linears are stored in it, as
    /// a program that runs the checkpoint in its type would, and the processor is quicker at that; else
    /// F32.
    public static DType ofPrompts(LanguageModel model) {
        var stored = model.spec().blocks().stream()
                .flatMap(block -> block.sites().stream())
                .allMatch(site ->
                        model.weights().linear(site).parts().stream().allMatch(part -> part.dtype() == DType.BF16));
        return stored && pays(model.spec()) ? DType.BF16 : DType.F32;
    }

    /// Whether it pays for a model: it is wide enough and the processor multiplies BF16 itself.
    public static boolean pays(DecoderSpec spec) {
        return spec.hiddenSize() >= LEAST_WIDTH && Processor.here().multipliesBf16();
    }
}
