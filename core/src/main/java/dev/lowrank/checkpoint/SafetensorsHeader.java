package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.Shape;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;

/// The header of a safetensors file: `u64 N`, `N` bytes of JSON, then the data buffer.
///
/// Stricter than the reference reader where its specification is: duplicate names are refused at every
/// level, and the size of a shape is refused when any product of its non-zero sizes overflows, whatever the
/// order.
final class SafetensorsHeader {
    static final int MAX_HEADER_BYTES = 100_000_000;
    private static final int MAX_ENTRIES = 1_000_000;
    private static final int MAX_NAME_BYTES = 1024;
    private static final int MAX_DEPTH = 8;
    private static final int MAX_RANK = 64;
    private static final BigInteger U64_MAX = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    /// Duplicates are found here with codes of their own, so Jackson's detection stays off.
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNumberLength(1000)
                    .maxStringLength(10_000_000)
                    .maxNameLength(50_000)
                    .build())
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    /// One tensor: offsets are bytes from the start of the data buffer.
    record Entry(String name, SafetensorsType type, Shape shape, long begin, long end) {
        long bytes() {
            return end - begin;
        }
    }

    private final StoredFile file;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final List<String> warnings = new ArrayList<>();
    private @Nullable Map<String, String> metadata;
    private long dataStart;

    private SafetensorsHeader(StoredFile file) {
        this.file = file;
    }

    static SafetensorsHeader read(StoredFile file) {
        var header = new SafetensorsHeader(file);
        header.dataStart = header.headerEnd();
        header.parse();
        header.checkLayout();
        return header;
    }

    Map<String, Entry> entries() {
        return entries;
    }

    Map<String, String> metadata() {
        return metadata == null ? Map.of() : metadata;
    }

    List<String> warnings() {
        return warnings;
    }

    long dataStart() {
        return dataStart;
    }

    private long headerEnd() {
        if (file.size() < 8) {
            throw error(Code.ST_TOO_SHORT, 0, "", "The file has " + file.size() + " bytes; a header takes at least 8");
        }
        var length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        file.readFully(length, 0);
        var bytes = length.getLong(0);
        if (bytes == 0) {
            throw error(Code.ST_EMPTY_HEADER, 0, "", "The header length is 0; at least {} was expected");
        }
        if (Long.compareUnsigned(bytes, MAX_HEADER_BYTES) > 0) {
            throw error(
                    Code.ST_HEADER_TOO_LARGE,
                    0,
                    "",
                    "The header length is " + Long.toUnsignedString(bytes) + "; at most " + MAX_HEADER_BYTES
                            + " is allowed");
        }
        if (8 + bytes > file.size()) {
            throw error(
                    Code.ST_HEADER_PAST_EOF,
                    0,
                    "",
                    "The header should end at byte " + (8 + bytes) + " but the file has " + file.size()
                            + "; download it again");
        }
        return 8 + bytes;
    }

    private void parse() {
        var first = ByteBuffer.allocate(1);
        file.readFully(first, 8);
        if (first.get(0) != '{') {
            if (" \t\r\n".indexOf(first.get(0)) < 0) {
                throw error(Code.ST_BAD_JSON, 8, "", "The header must start with {");
            }
            warnings.add("The header of " + file.path() + " starts with white space instead of {");
        }
        try (var reader = new StrictUtf8Reader(file, 8, dataStart);
                var json = FACTORY.createParser(ObjectReadContext.empty(), reader)) {
            try {
                parseRoot(json);
            } catch (StreamConstraintsException e) {
                var deep = json.streamReadContext().getNestingDepth() >= MAX_DEPTH;
                throw error(deep ? Code.ST_BAD_JSON : Code.ST_LIMIT, Json.offset(e), "", Json.brief(e));
            } catch (JacksonException e) {
                var code = e.getCause() instanceof CharacterCodingException ? Code.ST_BAD_UTF8 : Code.ST_BAD_JSON;
                throw error(code, Json.offset(e), "", "The header is not valid JSON: " + Json.brief(e));
            }
        }
    }

    private void parseRoot(JsonParser json) {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw error(Code.ST_BAD_JSON, 8, "", "The header must be a JSON object");
        }
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            var name = json.currentName();
            if (name.equals("__metadata__")) {
                parseMetadata(json);
            } else {
                checkName(name);
                if (entries.put(name, parseEntry(json, name)) != null) {
                    throw error(Code.ST_DUPLICATE_NAME, -1, name, "The header names this tensor twice");
                }
                if (entries.size() > MAX_ENTRIES) {
                    throw error(Code.ST_LIMIT, -1, "", "The header has more than " + MAX_ENTRIES + " tensors");
                }
            }
        }
        if (json.nextToken() != null) {
            throw error(Code.ST_BAD_JSON, -1, "", "The header has text after its closing brace");
        }
    }

    private void checkName(String name) {
        if (isShortAscii(name)) {
            return;
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
            throw error(Code.ST_BAD_UTF8, -1, name, "A tensor name holds half a surrogate pair");
        }
        if (name.length() > MAX_NAME_BYTES || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
            throw error(Code.ST_LIMIT, -1, name, "A tensor name is longer than " + MAX_NAME_BYTES + " bytes");
        }
    }

    private static boolean isShortAscii(String name) {
        for (var i = 0; i < name.length(); i++) {
            if (name.charAt(i) >= 0x80) {
                return false;
            }
        }
        return name.length() <= MAX_NAME_BYTES;
    }

    private void parseMetadata(JsonParser json) {
        if (metadata != null) {
            throw error(Code.ST_BAD_METADATA, -1, "__metadata__", "The header has two metadata blocks");
        }
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw error(Code.ST_BAD_METADATA, -1, "__metadata__", "Metadata must be an object of texts");
        }
        var values = new LinkedHashMap<String, String>();
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            var key = json.currentName();
            if (json.nextToken() != JsonToken.VALUE_STRING) {
                throw error(Code.ST_BAD_METADATA, -1, key, "A metadata value must be a text");
            }
            if (values.put(key, json.getString()) != null) {
                throw error(Code.ST_BAD_METADATA, -1, key, "Metadata has this key twice");
            }
        }
        metadata = values;
    }

    private Entry parseEntry(JsonParser json, String name) {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw error(Code.ST_BAD_JSON, -1, name, "A tensor must be an object with dtype, shape and data_offsets");
        }
        SafetensorsType type = null;
        long[] shape = null;
        long[] offsets = null;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            var key = json.currentName();
            var token = json.nextToken();
            var repeated = switch (key) {
                case "dtype" -> type != null;
                case "shape" -> shape != null;
                case "data_offsets" -> offsets != null;
                default -> false;
            };
            if (repeated) {
                throw error(Code.ST_BAD_JSON, -1, name, "The tensor has the key " + key + " twice");
            }
            switch (key) {
                case "dtype" -> type = type(json, token, name);
                case "shape" -> shape = numbers(json, token, name, Code.ST_BAD_SHAPE, MAX_RANK);
                case "data_offsets" -> offsets = numbers(json, token, name, Code.ST_BAD_OFFSETS, 2);
                default -> json.skipChildren();
            }
        }
        return entry(name, type, shape, offsets);
    }

    private Entry entry(
            String name, @Nullable SafetensorsType type, long @Nullable [] shape, long @Nullable [] offsets) {
        if (type == null) {
            throw error(Code.ST_UNKNOWN_DTYPE, -1, name, "The tensor has no dtype");
        }
        if (shape == null) {
            throw error(Code.ST_BAD_SHAPE, -1, name, "The tensor has no shape");
        }
        if (offsets == null || offsets.length != 2 || offsets[1] < offsets[0]) {
            throw error(Code.ST_BAD_OFFSETS, -1, name, "data_offsets must be two numbers, the first not the larger");
        }
        var bytes = sizeOf(name, type, shape);
        if (offsets[1] - offsets[0] != bytes) {
            throw error(
                    Code.ST_SIZE_MISMATCH,
                    dataStart + offsets[0],
                    name,
                    "data_offsets span " + (offsets[1] - offsets[0]) + " bytes but dtype and shape take " + bytes);
        }
        return new Entry(name, type, Shape.of(shape), offsets[0], offsets[1]);
    }

    private SafetensorsType type(JsonParser json, JsonToken token, String name) {
        var type = token == JsonToken.VALUE_STRING ? SafetensorsType.named(json.getString()) : null;
        if (type == null) {
            var found = token.isStructStart() ? token.asString() : json.getString();
            throw error(Code.ST_UNKNOWN_DTYPE, -1, name, "Unknown dtype " + Printable.escape(String.valueOf(found)));
        }
        return type;
    }

    private long[] numbers(JsonParser json, JsonToken token, String name, Code bad, int limit) {
        if (token != JsonToken.START_ARRAY) {
            throw error(bad, -1, name, "Expected an array of whole numbers");
        }
        var values = new long[limit];
        var count = 0;
        for (var next = json.nextToken(); next != JsonToken.END_ARRAY; next = json.nextToken()) {
            if (count == limit || next != JsonToken.VALUE_NUMBER_INT) {
                throw error(bad, -1, name, "Expected at most " + limit + " whole numbers");
            }
            values[count++] = number(json, name, bad);
        }
        return Arrays.copyOf(values, count);
    }

    private long number(JsonParser json, String name, Code bad) {
        if (json.getNumberType() != JsonParser.NumberType.BIG_INTEGER && json.getLongValue() >= 0) {
            return json.getLongValue();
        }
        var value = json.getBigIntegerValue();
        if (value.signum() < 0 || value.compareTo(U64_MAX) > 0) {
            throw error(bad, -1, name, "The number " + value + " is not an unsigned 64-bit number");
        }
        if (value.bitLength() > 63) {
            var code = bad == Code.ST_BAD_SHAPE ? Code.ST_SIZE_OVERFLOW : bad;
            throw error(code, -1, name, "The number " + value + " is larger than any file");
        }
        return value.longValue();
    }

    /// The one place that multiplies sizes. Zeros are left out of the product, so the order of sizes does
    /// not matter.
    private long sizeOf(String name, SafetensorsType type, long[] shape) {
        try {
            var bits = (long) type.bits();
            var empty = false;
            for (var size : shape) {
                empty |= size == 0;
                bits = size == 0 ? bits : Math.multiplyExact(bits, size);
            }
            if (empty) {
                return 0;
            }
            if (bits % 8 != 0) {
                throw error(Code.ST_BIT_ALIGN, -1, name, "The tensor takes " + bits + " bits, not whole bytes");
            }
            return bits / 8;
        } catch (ArithmeticException e) {
            throw error(
                    Code.ST_SIZE_OVERFLOW, -1, name, "The size of shape " + Shape.of(shape) + " passes 64-bit numbers");
        }
    }

    private void checkLayout() {
        var order = new ArrayList<>(entries.values());
        order.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        var end = 0L;
        for (var entry : order) {
            if (entry.begin() < end) {
                throw error(
                        Code.ST_OVERLAP,
                        dataStart + entry.begin(),
                        entry.name(),
                        "The tensor starts at " + entry.begin() + " inside the one that ends at " + end);
            }
            if (entry.begin() > end) {
                throw error(
                        Code.ST_HOLE,
                        dataStart + end,
                        entry.name(),
                        "Bytes " + end + " to " + entry.begin() + " of the data belong to no tensor");
            }
            end = entry.end();
        }
        var available = file.size() - dataStart;
        if (end > available) {
            throw error(
                    Code.ST_TRUNCATED,
                    file.size(),
                    "",
                    "The tensors take " + end + " bytes but only " + available + " are there; download the file again");
        }
        if (end < available) {
            throw error(
                    Code.ST_TRAILING_BYTES,
                    dataStart + end,
                    "",
                    (available - end) + " bytes follow the last tensor; the file is damaged or something was added");
        }
    }

    private CheckpointException error(Code code, long offset, String name, String message) {
        return new CheckpointException(code, file.path(), offset, name, message, null);
    }
}
