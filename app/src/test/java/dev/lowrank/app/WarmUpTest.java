package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThatCode;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WarmUpTest {
    /// It throws where a command of it fails, which nobody would notice: the cache would only lack classes.
    @ParameterizedTest
    @ValueSource(strings = {"light", "heavy"})
    void itsCommandsSucceed(String cache) {
        assertThatCode(() -> WarmUp.run(cache, Run.ROOT)).doesNotThrowAnyException();
    }
}
