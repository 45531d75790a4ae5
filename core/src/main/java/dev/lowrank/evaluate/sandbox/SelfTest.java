package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/// Makes sure that a sandbox holds before anything unknown runs in it: a program passes, one that leaves
/// early does not, and one that passes only if the network, the machine's files, further processes and a
/// filtered system call are all refused to it.
final class SelfTest {
    private static final String ESCAPES = """
            import os, socket, sys
            refused = 0
            def must_fail(what, attempt, *arguments):
                global refused
                try:
                    attempt(*arguments)
                except OSError:
                    refused += 1
                    return
                raise AssertionError(what)
            must_fail("a connection to this machine is possible",
                      socket.create_connection, ("127.0.0.1", PORT), 1)
            must_fail("a file outside /tmp can be written", open, "/lowrank-self-test", "w")
            must_fail("Python's own files can be written", open, os.__file__, "a")
            must_fail("the machine's accounts can be seen", os.stat, "/etc/passwd")
            must_fail("the machine's processes can be seen", os.listdir, "/proc/1")
            must_fail("system calls are not filtered", os.memfd_create, "self-test")
            assert os.getuid() != 0, "the program runs as root"
            with open("/tmp/own", "w") as file:
                file.write("x")
            children = []
            def fork_all():
                for _ in range(2 * LIMIT):
                    child = os.fork()
                    if child == 0:
                        os.read(wait, 1)
                        os._exit(0)
                    children.append(child)
            wait, release = os.pipe()
            must_fail("more processes than allowed can be started", fork_all)
            assert children, "no process can be started"
            assert refused == 7
            """;

    private SelfTest() {}

    /// @throws SandboxUnavailableException naming what is possible that must not be, or why nothing runs
    static void check(Sandbox sandbox) {
        var plain = sandbox.run("assert sum(range(10)) == 45\n");
        if (!plain.isPassed()) {
            throw broken("a program that should pass gave \"" + plain.label() + "\", and printed: " + plain.output());
        }
        for (var early : new String[] {"import os\nos._exit(0)\n", "raise SystemExit(0)\n", "assert False\n"}) {
            var outcome = sandbox.run(early);
            if (outcome.verdict() != Outcome.Verdict.FAILED) {
                throw broken("a program that should fail gave \"" + outcome.label() + "\"");
            }
        }
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var outcome = sandbox.run(ESCAPES.replace("PORT", Integer.toString(listener.getLocalPort()))
                    .replace("LIMIT", Integer.toString(sandbox.limits().processes())));
            if (!outcome.isPassed()) {
                throw broken("the test of what must be refused gave \"" + outcome.label() + "\"");
            }
        } catch (IOException noSocket) {
            throw new SandboxUnavailableException(
                    "The sandbox's self-test could not listen on this machine's loopback", noSocket);
        }
    }

    private static SandboxUnavailableException broken(String what) {
        return new SandboxUnavailableException("The sandbox for generated code does not hold on this machine: " + what
                + ". Generated programs are not run");
    }
}
