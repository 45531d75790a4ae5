package dev.lowrank.compress.storage;

import dev.lowrank.tensor.DType;
import java.util.Arrays;
import java.util.stream.Collectors;

/// How a site stores a matrix of rank `r`, and what that costs, for `W [out, in]`.
public enum StorageForm {
    /// The matrix itself; rank does not matter.
    DENSE("dense"),
    /// `B [out, r]` and `A [r, in]`.
    FACTORED("factored"),
    /// PIFA, arXiv:2501.19090: `r` rows of the matrix, coefficients of the others, and where each row goes.
    /// Lossless.
    PIVOTED("pivoted"),
    /// Tucker-2 as published: `B [out, r]`, core `[r, r]`, `A [r, in]`.
    TUCKER("tucker");

    private static final int INDEX_BYTES = 4;

    private final String id;

    StorageForm(String id) {
        this.id = id;
    }

    /// Name on the command line, in `config.json` and in reports.
    public String id() {
        return id;
    }

    /// Numbers (weights, without bias and index) that a rank costs.
    public long parameters(int out, int in, int rank) {
        var r = (long) rank;
        return switch (this) {
            case DENSE -> (long) out * in;
            case FACTORED -> r * (out + in);
            case PIVOTED -> r * ((long) out + in - r);
            case TUCKER -> r * (out + in) + r * r;
        };
    }

    /// Bytes that a rank costs, index included, bias left out.
    ///
    /// @param elementBytes bytes of one stored number
    public long bytes(int out, int in, int rank, int elementBytes) {
        var index = this == PIVOTED ? (long) out * INDEX_BYTES : 0;
        return parameters(out, in, rank) * elementBytes + index;
    }

    /// Bytes that a rank costs, index included, bias left out.
    ///
    /// @param dtype element type, or the block type that is asked for: rows that are no whole blocks of it
    ///     cost what [BlockFit] gives them
    public long bytes(int out, int in, int rank, DType dtype) {
        if (!dtype.isBlocks()) {
            return bytes(out, in, rank, dtype.bytes());
        }
        return switch (this) {
            case DENSE -> BlockFit.bytes(dtype, out, in);
            case FACTORED -> BlockFit.bytes(dtype, rank, in) + BlockFit.bytes(dtype, out, rank);
            case PIVOTED ->
                BlockFit.bytes(dtype, rank, in)
                        + BlockFit.bytes(dtype, (long) out - rank, rank)
                        + (long) out * INDEX_BYTES;
            case TUCKER ->
                BlockFit.bytes(dtype, rank, in) + BlockFit.bytes(dtype, rank, rank) + BlockFit.bytes(dtype, out, rank);
        };
    }

    /// The largest rank whose numbers are at most `parameters`; 0 if not even rank 1 fits.
    public int rankWithin(int out, int in, double parameters) {
        var most = Math.min(out, in);
        var rank = switch (this) {
            case DENSE -> parameters >= (double) out * in ? most : 0;
            case FACTORED -> (int) (parameters / (out + in));
            case PIVOTED -> {
                var sum = (double) out + in;
                yield (int) ((sum - Math.sqrt(Math.max(0, sum * sum - 4 * parameters))) / 2);
            }
            case TUCKER -> {
                var sum = (double) out + in;
                yield (int) ((Math.sqrt(sum * sum + 4 * parameters) - sum) / 2);
            }
        };
        return Math.min(rank, most);
    }

    /// The largest rank at which this form is still smaller than the dense matrix; `min(out, in)` where it
    /// always is.
    public int breakEven(int out, int in) {
        return rankWithin(out, in, (double) out * in - 1);
    }

    /// Finds a form by its name.
    ///
    /// @throws IllegalArgumentException naming the known forms
    public static StorageForm of(String id) {
        return Arrays.stream(values())
                .filter(form -> form.id.equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Unknown storage form '" + id + "'; known forms: "
                        + Arrays.stream(values()).map(StorageForm::id).collect(Collectors.joining(", "))));
    }
}
