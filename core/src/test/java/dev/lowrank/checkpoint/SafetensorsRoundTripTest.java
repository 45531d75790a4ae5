package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.SafetensorsWriter.Entry;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsRoundTripTest {
    @TempDir
    Path folder;

    private static HostTensor bytes(DType dtype, Shape shape, long seed) {
        var data = new byte[(int) (shape.elements() * dtype.bytes())];
        new Random(seed).nextBytes(data);
        return new HostTensor(dtype, shape, MemorySegment.ofArray(data));
    }

    @Test
    void writesTheBytesOfTheReferenceImplementation() throws IOException {
        try (var golden = SafetensorsRoundTripTest.class.getResourceAsStream("/golden/safetensors/three.safetensors")) {
            var expected = Objects.requireNonNull(golden).readAllBytes();
            var half = new byte[10];
            var halves = ByteBuffer.wrap(half).order(ByteOrder.LITTLE_ENDIAN);
            for (var i = 0; i < 5; i++) {
                halves.putShort(Float.floatToFloat16(i));
            }
            var path = folder.resolve("three.safetensors");
            var entries = List.of(
                    new Entry("c.half", DType.F16, Shape.of(5)),
                    new Entry("b.bias", DType.F32, Shape.of(3)),
                    new Entry("a.weight", DType.F32, Shape.of(2, 3)));
            try (var writer = SafetensorsWriter.create(path, entries)) {
                assertThat(writer.names()).containsExactly("a.weight", "b.bias", "c.half");
                writer.write("c.half", new HostTensor(DType.F16, Shape.of(5), MemorySegment.ofArray(half)));
                writer.write("b.bias", HostTensor.ofFloats(new float[] {0, 1, 2}, 3));
                writer.write("a.weight", HostTensor.ofFloats(new float[] {0, .125f, .25f, .375f, .5f, .625f}, 2, 3));
                writer.finish();
                assertThat(writer.bytes()).isEqualTo(expected.length);
            }
            assertThat(Files.readAllBytes(path)).isEqualTo(expected);
        }
    }

    @Test
    void everyTypeSurvivesWritingAndReading() {
        var tensors = new LinkedHashMap<String, HostTensor>();
        for (var dtype : DType.values()) {
            if (dtype.isBlocks()) {
                assertThatThrownBy(() -> new Entry("blocks", dtype, Shape.of(32)))
                        .hasMessageContaining("safetensors has no type " + dtype);
                continue;
            }
            tensors.put("matrix." + dtype, bytes(dtype, Shape.of(3, 5), dtype.bytes()));
            tensors.put("scalar." + dtype, bytes(dtype, Shape.of(), 7));
            tensors.put("empty." + dtype, bytes(dtype, Shape.of(0, 4), 7));
            tensors.put("näme\n\u2028 \"😀\"" + dtype, bytes(dtype, Shape.of(1), 9));
        }
        var entries = new ArrayList<Entry>();
        tensors.forEach((name, t) -> entries.add(new Entry(name, t.dtype(), t.shape())));
        var path = folder.resolve("all.safetensors");
        try (var writer = SafetensorsWriter.create(path, entries)) {
            tensors.forEach(writer::write);
            writer.finish();
        }
        try (var file = SafetensorsFile.open(path)) {
            assertThat(file.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
            assertThat(file.metadata()).containsEntry("format", "pt");
            tensors.forEach((name, expected) -> {
                var read = file.tensor(name);
                assertThat(read.dtype()).isEqualTo(expected.dtype());
                assertThat(read.shape()).isEqualTo(expected.shape());
                assertThat(read.data().mismatch(expected.data())).isEqualTo(-1);
            });
        }
    }

    @Test
    void unfinishedFileLeavesNothing() throws IOException {
        var path = folder.resolve("model.safetensors");
        try (var writer = SafetensorsWriter.create(path, List.of(new Entry("a", DType.F32, Shape.of(1))))) {
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
        }
        try (var files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void tensorOfAnotherShapeOrNameIsTheCallersFault() {
        var entries = List.of(new Entry("a", DType.F32, Shape.of(1)));
        try (var writer = SafetensorsWriter.create(folder.resolve("m"), entries)) {
            var two = HostTensor.ofFloats(new float[2], 2);
            assertThatThrownBy(() -> writer.write("b", two)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> writer.write("a", two)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {3L << 30, 1L << 40})
    void sparseFileIsMappedLazily(long size) throws IOException {
        var header = "{" + SafetensorsBytes.entry("big", "U8", "[" + size + "]", "[0," + size + "]") + ","
                + SafetensorsBytes.entry("end", "F32", "[1]", "[" + size + "," + (size + 4) + "]") + "}";
        var path = folder.resolve("sparse.safetensors");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(SafetensorsBytes.withHeader(header, 0));
            file.setLength(8 + header.length() + size + 4);
            file.seek(8 + header.length() + size);
            file.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(2.5f)
                    .array());
        }
        try (var file = SafetensorsFile.open(path)) {
            var big = file.tensor("big");
            assertThat(big.bytes()).isEqualTo(size);
            assertThat(big.data().get(ValueLayout.JAVA_BYTE, size - 1)).isZero();
            assertThat(file.tensor("end").toFloats()).containsExactly(2.5f);
        } finally {
            Files.delete(path);
        }
    }

    @Test
    void fileCutAfterOpeningIsNoticed() throws IOException {
        var path = CodeAssert.file(
                folder,
                "s",
                SafetensorsBytes.withHeader("{" + SafetensorsBytes.entry("a", "F32", "[2]", "[0,8]") + "}", 8));
        try (var file = SafetensorsFile.open(path)) {
            try (var channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(20);
            }
            assertRefused(Code.IO_FILE_CHANGED, () -> file.tensor("a"));
        }
    }

    @Test
    void closedFileSaysSo() {
        var path = CodeAssert.file(
                folder,
                "s",
                SafetensorsBytes.withHeader("{" + SafetensorsBytes.entry("a", "F32", "[2]", "[0,8]") + "}", 8));
        var file = SafetensorsFile.open(path);
        file.close();
        file.close();
        assertThatThrownBy(() -> file.tensor("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void headerOfSpacesTakesBoundedTime() {
        var header = ("{}" + " ".repeat(99_999_990)).getBytes(StandardCharsets.US_ASCII);
        var path = CodeAssert.file(folder, "bomb", SafetensorsBytes.withHeader(header, 0));
        Assertions.assertTimeout(Duration.ofSeconds(5), () -> {
            try (var file = SafetensorsFile.open(path)) {
                assertThat(file.names()).isEmpty();
            }
        });
    }
}
