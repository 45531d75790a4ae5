package dev.lowrank.app;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/// The only place that prints. Results go to standard output; notes, warnings, progress and errors to
/// standard error. With `--json` standard output carries exactly one document.
final class Console {
    private final PrintStream out;
    private final PrintStream err;
    private final boolean terminal;
    private boolean color;
    private boolean json;
    private boolean quiet;
    private boolean debug;
    private boolean documentWritten;

    /// @param out standard output
    /// @param err standard error
    /// @param terminal whether standard error is a terminal
    /// @param color whether colours may be used at all
    Console(PrintStream out, PrintStream err, boolean terminal, boolean color) {
        this.out = out;
        this.err = err;
        this.terminal = terminal;
        this.color = color;
    }

    void json(boolean on) {
        json = on;
    }

    void quiet(boolean on) {
        quiet = on;
    }

    void debug(boolean on) {
        debug = on;
    }

    void noColor(boolean on) {
        color &= !on;
    }

    boolean isJson() {
        return json;
    }

    boolean isDebug() {
        return debug;
    }

    boolean hasColor() {
        return color;
    }

    /// The result of a command: its document with `--json`, else its text.
    ///
    /// @param document a record, written only with `--json`
    /// @param text called only without `--json`
    void result(Object document, Supplier<String> text) {
        if (!json) {
            out.print(text.get());
            out.flush();
            return;
        }
        if (documentWritten) {
            throw new IllegalStateException("A command has one JSON document, this is its second.");
        }
        documentWritten = true;
        out.println(Json.write(document));
        out.flush();
    }

    /// Text that comes bit by bit, e.g. from a model. With `--json` it is not shown, the document holds it.
    void stream(String text) {
        if (!json) {
            out.print(text);
            out.flush();
        }
    }

    /// Asks a person to type; only of use where someone does.
    void ask(String text) {
        raw(text);
    }

    /// Something worth knowing; silent with `--quiet`.
    void note(String text) {
        if (!quiet) {
            err.println(text);
        }
    }

    /// Something the user should act on.
    void warn(String text) {
        err.println(colored("33", "warning: ") + text);
    }

    /// Progress of a long piece of work; close it when the work is done.
    ProgressLine progress() {
        return new ProgressLine(quiet ? text -> {} : this::raw, System::nanoTime, terminal);
    }

    /// What went wrong, with `--json` also as the document; the stack only with `--debug`.
    void fail(Failure failure, Throwable cause) {
        err.println(colored("31", "error: ") + failure.fact());
        if (!failure.remedy().isEmpty()) {
            err.println("  " + failure.remedy());
        }
        if (debug) {
            cause.printStackTrace(err);
        }
        if (json && !documentWritten) {
            documentWritten = true;
            out.println(Json.write(failure.document()));
            out.flush();
        }
    }

    /// The process is being stopped, but its work is not lost.
    void interrupted(String how) {
        err.println((terminal ? "\n" : "") + "Interrupted. " + how);
    }

    /// For the command line parser, which writes its help texts itself.
    PrintWriter outWriter() {
        return new PrintWriter(out, true, StandardCharsets.UTF_8);
    }

    /// For the command line parser's own complaints.
    PrintWriter errWriter() {
        return new PrintWriter(err, true, StandardCharsets.UTF_8);
    }

    /// Hands everything written so far to the system.
    void flush() {
        out.flush();
        err.flush();
    }

    private void raw(String text) {
        err.print(text);
        err.flush();
    }

    private String colored(String code, String text) {
        return color ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }
}
