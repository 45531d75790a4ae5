package dev.lowrank.compress;

import dev.lowrank.compress.SensitivityObservation.Sums;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.sensitivity.NoiseSensitivity;
import dev.lowrank.compress.sensitivity.SiteSensitivity;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What dropping components does to the loss, and rounding, for the decompositions of several methods at
/// once.
final class SensitivityObservation implements GradientPass.Observation<List<Sums>> {
    private final DecompositionFiles files;
    private final @Nullable RoundingFiles roundings;
    private final List<SiteMethod> methods;
    private final Map<SiteMethod, Map<LinearSite, Found>> found = new LinkedHashMap<>();

    /// @param roundings errors of rounding; null if no type is to be chosen
    SensitivityObservation(DecompositionFiles files, @Nullable RoundingFiles roundings, List<SiteMethod> methods) {
        this.files = files;
        this.roundings = roundings;
        this.methods = methods;
        methods.forEach(method -> found.put(method, new LinkedHashMap<>()));
    }

    /// What was found at a site.
    ///
    /// @param divergence `[k + 1]`, see [SiteSensitivity#divergence]
    /// @param firstOrder `[k]`, see [SiteSensitivity#firstOrder]
    /// @param rounding what the error of [RoundingFiles] does, in nats per token; null if it was not asked
    record Found(
            double[] divergence,
            double[] firstOrder,
            @Nullable Double rounding) {}

    /// Sums of one site under one method.
    ///
    /// @param rounded null if no type is to be chosen
    record Sums(SiteSensitivity cut, @Nullable NoiseSensitivity rounded) {
        private void add(Tensor input, Tensor output, Tensor gradient) {
            cut.add(output, gradient);
            if (rounded != null) {
                rounded.add(input, gradient);
            }
        }

        private void add(Sums other) {
            cut.add(other.cut);
            if (rounded != null && other.rounded != null) {
                rounded.add(other.rounded);
            }
        }

        private Found found(String subject) {
            return new Found(
                    cut.divergence(subject),
                    cut.firstOrder(subject),
                    rounded == null ? null : Double.valueOf(rounded.divergence(subject)));
        }
    }

    /// What was found, by method and site.
    Map<SiteMethod, Map<LinearSite, Found>> found() {
        return found;
    }

    @Override
    public List<Sums> start(SourceBlock block, LinearSite site, TensorStore store) {
        return methods.stream()
                .map(method -> new Sums(
                        SiteSensitivity.start(store.keep(basis(block, site, method)), store),
                        roundings == null
                                ? null
                                : NoiseSensitivity.start(
                                        TensorScope.tidy(() -> store.keep(roundings.error(site, method))), store)))
                .toList();
    }

    private SiteSensitivity.Basis basis(SourceBlock block, LinearSite site, SiteMethod method) {
        return TensorScope.tidy(() -> {
            var dense = block.dense(site);
            var offset = dense.bias() == null ? null : Tensors.from(dense.bias(), DType.F32);
            for (var mean : files.mean(site, method)) {
                offset = Functional.linear(mean.unsqueeze(0), Tensors.from(dense.weight(), DType.F32), offset)
                        .squeeze(0);
            }
            var basis = files.basis(site, method);
            var products = MixedPrecision.products(block.source().spec());
            var reversed = basis.getFirst().flip(1).contiguous().to(products);
            var dual = basis.getLast().equals(basis.getFirst())
                    ? reversed
                    : basis.getLast().flip(1).contiguous().to(products);
            return new SiteSensitivity.Basis(reversed, dual, offset);
        });
    }

    @Override
    public void add(List<Sums> sums, Tensor input, Tensor output, Tensor gradient) {
        sums.forEach(each -> each.add(input, output, gradient));
    }

    @Override
    public void merge(List<Sums> sums, List<Sums> other) {
        for (var i = 0; i < sums.size(); i++) {
            sums.get(i).add(other.get(i));
        }
    }

    @Override
    public void finish(LinearSite site, List<Sums> sums) {
        var number = 0;
        for (var all : found.values()) {
            all.put(site, sums.get(number++).found(site.name()));
        }
    }
}
