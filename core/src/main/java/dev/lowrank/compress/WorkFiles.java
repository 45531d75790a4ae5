package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.HostTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Small operations on the files of an unfinished run.
public final class WorkFiles {
    private static final int CHUNK = 1 << 20;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private WorkFiles() {}

    /// Where tensors of one site and method lie; the name tells methods with different options apart.
    ///
    /// @param kind of the tensors
    static Path ofSite(Path folder, String kind, LinearSite site, SiteMethod method) {
        return folder.resolve(String.format(
                Locale.ROOT,
                "%s-%05d-%s-%s-%08x.safetensors",
                kind,
                site.layer(),
                site.role().id(),
                method.info().id(),
                method.toString().hashCode()));
    }

    /// CRC32C of a file's content with its length mixed in; 0 if there is no such file.
    public static long checksum(Path file) {
        if (!Files.isRegularFile(file)) {
            return 0;
        }
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var crc = new CRC32C();
            var buffer = ByteBuffer.allocateDirect(CHUNK);
            while (channel.read(buffer) >= 0) {
                crc.update(buffer.flip());
                buffer.clear();
            }
            return (channel.size() << 32) ^ crc.getValue();
        } catch (IOException failure) {
            throw failed(file, failure);
        }
    }

    /// Writes a file so that it is there whole or not at all.
    public static void write(Path file, byte[] bytes) {
        var temporary = file.resolveSibling(file.getFileName() + ".writing");
        try {
            Files.write(temporary, bytes);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException failure) {
            throw failed(file, failure);
        }
    }

    /// Writes tensors as a safetensors file, whole or not at all.
    public static void writeTensors(Path file, Map<String, HostTensor> tensors, Map<String, String> metadata) {
        var entries = tensors.entrySet().stream()
                .map(each -> new SafetensorsWriter.Entry(
                        each.getKey(), each.getValue().dtype(), each.getValue().shape()))
                .toList();
        try (var writer = SafetensorsWriter.create(file, entries, metadata)) {
            tensors.forEach(writer::write);
            writer.finish();
        }
    }

    /// Reads a JSON object. A torn or missing file reads as absent: its unit of work is done again.
    public static @Nullable ObjectNode json(Path file) {
        try {
            return Files.isRegularFile(file) && JSON.readTree(Files.readAllBytes(file)) instanceof ObjectNode node
                    ? node
                    : null;
        } catch (JacksonException torn) {
            return null;
        } catch (IOException failure) {
            throw failed(file, failure);
        }
    }

    /// The error for a failed access; a full disk says how much is needed.
    public static CheckpointException failed(Path file, IOException failure) {
        return OutputFolder.failure(file, failure);
    }
}
