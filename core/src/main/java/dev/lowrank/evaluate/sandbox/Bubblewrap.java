package dev.lowrank.evaluate.sandbox;

import dev.lowrank.checkpoint.Printable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;

/// The command that starts the supervisor in namespaces of its own: bubblewrap, as an ordinary user, under
/// a filter of system calls. Nothing of the machine is seen but [PythonRuntime#mounts()]; there is no
/// `/proc`, so that no process can look into another's memory or descriptors; only `/tmp` can be written
/// to.
///
/// @param program bubblewrap itself
/// @param ordinaryUser what stands before it so that it does not run as root
/// @param python what it runs
/// @param supervisor text of the supervisor
record Bubblewrap(Path program, List<String> ordinaryUser, PythonRuntime python, String supervisor) {
    private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+)");

    /// The first version that forbids further user namespaces.
    private static final int OLDEST_MINOR = 8;

    /// Opens the filter (`$1`), joins control groups (up to `--`) and becomes the command; `$$` stays its
    /// id.
    private static final String START =
            "filter=$1; shift; while [ \"$1\" != -- ]; do echo $$ >\"$1\" || exit 125; shift; done; shift;"
                    + " exec \"$@\" 9<\"$filter\"";

    /// @throws SandboxUnavailableException naming what is missing and what installs it
    static Bubblewrap find(HostTools tools) {
        var system = System.getProperty("os.name");
        if (!system.equals("Linux")) {
            throw new SandboxUnavailableException("The sandbox for generated code is made of Linux namespaces; this is "
                    + system + ". Run the task on Linux, e.g. in a virtual machine");
        }
        var program = tools.first("bwrap");
        if (program == null) {
            throw new SandboxUnavailableException(
                    "The sandbox for generated code needs bubblewrap (bwrap), which was not"
                            + " found. Install it: apt install bubblewrap, dnf install bubblewrap");
        }
        var answer = HostTools.ask(List.of(program.toString(), "--version"));
        var version = VERSION.matcher(answer.text());
        if (answer.status() != 0 || !version.find() || !isNewEnough(version.group(1), version.group(2))) {
            throw new SandboxUnavailableException("The sandbox for generated code needs bubblewrap 0.8 or newer; "
                    + program + " says " + Printable.escape(answer.text(), 200) + ". Install a newer one");
        }
        return new Bubblewrap(program, tools.asOrdinaryUser(), PythonRuntime.find(tools), readSupervisor());
    }

    private static boolean isNewEnough(String major, String minor) {
        return Integer.parseInt(major) > 0 || Integer.parseInt(minor) >= OLDEST_MINOR;
    }

    /// @param filter file of the compiled filter
    /// @param group control groups that the sandbox joins
    List<String> command(SandboxLimits limits, Path filter, ControlGroup group) {
        var command = new ArrayList<>(List.of("/bin/sh", "-c", START, "sandbox", filter.toString()));
        group.entrances().forEach(entrance -> command.add(entrance.toString()));
        command.add("--");
        command.addAll(ordinaryUser);
        command.add(program.toString());
        command.addAll(List.of(
                "--unshare-all",
                "--unshare-user",
                "--disable-userns",
                "--cap-drop",
                "ALL",
                "--die-with-parent",
                "--as-pid-1",
                "--new-session",
                "--hostname",
                "sandbox"));
        command.addAll(List.of("--clearenv", "--setenv", "PATH", "/usr/bin"));
        // Verdicts would change from run to run with the order of sets.
        command.addAll(List.of("--setenv", "PYTHONHASHSEED", "0"));
        command.addAll(List.of("--size", Long.toString(limits.tmpBytes()), "--tmpfs", "/tmp", "--chdir", "/tmp"));
        command.addAll(python.mounts());
        for (var device : new String[] {"null", "zero", "random", "urandom"}) {
            command.addAll(List.of("--dev-bind", "/dev/" + device, "/dev/" + device));
        }
        // The root is a file system in memory that belongs to the sandbox's user.
        command.addAll(List.of("--remount-ro", "/", "--seccomp", "9", "--"));
        command.addAll(List.of(python.executable().toString(), "-s", "-S", "-B", "-X", "utf8", "-c", supervisor));
        command.add(Long.toString(limits.memoryBytes()));
        command.add(Long.toString(limits.fileBytes()));
        command.add(Integer.toString(limits.processes()));
        command.add(Long.toString(limits.processorSeconds()));
        return command;
    }

    /// What the kernel's settings say about a bubblewrap that could not make its namespaces.
    static String advice() {
        if (is("/proc/sys/kernel/unprivileged_userns_clone", "0")) {
            return "User namespaces are off: sysctl kernel.unprivileged_userns_clone=1";
        }
        if (is("/proc/sys/user/max_user_namespaces", "0")) {
            return "User namespaces are off: sysctl user.max_user_namespaces=10000";
        }
        if (is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")) {
            return "AppArmor restricts user namespaces: give bwrap a profile that allows userns, or sysctl"
                    + " kernel.apparmor_restrict_unprivileged_userns=0";
        }
        return "In a container its own filter may forbid namespaces: run on the machine itself, or start the container"
                + " with one that allows them (docker run --security-opt seccomp=unconfined --security-opt"
                + " systempaths=unconfined)";
    }

    private static boolean is(String file, String value) {
        try {
            return Files.readString(Path.of(file)).strip().equals(value);
        } catch (IOException absent) {
            return false;
        }
    }

    private static String readSupervisor() {
        try (var in = Objects.requireNonNull(Bubblewrap.class.getResourceAsStream("supervisor.py"), "supervisor.py")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw new SandboxUnavailableException("The supervisor could not be read from the tool's own jar", broken);
        }
    }
}
