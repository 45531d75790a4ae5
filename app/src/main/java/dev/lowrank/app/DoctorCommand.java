package dev.lowrank.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/// Looks at what Lowrank stands on and says what to change.
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Check Java, memory, the native libraries and the environment.")
final class DoctorCommand implements Callable<Integer> {
    private final Console console;
    private final Diagnosis diagnosis;

    DoctorCommand(Console console, Diagnosis diagnosis) {
        this.console = console;
        this.diagnosis = diagnosis;
    }

    @Override
    public Integer call() {
        var report = diagnosis.run();
        console.result(report, report::text);
        return report.failed() ? ExitCode.INTERNAL.number() : ExitCode.OK.number();
    }
}
