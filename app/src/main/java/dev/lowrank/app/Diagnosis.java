package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.sun.management.OperatingSystemMXBean;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.Compute;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The checks of `doctor`, in the order in which a broken one explains the next.
final class Diagnosis {
    /// How a check ended.
    enum Status {
        OK("ok"),
        WARN("warn"),
        FAIL("FAIL");

        private final String word;

        Status(String word) {
            this.word = word;
        }
    }

    /// One check.
    ///
    /// @param name what was looked at
    /// @param status `OK`, `WARN` (works, but worse than it could) or `FAIL`
    /// @param found what was found
    /// @param remedy what to do; empty when nothing is to do
    record Check(
            @JsonProperty("name") String name,
            @JsonProperty("status") Status status,
            @JsonProperty("found") String found,
            @JsonProperty("remedy") String remedy) {
        static Check ok(String name, String found) {
            return new Check(name, Status.OK, found, "");
        }

        /// OK when `good`, else a warning with the remedy.
        static Check expect(boolean good, String name, String found, String remedy) {
            return good ? ok(name, found) : new Check(name, Status.WARN, found, remedy);
        }
    }

    /// All checks.
    record Report(@JsonProperty("checks") List<Check> checks) {
        boolean failed() {
            return checks.stream().anyMatch(check -> check.status() == Status.FAIL);
        }

        String text() {
            var table = Table.of("check", "status", "found");
            checks.forEach(check -> table.row(check.name(), check.status().word, check.found()));
            var text = new StringBuilder(table.render());
            for (var check : checks) {
                if (!check.remedy().isEmpty()) {
                    text.append('\n').append(check.name()).append(": ").append(check.remedy());
                }
            }
            return text.append(text.charAt(text.length() - 1) == '\n' ? "" : "\n")
                    .toString();
        }
    }

    private static final long TWO_GB = 2_000_000_000L;

    private final Path home;
    private final Map<String, String> environment;

    /// @param home folder of the project
    /// @param environment environment variables
    Diagnosis(Path home, Map<String, String> environment) {
        this.home = home;
        this.environment = environment;
    }

    /// Runs every check; one that fails does not keep the others from running.
    Report run() {
        var checks = new ArrayList<Check>();
        checks.add(Check.ok("lowrank", Version.lowrank() + " in " + home));
        checks.add(java());
        checks.add(cores());
        checks.add(memory());
        checks.add(limits());
        checks.add(waiting());
        checks.add(libTorch());
        checks.add(kernels());
        checks.add(disk());
        checks.add(cache());
        checks.add(pocket());
        return new Report(List.copyOf(checks));
    }

    private static Check java() {
        return Check.expect(
                Runtime.version().feature() >= 25,
                "java",
                Runtime.version() + ", " + System.getProperty("java.home"),
                "Lowrank needs Java 25 or newer.");
    }

    private static Check cores() {
        return Check.ok("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
    }

    private static Check memory() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        var total = system.getTotalMemorySize();
        var free = system.getFreeMemorySize();
        var heap = Runtime.getRuntime().maxMemory();
        return Check.expect(
                total >= TWO_GB,
                "memory",
                Figures.bytes(total) + " in all, " + Figures.bytes(free) + " unused, Java heap at most "
                        + Figures.bytes(heap),
                "Models of more than 100 million parameters need about 2 GB.");
    }

    private static Check limits() {
        var physical = System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes", "unset");
        var bytes = System.getProperty("org.bytedeco.javacpp.maxBytes", "unset");
        return Check.expect(
                physical.equals("0") && bytes.equals("0"),
                "native memory limits",
                "maxPhysicalBytes " + physical + ", maxBytes " + bytes,
                "JavaCPP counts LibTorch's memory against the Java heap; start through ./lowrank, which sets both to 0.");
    }

    private Check waiting() {
        var policy = environment.getOrDefault("OMP_WAIT_POLICY", "unset");
        return Check.expect(
                policy.equalsIgnoreCase("PASSIVE"),
                "thread waiting",
                "OMP_WAIT_POLICY " + policy,
                "Threads that spin while they wait take the cores from those that work; unset OMP_WAIT_POLICY or set it"
                        + " to PASSIVE.");
    }

    private static Check libTorch() {
        var started = System.nanoTime();
        try {
            var threads = Compute.threads();
            var took = Figures.seconds((System.nanoTime() - started) / 1e9);
            return Check.ok("LibTorch", "loaded in " + took + ", " + threads + " threads");
        } catch (LinkageError missing) {
            return new Check(
                    "LibTorch",
                    Status.FAIL,
                    "cannot be loaded: " + missing.getMessage(),
                    "Its libraries are unpacked to ~/.javacpp/cache (0.35 GB): check that there is space and that"
                            + " programs may run from there, or choose another folder through"
                            + " LOWRANK_JAVA_OPTS=-Dorg.bytedeco.javacpp.cachedir=FOLDER.");
        }
    }

    private static Check kernels() {
        return Check.expect(
                ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent(),
                "decode kernels",
                Kernels.best().describe(),
                "Decoding is five to ten times slower without --add-modules=jdk.incubator.vector; start through"
                        + " ./lowrank, which sets it.");
    }

    private static Check disk() {
        var folder = Path.of("").toAbsolutePath();
        try {
            var free = Files.getFileStore(folder).getUsableSpace();
            return Check.expect(
                    free >= TWO_GB,
                    "disk",
                    Figures.bytes(free) + " free in " + folder,
                    "An output folder takes up to the size of the model.");
        } catch (IOException unreadable) {
            return new Check("disk", Status.WARN, String.valueOf(unreadable.getMessage()), "Check the current folder.");
        }
    }

    private Check cache() {
        var file = home.resolve(".lowrank").resolve("light.aot");
        var there = Files.isRegularFile(file);
        return Check.expect(
                there,
                "AOT cache",
                there ? file.toString() : "none",
                "Short commands start slower without it. Delete " + home.resolve(".lowrank")
                        + " to have it made again, and read warm-up.log there if it is not.");
    }

    private Check pocket() {
        var folder = home.resolve("models").resolve("pocket");
        var there = Files.isDirectory(folder);
        return Check.expect(
                there,
                "pocket model",
                there ? folder.toString() : "missing",
                "Commands without MODEL need " + folder + ".");
    }
}
