package dev.lowrank.compress;

import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.tensor.TensorScope;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Where the decompositions of a block's sites come from.
interface Decomposer extends AutoCloseable {
    /// In the innermost scope.
    Timed<Decomposition> decompose(SiteMethod method, SiteCutter original);

    /// Whether any weight can be decomposed, and not only those of the source.
    boolean measures();

    @Override
    void close();

    /// What was computed, and how long that took.
    record Timed<T>(T result, long nanos) {
        static <T> Timed<T> of(Supplier<T> work) {
            var start = System.nanoTime();
            var result = work.get();
            return new Timed<>(result, System.nanoTime() - start);
        }
    }

    /// They are made.
    ///
    /// @param statistics null where no method needs any; closed with this
    /// @param felt read by methods that need output gradients
    record FromStatistics(@Nullable BlockStatistics statistics, OutputGradients felt) implements Decomposer {
        @Override
        public Timed<Decomposition> decompose(SiteMethod method, SiteCutter original) {
            var site = original.site();
            var measured = statistics == null ? SiteStatistics.none() : statistics.of(site);
            return Timed.of(() -> TensorScope.tidy(() -> {
                return method.decompose(new Problem(site, original.weight(), felt.completing(measured, method, site)));
            }));
        }

        @Override
        public boolean measures() {
            return true;
        }

        @Override
        public void close() {
            if (statistics != null) {
                statistics.close();
            }
        }
    }

    /// They were made before.
    record FromFiles(DecompositionFiles files) implements Decomposer {
        @Override
        public Timed<Decomposition> decompose(SiteMethod method, SiteCutter original) {
            return Timed.of(() -> TensorScope.tidy(() -> files.read(original.site(), method, original.weight())));
        }

        @Override
        public boolean measures() {
            return false;
        }

        @Override
        public void close() {}
    }
}
