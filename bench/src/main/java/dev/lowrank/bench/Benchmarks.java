package dev.lowrank.bench;

import dev.lowrank.evaluate.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/// Runs the JMH benchmarks; `bench/run` starts it. Arguments are JMH's own: a pattern of names, `-p`, `-f`,
/// `-wi`, `-i`, ...
///
/// Results go to `bench/target/results.json` unless `-rff` names another file, and beside them, with the
/// ending `.machine.txt`, the line that says where they were measured: figures of two machines do not
/// compare.
public final class Benchmarks {
    private Benchmarks() {}

    /// Runs what the arguments choose; everything if they name nothing.
    ///
    /// @param arguments as JMH takes them
    /// @throws CommandLineOptionException for arguments that JMH does not know
    /// @throws RunnerException if a benchmark fails
    /// @throws IOException if results cannot be written
    public static void main(String[] arguments) throws CommandLineOptionException, RunnerException, IOException {
        var options = new CommandLineOptions(arguments);
        if (options.shouldHelp()) {
            options.showHelp();
            return;
        }
        var runner = new Runner(options);
        if (options.shouldList()) {
            runner.list();
            return;
        }
        var file = Path.of(options.getResult().orElse(results().toString())).toAbsolutePath();
        Files.createDirectories(file.resolveSibling("."));
        var machine = Machine.here().line();
        System.out.println(machine);
        new Runner(new OptionsBuilder()
                        .parent(options)
                        .resultFormat(ResultFormatType.JSON)
                        .result(file.toString())
                        .shouldFailOnError(true)
                        .build())
                .run();
        Files.writeString(file.resolveSibling(file.getFileName() + ".machine.txt"), machine + "\n");
        System.out.println(machine + "\nResults lie in " + file);
    }

    /// The project's folder.
    static Path root() {
        return Path.of(System.getProperty("lowrank.root", "."));
    }

    /// The pocket model.
    static Path pocket() {
        return root().resolve("models").resolve("pocket");
    }

    private static Path results() {
        return root().resolve("bench").resolve("target").resolve("results.json");
    }
}
