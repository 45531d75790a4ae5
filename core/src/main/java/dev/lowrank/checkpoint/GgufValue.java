package dev.lowrank.checkpoint;

import org.jspecify.annotations.Nullable;

/// A metadata value with the type the file declared for it.
///
/// @param kind declared type
/// @param element declared type of the items if it is an array, else null
/// @param content `Long` for whole numbers (unsigned ones up to 32 bits widened, U64 as its bits), `Double`
///     for
///     floats,
///     `Boolean`, `String`; arrays as `long[]`, `double[]`, `float[]`, `boolean[]` or `List<String>`
record GgufValue(Kind kind, @Nullable Kind element, Object content) {
    enum Kind {
        U8(1),
        I8(1),
        U16(2),
        I16(2),
        U32(4),
        I32(4),
        F32(4),
        BOOL(1),
        STRING(8),
        ARRAY(12),
        U64(8),
        I64(8),
        F64(8);

        private final int smallest;

        Kind(int smallest) {
            this.smallest = smallest;
        }

        /// @return bytes of the smallest value
        int smallest() {
            return smallest;
        }
    }
}
