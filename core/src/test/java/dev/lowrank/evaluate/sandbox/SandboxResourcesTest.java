package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.evaluate.sandbox.Outcome.Verdict;
import dev.lowrank.model.Progress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a program may use: X01 to X04 and X11 of the catalogue. After each test nothing of it is left.
@Tag("sandbox")
class SandboxResourcesTest {
    private static final SandboxLimits LIMITS = Sandboxes.quick();

    private static Sandbox sandbox;

    /// Little memory, and the time to fill it.
    private static Sandbox narrow;

    @BeforeAll
    static void open() {
        sandbox = Sandboxes.open(LIMITS);
        narrow = Sandboxes.open(new SandboxLimits(
                Duration.ofSeconds(10),
                Duration.ofSeconds(60),
                LIMITS.grace(),
                128 << 20,
                LIMITS.tmpBytes(),
                LIMITS.fileBytes(),
                LIMITS.processes(),
                LIMITS.outputBytes(),
                1));
    }

    @AfterAll
    static void close() {
        if (sandbox != null) {
            sandbox.close();
        }
        if (narrow != null) {
            narrow.close();
        }
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(Sandboxes.processesOf(LIMITS)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "while True: pass",
                "import time\ntime.sleep(1000)",
                "import threading\nbusy = [threading.Thread(target=exec, args=('while True: pass',)) for _ in range(8)]\n"
                        + "for thread in busy: thread.start()\nfor thread in busy: thread.join()",
                "import signal, time\nfor n in (15, 14, 2, 1, 24):\n    signal.signal(n, signal.SIG_IGN)\n"
                        + "while True: time.sleep(0.1)",
                "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos.kill(os.getpid(), signal.SIGSTOP)",
                "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            })
    void x01WhatDoesNotEndTimesOutAtOnce(String program) {
        // On a busy machine a program gets more real time; without patience it does not.
        var strict = Sandboxes.limits(LIMITS.time(), LIMITS.time(), LIMITS.fileBytes());
        try (var own = Sandboxes.open(strict)) {
            var start = System.nanoTime();
            assertThat(own.run(program).verdict()).isEqualTo(Verdict.TIMED_OUT);
            var elapsed = Duration.ofNanos(System.nanoTime() - start);
            assertThat(elapsed).isBetween(LIMITS.time(), LIMITS.time().plusMillis(500));
        }
    }

    @Test
    void x02ForksAreCappedForEachProgram() {
        var program = """
                import os, time
                children = 0
                try:
                    for _ in range(200):
                        if os.fork() == 0:
                            time.sleep(100)
                        children += 1
                except BlockingIOError:
                    pass
                assert 20 <= children < %d, children
                """.formatted(LIMITS.processes());
        try (var wide = Sandboxes.open(LIMITS.withParallel(8))) {
            for (var outcome : wide.runAll(Collections.nCopies(8, program), Progress.silent())) {
                assertThat(outcome.label()).isEqualTo("passed");
            }
        }
    }

    @Test
    void x02ThreadsAreCapped() {
        var outcome = sandbox.run("""
                import threading, time
                for _ in range(10_000):
                    threading.Thread(target=time.sleep, args=(100,)).start()
                """);
        assertThat(outcome.label()).isEqualTo("failed: RuntimeError: can't start new thread");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
                "import os\nos.setsid()\nif os.fork(): os._exit(0)\nif os.fork(): os._exit(0)\nwhile True: pass",
                "import os, signal, time\nsignal.signal(15, signal.SIG_IGN)\nif os.fork() == 0:\n    os.setsid()\n"
                        + "    os.closerange(0, 1024)\n    time.sleep(1000)",
            })
    void x02BombsAndDaemonsAreGoneWithTheirProgram(String program) {
        assertThat(sandbox.run(program)).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "x = bytearray(2 << 30)",
                "x = [0]\nwhile True: x = x + x",
                "import mmap\nmmap.mmap(-1, 2 << 30)",
                "import sys\nsys.setrecursionlimit(1 << 30)\ndef f(x): return f(x + 1)\nf(0)",
                "def f(x): return f(x + 1)\nf(0)",
                "import sys\nsys.setrecursionlimit(1 << 30)\nx = []\nfor _ in range(1 << 20): x = [x]\nrepr(x)",
            })
    void x03MemoryIsCapped(String program) {
        var outcome = narrow.run(program);
        assertThat(outcome.verdict()).as(outcome.label()).isEqualTo(Verdict.FAILED);
        assertThat(outcome.reason())
                .containsAnyOf("MemoryError", "SystemError", "RecursionError", "Cannot allocate", "killed by SIG");
    }

    @Test
    void x03AHugePowerDoesNotPass() {
        assertThat(sandbox.run("x = 10 ** 10 ** 10").isPassed()).isFalse();
    }

    @Test
    void x03MemoryOfAllProcessesTogetherIsCapped() {
        var groups = ControlGroup.open(LIMITS.withParallel(1));
        groups.forEach(ControlGroup::close);
        Assumptions.assumeTrue(
                groups.getFirst().entrances().stream()
                        .anyMatch(entrance -> entrance.toString().contains("/memory/")
                                || !entrance.toString().contains("/pids/")),
                "This user may not make control groups of memory here: only single processes are bounded");
        var outcome = narrow.run("""
                import os, time
                filled, fill = os.pipe()
                child = os.fork()
                block = bytearray(b"x") * (80 << 20) if child == 0 or os.read(filled, 1) == b"x" else None
                if child == 0:
                    os.write(fill, b"x")
                    time.sleep(100)
                assert os.waitpid(child, os.WNOHANG) == (0, 0), "the child was killed"
                """);
        assertThat(outcome.verdict()).isEqualTo(Verdict.FAILED);
        assertThat(outcome.reason()).contains("killed");
    }

    @Test
    void x04TmpIsFullAtItsSizeAndNothingElseCanBeWritten() {
        var outcome = sandbox.run("""
                import errno, os
                written = 0
                try:
                    for i in range(1000):
                        with open(f"/tmp/{i}", "wb", buffering=0) as file:
                            for _ in range(8):
                                written += file.write(bytes(1 << 20))
                except OSError as problem:
                    assert problem.errno == errno.ENOSPC, problem
                assert written <= %d, written
                for place in ("/x", "/usr/x", "/usr/lib/x", "/dev/x", "/etc/x", os.__file__):
                    try:
                        open(place, "ab")
                    except OSError as problem:
                        assert problem.errno in (errno.EROFS, errno.EACCES, errno.EPERM), (place, problem)
                    else:
                        raise AssertionError(place)
                """.formatted(LIMITS.tmpBytes()));
        assertThat(outcome.label()).isEqualTo("passed");
    }

    @Test
    void x04SparseFilesAndAMillionFilesEndInAnError() {
        assertThat(sandbox.run("open('/tmp/sparse', 'wb').truncate(1 << 40)").reason())
                .contains("File too large");
        var many = sandbox.run("for i in range(10**6): open(f'/tmp/{i}', 'w').close()");
        assertThat(many.isPassed()).as("a million files in a second").isFalse();
    }

    @Test
    void x11SixteenAtOnceGiveTheVerdictsOfOneByOne() {
        var compute = "import time\nwhile time.process_time() < 0.2: pass\n";
        var programs = new ArrayList<String>();
        for (var i = 0; i < 8; i++) {
            programs.add(compute);
        }
        for (var i = 0; i < 4; i++) {
            programs.add("while True: pass\n");
            programs.add(compute + "assert False, 'wrong'\n");
        }
        assertThat(programs).hasSize(16);
        var serial = verdicts(programs, 1);
        assertThat(serial).startsWith("passed", "passed").endsWith("timed out", "failed: AssertionError: wrong");
        assertThat(verdicts(programs, 16)).isEqualTo(serial);
    }

    private static List<String> verdicts(List<String> programs, int parallel) {
        var limits = Sandboxes.limits(Duration.ofMillis(500), Duration.ofSeconds(60), LIMITS.fileBytes());
        try (var own = Sandboxes.open(limits.withParallel(parallel))) {
            return own.runAll(programs, Progress.silent()).stream()
                    .map(Outcome::label)
                    .toList();
        }
    }
}
