package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.evaluate.sandbox.Outcome.Verdict;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What counts as a pass, and what is said of everything else: X08 to X10 of the catalogue.
@Tag("sandbox")
class SandboxVerdictTest {
    /// A candidate's text comes first, as in HumanEval; only a right `f` passes.
    private static final String TEST = "\ndef check(candidate):\n    assert candidate(2) == 4\ncheck(f)\n";

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

    @Test
    void aRightProgramPassesAndAWrongOneSaysWhy() {
        assertThat(sandbox.run("def f(x):\n    return x * x" + TEST).label()).isEqualTo("passed");
        assertThat(sandbox.run("def f(x):\n    return x" + TEST).label()).isEqualTo("failed: AssertionError: ");
        assertThat(sandbox.run("def f(x):\n    return y" + TEST).label())
                .isEqualTo("failed: NameError: name 'y' is not defined");
        assertThat(sandbox.run("def f(x):\n  return x\n return" + TEST).label())
                .startsWith("failed: IndentationError: unindent does not match");
    }

    @Test
    void x08HugeOutputIsCutAndDoesNotChangeTheVerdict() {
        var limits = sandbox.limits();
        var outcome = sandbox.run("import os\nfor _ in range(16384):\n    os.write(1, b'x' * 65536)\n");
        // A gigabyte; a machine too slow to read it in time is no failure of the program.
        assertThat(outcome.verdict()).isNotEqualTo(Verdict.FAILED);
        assertThat(outcome.output()).hasSize(limits.outputBytes()).startsWith("xxx");
    }

    @Test
    void whatWasPrintedIsKeptHoweverTheProgramEnds() {
        assertThat(sandbox.run("print('here')").output()).isEqualTo("here\n");
        assertThat(sandbox.run("print('here')\nassert False").output()).isEqualTo("here\n");
        assertThat(sandbox.run("print('here')\nimport sys\nsys.stdout = None").label())
                .isEqualTo("passed");
        assertThat(sandbox.run("import sys\nprint('here')\nsys.stdout.close()").label())
                .isEqualTo("passed");
    }

    @Test
    void x08OutputIsPrintable() {
        var outcome = sandbox.run("""
                import os
                print('a\\tb\\n\\x1b[31mred\\x00\\u202e', flush=True)
                os.write(2, b'\\xff\\xfe')
                raise ValueError('\\x1b[2J\\nx')
                """);
        assertThat(outcome.output()).isEqualTo("a\tb\n\\u001B[31mred\\u0000\\u202E\n\uFFFD\uFFFD");
        assertThat(outcome.reason()).isEqualTo("ValueError: \\u001B[2J\\u000Ax");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "import ctypes; ctypes.string_at(0)                    | killed by SIGSEGV",
                "import os; os.abort()                                 | killed by SIGABRT",
                "import os; os.kill(os.getpid(), 9)                    | killed by SIGKILL",
                "import os; os._exit(3)                                | exit status 3",
                "raise ValueError('x' * 10**6)                         | ValueError: xxxxxxxxx",
                "input()                                               | EOFError",
            })
    void x08EveryKindOfEndIsClassified(String program, String reason) {
        var outcome = sandbox.run(program);
        assertThat(outcome.verdict()).isEqualTo(Verdict.FAILED);
        assertThat(outcome.reason()).contains(reason).hasSizeLessThanOrEqualTo(300);
    }

    @Test
    void x08ACrashLeavesNoCore() {
        var program = """
                import ctypes, os
                child = os.fork()
                if child == 0:
                    ctypes.string_at(0)
                _, status = os.waitpid(child, 0)
                assert os.WTERMSIG(status) == 11 and not os.WCOREDUMP(status)
                assert os.listdir("/tmp") == []
                """;
        assertThat(sandbox.run(program).label()).isEqualTo("passed");
    }

    @Test
    void x08EmptyHugeAndBrokenCompletionsAreJustPrograms() {
        assertThat(sandbox.run(TEST).label()).isEqualTo("failed: NameError: name 'f' is not defined");
        assertThat(sandbox.run("").label()).isEqualTo("passed");
        assertThat(sandbox.run("x = 1\u0000" + TEST).label()).contains("null bytes");
        assertThat(sandbox.run("x = '\ud800'\n" + "def f(x):\n    return x * x" + TEST)
                        .label())
                .isEqualTo("passed");
        assertThat(sandbox.run("(".repeat(100_000) + TEST).verdict()).isEqualTo(Verdict.FAILED);
        var huge = "# " + "x".repeat(8 << 20) + "\ndef f(x):\n    return x * x" + TEST;
        assertThat(sandbox.run(huge).label()).isEqualTo("passed");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import sys; sys.exit(0)",
                "import os; os._exit(0)",
                "exit(0)",
                "raise SystemExit(0)",
                "raise KeyboardInterrupt()",
                "raise BaseException('passed')",
                "print('passed')\nraise SystemExit",
                "import atexit, os\natexit.register(os._exit, 0)\nraise Exception()",
                "import os; os.kill(os.getppid(), 9)",
                "import os; os.kill(-1, 9)",
                "import os\nfor fd in range(1024):\n    try:\n        os.write(fd, b'passed\\nMP')\n"
                        + "    except OSError: pass\nos._exit(0)",
                "import os\nif os.fork(): os._exit(0)\ndef f(x): return 4",
                "import os\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ndef f(x): return 4",
                "class E(Exception):\n    def __str__(self): raise SystemExit(0)\nraise E()",
                "class E(Exception):\n    def __str__(self): import os; os._exit(0)\nraise E()",
                "def check(candidate): pass\ndef f(x): return 5",
                "import builtins\nbuiltins.check = lambda candidate: None\ndef f(x): return 5",
                "import builtins\nbuiltins.AssertionError = type('Quiet', (Warning,), {})\ndef f(x): return 5",
                "import os\nos.write = os._exit = lambda *a: None\ndef f(x): return 5",
                "import sys\nsys.excepthook = lambda *a: None\ndef f(x): return 5",
                "import threading\nthreading.excepthook = lambda *a: None\ndef f(x): raise SystemExit",
            })
    void x09WhatDoesNotReachTheEndIsNotAPass(String candidate) {
        var outcome = sandbox.run(candidate + TEST);
        assertThat(outcome.verdict()).as(outcome.label()).isEqualTo(Verdict.FAILED);
    }

    @Test
    void x09PatchingWhatTheHarnessUsesDoesNotStopAPassEither() {
        var candidate = "import os\nos.write = os._exit = os.getpid = None\ndef f(x): return x * x";
        assertThat(sandbox.run(candidate + TEST).label()).isEqualTo("passed");
    }

    @Test
    void x09TheNonceIsNowhereInTheCandidatesMemory() {
        // Every string of 32 hexadecimal digits that Python's own objects hold would be found.
        var program = """
                import gc, re, sys, os
                seen, todo, found = set(), gc.get_objects() + [sys._getframe()], []
                while todo:
                    thing = todo.pop()
                    if id(thing) in seen:
                        continue
                    seen.add(id(thing))
                    if isinstance(thing, (str, bytes)):
                        text = thing if isinstance(thing, str) else thing.decode("latin1")
                        found += re.findall("(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text)
                    else:
                        todo.extend(gc.get_referents(thing))
                assert len(seen) > 1000
                assert not found, found
                for fd in range(3):
                    assert not os.isatty(fd)
                assert os.read(0, 100) == b""
                """;
        assertThat(sandbox.run(program).label()).isEqualTo("passed");
    }

    @Test
    void x10TheTestsAndOtherSamplesAreInNoFile() {
        var program = """
                import os
                assert os.getcwd() == "/tmp" and os.listdir("/tmp") == [], os.listdir("/tmp")
                open("/tmp/left-behind", "w").write("x")
                for folder in ("/", "/tmp", "/dev", "/etc"):
                    assert not {"proc", "home", "root", "sys", "run", "var", "passwd"} & set(os.listdir(folder))
                try:
                    open("<program>")
                except FileNotFoundError:
                    import inspect, sys
                    try:
                        inspect.getsource(sys._getframe())
                    except OSError:
                        found = False
                assert found is False
                """;
        for (var outcome : sandbox.runAll(List.of(program, program, program), (what, done, total) -> {})) {
            assertThat(outcome.label()).isEqualTo("passed");
        }
    }
}
