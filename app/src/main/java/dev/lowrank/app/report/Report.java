package dev.lowrank.app.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Everything that a page shows, top to bottom. A section that a command has nothing for is empty or null
/// and does not appear.
///
/// @param kind the command: `compress`, `plan`, `compare`, `explore`, `recover` or `bench`
/// @param title what the page is of
/// @param lead one or two sentences: what was done and what came of it
/// @param version of the program
/// @param command what a shell runs to do it again; null where nobody can
/// @param figures the few numbers that matter most
/// @param results measured figures, with protocol and uncertainty
/// @param trade configurations in a plane of two measures
/// @param budget the section in which a reader spends another budget
/// @param sites what became of each linear
/// @param spectra how fast singular values fall, site by site
/// @param training what a training saw
/// @param warnings what the reader should know before using the result
/// @param notes what else was said on the way
/// @param manifest how it was made, as the folder's `lowrank.json` says it
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Report(
        String kind,
        String title,
        String lead,
        String version,
        @Nullable String command,
        List<Figure> figures,
        @Nullable Grid results,
        @Nullable Trade trade,
        @Nullable Budget budget,
        List<Site> sites,
        List<Spectrum> spectra,
        @Nullable Training training,
        List<String> warnings,
        List<String> notes,
        @Nullable JsonNode manifest) {
    public Report {
        figures = List.copyOf(figures);
        sites = List.copyOf(sites);
        spectra = List.copyOf(spectra);
        warnings = List.copyOf(warnings);
        notes = List.copyOf(notes);
    }

    /// A page with nothing but a head.
    ///
    /// @param version of the program
    public static Report of(String kind, String title, String lead, String version) {
        return new Report(
                kind, title, lead, version, null, List.of(), null, null, null, List.of(), List.of(), null, List.of(),
                List.of(), null);
    }

    /// The page of an explored design space: the configurations that were evaluated, in the plane of any
    /// two measures and as a table.
    ///
    /// @param title the model
    /// @param lead the size of the space, and what was searched for
    /// @param version of the program
    /// @param command as it was given
    /// @param figures such as evaluations made, and the best configuration within the constraints
    /// @param trade configurations, those of the Pareto front marked
    /// @param manifest null for none
    public static Report explored(
            String title,
            String lead,
            String version,
            String command,
            List<Figure> figures,
            Trade trade,
            List<String> warnings,
            List<String> notes,
            @Nullable JsonNode manifest) {
        return new Report(
                "explore", title, lead, version, command, figures, null, trade, null, List.of(), List.of(), null,
                warnings, notes, manifest);
    }

    /// A number of the head.
    ///
    /// @param label what it is
    /// @param value as people read it, with its unit
    /// @param detail what it was before, or how it was measured; empty for nothing
    public record Figure(String label, String value, String detail) {}

    /// A table.
    ///
    /// @param columns the first names the rows
    /// @param rows each with as many cells as there are columns
    /// @param legend what the columns mean: protocol, texts, uncertainty
    public record Grid(List<Column> columns, List<Row> rows, List<String> legend) {
        public Grid {
            columns = List.copyOf(columns);
            rows = List.copyOf(rows);
            legend = List.copyOf(legend);
        }
    }

    /// A column.
    ///
    /// @param name heading
    /// @param detail second line of the heading: unit, text or protocol; empty for nothing
    /// @param numeric whether its cells are numbers
    public record Column(String name, String detail, boolean numeric) {
        /// A column of words.
        public static Column words(String name) {
            return new Column(name, "", false);
        }

        /// A column of numbers.
        public static Column numbers(String name, String detail) {
            return new Column(name, detail, true);
        }
    }

    /// A row.
    ///
    /// @param mark why it stands out, such as `best`; empty for nothing
    public record Row(List<Cell> cells, String mark) {
        public Row {
            cells = List.copyOf(cells);
        }
    }

    /// A cell.
    ///
    /// @param text as people read it
    /// @param error its standard error, likewise; empty for none
    public record Cell(String text, String error) {
        /// A cell without uncertainty.
        public static Cell of(String text) {
            return new Cell(text, "");
        }
    }

    /// What became of a linear.
    ///
    /// @param name module path
    /// @param layer block index
    /// @param role short name of its role
    /// @param out outputs
    /// @param in inputs
    /// @param form storage form
    /// @param rank rank of its matrix
    /// @param kept numbers kept ÷ original
    /// @param error relative error in the method's metric; null where nothing was cut yet
    /// @param notes fallbacks taken
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Site(
            String name,
            int layer,
            String role,
            int out,
            int in,
            String form,
            int rank,
            double kept,
            @Nullable Double error,
            List<String> notes) {
        public Site {
            notes = List.copyOf(notes);
        }
    }

    /// What a site drops at some ranks.
    ///
    /// @param name module path
    /// @param layer block index
    /// @param role short name of its role
    /// @param rank the rank that was chosen; null where it stays dense
    /// @param ranks rising from 0. Read only
    /// @param tails `√(dropped energy / energy)` at these ranks. Read only
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Spectrum(
            String name, int layer, String role, @Nullable Integer rank, int[] ranks, double[] tails) {}

    /// What a training saw.
    ///
    /// @param rounds looks at the state
    /// @param blocks what the block stage did; empty without one
    public record Training(List<Round> rounds, List<Block> blocks) {
        public Training {
            rounds = List.copyOf(rounds);
            blocks = List.copyOf(blocks);
        }

        /// The state after some steps.
        ///
        /// @param step steps taken
        /// @param text nats a token of the text since the last look; null before the first step
        /// @param teacher nats a token from the teacher since then; null without one
        /// @param perplexity on the validation text; null without one
        @JsonInclude(JsonInclude.Include.NON_NULL)
        public record Round(
                long step,
                @Nullable Double text,
                @Nullable Double teacher,
                @Nullable Double perplexity) {}

        /// What the block stage did to a block.
        ///
        /// @param before relative square error before
        /// @param after the same after
        public record Block(int block, double before, double after) {}
    }
}
