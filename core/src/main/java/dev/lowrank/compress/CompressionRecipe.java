package dev.lowrank.compress;

import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a run is asked to do; together with the source and the calibration set it decides every byte of the
/// output.
///
/// @param method how sites are decomposed
/// @param storage which storage forms may be used
/// @param ranks how ranks are chosen
/// @param rankMultiple ranks are rounded down to a multiple of this; 1 for none
/// @param targets roles that are compressed; empty for all
/// @param protectedLayers blocks that stay dense
/// @param dtype element type of what is written; null for the source's own (BF16 where that is quantised)
/// @param seed decides everything random besides the calibration set
public record CompressionRecipe(
        Method method,
        StoragePolicy storage,
        RankRule ranks,
        int rankMultiple,
        Set<Role> targets,
        Set<Integer> protectedLayers,
        @Nullable DType dtype,
        long seed) {
    public CompressionRecipe {
        if (rankMultiple < 1) {
            throw new IllegalArgumentException("--rank-multiple must be at least 1, but was " + rankMultiple);
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("Models are written in F32, F16 or BF16, not " + dtype);
        }
        if (storage == StoragePolicy.TUCKER && !method.info().id().equals("tucker")) {
            throw new IllegalArgumentException("--storage tucker keeps the core of --method tucker; the method "
                    + method.info().id() + " has none. Use factored, pivoted or auto");
        }
        targets = Set.copyOf(targets);
        protectedLayers = Set.copyOf(protectedLayers);
    }

    /// A recipe with nothing special: all targets, no protected layer, the source's dtype.
    public static CompressionRecipe of(Method method, StoragePolicy storage, RankRule ranks, long seed) {
        return new CompressionRecipe(method, storage, ranks, 1, Set.of(), Set.of(), null, seed);
    }
}
