package dev.lowrank.bench;

import dev.lowrank.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

/// The pocket model's tokenizer on its model card, repeated to a length.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class Encoding {
    /// Length of the text.
    @Param({"1000", "100000"})
    public int characters = 1000;

    private final Path folder = Benchmarks.pocket();
    private final Tokenizer tokenizer = Tokenizer.open(folder);
    private String text = "";

    /// Reads the text.
    ///
    /// @throws IOException if the card cannot be read
    @Setup(Level.Trial)
    public void read() throws IOException {
        var card = Files.readString(folder.resolve("README.md"));
        text = card.repeat(characters / card.length() + 1).substring(0, characters);
    }

    /// @return token ids
    @Benchmark
    public int[] encode() {
        return tokenizer.encode(text);
    }

    /// Closes the tokenizer.
    @TearDown(Level.Trial)
    public void free() {
        tokenizer.close();
    }
}
