package dev.lowrank.evaluate.sandbox;

import dev.lowrank.checkpoint.Printable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The Python that generated programs run under: a real interpreter, not a shim, that the sandbox's user
/// can read, and the parts of this machine that it needs.
///
/// @param executable the interpreter itself, links resolved
/// @param prefix the folder it is installed in
/// @param version e.g. `3.11.2`
record PythonRuntime(Path executable, Path prefix, String version) {
    private static final int ANSWER_LINES = 4;
    private static final String GREETING = "lowrank";
    private static final String QUESTION = """
            import os, sys
            version = sys.version.split()[0]
            program = os.path.realpath(sys.executable)
            if sys.version_info < (3, 8):
                sys.exit("Python " + version + " is older than 3.8")
            if not os.access(program, os.R_OK | os.X_OK):
                sys.exit(program + " can be read by its owner only")
            print("lowrank", program, os.path.realpath(sys.base_prefix), version, sep="\\n")
            """;
    private static final List<Path> SYSTEM_LIBRARIES =
            List.of(Path.of("/usr/lib"), Path.of("/usr/lib64"), Path.of("/lib"), Path.of("/lib64"));

    /// Asks each `python3` on the path, as the user that the sandbox runs as, and takes the first that
    /// answers.
    ///
    /// @throws SandboxUnavailableException when none does, with what each said
    static PythonRuntime find(HostTools tools) {
        var refusals = new ArrayList<String>();
        for (var python : tools.all("python3")) {
            var command = new ArrayList<>(tools.asOrdinaryUser());
            command.addAll(List.of(python.toString(), "-I", "-S", "-B", "-c", QUESTION));
            var answer = HostTools.ask(command);
            var runtime = answer.status() == 0 ? parse(answer.text()) : null;
            if (runtime != null) {
                return runtime;
            }
            refusals.add(python + ": " + Printable.escape(answer.text(), 200));
        }
        throw new SandboxUnavailableException("The sandbox for generated code needs a python3 of version 3.8 or newer"
                + " that an ordinary user can read; "
                + (refusals.isEmpty() ? "none was found" : "found only " + String.join("; ", refusals))
                + ". Install one, e.g. apt install python3");
    }

    /// An interpreter behind a shim may say something of its own first.
    private static @Nullable PythonRuntime parse(String text) {
        var lines = text.lines().toList();
        var start = lines.indexOf(GREETING);
        if (start < 0 || lines.size() < start + ANSWER_LINES) {
            return null;
        }
        return new PythonRuntime(Path.of(lines.get(start + 1)), Path.of(lines.get(start + 2)), lines.get(start + 3));
    }

    /// Arguments of bubblewrap that make this interpreter appear at the place where it is, read-only:
    /// itself, its library and the system's; no other program, no configuration but the linker's cache.
    List<String> mounts() {
        var arguments = new ArrayList<String>();
        for (var library : SYSTEM_LIBRARIES) {
            if (Files.isSymbolicLink(library)) {
                arguments.addAll(List.of("--symlink", linkTarget(library), library.toString()));
            } else if (Files.isDirectory(library)) {
                readOnly(library, arguments);
            }
        }
        if (Files.exists(Path.of("/etc/ld.so.cache"))) {
            readOnly(Path.of("/etc/ld.so.cache"), arguments);
        }
        for (var name : new String[] {"lib", "lib64"}) {
            var library = prefix.resolve(name);
            if (!SYSTEM_LIBRARIES.contains(library) && Files.isDirectory(library)) {
                readOnly(library, arguments);
            }
        }
        readOnly(executable, arguments);
        return arguments;
    }

    private static void readOnly(Path path, List<String> arguments) {
        arguments.addAll(List.of("--ro-bind", path.toString(), path.toString()));
    }

    private static String linkTarget(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException broken) {
            throw new SandboxUnavailableException(
                    "The sandbox for generated code could not read the link " + link, broken);
        }
    }
}
