package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static dev.lowrank.checkpoint.CodeAssert.file;
import static dev.lowrank.checkpoint.SafetensorsBytes.entry;
import static dev.lowrank.checkpoint.SafetensorsBytes.raw;
import static dev.lowrank.checkpoint.SafetensorsBytes.withHeader;
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
import org.junit.jupiter.params.provider.ValueSource;

/// Malformed safetensors files: the catalogue S01 to S20.
class SafetensorsRejectionTest {
    private static final String GOOD = entry("a", "F32", "[2]", "[0,8]");

    @TempDir
    Path folder;

    static Stream<Arguments> malformed() {
        return Stream.of(lengths(), syntax(), names(), tensors(), layouts()).flatMap(s -> s);
    }

    private static Arguments bad(String name, Code code, byte[] bytes) {
        return Arguments.of(name, code, bytes);
    }

    private static Stream<Arguments> lengths() {
        return Stream.of(
                bad("S01 empty", Code.ST_TOO_SHORT, new byte[0]),
                bad("S01 one byte", Code.ST_TOO_SHORT, new byte[1]),
                bad("S01 seven bytes", Code.ST_TOO_SHORT, new byte[7]),
                bad("S01 no header", Code.ST_EMPTY_HEADER, raw(0, new byte[4])),
                bad("S02 header past end", Code.ST_HEADER_PAST_EOF, raw(1000, new byte[52])),
                bad("S03 over the limit", Code.ST_HEADER_TOO_LARGE, raw(100_000_001, new byte[10])),
                bad("S03 2^63", Code.ST_HEADER_TOO_LARGE, raw(Long.MIN_VALUE, new byte[10])),
                bad("S03 2^64-1", Code.ST_HEADER_TOO_LARGE, raw(-1, new byte[10])));
    }

    private static Stream<Arguments> syntax() {
        var overlong = new byte[] {'{', '"', (byte) 0xC0, (byte) 0x80, '"', ':', '1', '}'};
        return Stream.of(
                bad("S04 0xFF", Code.ST_BAD_UTF8, withHeader(new byte[] {'{', '"', (byte) 0xFF, '"', '}'}, 0)),
                bad("S04 overlong", Code.ST_BAD_UTF8, withHeader(overlong, 0)),
                bad(
                        "S04 lone surrogate",
                        Code.ST_BAD_JSON,
                        withHeader("{" + entry("\\ud800", "F32", "[]", "[0,4]") + "}", 4)),
                bad("S04 open brace", Code.ST_BAD_JSON, withHeader("{", 0)),
                bad("S04 array", Code.ST_BAD_JSON, withHeader("[]", 0)),
                bad("S04 text", Code.ST_BAD_JSON, withHeader("\"x\"", 0)),
                bad("S04 null", Code.ST_BAD_JSON, withHeader("null", 0)),
                bad("S04 trailing comma", Code.ST_BAD_JSON, withHeader("{" + GOOD + ",}", 8)),
                bad("S04 NaN", Code.ST_BAD_JSON, withHeader("{\"a\":NaN}", 0)),
                bad("S04 comment", Code.ST_BAD_JSON, withHeader("{/* */}", 0)),
                bad("S04 BOM", Code.ST_BAD_JSON, withHeader("\uFEFF{}", 0)),
                bad("S04 UTF-16", Code.ST_BAD_JSON, withHeader("{}".getBytes(StandardCharsets.UTF_16LE), 0)),
                bad("S05 text after", Code.ST_BAD_JSON, withHeader("{} x", 0)),
                bad("S05 NUL after", Code.ST_BAD_JSON, withHeader("{}\0\0", 0)),
                bad("S08 deep", Code.ST_BAD_JSON, withHeader("{\"a\":{\"x\":" + "[".repeat(100_000), 0)),
                bad("S08 deep shape", Code.ST_BAD_SHAPE, withHeader("{\"a\":{\"shape\":" + "[".repeat(100_000), 0)));
    }

    private static Stream<Arguments> names() {
        var manyTensors = new StringBuilder("{");
        for (var i = 0; i <= 1_000_000; i++) {
            manyTensors.append(i == 0 ? "" : ",").append(entry("" + i, "U8", "[0]", "[0,0]"));
        }
        return Stream.of(
                bad("S06 twice", Code.ST_DUPLICATE_NAME, withHeader("{" + GOOD + "," + GOOD + "}", 8)),
                bad(
                        "S06 escaped",
                        Code.ST_DUPLICATE_NAME,
                        withHeader("{" + GOOD + "," + GOOD.replace("\"a\"", "\"\\u0061\"") + "}", 8)),
                bad("S07 twice", Code.ST_BAD_METADATA, withHeader("{\"__metadata__\":{},\"__metadata__\":{}}", 0)),
                bad("S07 number", Code.ST_BAD_METADATA, withHeader("{\"__metadata__\":{\"a\":1}}", 0)),
                bad("S07 array", Code.ST_BAD_METADATA, withHeader("{\"__metadata__\":[]}", 0)),
                bad("S07 null", Code.ST_BAD_METADATA, withHeader("{\"__metadata__\":{\"a\":null}}", 0)),
                bad(
                        "S07 long",
                        Code.ST_LIMIT,
                        withHeader("{\"__metadata__\":{\"a\":\"" + "x".repeat(50_000_000) + "\"}}", 0)),
                bad(
                        "S09 entries",
                        Code.ST_LIMIT,
                        withHeader(manyTensors.append('}').toString(), 0)),
                bad(
                        "S19 long name",
                        Code.ST_LIMIT,
                        withHeader("{" + entry("n".repeat(70_000), "U8", "[]", "[0,1]") + "}", 1)));
    }

    private static byte[] one(String dtype, String shape, String offsets, int data) {
        return withHeader("{" + entry("a", dtype, shape, offsets) + "}", data);
    }

    private static Stream<Arguments> tensors() {
        var dims65 = "[" + "1,".repeat(64) + "1]";
        return Stream.of(
                bad("S10 F31", Code.ST_UNKNOWN_DTYPE, one("F31", "[2]", "[0,8]", 8)),
                bad("S10 f32", Code.ST_UNKNOWN_DTYPE, one("f32", "[2]", "[0,8]", 8)),
                bad("S10 none", Code.ST_UNKNOWN_DTYPE, one("", "[2]", "[0,8]", 8)),
                bad(
                        "S10 missing",
                        Code.ST_UNKNOWN_DTYPE,
                        withHeader("{\"a\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4)),
                bad("S10 number", Code.ST_UNKNOWN_DTYPE, withHeader("{\"a\":{\"dtype\":7}}", 4)),
                bad("S11 negative", Code.ST_BAD_SHAPE, one("F32", "[-1]", "[0,4]", 4)),
                bad("S11 decimal", Code.ST_BAD_SHAPE, one("F32", "[1.0]", "[0,4]", 4)),
                bad("S11 exponent", Code.ST_BAD_SHAPE, one("F32", "[1e3]", "[0,4]", 4)),
                bad("S11 text", Code.ST_BAD_SHAPE, one("F32", "[\"4\"]", "[0,4]", 4)),
                bad("S11 2^64", Code.ST_BAD_SHAPE, one("F32", "[18446744073709551616]", "[0,4]", 4)),
                bad(
                        "S11 missing",
                        Code.ST_BAD_SHAPE,
                        withHeader("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4)),
                bad("S11 65 sizes", Code.ST_BAD_SHAPE, one("F32", dims65, "[0,4]", 4)),
                bad("S12 wraps", Code.ST_SIZE_OVERFLOW, one("U8", "[2,18446744073709551614]", "[0,4]", 4)),
                bad("S12 bytes wrap", Code.ST_SIZE_OVERFLOW, one("I32", "[2,9223372036854775807]", "[0,4]", 4)),
                bad(
                        "S13 zero first",
                        Code.ST_SIZE_OVERFLOW,
                        one("U8", "[0,4611686018427387904,4611686018427387904]", "[0,0]", 0)),
                bad(
                        "S13 zero last",
                        Code.ST_SIZE_OVERFLOW,
                        one("U8", "[4611686018427387904,4611686018427387904,0]", "[0,0]", 0)),
                bad("S14 backwards", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[4,0]", 4)),
                bad("S14 negative", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[-1,3]", 4)),
                bad("S14 one", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[4]", 4)),
                bad("S14 three", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[0,4,8]", 4)),
                bad("S14 texts", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[\"0\",\"4\"]", 4)),
                bad("S14 2^63", Code.ST_BAD_OFFSETS, one("F32", "[1]", "[0,9223372036854775808]", 4)),
                bad("S18 size", Code.ST_SIZE_MISMATCH, one("F32", "[2]", "[0,4]", 4)),
                bad("S18 bits", Code.ST_BIT_ALIGN, one("F4", "[3]", "[0,2]", 2)));
    }

    private static Stream<Arguments> layouts() {
        var ten = new StringBuilder("{");
        for (var i = 0; i < 10; i++) {
            ten.append(i == 0 ? "" : ",").append(entry("t" + i, "F32", "[2,2]", "[0,16]"));
        }
        return Stream.of(
                bad("S15 overlap", Code.ST_OVERLAP, withHeader(ten.append('}').toString(), 16)),
                bad(
                        "S16 hole",
                        Code.ST_HOLE,
                        withHeader("{" + GOOD + "," + entry("b", "U8", "[1]", "[9,10]") + "}", 10)),
                bad("S16 late start", Code.ST_HOLE, one("F32", "[2]", "[8,16]", 16)),
                bad("S17 trailing", Code.ST_TRAILING_BYTES, withHeader("{" + GOOD + "}", 9)),
                bad("S17 truncated", Code.ST_TRUNCATED, withHeader("{" + GOOD + "}", 7)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void malformedFileIsRefused(String name, Code code, byte[] bytes) {
        var path = file(folder, "model.safetensors", bytes);
        Assertions.assertTimeout(Duration.ofSeconds(5), () -> assertRefused(code, () -> SafetensorsFile.open(path)));
    }

    @Test
    void headerWithoutTensorsIsAccepted() {
        try (var file = SafetensorsFile.open(file(folder, "s", withHeader("{}", 0)))) {
            assertThat(file.names()).isEmpty();
        }
    }

    @Test
    void whiteSpaceBeforeTheHeaderIsAWarning() {
        try (var file = SafetensorsFile.open(file(folder, "s", withHeader(" \n{" + GOOD + "}  ", 8)))) {
            assertThat(file.names()).containsExactly("a");
            assertThat(file.warnings()).hasSize(1);
        }
    }

    @Test
    void typesOfOthersAreListedAndRefusedWhenRead() {
        var header = "{" + entry("x", "F8_E8M0", "[4]", "[0,4]") + "," + entry("y", "F4", "[2]", "[4,5]") + "}";
        try (var file = SafetensorsFile.open(file(folder, "s", withHeader(header, 5)))) {
            assertThat(file.names()).isEmpty();
            assertThat(file.unsupported()).containsEntry("x", "F8_E8M0").containsEntry("y", "F4");
            assertRefused(Code.ST_UNSUPPORTED_DTYPE, () -> file.tensor("x"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\\u0000", "../x", "a\\r\\nb", "\\u001b[2J", "\\u200f", "nnnn"})
    void oddNamesAreKeysAndPrintEscaped(String json) {
        try (var file =
                SafetensorsFile.open(file(folder, "s", withHeader("{" + entry(json, "U8", "[1]", "[0,1]") + "}", 1)))) {
            var name = file.names().iterator().next();
            assertThat(file.tensor(name).bytes()).isEqualTo(1);
            var refusal = assertRefused(Code.NO_SUCH_TENSOR, () -> file.tensor(name + "\u001b\u200f\r"));
            assertThat(refusal.getMessage()).doesNotContain("\u001b", "\u200f", "\r");
            assertThat(refusal.name()).hasSizeLessThanOrEqualTo(200);
        }
    }

    @Test
    void everyTruncationAndEveryBitFlipIsRefusedOrRead() {
        var good = withHeader(
                "{\"__metadata__\":{\"format\":\"pt\"}," + GOOD + "," + entry("b", "BF16", "[2,1]", "[8,12]") + "}",
                12);
        for (var length = 0; length < good.length; length++) {
            var cut = Arrays.copyOf(good, length);
            assertThat(outcome(cut)).as("cut at %d", length).isInstanceOf(CheckpointException.class);
        }
        for (var bit = 0; bit < (good.length - 12) * 8; bit++) {
            var flipped = good.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            var outcome = outcome(flipped);
            assertThat(outcome instanceof CheckpointException || outcome.equals("ok"))
                    .as("bit %d", bit)
                    .isTrue();
        }
    }

    /// A refusal, or "ok"; anything else thrown fails the test.
    private Object outcome(byte[] bytes) {
        try (var file = SafetensorsFile.open(file(folder, "fuzz", bytes))) {
            for (var name : file.names()) {
                file.tensor(name).toFloats();
            }
            return "ok";
        } catch (CheckpointException e) {
            return e;
        }
    }
}
