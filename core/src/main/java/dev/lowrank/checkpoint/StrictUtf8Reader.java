package dev.lowrank.checkpoint;

import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;

/// The characters of a byte range of a file, read in pieces; malformed UTF-8 is an error, not a replacement
/// character.
final class StrictUtf8Reader extends Reader {
    private final StoredFile file;
    private final long end;
    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).limit(0);
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    private long position;

    StrictUtf8Reader(StoredFile file, long begin, long end) {
        this.file = file;
        this.position = begin;
        this.end = end;
    }

    @Override
    public int read(char[] target, int offset, int length) throws IOException {
        var chars = CharBuffer.wrap(target, offset, length);
        while (chars.position() == 0) {
            var atEnd = fill();
            var result = decoder.decode(bytes, chars, atEnd);
            if (result.isError()) {
                result.throwException();
            }
            if (chars.position() == 0 && atEnd) {
                return -1;
            }
        }
        return chars.position();
    }

    private boolean fill() {
        if (position < end && bytes.remaining() < 4) {
            bytes.compact();
            bytes.limit((int) Math.min(bytes.capacity(), bytes.position() + end - position));
            var added = bytes.remaining();
            file.readFully(bytes, position);
            position += added;
            bytes.flip();
        }
        return position == end;
    }

    @Override
    public void close() {
        // The file belongs to the caller.
    }
}
