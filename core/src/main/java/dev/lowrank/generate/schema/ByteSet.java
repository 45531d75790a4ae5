package dev.lowrank.generate.schema;

import java.util.BitSet;

/// The bytes that texts may be made of.
///
/// @param bits 256 of them
record ByteSet(BitSet bits) {
    static final ByteSet ALL = all();

    ByteSet {
        bits = (BitSet) bits.clone();
    }

    private static ByteSet all() {
        var bits = new BitSet(256);
        bits.set(0, 256);
        return new ByteSet(bits);
    }

    boolean contains(int value) {
        return bits.get(value);
    }
}
