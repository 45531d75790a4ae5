package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Without a sandbox that holds nothing runs: X12 of the catalogue. Missing and broken parts are played by
/// scripts.
@Tag("sandbox")
@EnabledOnOs(OS.LINUX)
class SandboxUnavailableTest {
    private static final String GOOD_VERSION = "[ \"$1\" = --version ] && { echo bubblewrap 0.8.0; exit; }\n";

    @TempDir
    private Path folder;

    @BeforeEach
    void letEverybodyIn() throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private void script(String name, String text) throws IOException {
        var file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Sandbox open(String... more) {
        var path = new ArrayList<>(List.of(folder));
        for (var place : more) {
            path.add(Path.of(place));
        }
        return Sandbox.open(Sandboxes.quick(), new HostTools(path));
    }

    @Test
    void x12MissingBubblewrapSaysWhatInstallsIt() {
        assertThatThrownBy(this::open)
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("bubblewrap (bwrap), which was not found")
                .hasMessageContaining("apt install bubblewrap");
    }

    @Test
    void x12AnOldBubblewrapIsNamedWithItsVersion() throws IOException {
        script("bwrap", "echo bubblewrap 0.6.1\n");
        assertThatThrownBy(this::open)
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("0.8 or newer")
                .hasMessageContaining("bubblewrap 0.6.1");
    }

    @Test
    void x12PythonsThatDoNotAnswerAreListed() throws IOException {
        Files.createSymbolicLink(folder.resolve("setpriv"), Path.of("/usr/bin/setpriv"));
        script("bwrap", GOOD_VERSION);
        script("python3", "echo nothing of that kind >&2; exit 3\n");
        assertThatThrownBy(this::open)
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("python3: nothing of that kind")
                .hasMessageContaining("apt install python3");
    }

    @Test
    void x12APythonThatOnlyRootReadsIsNotTaken() throws IOException {
        Assumptions.assumeTrue(HostTools.isRoot(), "Not run as root: a Python of one's own may be used");
        var closed = Files.createDirectory(folder.resolve("closed"));
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/bin/python3")), "No /usr/bin/python3");
        Files.copy(Path.of("/usr/bin/python3"), closed.resolve("python3"));
        Files.createSymbolicLink(folder.resolve("setpriv"), Path.of("/usr/bin/setpriv"));
        script("bwrap", GOOD_VERSION);
        assertThatThrownBy(() -> open(closed.toString()))
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("closed/python3 can be read by its owner only");
    }

    @Test
    void x12NamespacesThatAreOffAreExplained() throws IOException {
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/bin/python3")), "No /usr/bin/python3");
        script("bwrap", GOOD_VERSION + "echo 'bwrap: No permissions to create new namespace' >&2; exit 1\n");
        assertThatThrownBy(() -> open("/usr/bin"))
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("No permissions to create new namespace")
                .hasMessageMatching("(?s).*(sysctl|docker run --security-opt).*");
    }

    @Test
    void x12ABubblewrapThatConfinesNothingFailsTheSelfTest() throws IOException {
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/bin/python3")), "No /usr/bin/python3");
        script("bwrap", GOOD_VERSION + "while [ \"$1\" != -- ]; do shift; done; shift; cd /tmp; exec \"$@\"\n");
        assertThatThrownBy(() -> open("/usr/bin"))
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("does not hold on this machine")
                .hasMessageContaining("a connection to this machine is possible");
    }

    @Test
    void x12ASandboxWithoutTheFilterFailsTheSelfTest() throws IOException {
        Sandboxes.open(Sandboxes.quick()).close();
        var real = new HostTools(HostTools.ofThisProcess().path()).first("bwrap");
        script(
                "bwrap",
                "for word; do shift; case $word in --seccomp) skip=1;; 9) [ -n \"$skip\" ] && skip= || "
                        + "set -- \"$@\" 9;; *) set -- \"$@\" \"$word\";; esac; done; exec " + real + " \"$@\"\n");
        assertThatThrownBy(() -> open("/usr/bin"))
                .isInstanceOf(SandboxUnavailableException.class)
                .hasMessageContaining("system calls are not filtered");
    }
}
