package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.storage.StoragePolicy;
import org.jspecify.annotations.Nullable;

/// How a recipe stores all its targets: as which matrices, in which numbers, and what stands beside them.
/// Whether that goes together, with itself and with the rest of the recipe, is checked by the recipe.
///
/// @param policy which storage forms may be used
/// @param quantization the blocks that all targets are stored in; null for plain numbers
/// @param bits types that the allocator chooses from for every target; null where all are stored alike
/// @param outliers single entries that stay plain beside what a target is stored in; null for none
public record TargetStorage(
        StoragePolicy policy,
        @Nullable Quantization quantization,
        @Nullable Bits bits,
        @Nullable Outliers outliers) {
    /// Plain numbers, and nothing beside them.
    public static TargetStorage plain(StoragePolicy policy) {
        return new TargetStorage(policy, null, null, null);
    }

    /// The same in blocks of one type, or in plain numbers.
    TargetStorage with(@Nullable Quantization blocks) {
        return new TargetStorage(policy, blocks, null, outliers);
    }

    /// The same with a type chosen for every target, or in plain numbers.
    TargetStorage with(@Nullable Bits choice) {
        return new TargetStorage(policy, null, choice, outliers);
    }

    /// The same with other outliers, or none.
    TargetStorage with(@Nullable Outliers beside) {
        return new TargetStorage(policy, quantization, bits, beside);
    }

    /// Whether targets may be stored in blocks.
    boolean rounds() {
        return quantization != null || bits != null;
    }

    /// How a target is rounded to blocks; null for not at all.
    @Nullable
    Quantization blocks(Choice choice) {
        if (bits == null) {
            return quantization;
        }
        var type = choice.type();
        return type == null ? null : bits.of(type);
    }
}
