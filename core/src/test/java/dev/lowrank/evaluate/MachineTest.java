package dev.lowrank.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MachineTest {
    @Test
    void theMachineSaysWhereFiguresAreFrom() {
        var machine = Machine.here();
        assertThat(machine.cores()).isPositive();
        assertThat(machine.line()).contains(machine.processor()).contains("Java " + Runtime.version());
    }

    @Test
    void residentMemoryIsNoMoreThanItsPeak() {
        var resident = ProcessMemory.residentBytes();
        assertThat(resident).isPositive();
        assertThat(ProcessMemory.peakBytes()).isGreaterThanOrEqualTo(resident);
    }
}
