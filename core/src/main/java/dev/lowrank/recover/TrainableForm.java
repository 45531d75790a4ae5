package dev.lowrank.recover;

import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Linear;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What a stored linear is trained as, and back.
///
/// A pivoted matrix is trained as two free factors and pivoted again: it has the same rank, and every
/// matrix of that rank can be pivoted. Two factors are balanced first, `B ← U √Σ`, `A ← √Σ Vᵀ` of `B A = U
/// Σ Vᵀ`, which changes nothing but gives an optimiser that moves every number equally far something even
/// to move.
final class TrainableForm {
    private TrainableForm() {}

    /// The linear to train, in F32.
    ///
    /// @param arena owner of its memory
    static Linear of(Linear stored, String subject, Arena arena) {
        return TensorScope.tidy(() -> switch (stored) {
            case Linear.Dense(var weight, var bias) ->
                new Linear.Dense(single(exact(weight, subject), arena), single(bias, subject, arena));
            case Linear.Tucker(var a, var core, var b, var bias) ->
                new Linear.Tucker(
                        single(exact(a, subject), arena),
                        single(exact(core, subject), arena),
                        single(exact(b, subject), arena),
                        single(bias, subject, arena));
            case Linear.Factored factored ->
                sharing(List.of(factored), subject, arena).getFirst();
            case Linear.SparsePlusLowRank _ -> throw sparse(subject);
            case Linear.Pivoted(var pivot, var rest, var index, var bias) -> {
                var p = exact(pivot, subject);
                var whole = Tensors.cat(List.of(Tensors.eye(DType.F64, p.size(0)), exact(rest, subject)), 0);
                var b = whole.indexSelect(0, Tensors.from(index, DType.I64)); // [out, r]
                var pair = balanced(b, p);
                yield new Linear.Factored(
                        single(pair.a(), arena), single(pair.b(), arena), single(bias, subject, arena));
            }
        });
    }

    /// The factored linears that read one right factor, balanced as if their left factors stood below each
    /// other: they go on sharing.
    ///
    /// @param stored at least one, with the same right factor
    /// @return in the same order, in F32, each with the same right factor
    static List<Linear> sharing(List<? extends Linear> stored, String subject, Arena arena) {
        return TensorScope.tidy(() -> {
            var lefts = stored.stream()
                    .map(each -> exact(each.parts().getLast(), subject))
                    .toList();
            var pair = balanced(
                    Tensors.cat(lefts, 0), exact(stored.getFirst().parts().getFirst(), subject));
            var a = single(pair.a(), arena);
            var linears = new ArrayList<Linear>();
            var first = 0L;
            for (var each : stored) {
                var b = single(pair.b().narrow(0, first, each.out()).contiguous(), arena);
                linears.add(new Linear.Factored(a, b, single(each.bias(), subject, arena)));
                first += each.out();
            }
            return linears;
        });
    }

    private static Factors balanced(Tensor b, Tensor a) {
        var left = Linalg.qr(b);
        var right = Linalg.qr(a.t().contiguous());
        var svd = Linalg.svd(left.r().matmul(right.r().t().contiguous()));
        var root = svd.s().sqrt(); // [r]
        var newB = left.q().matmul(svd.u().mul(root)); // [out, r]
        var newA = svd.vt().mul(root.unsqueeze(1)).matmul(right.q().t()); // [r, in]
        return new Factors(newB, null, newA);
    }

    /// What to store of a trained linear.
    ///
    /// @param before what was stored; decides form, element types and whether there is a bias
    /// @param trained a trained tensor by the part's name, F32
    /// @param arena owner of the result's memory
    /// @throws dev.lowrank.tensor.NumericalException if a number is not finite or does not fit its element
    ///     type
    static Linear stored(Linear before, Function<String, Tensor> trained, String subject, Arena arena) {
        return TensorScope.tidy(() -> {
            var dtype = before.parts().getFirst().dtype();
            var bias = before.bias() == null ? null : wide(trained, "bias");
            return switch (before) {
                case Linear.Dense _ -> SiteWriter.dense(wide(trained, "weight"), bias, dtype, arena, subject);
                case Linear.Factored _ ->
                    write(factors(trained, null), StorageForm.FACTORED, bias, dtype, arena, subject);
                case Linear.Pivoted _ ->
                    write(factors(trained, null), StorageForm.PIVOTED, bias, dtype, arena, subject);
                case Linear.SparsePlusLowRank _ -> throw sparse(subject);
                case Linear.Tucker _ ->
                    write(
                            factors(trained, wide(trained, "core.weight")),
                            StorageForm.TUCKER,
                            bias,
                            dtype,
                            arena,
                            subject);
            };
        });
    }

    private static IllegalArgumentException sparse(String subject) {
        return new IllegalArgumentException("The single entries of " + subject + " are not trained");
    }

    private static Linear write(
            Factors factors, StorageForm form, @Nullable Tensor bias, DType dtype, Arena arena, String subject) {
        return SiteWriter.write(factors, form, bias, dtype, arena, subject);
    }

    private static Factors factors(Function<String, Tensor> trained, @Nullable Tensor core) {
        return new Factors(wide(trained, "b.weight"), core, wide(trained, "a.weight"));
    }

    private static Tensor wide(Function<String, Tensor> trained, String part) {
        return trained.apply(part).to(DType.F64);
    }

    private static Tensor exact(HostTensor tensor, String subject) {
        return SiteWriter.exact(tensor, subject);
    }

    private static HostTensor single(Tensor tensor, Arena arena) {
        return tensor.toHost(DType.F32, arena);
    }

    private static @Nullable HostTensor single(@Nullable HostTensor tensor, String subject, Arena arena) {
        return tensor == null ? null : single(exact(tensor, subject), arena);
    }
}
