package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a program must not see, reach or ask of the kernel: X05 to X07 of the catalogue. Each program
/// passes when it was refused everything.
@Tag("sandbox")
class SandboxEscapeTest {
    private static final String REFUSED = """
            def refused(attempt, *arguments):
                try:
                    attempt(*arguments)
                except OSError:
                    return
                raise AssertionError(f"{attempt.__name__}{arguments}")
            """;

    private static Sandbox sandbox;

    @BeforeAll
    static void open() {
        sandbox = Sandboxes.open(SandboxLimits.standard());
    }

    @AfterAll
    static void close() {
        if (sandbox != null) {
            sandbox.close();
        }
    }

    private static void assertPasses(String program) {
        var outcome = sandbox.run(REFUSED + program);
        assertThat(outcome.label()).as(outcome.output()).isEqualTo("passed");
    }

    @Test
    void x05NothingOfTheMachineIsSeen(@TempDir Path folder) throws IOException {
        var model = Files.writeString(folder.resolve("config.json"), "{}");
        assertPasses("""
                import os
                for path in ("/etc/passwd", "/etc/shadow", "/root", "/home", "/proc", "/proc/1/mem", "/sys", "/run",
                             "/var", "/boot", "/usr/bin/sh", "/bin/sh", "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/sda",
                             "/dev/shm", "%s", "%s", "%s"):
                    refused(os.stat, path)
                assert os.uname().nodename == "sandbox"
                """.formatted(
                        model, System.getProperty("user.home"), Path.of("").toAbsolutePath()));
    }

    @Test
    void x05TheEnvironmentHoldsOnlyThePath() {
        assertPasses("""
                import os
                assert dict(os.environ) == {"PATH": "/usr/bin"}, dict(os.environ)
                """);
    }

    @Test
    void x06NoNetworkIsReached() throws IOException {
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertPasses("""
                    import os, socket
                    refused(socket.create_connection, ("127.0.0.1", %d), 1)
                    refused(socket.create_connection, ("::1", %<d), 1)
                    refused(socket.create_connection, ("192.0.2.1", 80), 1)
                    refused(socket.getaddrinfo, "example.org", 80)
                    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    refused(udp.sendto, b"x", ("192.0.2.1", 53))
                    unix = socket.socket(socket.AF_UNIX)
                    refused(unix.connect, "/run/dbus/system_bus_socket")
                    refused(unix.connect, "/var/run/docker.sock")
                    refused(unix.connect, "\\0/tmp/.X11-unix/X0")
                    for family in (16, 17, 38, 40):  # netlink, packet, crypto, virtual machines
                        refused(socket.socket, family, socket.SOCK_RAW)
                    refused(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
                    """.formatted(listener.getLocalPort()));
        }
    }

    @Test
    void x06AbstractSocketsOfTheMachineAreNotThere() {
        assertPasses("""
                import socket
                server = socket.socket(socket.AF_UNIX)
                server.bind("\\0lowrank-abstract")
                server.listen()
                client = socket.socket(socket.AF_UNIX)
                client.connect("\\0lowrank-abstract")
                """);
        assertPasses("""
                import socket
                refused(socket.socket(socket.AF_UNIX).connect, "\\0lowrank-abstract")
                """);
    }

    @Test
    void x07DangerousSystemCallsAreRefused() {
        // Numbers of x86-64 and AArch64, for calls that change nothing even where they are allowed.
        assertPasses("""
                import ctypes, errno, os
                libc = ctypes.CDLL(None, use_errno=True)
                arm = os.uname().machine == "aarch64"
                calls = {"ptrace": (101, 117), "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97),
                         "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41), "keyctl": (250, 219),
                         "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
                         "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
                         "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "kexec_load": (246, 104),
                         "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
                         "open_by_handle_at": (304, 265), "fsopen": (430, 430), "memfd_create": (319, 279),
                         "shmget": (29, 194), "init_module": (175, 105), "reboot": (169, 142), "kcmp": (312, 272)}
                for name, numbers in calls.items():
                    ctypes.set_errno(0)
                    result = libc.syscall(ctypes.c_long(numbers[arm]), *[ctypes.c_long(0)] * 6)
                    assert (result, ctypes.get_errno()) == (-1, errno.EPERM), (name, result, ctypes.get_errno())
                """);
    }

    @Test
    void x07NoNewUserNamespaceNoRightsNoOtherUser() {
        assertPasses("""
                import ctypes, os
                libc = ctypes.CDLL(None, use_errno=True)
                clone = 220 if os.uname().machine == "aarch64" else 56
                CLONE_NEWUSER = 0x10000000
                result = libc.syscall(ctypes.c_long(clone), ctypes.c_long(CLONE_NEWUSER | 17), 0, 0, 0, 0)
                if result == 0:
                    os._exit(0)
                assert result == -1, "a user namespace was made"
                refused(os.setuid, 0)
                refused(os.setgid, 0)
                refused(os.chroot, "/tmp")
                assert os.getuid() != 0 and os.geteuid() != 0
                refused(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
                refused(os.nice, -5)
                """);
    }

    @Test
    void x07SignalsReachNobodyButTheProgramsOwn() {
        assertPasses("""
                import os, signal
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM):
                    try:
                        os.kill(-1, number)
                    except ProcessLookupError:
                        pass
                    os.kill(os.getppid(), number)
                for pid in range(100, 1100):
                    refused(os.kill, pid, 0)
                """);
    }
}
