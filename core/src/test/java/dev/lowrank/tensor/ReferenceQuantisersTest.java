package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.Checkpoint;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Our encoders and decoders against those of a compiled ggml, byte by byte. The library is
/// `libggml-base.so` (the npm package `@node-llama-cpp/linux-x64` carries one), named by the environment
/// variable `LOWRANK_LLAMA_LIB`.
@Tag("llama")
class ReferenceQuantisersTest {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final FunctionDescriptor ROW =
            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);

    private SymbolLookup library;

    @BeforeEach
    @SuppressWarnings("restricted")
    void open() {
        var named = System.getenv("LOWRANK_LLAMA_LIB");
        Assumptions.assumeTrue(
                named != null && Files.isRegularFile(Path.of(named)),
                "LOWRANK_LLAMA_LIB names no libggml-base.so: " + named);
        library = SymbolLookup.libraryLookup(Path.of(named).toAbsolutePath(), Arena.global());
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"})
    void randomWeightsGiveTheSameBytes(DType type) {
        var random = new SplittableRandom(20_261_123);
        for (var scale : new float[] {1e-6f, 0.02f, 1, 300}) {
            var gaussian = new float[256 * 400];
            var uniform = new float[256 * 400];
            for (var i = 0; i < gaussian.length; i++) {
                gaussian[i] = (float) random.nextGaussian() * scale;
                uniform[i] = (random.nextFloat() - 0.3f) * scale;
            }
            assertSame(type, gaussian, "gaussian " + scale);
            assertSame(type, uniform, "uniform " + scale);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"})
    void unusualBlocksGiveTheSameBytes(DType type) {
        for (var constant : new float[] {0, -0.0f, 1, -1, 0.1f, 3000, -3000, 1e-8f, 1e-20f, 1e-38f, 1e-41f, -1e-45f}) {
            assertSame(type, EdgeBlocks.constant(constant), "constant " + constant);
        }
        for (var seed = 0; seed < 200; seed++) {
            for (var shape : EdgeBlocks.Shape.values()) {
                assertSame(type, shape.values(seed), shape + " " + seed);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"})
    void realWeightsGiveTheSameBytes(DType type) {
        var root = Path.of(System.getProperty("lowrank.root", "."));
        try (var pocket = Checkpoint.open(root.resolve("models/pocket"))) {
            for (var name : pocket.names()) {
                var tensor = pocket.read(name);
                if (tensor.shape().size(tensor.shape().rank() - 1) % 256 == 0) {
                    assertSame(type, tensor.toFloats(), name);
                }
            }
        }
    }

    @SuppressWarnings("restricted")
    private void assertSame(DType type, float[] values, String what) {
        try (var arena = Arena.ofConfined()) {
            var bytes = type.bytes(values.length);
            var source = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            var theirs = arena.allocate(bytes, 64);
            var suffix = type.name().toLowerCase(Locale.ROOT).replace("_k", "_K");
            call("quantize_row_" + suffix + "_ref", source, theirs, values.length);
            var ours = arena.allocate(bytes, 64);
            TypeConversion.encode(values, 0, values.length, type, ours, 0);
            var first = ours.mismatch(theirs);
            assertThat(first)
                    .as(type + " " + what + ", block " + first / type.blockBytes() + ", its byte "
                            + first % type.blockBytes())
                    .isEqualTo(-1);
            var decoded = arena.allocate(values.length * 4L, 64);
            call("dequantize_row_" + suffix, theirs, decoded, values.length);
            var own = new HostTensor(type, Shape.of(values.length), ours).toFloats();
            var differing = MemorySegment.ofArray(own).mismatch(decoded);
            assertThat(differing).as(type + " " + what + " decoded").isEqualTo(-1);
        }
    }

    @SuppressWarnings("restricted")
    private void call(String function, MemorySegment source, MemorySegment target, long count) {
        try {
            LINKER.downcallHandle(library.findOrThrow(function), ROW).invokeExact(source, target, count);
        } catch (Throwable thrown) {
            throw new AssertionError(function, thrown);
        }
    }
}
