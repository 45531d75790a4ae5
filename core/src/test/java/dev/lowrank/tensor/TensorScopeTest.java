package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.testing.NoNativeLeaks;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

@NoNativeLeaks
class TensorScopeTest {
    @Test
    void tidyReleasesEverythingButItsResult() {
        TensorScope.tidyRun(() -> {
            var before = NativeMemory.liveTensors();
            var y = TensorScope.tidy(() -> {
                var x = Tensors.ones(DType.F32, 4).add(1.0);
                return x.mul(x).sum();
            });
            assertThat(NativeMemory.liveTensors()).isEqualTo(before + 1);
            assertThat(y.item()).isEqualTo(16.0);
        });
    }

    @Test
    void tidyReachesOwnersCollectionsAndMaps() {
        TensorScope.tidyRun(() -> {
            var svd = TensorScope.tidy(() -> Linalg.svd(Tensors.randn(1, DType.F64, 3, 2)));
            var many = TensorScope.tidy(() -> List.of(Tensors.ones(DType.F32, 1), Tensors.ones(DType.F32, 2)));
            var map = TensorScope.tidy(() -> Map.of("w", Tensors.ones(DType.F32, 3)));
            assertThat(svd.s().toDoubles()).hasSize(2);
            assertThat(many.get(1).toFloats()).hasSize(2);
            assertThat(map.get("w").toFloats()).hasSize(3);
        });
    }

    @Test
    void tidyPassesNullAndPlainValues() {
        assertThat(TensorScope.<Tensor>tidy(() -> null)).isNull();
        assertThat(TensorScope.tidy(() -> Tensors.ones(DType.F32, 5).sum().item()))
                .isEqualTo(5.0);
    }

    @Test
    void exceptionsReleaseNestedScopes() {
        assertThatThrownBy(() -> TensorScope.tidyRun(() -> {
                    Tensors.ones(DType.F32, 100);
                    TensorScope.tidyRun(() -> Tensors.ones(DType.F32, 2).matmul(Tensors.ones(DType.F32, 3)));
                }))
                .isInstanceOf(TensorException.class);
        assertThat(TensorScope.depth()).isZero();
    }

    @Test
    void argumentsStayWhereTheyAre() {
        TensorScope.tidyRun(() -> {
            var x = Tensors.ones(DType.F32, 2);
            var same = TensorScope.tidy(() -> x);
            assertThat(same).isSameAs(x);
            assertThat(x.sum().item()).isEqualTo(2.0);
        });
    }

    @Test
    void aTensorNeedsAnOpenScope() {
        assertThatThrownBy(() -> Tensors.ones(DType.F32, 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no open tensor scope");
    }

    @Test
    void aTensorCannotLeaveTheOutermostScope() {
        assertThatThrownBy(() -> TensorScope.tidy(() -> Tensors.ones(DType.F32, 1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("TensorStore");
    }

    @Test
    void aReleasedTensorSaysWhatItWas() {
        var leaked = new AtomicReference<Tensor>();
        TensorScope.tidyRun(() -> leaked.set(Tensors.ones(DType.F32, 2, 3)));
        assertThatThrownBy(() -> leaked.get().sum()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> leaked.get().toFloats())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("F32[2, 3]")
                .hasMessageContaining("closed");
    }

    @Test
    void scopesCloseInReverseOrder() {
        try (var outer = TensorScope.open()) {
            try (var _ = TensorScope.open()) {
                assertThatThrownBy(outer::close)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("reverse order");
            }
        }
    }

    @Test
    void scopesBelongToTheirThread() throws InterruptedException {
        var thrown = new AtomicReference<Throwable>();
        try (var scope = TensorScope.open()) {
            var thread = new Thread(scope::close, "stranger");
            thread.setUncaughtExceptionHandler((_, e) -> thrown.set(e));
            thread.start();
            thread.join();
        }
        assertThat(thrown.get()).isInstanceOf(IllegalStateException.class).hasMessageContaining("stranger");
    }

    @Test
    void virtualThreadsAreRefused() throws InterruptedException {
        var thrown = new AtomicReference<Throwable>();
        var thread = Thread.ofVirtual().unstarted(() -> TensorScope.tidyRun(() -> {}));
        thread.setUncaughtExceptionHandler((_, e) -> thrown.set(e));
        thread.start();
        thread.join();
        assertThat(thrown.get()).isInstanceOf(IllegalStateException.class).hasMessageContaining("virtual");
    }

    @Test
    void storesOutliveScopesAndReleaseOneByOne() {
        try (var store = new TensorStore("a cache")) {
            var kept = TensorScope.open();
            Tensor first;
            Tensor second;
            try (kept) {
                first = store.keep(Tensors.ones(DType.F32, 2));
                second = store.keep(Tensors.ones(DType.F32, 3));
            }
            store.release(first);
            assertThatThrownBy(first::toFloats).hasMessageContaining("a cache");
            assertThat(second.toFloats()).containsExactly(1f, 1f, 1f);
        }
    }

    @Test
    void tenThousandTensorsLeaveNothingBehind() {
        var tensors = NativeMemory.liveTensors();
        var pointers = NativeMemory.livePointers();
        var resident = NativeMemory.residentBytes();
        TensorScope.tidyRun(() -> {
            for (var i = 0; i < 10_000; i++) {
                TensorScope.tidyRun(
                        () -> Tensors.zeros(DType.F32, 64, 1024).add(1.0).select(0, 3));
            }
        });
        assertThat(NativeMemory.liveTensors()).isEqualTo(tensors);
        assertThat(NativeMemory.livePointers()).isLessThanOrEqualTo(pointers);
        assertThat(NativeMemory.residentBytes() - resident).isLessThan(500L << 20); // 5 GB were made
    }
}
