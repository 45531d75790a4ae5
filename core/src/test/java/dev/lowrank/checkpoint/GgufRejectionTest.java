package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static dev.lowrank.checkpoint.CodeAssert.file;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Malformed GGUF files: the catalogue G01 to G21.
class GgufRejectionTest {
    private static final long HUGE = 1L << 62;

    @TempDir
    Path folder;

    static Stream<Arguments> malformed() {
        return Stream.of(starts(), pairs(), alignments(), tensors(), places(), parameters(), vocabularies())
                .flatMap(s -> s);
    }

    private static Arguments bad(String name, Code code, byte[] bytes) {
        return Arguments.of(name, code, bytes);
    }

    private static Arguments bad(String name, Code code, GgufBytes recipe) {
        return Arguments.of(name, code, recipe.build());
    }

    private static Stream<Arguments> starts() {
        return Stream.of(
                bad("G01 empty", Code.GG_TRUNCATED, new byte[0]),
                bad("G01 three bytes", Code.GG_TRUNCATED, "GGU".getBytes(StandardCharsets.US_ASCII)),
                bad("G01 other magic", Code.GG_BAD_MAGIC, "FUGG\3\0\0\0".getBytes(StandardCharsets.US_ASCII)),
                bad("G01 magic only", Code.GG_TRUNCATED, "GGUF".getBytes(StandardCharsets.US_ASCII)),
                bad("G01 version 0", Code.GG_VERSION, GgufBytes.header(0, 0, 0)),
                bad("G01 version 1", Code.GG_VERSION, GgufBytes.header(1, 0, 0)),
                bad("G01 version 4", Code.GG_VERSION, GgufBytes.header(4, 0, 0)),
                bad("G01 big-endian", Code.GG_VERSION, GgufBytes.header(0x03000000, 0, 0)),
                bad("G02 tensors -1", Code.GG_COUNT, GgufBytes.header(3, -1, 0)),
                bad("G02 tensors 2^63-1", Code.GG_COUNT, GgufBytes.header(3, Long.MAX_VALUE, 0)),
                bad("G02 tensors 2^32", Code.GG_COUNT, GgufBytes.header(3, 1L << 32, 0)),
                bad("G02 keys -1", Code.GG_COUNT, GgufBytes.header(3, 0, -1)),
                bad("G02 keys 2^61", Code.GG_COUNT, GgufBytes.header(3, 0, 1L << 61)));
    }

    private static byte[] keyOfLength(long length) {
        return GgufBytes.join(GgufBytes.u64(length), new byte[64]);
    }

    private static byte[] array(int element, long count) {
        return GgufBytes.join(GgufBytes.u32(element), GgufBytes.u64(count), new byte[64]);
    }

    private static Stream<Arguments> pairs() {
        var badUtf8 = GgufBytes.join(GgufBytes.u64(2), new byte[] {(byte) 0xC3, 0x28});
        var stringPast = GgufBytes.join(GgufBytes.u64(1L << 31), new byte[16]);
        return Stream.of(
                bad("G03 key 2^64-1", Code.GG_STRING, new GgufBytes().raw(keyOfLength(-1))),
                bad("G03 key 2^31", Code.GG_STRING, new GgufBytes().raw(keyOfLength(1L << 31))),
                bad("G03 key 64 kB", Code.GG_STRING, new GgufBytes().u32("k".repeat(65_536), 1)),
                bad("G03 key past end", Code.GG_STRING, new GgufBytes().raw(keyOfLength(1000))),
                bad("G03 key empty", Code.GG_EMPTY_KEY, new GgufBytes().u32("", 1)),
                bad("G03 key UTF-8", Code.GG_STRING, new GgufBytes().raw(GgufBytes.join(badUtf8, new byte[16]))),
                bad("G03 text 2^31", Code.GG_STRING, new GgufBytes().pair("k", GgufBytes.STRING, stringPast)),
                bad("G03 text UTF-8", Code.GG_STRING, new GgufBytes().pair("k", GgufBytes.STRING, badUtf8)),
                bad("G04 type 13", Code.GG_TYPE, new GgufBytes().pair("k", 13, new byte[8])),
                bad("G04 type -1", Code.GG_TYPE, new GgufBytes().pair("k", -1, new byte[8])),
                bad("G04 type 255", Code.GG_TYPE, new GgufBytes().pair("k", 255, new byte[8])),
                bad("G04 nested", Code.GG_TYPE, new GgufBytes().pair("k", 9, array(9, 1))),
                bad("G05 2^62 of u8", Code.GG_ARRAY, new GgufBytes().pair("k", 9, array(0, HUGE))),
                bad("G05 wraps", Code.GG_ARRAY, new GgufBytes().pair("k", 9, array(10, (1L << 61) + 1))),
                bad("G05 empty texts", Code.GG_ARRAY, new GgufBytes().pair("k", 9, array(8, 1 << 30))),
                bad("G06 bool 2", Code.GG_BOOL, new GgufBytes().pair("k", 7, new byte[] {2})),
                bad(
                        "G07 key twice",
                        Code.GG_DUPLICATE,
                        new GgufBytes().u32("k", 1).u32("k", 1)),
                bad(
                        "G07 tensor twice",
                        Code.GG_DUPLICATE,
                        new GgufBytes().tensor("t", new float[8], 8).tensor("t", new float[8], 8)));
    }

    private static Stream<Arguments> alignments() {
        var numbers = Stream.of(0, 3, 13, Integer.MIN_VALUE, 1 << 21)
                .map(n -> bad("G08 " + n, Code.GG_ALIGNMENT, new GgufBytes().u32("general.alignment", n)));
        var key = "general.alignment";
        return Stream.concat(
                numbers,
                Stream.of(
                        bad("G08 I32", Code.GG_ALIGNMENT, new GgufBytes().pair(key, GgufBytes.I32, GgufBytes.u32(32))),
                        bad("G08 text", Code.GG_ALIGNMENT, new GgufBytes().text(key, "32")),
                        bad(
                                "G08 twice",
                                Code.GG_ALIGNMENT,
                                new GgufBytes().alignment(32).alignment(32))));
    }

    private static GgufBytes tensor(int type, long... sizes) {
        return new GgufBytes().describe("t", type, 0, sizes);
    }

    private static GgufBytes rank(int rank) {
        return new GgufBytes().rawTensor(GgufBytes.join(GgufBytes.text("t"), GgufBytes.u32(rank), new byte[64]));
    }

    private static Stream<Arguments> tensors() {
        return Stream.of(
                bad("G09 no dimension", Code.GG_DIMS, rank(0)),
                bad("G09 five", Code.GG_DIMS, rank(5)),
                bad("G09 2^32-1", Code.GG_DIMS, rank(-1)),
                bad("G10 -1", Code.GG_DIMS, tensor(0, -1)),
                bad("G10 zero", Code.GG_DIMS, tensor(0, 4, 0)),
                bad("G11 wraps negative", Code.GG_SIZE_OVERFLOW, tensor(0, Long.MAX_VALUE, 2, 1, 1)),
                bad("G12 elements", Code.GG_SIZE_OVERFLOW, tensor(0, 4L << 31, 4L << 31)),
                bad("G12 bytes of blocks", Code.GG_SIZE_OVERFLOW, tensor(2, 1L << 32, 1L << 31)),
                bad("G13 padding", Code.GG_SIZE_OVERFLOW, tensor(24, Long.MAX_VALUE)),
                bad("G14 sum", Code.GG_SIZE_OVERFLOW, tensor(24, HUGE).describe("u", 24, HUGE, HUGE)),
                bad("G14 with header", Code.GG_SIZE_OVERFLOW, tensor(24, Long.MAX_VALUE - 63)),
                bad("G15 -1", Code.GG_TENSOR_TYPE, tensor(-1, 32)),
                bad("G15 count", Code.GG_TENSOR_TYPE, tensor(1000, 32)),
                bad("G15 removed", Code.GG_TENSOR_TYPE, tensor(4, 32)),
                bad("G16 part of a block", Code.GG_BLOCK, tensor(12, 100)));
    }

    private static Stream<Arguments> places() {
        var eight = new float[8];
        return Stream.of(
                bad("G17 2^64-1", Code.GG_OFFSET, new GgufBytes().describe("t", 0, -1, 8)),
                bad(
                        "G17 unaligned",
                        Code.GG_OFFSET,
                        new GgufBytes().tensor("t", eight, 8).describe("u", 0, 33, 8)),
                bad(
                        "G17 overlap",
                        Code.GG_OFFSET,
                        new GgufBytes().tensor("t", eight, 8).describe("u", 0, 0, 8)),
                bad(
                        "G17 gap",
                        Code.GG_OFFSET,
                        new GgufBytes().tensor("t", eight, 8).describe("u", 0, 64, 8)),
                bad(
                        "G17 order",
                        Code.GG_OFFSET,
                        new GgufBytes().describe("t", 0, 32, 8).describe("u", 0, 0, 8)),
                bad(
                        "G18 one byte",
                        Code.GG_TRUNCATED,
                        cut(new GgufBytes().tensor("t", eight, 8).build(), 1)),
                bad("G18 1 TB", Code.GG_TRUNCATED, tensor(24, 1L << 40)));
    }

    private static byte[] cut(byte[] bytes, int fewer) {
        return Arrays.copyOf(bytes, bytes.length - fewer);
    }

    private static GgufBytes blocks(int type, byte[] count) {
        return new GgufBytes()
                .text("general.architecture", "llama")
                .pair("llama.block_count", type, count)
                .tensor("token_embd.weight", new float[8], 8, 1);
    }

    private static Stream<Arguments> parameters() {
        return Stream.of(
                bad("G19 no block", Code.GG_HPARAM, blocks(GgufBytes.U32, GgufBytes.u32(0))),
                bad("G19 -1", Code.GG_HPARAM, blocks(GgufBytes.I32, GgufBytes.u32(-1))),
                bad("G19 513", Code.GG_HPARAM, blocks(GgufBytes.U32, GgufBytes.u32(513))),
                bad("G19 2^32-1", Code.GG_HPARAM, blocks(GgufBytes.U32, GgufBytes.u32(-1))),
                bad("G19 text", Code.GG_HPARAM, blocks(GgufBytes.STRING, GgufBytes.text("1"))),
                bad(
                        "G21 part of three",
                        Code.GG_SPLIT,
                        GgufBytes.llama()
                                .pair("split.count", 2, new byte[] {3, 0})
                                .pair("split.no", 2, new byte[] {1, 0})),
                bad("G21 count lies", Code.GG_SPLIT, GgufBytes.llama().u32("split.tensors.count", 7)),
                bad("other architecture", Code.CFG_UNSUPPORTED, new GgufBytes().text("general.architecture", "mamba")));
    }

    private static GgufBytes vocabulary(String... tokens) {
        return GgufBytes.llama()
                .tensor("token_embd.weight", new float[8], 8, 1)
                .text("tokenizer.ggml.model", "llama")
                .texts("tokenizer.ggml.tokens", tokens);
    }

    private static Stream<Arguments> vocabularies() {
        var scores = GgufBytes.join(GgufBytes.u32(GgufBytes.U8), GgufBytes.u64(1), new byte[1]);
        return Stream.of(
                bad("G20 scores", Code.GG_VOCAB, vocabulary("a").pair("tokenizer.ggml.scores", 9, scores)),
                bad("G20 types", Code.GG_VOCAB, vocabulary("a", "b").ints("tokenizer.ggml.token_type", 1)),
                bad("G20 <0x-1>", Code.GG_VOCAB, vocabulary("<0x-1>").ints("tokenizer.ggml.token_type", 6)),
                bad("G20 <0xZZ>", Code.GG_VOCAB, vocabulary("<0xZZ>").ints("tokenizer.ggml.token_type", 6)),
                bad("G20 id", Code.GG_VOCAB, vocabulary("a").u32("tokenizer.ggml.bos_token_id", 1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void malformedFileIsRefused(String name, Code code, byte[] bytes) {
        var path = file(folder, "model.gguf", bytes);
        Assertions.assertTimeout(Duration.ofSeconds(5), () -> assertRefused(code, () -> openAndReadAll(path)));
    }

    private static void openAndReadAll(Path path) {
        try (var file = GgufFile.open(path)) {
            for (var name : file.names()) {
                file.read(name).toFloats();
            }
            file.tokenizer();
        }
    }

    @Test
    void bigEndianFileIsCalledSo() {
        var path = file(folder, "model.gguf", GgufBytes.header(0x03000000, 0, 0));
        var refusal = assertRefused(Code.GG_VERSION, () -> GgufFile.open(path));
        assertThat(refusal).hasMessageContaining("big-endian");
    }

    @Test
    void manyNamesThatDifferInTheLastByteAreQuick() {
        var recipe = new GgufBytes();
        for (var i = 0; i < 200_000; i++) {
            recipe.describe("a long common beginning of the name " + i, 24, 32L * i, 1);
        }
        var path = file(folder, "many.gguf", recipe.build());
        Assertions.assertTimeout(
                Duration.ofSeconds(5), () -> assertRefused(Code.GG_TRUNCATED, () -> GgufFile.open(path)));
    }

    @Test
    void scaleThatIsNotFiniteIsRefusedWhenRead() {
        for (var type : new int[] {2, 3, 6, 7, 8, 12, 13, 14}) {
            var block = new byte
                    [2
                            * 256
                            / GgufType.ofId(type).blockWeights()
                            * GgufType.ofId(type).blockBytes()];
            Arrays.fill(block, (byte) 0x7C); // every half is NaN, every K scale too
            var path = file(
                    folder,
                    "nan" + type,
                    GgufBytes.llama()
                            .tensor("token_embd.weight", type, block, 256, 2)
                            .build());
            try (var file = GgufFile.open(path)) {
                var refusal = assertRefused(Code.NUM_NONFINITE, () -> file.read("model.embed_tokens.weight"));
                assertThat(refusal.name()).isEqualTo("token_embd.weight");
            }
        }
    }

    @Test
    void everyTruncationAndEveryBitFlipIsRefusedOrRead() {
        var good = GgufBytes.llama()
                .text("tokenizer.ggml.model", "llama")
                .texts("tokenizer.ggml.tokens", "a", "<0x0A>")
                .ints("tokenizer.ggml.token_type", 1, 6)
                .floats("tokenizer.ggml.scores", 0, 1)
                .tensor("token_embd.weight", new float[16], 8, 2)
                .tensor("blk.0.attn_q.weight", 2, new byte[8 * 18], 32, 8)
                .build();
        for (var length = 0; length < good.length - 16; length++) {
            assertThat(outcome(Arrays.copyOf(good, length)))
                    .as("cut at %d", length)
                    .isEqualTo("refused");
        }
        for (var bit = 0; bit < good.length * 8; bit++) {
            var flipped = good.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(outcome(flipped)).as("bit %d", bit).isIn("refused", "read");
        }
    }

    private String outcome(byte[] bytes) {
        try {
            openAndReadAll(file(folder, "fuzz", bytes));
            return "read";
        } catch (CheckpointException e) {
            return "refused";
        }
    }
}
