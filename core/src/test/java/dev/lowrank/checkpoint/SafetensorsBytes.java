package dev.lowrank.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Short recipes of safetensors files, good and bad.
final class SafetensorsBytes {
    private SafetensorsBytes() {}

    static byte[] raw(long headerLength, byte[] rest) {
        return ByteBuffer.allocate(8 + rest.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerLength)
                .put(rest)
                .array();
    }

    static byte[] withHeader(String header, int dataBytes) {
        return withHeader(header.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    static byte[] withHeader(byte[] header, int dataBytes) {
        return raw(header.length, Arrays.copyOf(header, header.length + dataBytes));
    }

    static String entry(String name, String dtype, String shape, String offsets) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets
                + "}";
    }
}
