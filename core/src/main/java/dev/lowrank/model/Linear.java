package dev.lowrank.model;

import dev.lowrank.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/// What a linear site stores: `y = x Wᵀ + bias` for `x [.., in]`, in one of the storage forms.
///
/// The weights are plain memory (mapped from the checkpoint where its layout allows), read by both engines;
/// they belong to the [LanguageModel] they came from.
public sealed interface Linear {
    /// Input width.
    int in();

    /// Output width.
    int out();

    /// Added to the output, `[out]`.
    @Nullable
    HostTensor bias();

    /// Name of the storage form in `config.json` and reports.
    String form();

    /// Numbers that the form stores, bias included; places in an index do not count.
    long parameters();

    /// Bytes that the form stores, index and bias included; also what one decoded token reads.
    long bytes();

    /// Rank of the represented matrix; `min(in, out)` for a dense one.
    int rank();

    /// The matrix itself.
    ///
    /// @param weight `[out, in]`
    record Dense(HostTensor weight, @Nullable HostTensor bias) implements Linear {
        @Override
        public int in() {
            return (int) weight.shape().size(1);
        }

        @Override
        public int out() {
            return (int) weight.shape().size(0);
        }

        @Override
        public String form() {
            return "dense";
        }

        @Override
        public int rank() {
            return Math.min(in(), out());
        }

        @Override
        public long parameters() {
            return elements(weight) + elements(bias);
        }

        @Override
        public long bytes() {
            return weight.bytes() + size(bias);
        }
    }

    /// Two factors: `W = B A`.
    ///
    /// @param a `[rank, in]`
    /// @param b `[out, rank]`
    record Factored(HostTensor a, HostTensor b, @Nullable HostTensor bias) implements Linear {
        @Override
        public int in() {
            return (int) a.shape().size(1);
        }

        @Override
        public int out() {
            return (int) b.shape().size(0);
        }

        @Override
        public String form() {
            return "factored";
        }

        @Override
        public int rank() {
            return (int) a.shape().size(0);
        }

        @Override
        public long parameters() {
            return elements(a) + elements(b) + elements(bias);
        }

        @Override
        public long bytes() {
            return a.bytes() + b.bytes() + size(bias);
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
            @Nullable HostTensor bias) implements Linear {
        @Override
        public int in() {
            return (int) pivot.shape().size(1);
        }

        @Override
        public int out() {
            return (int) index.shape().size(0);
        }

        @Override
        public String form() {
            return "pivoted";
        }

        @Override
        public int rank() {
            return (int) pivot.shape().size(0);
        }

        @Override
        public long parameters() {
            return elements(pivot) + elements(rest) + elements(bias);
        }

        @Override
        public long bytes() {
            return pivot.bytes() + rest.bytes() + index.bytes() + size(bias);
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
            @Nullable HostTensor bias) implements Linear {
        @Override
        public int in() {
            return (int) a.shape().size(1);
        }

        @Override
        public int out() {
            return (int) b.shape().size(0);
        }

        @Override
        public String form() {
            return "tucker";
        }

        @Override
        public int rank() {
            return (int) a.shape().size(0);
        }

        @Override
        public long parameters() {
            return elements(a) + elements(core) + elements(b) + elements(bias);
        }

        @Override
        public long bytes() {
            return a.bytes() + core.bytes() + b.bytes() + size(bias);
        }
    }

    private static long elements(@Nullable HostTensor tensor) {
        return tensor == null ? 0 : tensor.shape().elements();
    }

    private static long size(@Nullable HostTensor tensor) {
        return tensor == null ? 0 : tensor.bytes();
    }
}
