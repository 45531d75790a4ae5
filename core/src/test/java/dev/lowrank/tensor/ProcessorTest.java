package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessorTest {
    private static final String AMD = """
            processor\t: 0
            vendor_id\t: AuthenticAMD
            model name\t: AMD EPYC
            flags\t\t: fpu sse2 avx512f avx512_bf16

            processor\t: 1
            vendor_id\t: AuthenticAMD
            model name\t: another
            flags\t\t: fpu
            """;
    private static final String INTEL = """
            vendor_id\t: GenuineIntel
            model name\t: Intel(R) Xeon(R) Processor: one
            flags\t\t: fpu avx2
            """;

    @Test
    void theFirstProcessorCounts() {
        var amd = Processor.of(AMD, "amd64");
        assertThat(amd.name()).isEqualTo("AMD EPYC");
        assertThat(amd.features()).contains("sse2", "avx512_bf16");
        assertThat(amd.multipliesBf16()).isTrue();
        assertThat(amd.fetchesFarAhead()).isTrue();
        var intel = Processor.of(INTEL, "amd64");
        assertThat(intel.name()).isEqualTo("Intel(R) Xeon(R) Processor: one");
        assertThat(intel.multipliesBf16()).isFalse();
        assertThat(intel.fetchesFarAhead()).isFalse();
        assertThat(Processor.of(INTEL.replace("avx2", "amx_tile amx_bf16"), "").multipliesBf16())
                .isTrue();
    }

    @Test
    void whereNothingIsToldThereIsItsKind() {
        var nothing = Processor.of("", "riscv64");
        assertThat(nothing.name()).isEqualTo("riscv64");
        assertThat(nothing.multipliesBf16()).isFalse();
        assertThat(nothing.fetchesFarAhead()).isFalse();
        assertThat(Processor.here().name()).isNotEmpty();
    }
}
