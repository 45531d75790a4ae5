package dev.lowrank.compress.storage;

import dev.lowrank.compress.method.Factors;
import dev.lowrank.model.Linear;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Linalg.Side;
import dev.lowrank.tensor.Linalg.Transposition;
import dev.lowrank.tensor.Linalg.Triangle;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/// Turns factors into what a site stores.
public final class SiteWriter {
    private SiteWriter() {}

    /// Writes factors in a form.
    ///
    /// @param factors F64; borrowed
    /// @param bias F64 `[out]`; null for none
    /// @param dtype element type to store
    /// @param arena owner of the result's memory
    /// @param subject names the site in errors
    /// @throws dev.lowrank.tensor.NumericalException if a number does not fit into `dtype`
    public static Linear.Base write(
            Factors factors, StorageForm form, @Nullable Tensor bias, DType dtype, Arena arena, String subject) {
        return TensorScope.tidy(() -> {
            var target = new Target(dtype, arena, subject);
            var stored = bias == null ? null : target.store(bias, "bias");
            return switch (form) {
                case FACTORED -> {
                    var pair = factors.absorbed();
                    yield new Linear.Factored(target.store(pair.a(), "a"), target.store(pair.b(), "b"), stored);
                }
                case TUCKER -> {
                    if (factors.core() == null) {
                        throw new IllegalArgumentException(
                                "The storage form tucker needs a method that makes a core (tucker)");
                    }
                    yield new Linear.Tucker(
                            target.store(factors.a(), "a"),
                            target.store(factors.core(), "core"),
                            target.store(factors.b(), "b"),
                            stored);
                }
                case PIVOTED -> pivoted(factors.absorbed(), stored, target);
                case DENSE -> throw new IllegalArgumentException("A dense site keeps its own weight");
            };
        });
    }

    /// Writes a whole matrix.
    ///
    /// @param weight F64 `[out, in]`
    /// @param bias F64 `[out]`; null for none
    /// @throws dev.lowrank.tensor.NumericalException if a number does not fit into `dtype`
    public static Linear.Dense dense(Tensor weight, @Nullable Tensor bias, DType dtype, Arena arena, String subject) {
        var target = new Target(dtype, arena, subject);
        return new Linear.Dense(target.store(weight, "weight"), bias == null ? null : target.store(bias, "bias"));
    }

    /// PIFA by LU with partial pivoting of `B` alone (compression.md, 3.14): its first `r` pivots are rows
    /// `I` that span all others, so `W[I] = B[I] A` and the others are `L₂ L₁⁻¹ W[I]`; no `[out, in]`
    /// matrix is formed and the coefficients stay small because partial pivoting bounds `L` by 1.
    private static Linear.Pivoted pivoted(Factors factors, @Nullable HostTensor bias, Target target) {
        var out = factors.b().size(0);
        var rank = factors.rank();
        var lu = Linalg.lu(factors.b());
        var order = lu.order();
        var top = lu.l().narrow(0, 0, rank);
        var bottom = lu.l().narrow(0, rank, out - rank); // [out − r, r]
        var rest = Linalg.solveTriangular(top, bottom, Triangle.LOWER, Side.RIGHT, Transposition.NONE); // X L₁ = L₂
        var pivotRows = factors.b().indexSelect(0, lu.rows().narrow(0, 0, rank));
        var index = new int[order.length];
        for (var place = 0; place < order.length; place++) {
            index[order[place]] = place;
        }
        return new Linear.Pivoted(
                target.store(pivotRows.matmul(factors.a()), "pivot"),
                target.store(rest, "rest"),
                HostTensor.ofInts(index, index.length),
                bias);
    }

    private record Target(DType dtype, Arena arena, String subject) {
        HostTensor store(Tensor values, String part) {
            var rounded = Finite.check(values, subject + "." + part).to(dtype);
            return Finite.check(rounded, subject + "." + part + " rounded to " + dtype)
                    .toHost(dtype, arena);
        }
    }

    /// The bias that gives the mean output back: `bias + (W − W_r) mean`, F64 `[out]`, in the innermost
    /// scope.
    ///
    /// @param weight `[out, in]`
    /// @param mean `[in]`
    public static Tensor restoringBias(@Nullable Tensor bias, Tensor weight, Factors factors, Tensor mean) {
        return TensorScope.tidy(() -> {
            var column = mean.unsqueeze(1);
            var pair = factors.absorbed();
            var lost = weight.matmul(column)
                    .sub(pair.b().matmul(pair.a().matmul(column)))
                    .squeeze(1);
            return bias == null ? lost : lost.add(bias);
        });
    }

    /// A stored tensor as F64, checked for being finite, in the innermost scope.
    ///
    /// @param subject names it in errors
    public static Tensor exact(HostTensor tensor, String subject) {
        return Finite.check(Tensors.from(tensor, DType.F64), subject);
    }
}
