package dev.lowrank.app;

import java.util.concurrent.atomic.AtomicReference;

/// Ends the process in order when the user or the system stops it: exit 9 and how to continue, when the
/// running command can continue; else the shell's usual code of the signal.
final class Interruption {
    private final Console console;
    private final AtomicReference<String> howToContinue = new AtomicReference<>("");

    Interruption(Console console) {
        this.console = console;
    }

    /// From now on a stopped command can be continued.
    ///
    /// @param how one sentence that says how
    void resumable(String how) {
        howToContinue.set(how);
    }

    /// Work is done; a stop from now on leaves nothing to continue.
    void done() {
        howToContinue.set("");
    }

    /// Runs when the process ends; work that is still marked as resumable was cut off.
    void install() {
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("interruption").unstarted(this::stopped));
    }

    private void stopped() {
        var how = howToContinue.get();
        if (!how.isEmpty()) {
            console.interrupted(how);
            ProcessEnd.now(ExitCode.INTERRUPTED);
        }
        ProcessEnd.skipNativeCleanUp();
    }
}
