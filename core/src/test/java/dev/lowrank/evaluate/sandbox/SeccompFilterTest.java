package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Runs the filter as the kernel would.
class SeccompFilterTest {
    private static final int ALLOW = 0x7fff_0000;
    private static final int EPERM = 0x0005_0001;
    private static final int KILL = 0x8000_0000;
    private static final int X86_64 = 0xC000_003E;
    private static final int AARCH64 = 0xC000_00B7;

    private static int decide(String machine, int architecture, int call, long firstArgument) {
        var data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        data.putInt(0, call).putInt(4, architecture).putLong(16, firstArgument);
        var program = ByteBuffer.wrap(SeccompFilter.program(machine)).order(ByteOrder.LITTLE_ENDIAN);
        var accumulator = 0;
        for (var i = 0; ; i++) {
            var code = program.getShort(8 * i);
            var value = program.getInt(8 * i + 4);
            var holds = false;
            switch (code) {
                case 0x20 -> accumulator = data.getInt(value);
                case 0x06 -> {
                    return value;
                }
                case 0x15 -> holds = accumulator == value;
                case 0x35 -> holds = Integer.compareUnsigned(accumulator, value) >= 0;
                default -> throw new AssertionError("code " + code);
            }
            if (code != 0x20) {
                i += Byte.toUnsignedInt(program.get(8 * i + (holds ? 2 : 3)));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ptrace, 101, 117",
        "mount, 165, 40",
        "unshare, 272, 97",
        "setns, 308, 268",
        "keyctl, 250, 219",
        "bpf, 321, 280",
        "io_uring_setup, 425, 425",
        "userfaultfd, 323, 282",
        "kexec_load, 246, 104",
        "perf_event_open, 298, 241",
        "process_vm_writev, 311, 271",
        "pidfd_getfd, 438, 438",
        "shmget, 29, 194",
        "memfd_create, 319, 279",
    })
    void deniedCallsFail(String name, int x86, int arm) {
        assertThat(decide("amd64", X86_64, x86, 0)).as(name).isEqualTo(EPERM);
        assertThat(decide("aarch64", AARCH64, arm, 0)).as(name).isEqualTo(EPERM);
    }

    @ParameterizedTest
    @CsvSource({
        "read, 0, 63",
        "write, 1, 64",
        "mmap, 9, 222",
        "openat, 257, 56",
        "clone, 56, 220",
        "execve, 59, 221",
        "exit_group, 231, 94",
        "futex, 202, 98",
        "kill, 62, 129",
        "connect, 42, 203",
        "clone3, 435, 435",
    })
    void ordinaryCallsPass(String name, int x86, int arm) {
        assertThat(decide("amd64", X86_64, x86, 0)).as(name).isEqualTo(ALLOW);
        assertThat(decide("aarch64", AARCH64, arm, 0)).as(name).isEqualTo(ALLOW);
    }

    @Test
    void onlySocketsOfTheSandboxesOwnNetworkAreMade() {
        for (var family = 0; family < 64; family++) {
            var expected = family == 1 || family == 2 || family == 10 ? ALLOW : EPERM;
            assertThat(decide("amd64", X86_64, 41, family))
                    .as("family " + family)
                    .isEqualTo(expected);
            assertThat(decide("aarch64", AARCH64, 198, family))
                    .as("family " + family)
                    .isEqualTo(expected);
        }
    }

    @Test
    void callsOfAnotherArchitectureAreNotInterpreted() {
        assertThat(decide("amd64", 0x4000_0003, 0, 0)).as("i386").isEqualTo(KILL);
        assertThat(decide("amd64", X86_64, 0x4000_0000 | 101, 0)).as("x32").isEqualTo(EPERM);
        assertThatThrownBy(() -> SeccompFilter.program("riscv64"))
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("riscv64");
    }
}
