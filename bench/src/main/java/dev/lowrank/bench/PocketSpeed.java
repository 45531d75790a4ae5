package dev.lowrank.bench;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.DType;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Both engines on the pocket model: a prompt at once, and one token after what is in the cache.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PocketSpeed {
    /// Tokens of the prompt, or in the cache before the measured token.
    @Param({"16", "256"})
    public int tokens = 16;

    private final LanguageModel model = LanguageModel.open(Benchmarks.pocket());
    private final RowDecoder row = RowDecoder.of(model);
    private final TorchDecoder torch = TorchDecoder.load(model, TorchDecoder.Residency.RESIDENT);
    private final KvCache cache = KvCache.of(model.spec(), model.spec().maxPositions());
    private int[] prompt = {};

    /// Draws a seeded prompt and fills the cache with it.
    @Setup(Level.Trial)
    public void fill() {
        prompt = new SplittableRandom(1)
                .ints(tokens, 0, model.spec().vocabSize())
                .toArray();
        var _ = torch.prefill(prompt, cache);
        row.warm(DType.F32);
    }

    /// @return the last token's logits
    @Benchmark
    public float[] prefill() {
        cache.advanceTo(0);
        return torch.prefill(prompt, cache);
    }

    /// @return the token's logits
    @Benchmark
    public float[] decode() {
        cache.advanceTo(tokens);
        return row.step(prompt[0], cache);
    }

    /// Frees the model.
    @TearDown(Level.Trial)
    public void free() {
        cache.close();
        torch.close();
        row.close();
        model.close();
    }
}
