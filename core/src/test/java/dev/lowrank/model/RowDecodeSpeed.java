package dev.lowrank.model;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.DType;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/// Prints decode speed of a synthetic model of SmolLM2-135M's shape; run by hand, not a test. Arguments:
/// threads, tokens, context before them, and `scalar` for the fallback kernels.
final class RowDecodeSpeed {
    private RowDecodeSpeed() {}

    public static void main(String[] arguments) {
        var threads = arguments.length > 0
                ? Integer.parseInt(arguments[0])
                : Runtime.getRuntime().availableProcessors();
        var tokens = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 128;
        var context = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 1;
        var kernels = Arrays.asList(arguments).contains("scalar") ? Kernels.scalar() : Kernels.best();
        for (var dtype : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            measure(dtype, kernels, threads, tokens, context);
        }
    }

    private static void measure(DType dtype, Kernels kernels, int threads, int tokens, int context) {
        var model = new SyntheticModel(dtype, SyntheticModel.Dimensions.SMOLLM2);
        var parameters =
                model.spec().sites().mapToLong(LinearSite::weightParameters).sum() + 49152L * 576;
        try (var decoder = RowDecoder.of(model.spec(), model, kernels, threads);
                var cache = KvCache.of(model.spec(), context + 10 * tokens + 16)) {
            var start = System.nanoTime();
            decoder.step(1, cache);
            var first = System.nanoTime() - start;
            cache.advanceTo(context);
            for (var i = 0; i < 16; i++) {
                decoder.step(i, cache);
            }
            var times = new double[tokens];
            var processor = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            for (var i = 0; i < tokens; i++) {
                var before = System.nanoTime();
                decoder.step(i, cache);
                times[i] = (System.nanoTime() - before) * 1e-9;
            }
            var busy = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - processor) * 1e-9;
            var total = Arrays.stream(times).sum();
            Arrays.sort(times);
            var bytes = parameters * dtype.bytes();
            System.out.printf(
                    "%s %s: %.1f tokens/s (best decile %.1f), %.1f GB/s (best decile %.1f), this thread busy %.0f %%, cold first token %.0f ms%n",
                    dtype,
                    decoder.describe(),
                    tokens / total,
                    1 / times[tokens / 10],
                    bytes * tokens / total * 1e-9,
                    bytes / times[tokens / 10] * 1e-9,
                    100 * busy / total,
                    first * 1e-6);
        }
    }
}
