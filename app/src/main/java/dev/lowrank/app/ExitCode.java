package dev.lowrank.app;

/// What a command ended with. The numbers are a contract with scripts.
enum ExitCode {
    OK(0),
    /// A fault of Lowrank itself.
    INTERNAL(1),
    /// The command line is wrong.
    USAGE(2),
    /// A recipe or configuration is wrong.
    RECIPE(3),
    /// An input is missing, broken or not supported.
    INPUT(4),
    /// Not enough memory or disk.
    RESOURCES(5),
    /// A computation met or made a number that is not finite, or a matrix it cannot use.
    NUMERICAL(6),
    /// The result is worse than the gate that was asked for.
    QUALITY(7),
    /// Network, authorisation, or something that only the network could give.
    NETWORK(8),
    /// Stopped on request; the same command continues.
    INTERRUPTED(9);

    private final int number;

    ExitCode(int number) {
        this.number = number;
    }

    /// The process's exit status.
    int number() {
        return number;
    }
}
