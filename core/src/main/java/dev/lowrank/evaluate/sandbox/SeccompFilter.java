package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The system calls that a program in the sandbox does not get: those that look into other processes,
/// change what is mounted, reach kernel interfaces with a long record of holes, or take memory that no
/// limit counts. They fail with EPERM. Sockets exist only of the families that end in the sandbox's own
/// empty network; others (vsock above all) are not divided by namespaces.
///
/// Written as a classic BPF program, as `seccomp(2)` and `bwrap --seccomp` take it.
final class SeccompFilter {
    private static final int LOAD_WORD = 0x20;
    private static final int JUMP_IF_EQUAL = 0x15;
    private static final int JUMP_IF_AT_LEAST = 0x35;
    private static final int RETURN = 0x06;
    private static final int ALLOW = 0x7fff_0000;
    private static final int FAIL_WITH_EPERM = 0x0005_0001;
    private static final int KILL = 0x8000_0000;
    private static final int OFFSET_OF_NUMBER = 0;
    private static final int OFFSET_OF_ARCHITECTURE = 4;
    private static final int OFFSET_OF_FIRST_ARGUMENT = 16;
    private static final int X32_CALLS = 0x4000_0000;
    private static final int[] SOCKET_FAMILIES = {1, 2, 10}; // AF_UNIX, AF_INET, AF_INET6

    /// An architecture: its audit number and the number of `socket`.
    private enum Architecture {
        X86_64(0xC000_003E, 41),
        AARCH64(0xC000_00B7, 198);

        private final int audit;
        private final int socket;

        Architecture(int audit, int socket) {
            this.audit = audit;
            this.socket = socket;
        }
    }

    /// A denied call and its number on x86-64 and on AArch64; −1 where it does not exist.
    private enum Denied {
        PTRACE(101, 117),
        PROCESS_VM_READV(310, 270),
        PROCESS_VM_WRITEV(311, 271),
        PROCESS_MADVISE(440, 440),
        PIDFD_GETFD(438, 438),
        KCMP(312, 272),
        MOUNT(165, 40),
        UMOUNT2(166, 39),
        PIVOT_ROOT(155, 41),
        CHROOT(161, 51),
        OPEN_TREE(428, 428),
        MOVE_MOUNT(429, 429),
        FSOPEN(430, 430),
        FSCONFIG(431, 431),
        FSMOUNT(432, 432),
        FSPICK(433, 433),
        MOUNT_SETATTR(442, 442),
        NAME_TO_HANDLE_AT(303, 264),
        OPEN_BY_HANDLE_AT(304, 265),
        UNSHARE(272, 97),
        SETNS(308, 268),
        SETHOSTNAME(170, 161),
        SETDOMAINNAME(171, 162),
        ADD_KEY(248, 217),
        REQUEST_KEY(249, 218),
        KEYCTL(250, 219),
        BPF(321, 280),
        PERF_EVENT_OPEN(298, 241),
        USERFAULTFD(323, 282),
        IO_URING_SETUP(425, 425),
        IO_URING_ENTER(426, 426),
        IO_URING_REGISTER(427, 427),
        FANOTIFY_INIT(300, 262),
        KEXEC_LOAD(246, 104),
        KEXEC_FILE_LOAD(320, 294),
        INIT_MODULE(175, 105),
        FINIT_MODULE(313, 273),
        DELETE_MODULE(176, 106),
        REBOOT(169, 142),
        SWAPON(167, 224),
        SWAPOFF(168, 225),
        SYSLOG(103, 116),
        ACCT(163, 89),
        QUOTACTL(179, 60),
        SETTIMEOFDAY(164, 170),
        CLOCK_SETTIME(227, 112),
        ADJTIMEX(159, 171),
        CLOCK_ADJTIME(305, 266),
        VHANGUP(153, 58),
        PERSONALITY(135, 92),
        MBIND(237, 235),
        SET_MEMPOLICY(238, 237),
        MIGRATE_PAGES(256, 238),
        MOVE_PAGES(279, 239),
        MODIFY_LDT(154, -1),
        IOPERM(173, -1),
        IOPL(172, -1),
        USELIB(134, -1),
        // Memory that neither the address space nor the size of /tmp counts.
        MEMFD_CREATE(319, 279),
        MEMFD_SECRET(447, 447),
        SHMGET(29, 194);

        private final int x86;
        private final int arm;

        Denied(int x86, int arm) {
            this.x86 = x86;
            this.arm = arm;
        }
    }

    private SeccompFilter() {}

    /// Writes the filter for this machine to a new temporary file, which the caller deletes.
    ///
    /// @throws SandboxUnavailableException on an architecture whose system calls are not known here
    static Path write() throws IOException {
        var file = Files.createTempFile("lowrank-seccomp-", ".bpf");
        return Files.write(file, program(System.getProperty("os.arch")));
    }

    /// @param machine as `os.arch` names it
    /// @return instructions of 8 bytes each
    static byte[] program(String machine) {
        var architecture = architecture(machine);
        if (architecture == null) {
            throw new SandboxUnavailableException("The sandbox for generated code knows the system calls of amd64 and"
                    + " aarch64 only; this machine is " + machine);
        }
        var denied = Arrays.stream(Denied.values())
                .mapToInt(call -> architecture == Architecture.X86_64 ? call.x86 : call.arm)
                .filter(number -> number >= 0)
                .toArray();
        var families = SOCKET_FAMILIES.length;
        var length = 5 + denied.length + 3 + families + 2;
        var deny = length - 1;
        var allow = length - 2;
        var out = ByteBuffer.allocate(8 * length).order(ByteOrder.LITTLE_ENDIAN);
        put(out, LOAD_WORD, 0, 0, OFFSET_OF_ARCHITECTURE);
        put(out, JUMP_IF_EQUAL, 1, 0, architecture.audit);
        put(out, RETURN, 0, 0, KILL);
        put(out, LOAD_WORD, 0, 0, OFFSET_OF_NUMBER);
        put(out, JUMP_IF_AT_LEAST, to(deny, out), 0, X32_CALLS);
        for (var number : denied) {
            put(out, JUMP_IF_EQUAL, to(deny, out), 0, number);
        }
        put(out, JUMP_IF_EQUAL, 0, to(allow, out), architecture.socket);
        put(out, LOAD_WORD, 0, 0, OFFSET_OF_FIRST_ARGUMENT);
        for (var family : SOCKET_FAMILIES) {
            put(out, JUMP_IF_EQUAL, to(allow, out), 0, family);
        }
        put(out, RETURN, 0, 0, FAIL_WITH_EPERM);
        put(out, RETURN, 0, 0, ALLOW);
        put(out, RETURN, 0, 0, FAIL_WITH_EPERM);
        return out.array();
    }

    private static @Nullable Architecture architecture(String machine) {
        return switch (machine) {
            case "amd64", "x86_64" -> Architecture.X86_64;
            case "aarch64" -> Architecture.AARCH64;
            default -> null;
        };
    }

    /// How far the instruction at `target` lies behind the one about to be written.
    private static int to(int target, ByteBuffer out) {
        return target - out.position() / 8 - 1;
    }

    private static void put(ByteBuffer out, int code, int ifTrue, int ifFalse, int value) {
        out.putShort((short) code).put((byte) ifTrue).put((byte) ifFalse).putInt(value);
    }
}
