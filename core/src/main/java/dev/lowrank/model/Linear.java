package dev.lowrank.model;

import dev.lowrank.tensor.HostTensor;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a linear site stores: `y = x Wᵀ + bias` for `x [.., in]`, in one of the storage forms.
///
/// The weights are plain memory (mapped from the checkpoint where its layout allows), read by both engines;
/// they belong to the [LanguageModel] they came from.
public sealed interface Linear {
    /// Input width.
    default int in() {
        return size(parts().getFirst(), 1);
    }

    /// Output width.
    default int out() {
        return size(parts().getLast(), 0);
    }

    /// Added to the output, `[out]`.
    @Nullable
    HostTensor bias();

    /// Name of the storage form in `config.json` and reports.
    String form();

    /// The tensors of numbers that the form stores, without the bias: a product with the row runs through
    /// them in this order, single entries stand last.
    List<HostTensor> parts();

    /// Names of [#parts], as `config.json` and reports call them.
    default List<String> names() {
        return switch (this) {
            case Dense _ -> List.of("weight");
            case Factored _ -> List.of("a", "b");
            case Pivoted _ -> List.of("pivot", "rest");
            case Tucker _ -> List.of("a", "core", "b");
            case SparsePlusLowRank(var base, var _) ->
                Stream.concat(base.names().stream(), Stream.of("sparse.values")).toList();
        };
    }

    /// Numbers that the form stores, bias included; places of rows and entries do not count.
    default long parameters() {
        return sum(tensor -> tensor.shape().elements());
    }

    /// Bytes that the form stores, places and bias included; also what one decoded token reads.
    default long bytes() {
        return sum(HostTensor::bytes);
    }

    private long sum(ToLongFunction<HostTensor> size) {
        var added = bias();
        return parts().stream().mapToLong(size).sum() + (added == null ? 0 : size.applyAsLong(added));
    }

    /// Rank of the represented matrix, single entries left out; `min(in, out)` for a dense one.
    default int rank() {
        return size(parts().getFirst(), 0);
    }

    /// A form of matrices alone, beside which single entries can be stored.
    sealed interface Base extends Linear {}

    /// The matrix itself.
    ///
    /// @param weight `[out, in]`
    record Dense(HostTensor weight, @Nullable HostTensor bias) implements Base {
        @Override
        public String form() {
            return "dense";
        }

        @Override
        public List<HostTensor> parts() {
            return List.of(weight);
        }

        @Override
        public int rank() {
            return Math.min(in(), out());
        }
    }

    /// Two factors: `W = B A`.
    ///
    /// @param a `[rank, in]`
    /// @param b `[out, rank]`
    record Factored(HostTensor a, HostTensor b, @Nullable HostTensor bias) implements Base {
        @Override
        public String form() {
            return "factored";
        }

        @Override
        public List<HostTensor> parts() {
            return List.of(a, b);
        }
    }

    /// PIFA's lossless form of a rank-r matrix (arXiv:2501.19090): `rank` rows of `W` itself, the pivots,
    /// and the coefficients of every other row in them. `z = x pivotᵀ`, `y = concat(z, z restᵀ)[index]`.
    ///
    /// @param pivot `[rank, in]`
    /// @param rest `[out − rank, rank]`
    /// @param index I32 `[out]`: place of each output in `concat(z, z restᵀ)`
    record Pivoted(
            HostTensor pivot,
            HostTensor rest,
            HostTensor index,
            @Nullable HostTensor bias) implements Base {
        @Override
        public int out() {
            return size(index, 0);
        }

        @Override
        public String form() {
            return "pivoted";
        }

        @Override
        public List<HostTensor> parts() {
            return List.of(pivot, rest);
        }

        @Override
        public long bytes() {
            return Base.super.bytes() + index.bytes();
        }
    }

    /// Tucker-2 as published (arXiv:2405.06626): `W = B core A`.
    ///
    /// @param a `[rank, in]`
    /// @param core `[rank, rank]`
    /// @param b `[out, rank]`
    record Tucker(
            HostTensor a,
            HostTensor core,
            HostTensor b,
            @Nullable HostTensor bias) implements Base {
        @Override
        public String form() {
            return "tucker";
        }

        @Override
        public List<HostTensor> parts() {
            return List.of(a, core, b);
        }
    }

    /// Another form and single entries that it gets wrong: `y = base(x) + x Sᵀ`.
    ///
    /// @param base stores the bias too
    /// @param sparse `S`, `[out, in]`
    record SparsePlusLowRank(Base base, SparseRows sparse) implements Linear {
        /// Behind the form of the base.
        static final String BESIDE = "+sparse";

        public SparsePlusLowRank {
            if (sparse.out() != base.out() || sparse.in() != base.in()) {
                throw new IllegalArgumentException("Sparse entries of a matrix [" + sparse.out() + ", " + sparse.in()
                        + "] do not go with one of [" + base.out() + ", " + base.in() + "]");
            }
        }

        @Override
        public int in() {
            return base.in();
        }

        @Override
        public int out() {
            return base.out();
        }

        @Override
        public @Nullable HostTensor bias() {
            return base.bias();
        }

        @Override
        public String form() {
            return base.form() + BESIDE;
        }

        @Override
        public List<HostTensor> parts() {
            return Stream.concat(base.parts().stream(), Stream.of(sparse.values()))
                    .toList();
        }

        @Override
        public long bytes() {
            return base.bytes() + sparse.bytes();
        }

        /// Rank of the base.
        @Override
        public int rank() {
            return base.rank();
        }
    }

    private static int size(HostTensor tensor, int dimension) {
        return (int) tensor.shape().size(dimension);
    }
}
