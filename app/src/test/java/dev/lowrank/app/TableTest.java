package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void numbersStandRightAndWordsLeft() {
        var text = Table.of("method", "kept", "bytes")
                .row("svd-llm", "0.8", "1,024")
                .row("a", "10.25", "")
                .render();
        assertThat(text).isEqualTo("""
                method    kept  bytes
                -------  -----  -----
                svd-llm    0.8  1,024
                a        10.25
                """);
    }

    @Test
    void aColumnWithAWordInItStandsLeft() {
        assertThat(Table.of("found").row("2").row("none").render()).isEqualTo("found\n-----\n2\nnone\n");
    }

    @Test
    void aRowOfAnotherLengthIsRefused() {
        assertThatThrownBy(() -> Table.of("a", "b").row("1"))
                .hasMessageContaining("1 cells")
                .hasMessageContaining("2");
    }
}
