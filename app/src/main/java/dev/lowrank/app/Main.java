package dev.lowrank.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/// Entry point and composition root: makes the parts and hands them to the commands.
public final class Main {
    /// The one command that looks at all others.
    private static final String COMPLETION = "completion";

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
        var line = new CommandLine(new LowrankCommand(console));
        var commands = commands(console, interruption, input, home, environment);
        // Reading the options of all commands takes longer than many a command does.
        if (arguments.length > 0 && commands.containsKey(arguments[0]) && !arguments[0].equals(COMPLETION)) {
            line.addSubcommand(arguments[0], commands.get(arguments[0]).get());
        } else {
            commands.forEach((name, command) -> line.addSubcommand(name, command.get()));
        }
        return configured(line, console, interruption, environment).execute(arguments);
    }

    /// Makers of the commands by name, in the order of the help.
    private static Map<String, Supplier<Object>> commands(
            Console console,
            Interruption interruption,
            StandardInput input,
            Path home,
            Map<String, String> environment) {
        var models = new ModelArgument(home, environment);
        var commands = new LinkedHashMap<String, Supplier<Object>>();
        commands.put("demo", () -> new DemoCommand(console, models, DemoCommand.Scale.FULL));
        commands.put("plan", () -> new PlanCommand(console, models, interruption));
        commands.put("compress", () -> new CompressCommand(console, models, interruption));
        commands.put("recover", () -> new RecoverCommand(console, models, new TeacherArgument(home), interruption));
        commands.put("evaluate", () -> new EvaluateCommand(console, models));
        commands.put("compare", () -> new CompareCommand(console, models));
        commands.put("bench", () -> new BenchCommand(console, models, environment));
        commands.put("explore", () -> new ExploreCommand(console, models, interruption));
        commands.put("generate", () -> new GenerateCommand(console, models, input));
        commands.put("chat", () -> new ChatCommand(console, models, input));
        commands.put("serve", () -> new ServeCommand(console, models, environment));
        commands.put("inspect", () -> new InspectCommand(console, models));
        commands.put("export", () -> new ExportCommand(console, models));
        commands.put("verify", () -> new VerifyCommand(console));
        commands.put("doctor", () -> new DoctorCommand(console, new Diagnosis(home, environment)));
        commands.put(COMPLETION, () -> new CompletionCommand(console));
        return commands;
    }

    /// Settings reach the commands that are there already.
    private static CommandLine configured(
            CommandLine line, Console console, Interruption interruption, Map<String, String> environment) {
        return line.setDefaultValueProvider(new EnvironmentDefaults(environment))
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
