package dev.lowrank.compress;

import dev.lowrank.compress.method.SiteMethod;
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

/// What dropping components does to the loss, for the decompositions of several methods at once.
final class SensitivityObservation implements GradientPass.Observation<List<SiteSensitivity>> {
    private final DecompositionFiles files;
    private final List<SiteMethod> methods;
    private final Map<SiteMethod, Map<LinearSite, Found>> found = new LinkedHashMap<>();

    SensitivityObservation(DecompositionFiles files, List<SiteMethod> methods) {
        this.files = files;
        this.methods = methods;
        methods.forEach(method -> found.put(method, new LinkedHashMap<>()));
    }

    /// What was found at a site.
    ///
    /// @param divergence `[k + 1]`, see [SiteSensitivity#divergence]
    /// @param firstOrder `[k]`, see [SiteSensitivity#firstOrder]
    record Found(double[] divergence, double[] firstOrder) {}

    /// What was found, by method and site.
    Map<SiteMethod, Map<LinearSite, Found>> found() {
        return found;
    }

    @Override
    public List<SiteSensitivity> start(SourceBlock block, LinearSite site, TensorStore store) {
        return methods.stream()
                .map(method -> SiteSensitivity.start(store.keep(basis(block, site, method)), store))
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
    public void add(List<SiteSensitivity> sums, Tensor output, Tensor gradient) {
        sums.forEach(each -> each.add(output, gradient));
    }

    @Override
    public void merge(List<SiteSensitivity> sums, List<SiteSensitivity> other) {
        for (var i = 0; i < sums.size(); i++) {
            sums.get(i).add(other.get(i));
        }
    }

    @Override
    public void finish(LinearSite site, List<SiteSensitivity> sums) {
        var number = 0;
        for (var all : found.values()) {
            var one = sums.get(number++);
            all.put(site, new Found(one.divergence(site.name()), one.firstOrder(site.name())));
        }
    }
}
