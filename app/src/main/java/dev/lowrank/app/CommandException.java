package dev.lowrank.app;

/// A command cannot do what it was asked for a reason that it can name: a sentence of fact, a sentence of
/// remedy.
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ExitCode code;
    private final String remedy;

    /// @param fact what was found and what was expected
    /// @param remedy what to do
    CommandException(ExitCode code, String fact, String remedy) {
        super(fact);
        this.code = code;
        this.remedy = remedy;
    }

    ExitCode code() {
        return code;
    }

    String remedy() {
        return remedy;
    }
}
