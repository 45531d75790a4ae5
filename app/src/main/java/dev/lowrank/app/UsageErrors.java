package dev.lowrank.app;

import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// Words a wrong command line as a fact and a remedy, and offers the nearest name.
final class UsageErrors implements IParameterExceptionHandler {
    private final Console console;

    UsageErrors(Console console) {
        this.console = console;
    }

    @Override
    public int handleParseException(ParameterException wrong, String[] arguments) {
        // Parsing stopped before the option took effect.
        console.json(console.isJson() || List.of(arguments).contains("--json"));
        var failure = new Failure(ExitCode.USAGE, fact(wrong), remedy(wrong));
        console.fail(failure, wrong);
        return failure.code().number();
    }

    /// Runs what reads option values, so that a value out of range is the user's error and not ours.
    ///
    /// @throws CommandException with code 2 for an [IllegalArgumentException]
    static <T> T check(Supplier<T> reading) {
        try {
            return reading.get();
        } catch (IllegalArgumentException wrong) {
            throw new CommandException(
                    ExitCode.USAGE, String.valueOf(wrong.getMessage()), "See --help for the values.");
        }
    }

    /// A named thing of a list.
    ///
    /// @param kind plural of what it is, e.g. `methods`
    /// @throws CommandException with code 2 offering the nearest name
    static void known(String name, String kind, Collection<String> names) {
        if (!names.contains(name)) {
            throw new CommandException(
                    ExitCode.USAGE, name + " is none of the " + kind + ".", Nearest.remedy(name, kind, names));
        }
    }

    private static String fact(ParameterException wrong) {
        var unknown = unknown(wrong);
        var command = wrong.getCommandLine();
        if (unknown.isEmpty()) {
            var message = String.valueOf(wrong.getMessage());
            return message.endsWith(".") ? message : message + ".";
        }
        if (unknown.startsWith("-")) {
            return command.getCommandSpec().qualifiedName() + " has no option " + unknown + ".";
        }
        return expectsCommand(command)
                ? "There is no command " + unknown + "."
                : command.getCommandSpec().qualifiedName() + " takes no further argument, found " + unknown + ".";
    }

    private static String remedy(ParameterException wrong) {
        var command = wrong.getCommandLine();
        var unknown = unknown(wrong);
        var name = command.getCommandSpec().qualifiedName();
        if (!unknown.isEmpty()) {
            if (unknown.startsWith("-")) {
                return Nearest.to(unknown, optionNames(command))
                                .map(option -> "Did you mean " + option + "? ")
                                .orElse("")
                        + "See " + name + " --help.";
            }
            if (expectsCommand(command)) {
                return Nearest.remedy(
                        unknown,
                        "commands",
                        command.getSubcommands().keySet().stream().sorted().toList());
            }
        }
        return "See " + name + " --help.";
    }

    private static boolean expectsCommand(CommandLine command) {
        return !command.getSubcommands().isEmpty();
    }

    private static String unknown(ParameterException wrong) {
        if (wrong instanceof UnmatchedArgumentException unmatched
                && !unmatched.getUnmatched().isEmpty()) {
            var argument = unmatched.getUnmatched().getFirst();
            var equals = argument.indexOf('=');
            return argument.startsWith("-") && equals > 0 ? argument.substring(0, equals) : argument;
        }
        return "";
    }

    private static List<String> optionNames(CommandLine command) {
        return command.getCommandSpec().options().stream()
                .flatMap(option -> Stream.of(option.names()))
                .toList();
    }
}
