package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What `demo` tells.
///
/// @param rows the original first, then every candidate
/// @param best index of the best candidate in `rows`
/// @param output where it was written
/// @param samples what both wrote
/// @param seconds wall clock of the whole demo
record DemoDocument(
        @JsonProperty("rows") List<Row> rows,
        @JsonProperty("best") int best,
        @JsonProperty("output") String output,
        @JsonProperty("samples") List<Sample> samples,
        @JsonProperty("seconds") double seconds) {

    /// @param method method; `original` for the source
    /// @param storage storage form
    /// @param keptTarget share kept of the linears
    /// @param seconds time of its own work; absent for the source
    /// @param measured what was measured
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Row(
            @JsonProperty("method") String method,
            @JsonProperty("storage") String storage,
            @JsonProperty("kept_target") double keptTarget,
            @JsonProperty("seconds") @Nullable Double seconds,
            @JsonProperty("measured") Measurement measured) {}

    /// @param prompt text to continue
    /// @param before by the original
    /// @param after by the best candidate
    record Sample(
            @JsonProperty("prompt") String prompt,
            @JsonProperty("before") String before,
            @JsonProperty("after") String after) {}

    /// The same for people.
    String text() {
        var text = new StringBuilder("\n").append(table().render());
        var winner = rows.get(best);
        text.append(String.format(
                "perplexity on code and prose (%s); speed in tokens/s%n%nBest: %s, %s. It lies in %s%n",
                winner.measured().protocol(), winner.method(), winner.storage(), output));
        for (var sample : samples) {
            text.append(String.format(
                    "%n%s%n  original:   %s%n  compressed: %s%n",
                    inline(sample.prompt()), inline(sample.before()), inline(sample.after())));
        }
        return text.append(String.format(
                        "%nThe demo took %s. Next:%n  lowrank inspect %2$s%n  lowrank generate %2$s --prompt 'import os'%n"
                                + "  lowrank compress MODEL --keep 0.8 --calibration TEXT -o out%n",
                        Figures.seconds(seconds), output))
                .toString();
    }

    private Table table() {
        var table = Table.of(
                "method", "storage", "kept", "parameters", "bytes", "code", "prose", "prefill", "decode", "seconds");
        for (var row : rows) {
            var cells = new ArrayList<>(List.of(
                    row.method(),
                    row.storage(),
                    Figures.decimal(row.keptTarget(), 3),
                    Figures.count(row.measured().parameters()),
                    Figures.bytes(row.measured().bytes())));
            row.measured().perplexity().forEach(line -> cells.add(Figures.decimal(line.value(), 2)));
            var speed = row.measured().speed();
            cells.add(speed == null ? "-" : Figures.decimal(speed.prefill(), 0));
            cells.add(speed == null ? "-" : Figures.decimal(speed.decode(), 0));
            cells.add(row.seconds() == null ? "-" : Figures.decimal(row.seconds(), 1));
            table.row(cells.toArray(String[]::new));
        }
        return table;
    }

    private static String inline(String text) {
        return text.replace("\n", "\\n");
    }
}
