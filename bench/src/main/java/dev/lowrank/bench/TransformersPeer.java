package dev.lowrank.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Python `transformers`, run by the script `peer_transformers.py` beside the project.
///
/// @param python an interpreter that has torch and transformers
/// @param script the peer's script
record TransformersPeer(String python, Path script) {
    private static final String WAIT_POLICY = "OMP_WAIT_POLICY";
    private static final Pattern LINE =
            Pattern.compile("torch\\.(\\w+) prompt (\\d+) prefill ([\\d.]+) decode ([\\d.]+) tokens/s");

    /// Looks for the interpreter (`LOWRANK_PYTHON`, else `python3`) and for the script in
    /// `../shared/tools`.
    ///
    /// @throws IllegalStateException if there is no script
    static TransformersPeer find() {
        var root = Benchmarks.root().toAbsolutePath().normalize();
        var script = Stream.of("../shared", "../../shared")
                .map(shared ->
                        root.resolve(shared, "tools", "peer_transformers.py").normalize())
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(
                        () -> new IllegalStateException(
                                "There is no peer_transformers.py in ../shared/tools; put the shared folder beside the project"));
        return new TransformersPeer(Objects.requireNonNullElse(System.getenv("LOWRANK_PYTHON"), "python3"), script);
    }

    /// Runs the peer once.
    ///
    /// @param passive whether its threads wait passively, which is faster on a busy machine and slower on
    ///     an
    ///     idle one
    /// @return one figure for each element type
    List<SpeedFigure> measure(PeerComparison.Job job, boolean passive) throws IOException, InterruptedException {
        var builder = new ProcessBuilder(
                        python,
                        script.toString(),
                        job.model().toString(),
                        job.promptFile().toString(),
                        Integer.toString(job.words()),
                        Integer.toString(job.decode()))
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().remove(WAIT_POLICY);
        if (passive) {
            builder.environment().put(WAIT_POLICY, "PASSIVE");
        }
        var process = builder.start();
        var figures = new ArrayList<SpeedFigure>();
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            lines.lines().forEach(line -> figures.addAll(parse(line)));
        }
        var status = process.waitFor();
        if (status != 0 || figures.isEmpty()) {
            throw new IllegalStateException(python + " " + script + " ended with " + status + " and " + figures.size()
                    + " figures; name a Python with torch and transformers in LOWRANK_PYTHON");
        }
        return figures;
    }

    /// The figure that a line of the peer's output tells; none for any other line.
    static List<SpeedFigure> parse(String line) {
        var match = LINE.matcher(line);
        return match.find()
                ? List.of(new SpeedFigure(
                        "transformers " + match.group(1),
                        Integer.parseInt(match.group(2)),
                        Double.parseDouble(match.group(3)),
                        Double.parseDouble(match.group(4))))
                : List.of();
    }
}
