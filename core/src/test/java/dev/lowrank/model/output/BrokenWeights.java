package dev.lowrank.model.output;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;

/// Overwrites a number in a folder's F32 weights.
final class BrokenWeights {
    private BrokenWeights() {}

    /// @param tensor its name
    /// @param value becomes its element 7
    static void put(Path folder, String tensor, float value) throws IOException {
        var file = folder.resolve("model.safetensors");
        var bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        var header = (int) bytes.getLong(0);
        var json = JsonMapper.builder().build().readTree(new String(bytes.array(), 8, header, StandardCharsets.UTF_8));
        var start = json.path(tensor).path("data_offsets").path(0).intValue();
        bytes.putFloat(8 + header + start + 4 * 7, value);
        Files.write(file, bytes.array());
    }
}
