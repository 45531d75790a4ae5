package dev.lowrank.compress.statistics;

import dev.lowrank.model.Feed;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;

/// Collects what happens inside one block's modules while calibration batches run through it. Products in
/// F32 within a batch, sums in F64. Closing releases everything.
public final class ModuleSums implements SiteTap, AutoCloseable {
    private final TensorStore store = new TensorStore("module statistics");
    private final Tensor queries;
    private final Tensor keys;
    private final List<SymmetricSum> values = new ArrayList<>();
    private final SymmetricSum hidden;
    private final int headDim;
    private long tokens;

    /// @param query the block's query linear
    /// @param key its key linear
    /// @param down the linear that reads the MLP's hidden state
    public ModuleSums(LinearSite query, LinearSite key, LinearSite down, int headDim) {
        this.headDim = headDim;
        queries = zeros(query.out());
        keys = zeros(key.out());
        for (var head = 0; head < key.out() / headDim; head++) {
            values.add(new SymmetricSum(headDim, store));
        }
        hidden = new SymmetricSum(down.in(), store);
    }

    private Tensor zeros(long width) {
        return TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, width)));
    }

    @Override
    public void input(Feed feed, Tensor input) {
        if (feed == Feed.MLP_HIDDEN) {
            TensorScope.tidyRun(() -> hidden.add(rows(input)));
        }
    }

    @Override
    public void output(Role role, Tensor output) {
        TensorScope.tidyRun(() -> {
            var rows = rows(output);
            switch (role) {
                case Q_PROJ -> {
                    tokens += rows.size(0);
                    queries.add_(rows.square().sum(0, false).to(DType.F64));
                }
                case K_PROJ -> keys.add_(rows.square().sum(0, false).to(DType.F64));
                case V_PROJ -> {
                    for (var head = 0; head < values.size(); head++) {
                        values.get(head).add(rows.narrow(1, (long) head * headDim, headDim));
                    }
                }
                case QKV_PROJ, O_PROJ, GATE_PROJ, UP_PROJ, DOWN_PROJ -> {}
            }
        });
    }

    private static Tensor rows(Tensor x) {
        return x.reshape(-1, x.size(-1));
    }

    /// Adds what another collector of the same block has measured on other batches.
    public void add(ModuleSums other) {
        queries.add_(other.queries);
        keys.add_(other.keys);
        for (var head = 0; head < values.size(); head++) {
            values.get(head).add(other.values.get(head));
        }
        hidden.add(other.hidden);
        tokens += other.tokens;
    }

    /// What was measured; valid until this is closed.
    ///
    /// @param name names the block in errors
    /// @throws dev.lowrank.tensor.NumericalException if an activation was not finite
    public ModuleStatistics finish(String name) {
        return TensorScope.tidy(() -> new ModuleStatistics(
                tokens,
                Finite.check(queries, "queries of " + name),
                Finite.check(keys, "keys of " + name),
                values.stream()
                        .map(sum -> store.keep(Finite.check(sum.matrix(), "values of " + name)))
                        .toList(),
                store.keep(Finite.check(hidden.matrix(), "hidden state of the MLP of " + name))));
    }

    @Override
    public void close() {
        store.close();
    }
}
