package dev.lowrank.app;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/// The top of the command tree: the options that every command has.
@Command(
        name = "lowrank",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        description = "Makes language models smaller and faster by low-rank decomposition.",
        footer = {
            "",
            "MODEL is a Hugging Face folder, a .gguf file, a model of the local Hugging Face cache (org/name), or nothing:",
            "the pocket model that comes with Lowrank.",
            "Every option --some-option also has an environment variable LOWRANK_SOME_OPTION; the option wins.",
            "",
            "Exit codes: 0 ok, 1 internal fault, 2 usage, 3 recipe or configuration, 4 input broken or unsupported,",
            "5 not enough memory or disk, 6 numerical failure, 7 quality gate missed, 8 network, authorisation or offline,",
            "9 interrupted, the same command continues."
        })
final class LowrankCommand implements Runnable {
    private final Console console;

    @Spec
    private CommandSpec spec;

    LowrankCommand(Console console) {
        this.console = console;
    }

    @Option(
            names = "--json",
            scope = ScopeType.INHERIT,
            description = "Print one JSON document on standard output, everything else on standard error.")
    void json(boolean on) {
        console.json(on);
    }

    @Option(
            names = {"-q", "--quiet"},
            scope = ScopeType.INHERIT,
            description = "No progress and no notes.")
    void quiet(boolean on) {
        console.quiet(on);
    }

    @Option(names = "--no-color", scope = ScopeType.INHERIT, description = "No colours; so does NO_COLOR.")
    void noColor(boolean on) {
        console.noColor(on);
    }

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show the stack trace of an error.")
    void debug(boolean on) {
        console.debug(on);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "A command is missing.");
    }
}
