package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.DType;
import org.junit.jupiter.api.Test;

class KernelStartTest {
    @Test
    void aColdStartChangesFromPlainLoopsToTheBestKernelsOnTheSamePanels() {
        var start = KernelStart.cold();
        assertThat(start.fastest()).isEqualTo(Kernels.best());
        assertThat(start.current()).isInstanceOf(ScalarKernels.class);
        assertThat(start.current().lanes()).isEqualTo(start.fastest().lanes());
        for (var type : DType.values()) {
            if (type.isFloating()) {
                start.expect(type);
            }
        }
        for (var function : RowFunction.values()) {
            start.expect(function);
        }
        start.warm(DType.F32);
        assertThat(start.current()).isEqualTo(Kernels.best());
    }

    @Test
    void givenKernelsStay() {
        var loops = Kernels.scalar();
        var start = KernelStart.with(loops);
        start.warm(DType.F32);
        assertThat(start.current()).isSameAs(loops);
    }
}
