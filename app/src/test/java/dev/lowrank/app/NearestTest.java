package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
    private static final List<String> METHODS = List.of("svd", "asvd", "svd-llm", "lord", "tucker");

    @Test
    void aSlipOfTheFingerIsUnderstood() {
        assertThat(Nearest.to("svdllm", METHODS)).contains("svd-llm");
        assertThat(Nearest.to("tukcer", METHODS)).contains("tucker");
        assertThat(Nearest.to("LORD", METHODS)).contains("lord");
    }

    @Test
    void anythingElseIsNotGuessed() {
        assertThat(Nearest.to("quantize", METHODS)).isEmpty();
        assertThat(Nearest.remedy("quantize", "methods", METHODS))
                .isEqualTo("Known methods: svd, asvd, svd-llm, lord, tucker.");
    }
}
