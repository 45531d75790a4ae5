package dev.lowrank.checkpoint;

import dev.lowrank.tensor.DType;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Element types of safetensors in ascending order of alignment, which is also the (descending) order of
/// the layout.
enum SafetensorsType {
    BOOL(8, DType.U8),
    F4(4, null),
    F6_E2M3(6, null),
    F6_E3M2(6, null),
    U8(8, DType.U8),
    I8(8, null),
    F8_E5M2(8, DType.F8_E5M2),
    F8_E4M3(8, DType.F8_E4M3),
    F8_E8M0(8, null),
    F8_E4M3FNUZ(8, null),
    F8_E5M2FNUZ(8, null),
    I16(16, DType.I16),
    U16(16, null),
    F16(16, DType.F16),
    BF16(16, DType.BF16),
    I32(32, DType.I32),
    U32(32, null),
    F32(32, DType.F32),
    C64(64, null),
    F64(64, DType.F64),
    I64(64, DType.I64),
    U64(64, null);

    private static final Map<String, SafetensorsType> BY_NAME = byName();

    private final int bits;
    private final @Nullable DType dtype;

    SafetensorsType(int bits, @Nullable DType dtype) {
        this.bits = bits;
        this.dtype = dtype;
    }

    private static Map<String, SafetensorsType> byName() {
        var types = new HashMap<String, SafetensorsType>();
        for (var type : values()) {
            types.put(type.name(), type);
        }
        return Map.copyOf(types);
    }

    /// @return the type called `name`, or null
    static @Nullable SafetensorsType named(String name) {
        return BY_NAME.get(name);
    }

    /// @return bits of one element
    int bits() {
        return bits;
    }

    /// @return our type, or null if we do not read it; BOOL reads as U8
    @Nullable
    DType dtype() {
        return dtype;
    }
}
