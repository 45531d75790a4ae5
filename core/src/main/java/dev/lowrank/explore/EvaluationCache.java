package dev.lowrank.explore;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.OutputFolder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/// Everything that was ever measured, one JSON line an evaluation, by a hash of all that decides it. A line
/// is on the disk before the next evaluation begins. A process that is killed may tear the last line: it is
/// dropped when the file is opened again, and told.
public final class EvaluationCache implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final FileChannel channel;
    private final Map<String, SortedMap<String, Double>> known;
    private final boolean torn;

    private EvaluationCache(
            Path file, FileChannel channel, Map<String, SortedMap<String, Double>> known, boolean torn) {
        this.file = file;
        this.channel = channel;
        this.known = known;
        this.torn = torn;
    }

    /// What a line holds.
    ///
    /// @param key hash of all that decides the values
    /// @param kind what was measured, for people
    /// @param ranks the configuration, for people
    /// @param values by name
    record Line(String key, String kind, SortedMap<String, Integer> ranks, SortedMap<String, Double> values) {
        Line {
            Objects.requireNonNull(key, "key");
            Objects.requireNonNull(values, "values");
        }
    }

    /// Opens or makes a file.
    ///
    /// @throws CheckpointException if a line before the last is not what this class writes
    public static EvaluationCache open(Path file) {
        try {
            var bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
            var known = new HashMap<String, SortedMap<String, Double>>();
            var good = read(file, bytes, known);
            var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.truncate(good).position(good);
            return new EvaluationCache(file, channel, known, good < bytes.length);
        } catch (IOException failure) {
            throw OutputFolder.failure(file, failure);
        }
    }

    /// @return where the last whole line ends
    private static int read(Path file, byte[] bytes, Map<String, SortedMap<String, Double>> known) {
        var start = 0;
        for (var end = 0; end < bytes.length; end++) {
            if (bytes[end] != '\n') {
                continue;
            }
            try {
                var line = JSON.readValue(bytes, start, end - start, Line.class);
                known.put(line.key(), line.values());
            } catch (JacksonException broken) {
                if (end + 1 == bytes.length) {
                    return start;
                }
                throw new CheckpointException(
                        Code.JSON_BAD,
                        file,
                        start,
                        "",
                        "Not a line of evaluations; remove it, or the file to measure everything anew",
                        broken);
            }
            start = end + 1;
        }
        return start;
    }

    /// Whether the last line was torn, and dropped.
    public boolean torn() {
        return torn;
    }

    /// Number of evaluations.
    public int size() {
        return known.size();
    }

    /// The values stored under a key; null for none.
    public @Nullable SortedMap<String, Double> get(String key) {
        return known.get(key);
    }

    /// Stores values; they are on the disk when this returns.
    ///
    /// @param kind what was measured, for people
    public void put(String key, String kind, Configuration configuration, Map<String, Double> values) {
        var line = new Line(key, kind, configuration.ranks(), new TreeMap<>(values));
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(JSON.writeValueAsString(line).getBytes(StandardCharsets.UTF_8));
        bytes.write('\n');
        try {
            var buffer = ByteBuffer.wrap(bytes.toByteArray());
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        } catch (IOException failure) {
            throw OutputFolder.failure(file, failure);
        }
        known.put(key, line.values());
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException failure) {
            throw OutputFolder.failure(file, failure);
        }
    }
}
