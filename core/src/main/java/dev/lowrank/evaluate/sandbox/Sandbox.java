package dev.lowrank.evaluate.sandbox;

import dev.lowrank.model.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Runs Python programs that nobody has read, such as a model's, so that they cannot harm the machine: in
/// namespaces of their own made by bubblewrap, as a user without rights, under a filter of system calls and
/// limits of time, memory, files and processes. There is no network but an empty one, nothing of the
/// machine's files but Python's own, nothing of its processes, and one writable folder, `/tmp`, new for
/// each program.
///
/// **Verdict.** A program passes when the end of its text is reached without an exception. A supervisor
/// inside the sandbox starts it as a child of its own and tells the verdict on a pipe that the child does
/// not have, together with a number that it is given only after the child has begun. So `sys.exit(0)`,
/// `os._exit(0)`, exceptions of any kind, printing anything, or killing the supervisor are not passes; nor
/// is the end reached by a copy of the process.
///
/// **What remains.** A program shares its process with the few lines that run it. One written against this
/// very class can search its callers' variables, or its own memory, for the mark that says its end was
/// reached, and can change Python itself (`__eq__` of what it returns, `builtins`) before its tests look at
/// it. No evaluation that calls the candidate from its tests is free of that; it makes a wrong pass, not a
/// way out. What keeps a program in is the kernel: a hole there (or in bubblewrap) is a hole here. Where
/// control groups cannot be made, memory is bounded for each process, not for all of a program's together.
///
/// Programs see a fixed order of hashes (`PYTHONHASHSEED=0`), so that a verdict does not hang on it, no
/// environment but `PATH`, no `site-packages`, and an empty standard input.
public final class Sandbox implements AutoCloseable {
    private final Bubblewrap bubblewrap;
    private final SandboxLimits limits;
    private final Path filter;
    private final List<ControlGroup> groups;
    private final BlockingQueue<ControlGroup> free;
    private final ExecutorService threads;

    private Sandbox(Bubblewrap bubblewrap, SandboxLimits limits) throws IOException {
        this.bubblewrap = bubblewrap;
        this.limits = limits;
        filter = SeccompFilter.write();
        // Closing deletes it; this is for a tool that is interrupted.
        filter.toFile().deleteOnExit();
        groups = ControlGroup.open(limits);
        free = new ArrayBlockingQueue<>(groups.size(), false, groups);
        // Threads of the platform that live as long as this: a sandbox dies with the thread that started it.
        threads = Executors.newFixedThreadPool(
                limits.parallel(),
                Thread.ofPlatform().daemon().name("sandbox-", 0).factory());
    }

    /// Finds bubblewrap and Python and makes sure, with programs that try to break out, that they hold.
    ///
    /// @throws SandboxUnavailableException saying what is missing, or what did not hold, and what to do;
    ///     there is no
    ///     way to run programs without a sandbox
    public static Sandbox open(SandboxLimits limits) {
        return open(limits, HostTools.ofThisProcess());
    }

    static Sandbox open(SandboxLimits limits, HostTools tools) {
        var bubblewrap = Bubblewrap.find(tools);
        Sandbox sandbox;
        try {
            sandbox = new Sandbox(bubblewrap, limits);
        } catch (IOException full) {
            throw new SandboxUnavailableException(
                    "The sandbox's filter of system calls could not be written to the temporary folder: "
                            + full.getMessage(),
                    full);
        }
        try {
            SelfTest.check(sandbox);
        } catch (RuntimeException failure) {
            sandbox.close();
            throw failure;
        }
        return sandbox;
    }

    /// What it runs with, for reports: `bubblewrap at /usr/bin/bwrap, Python 3.11.2`.
    public String description() {
        return "bubblewrap at " + bubblewrap.program() + ", Python "
                + bubblewrap.python().version();
    }

    /// The limits that each program runs under.
    public SandboxLimits limits() {
        return limits;
    }

    /// Runs one program; others may run at the same time.
    ///
    /// @param program text of a Python program
    /// @throws SandboxUnavailableException when the sandbox itself failed, which says nothing about the
    ///     program
    public Outcome run(String program) {
        return runAll(List.of(program), Progress.silent()).getFirst();
    }

    /// Runs programs, as many side by side as the limits say.
    ///
    /// @param progress hears of each that has ended, on the calling thread
    /// @return an outcome for each program, in their order
    /// @throws SandboxUnavailableException when the sandbox itself failed, or the calling thread was
    ///     interrupted;
    ///     what still ran is killed
    public List<Outcome> runAll(List<String> programs, Progress progress) {
        var runs = new ArrayList<Future<Outcome>>();
        for (var program : programs) {
            runs.add(threads.submit(() -> runNow(program)));
        }
        var outcomes = new ArrayList<Outcome>();
        try {
            for (var run : runs) {
                progress.step("run programs", outcomes.size(), programs.size());
                outcomes.add(run.get());
            }
            progress.step("run programs", outcomes.size(), programs.size());
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof SandboxUnavailableException unavailable) {
                throw new SandboxUnavailableException(String.valueOf(unavailable.getMessage()), unavailable);
            }
            throw new IllegalStateException("A run in the sandbox failed", failure.getCause());
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new SandboxUnavailableException("Interrupted while programs ran", interruption);
        } finally {
            runs.forEach(run -> run.cancel(true));
        }
        return List.copyOf(outcomes);
    }

    private Outcome runNow(String program) throws InterruptedException {
        var group = free.take();
        try {
            return SandboxRun.of(bubblewrap.command(limits, filter, group), limits, program);
        } finally {
            free.add(group);
        }
    }

    /// Kills what runs and removes the filter's file and the control groups.
    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
        groups.forEach(ControlGroup::close);
        try {
            Files.deleteIfExists(filter);
        } catch (IOException busy) {
            // A few hundred bytes without secrets in the temporary folder.
            return;
        }
    }
}
