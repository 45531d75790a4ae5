package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import tools.jackson.databind.node.ObjectNode;

/// Rotary parameters of a GGUF file in the v5 spelling of `config.json`.
///
/// Llama 3 files carry no parameters but the divisor of each frequency, `rope_freqs.weight`. All of that
/// family use low factor 1, high factor 4 and an original context of 8192; the divisors are checked against
/// these, and others are refused rather than guessed.
final class GgufRope {
    private static final double LOW = 1;
    private static final double HIGH = 4;
    private static final int ORIGINAL_CONTEXT = 8192;
    private static final double TOLERANCE = 1e-3;

    private GgufRope() {}

    static ObjectNode json(GgufHeader header, GgufMetadata metadata, String architecture, int headSize) {
        var prefix = architecture + ".rope.";
        var theta = metadata.number(prefix + "freq_base", 10_000, 1e-6, 1e30);
        var rope = Json.object().put("rope_theta", theta);
        var frequencies = header.tensors().get(GgufNames.ROPE_FREQUENCIES);
        if (frequencies != null) {
            return llama3(header, metadata, rope, theta, headSize, frequencies);
        }
        var type = metadata.text(prefix + "scaling.type");
        var factor = metadata.number(
                prefix + "scaling.factor", metadata.number(prefix + "scale_linear", 1, 1e-6, 1e6), 1e-6, 1e6);
        return switch (type == null ? (factor == 1 ? "none" : "linear") : type) {
            case "none" -> rope.put("rope_type", "default");
            case "linear" -> rope.put("rope_type", "linear").put("factor", factor);
            case "yarn" ->
                rope.put("rope_type", "yarn")
                        .put("factor", factor)
                        .put(
                                "original_max_position_embeddings",
                                metadata.requireWhole(prefix + "scaling.original_context_length", 1, 1 << 30));
            default -> throw metadata.wrong(Code.CFG_UNSUPPORTED, prefix + "scaling.type", "none, linear or yarn");
        };
    }

    private static ObjectNode llama3(
            GgufHeader header,
            GgufMetadata metadata,
            ObjectNode rope,
            double theta,
            int headSize,
            GgufHeader.Tensor frequencies) {
        var half = headSize / 2;
        if (frequencies.type().dtype() != DType.F32 || frequencies.shape().elements() != half) {
            throw unsupported(metadata, "has shape " + frequencies.shape() + " and type " + frequencies.type());
        }
        var divisors = header.floats(frequencies);
        var factor = (double) divisors[half - 1];
        for (var i = 0; i < half; i++) {
            var expected = divisor(theta, headSize, i, factor);
            if (!(Math.abs(divisors[i] - expected) <= TOLERANCE * Math.abs(expected))) {
                throw unsupported(metadata, "holds " + divisors[i] + " at " + i + " where Llama 3 has " + expected);
            }
        }
        return rope.put("rope_type", "llama3")
                .put("factor", factor)
                .put("low_freq_factor", LOW)
                .put("high_freq_factor", HIGH)
                .put("original_max_position_embeddings", ORIGINAL_CONTEXT);
    }

    /// What Llama 3 divides frequency `i` by.
    private static double divisor(double theta, int headSize, int i, double factor) {
        var wavelength = 2 * Math.PI * Math.pow(theta, 2.0 * i / headSize);
        if (wavelength < ORIGINAL_CONTEXT / HIGH) {
            return 1;
        }
        if (wavelength > ORIGINAL_CONTEXT / LOW) {
            return factor;
        }
        var smooth = (ORIGINAL_CONTEXT / wavelength - LOW) / (HIGH - LOW);
        return 1 / ((1 - smooth) / factor + smooth);
    }

    private static CheckpointException unsupported(GgufMetadata metadata, String found) {
        return new CheckpointException(
                Code.CFG_UNSUPPORTED,
                metadata.file(),
                -1,
                GgufNames.ROPE_FREQUENCIES,
                "The tensor of rotary divisors " + found + "; only those of Llama 3 are supported",
                null);
    }
}
