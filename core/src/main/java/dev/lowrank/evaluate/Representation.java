package dev.lowrank.evaluate;

import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.NumericalException.Kind;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.EvaluationSet;
import java.util.List;

/// How a model spreads texts over the directions of its last hidden state: a compressed model that has
/// collapsed uses few of them, which perplexity may not show.
///
/// Of each window the hidden states after the final norm are centred and divided by their lengths, `Z
/// [tokens, hidden]`; figures are means over windows, in F64.
///
/// Sources: matrix entropy, Wei et al., arXiv 2401.17139; matrix nuclear norm, Li et al., arXiv 2410.10672,
/// whose approximation by the L1,2 norm this is. Deviation: the states are centred for both.
///
/// @param text name of the text
/// @param windows number of windows
/// @param matrixEntropy `−Σ λ ln λ / ln hidden` of the eigenvalues of `Zᵀ Z / tokens`; 1 for states spread
///     evenly, 0 for a single direction
/// @param matrixNuclearNorm sum of the largest `min(tokens, hidden)` column lengths of `Z`, divided by the
///     tokens
public record Representation(String text, int windows, double matrixEntropy, double matrixNuclearNorm) {
    private record Figures(double entropy, double norm) {}

    /// Measures a text.
    ///
    /// @param name of the text
    /// @throws NumericalException if a hidden state is not finite
    public static Representation measure(TorchDecoder decoder, String name, EvaluationSet set, Progress progress) {
        var windows = set.windows();
        var entropy = 0.0;
        var norm = 0.0;
        for (var i = 0; i < windows.size(); i++) {
            progress.step("hidden states " + name, i, windows.size());
            var window = windows.get(i);
            var found = TensorScope.tidy(
                    () -> of(decoder.normed(decoder.hidden(List.of(window))).select(0, 0)));
            if (!Double.isFinite(found.entropy()) || !Double.isFinite(found.norm())) {
                throw new NumericalException(
                        Kind.NON_FINITE,
                        "hidden states of window " + i + " of " + name,
                        "expected finite numbers; the model is damaged. No window is skipped");
            }
            entropy += found.entropy();
            norm += found.norm();
        }
        progress.step("hidden states " + name, windows.size(), windows.size());
        return new Representation(name, windows.size(), entropy / windows.size(), norm / windows.size());
    }

    /// @param hidden `[tokens, hidden]`
    private static Figures of(Tensor hidden) {
        var states = hidden.to(DType.F64);
        var centred = states.sub(states.mean(0, true));
        var z = centred.div(centred.square().sum(-1, true).sqrt());
        var tokens = z.size(0);
        // Of Zᵀ Z and Z Zᵀ the smaller has all eigenvalues that are not zero.
        var gram = tokens < z.size(1) ? z.matmul(z.t()) : z.t().matmul(z);
        var values = Linalg.eigh(gram.mul(1.0 / tokens)).values().toDoubles();
        var entropy = 0.0;
        for (var value : values) {
            entropy -= value > 0 ? value * Math.log(value) : 0;
        }
        var lengths = z.square().sum(0, false).sqrt();
        var norm = lengths.topk(Math.min(tokens, z.size(1)), -1).values().sum().item() / tokens;
        return new Figures(entropy / Math.log((double) z.size(1)), norm);
    }
}
