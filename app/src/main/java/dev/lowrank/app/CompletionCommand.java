package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Prints a completion script, made from the command tree itself.
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        description = "Print a completion script for a shell.",
        footer = {
            "",
            "bash: source <(lowrank completion bash)",
            "zsh:  autoload -U compinit bashcompinit; compinit; bashcompinit; source <(lowrank completion zsh)"
        })
final class CompletionCommand implements Callable<Integer> {
    /// The shells that the script serves.
    enum Shell {
        bash,
        zsh
    }

    /// @param shell for which shell
    /// @param script its text
    record Document(
            @JsonProperty("shell") String shell,
            @JsonProperty("script") String script) {}

    private final Console console;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
    private Shell shell;

    CompletionCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        var script = AutoComplete.bash("lowrank", spec.root().commandLine());
        console.result(new Document(shell.name(), script), () -> script);
        return ExitCode.OK.number();
    }
}
