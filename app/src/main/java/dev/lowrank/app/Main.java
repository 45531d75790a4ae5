package dev.lowrank.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/// Entry point and composition root: makes the parts and hands them to the commands.
public final class Main {
    private Main() {}

    /// Runs one command and ends the process with its exit code.
    ///
    /// @param arguments the command line
    public static void main(String[] arguments) {
        StandardError.restore();
        var color = System.getenv("NO_COLOR") == null && Boolean.getBoolean("lowrank.terminal");
        var console = new Console(
                stream(FileDescriptor.out), stream(FileDescriptor.err), Boolean.getBoolean("lowrank.terminal"), color);
        var home = Path.of(System.getProperty("lowrank.home", "."));
        var interruption = new Interruption(console);
        interruption.install();
        var input = new StandardInput(System.in, Main::isTyped);
        var code = run(console, interruption, input, home, System.getenv(), arguments);
        console.flush();
        // Not System.exit: nothing is left to do, and its logging and native destructors take longer than `--help`.
        Runtime.getRuntime().halt(code);
    }

    /// Runs one command.
    ///
    /// @param interruption told by commands whether a stop can be continued
    /// @param input what the user types or pipes in
    /// @param home folder of the project, where the pocket model lies
    /// @param environment environment variables
    /// @return its exit code
    static int run(
            Console console,
            Interruption interruption,
            StandardInput input,
            Path home,
            Map<String, String> environment,
            String... arguments) {
        return commandLine(console, interruption, input, home, environment).execute(arguments);
    }

    private static CommandLine commandLine(
            Console console,
            Interruption interruption,
            StandardInput input,
            Path home,
            Map<String, String> environment) {
        var models = new ModelArgument(home, environment);
        return new CommandLine(new LowrankCommand(console))
                .addSubcommand(new DemoCommand(console, models, DemoCommand.Scale.FULL))
                .addSubcommand(new PlanCommand(console, models, interruption))
                .addSubcommand(new CompressCommand(console, models, interruption))
                .addSubcommand(new RecoverCommand(console, models, new TeacherArgument(home), interruption))
                .addSubcommand(new EvaluateCommand(console, models))
                .addSubcommand(new CompareCommand(console, models))
                .addSubcommand(new BenchCommand(console, models, environment))
                .addSubcommand(new ExploreCommand(console, models, interruption))
                .addSubcommand(new GenerateCommand(console, models, input))
                .addSubcommand(new ChatCommand(console, models, input))
                .addSubcommand(new ServeCommand(console, models, environment))
                .addSubcommand(new InspectCommand(console, models))
                .addSubcommand(new ExportCommand(console, models))
                .addSubcommand(new VerifyCommand(console))
                .addSubcommand(new DoctorCommand(console, new Diagnosis(home, environment)))
                .addSubcommand(new CompletionCommand(console))
                .setDefaultValueProvider(new EnvironmentDefaults(environment))
                .setParameterExceptionHandler(new UsageErrors(console))
                .setExecutionExceptionHandler((thrown, _, _) -> {
                    interruption.done();
                    var failure = Failure.of(thrown);
                    console.fail(failure, thrown);
                    return failure.code().number();
                })
                .setOut(console.outWriter())
                .setErr(console.errWriter())
                .setColorScheme(CommandLine.Help.defaultColorScheme(console.hasColor() ? Ansi.ON : Ansi.OFF))
                .setUsageHelpAutoWidth(false)
                .setUsageHelpWidth(120)
                .setCaseInsensitiveEnumValuesAllowed(true);
    }

    private static boolean isTyped() {
        return Optional.ofNullable(System.console())
                .filter(java.io.Console::isTerminal)
                .isPresent();
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), false, StandardCharsets.UTF_8);
    }
}
