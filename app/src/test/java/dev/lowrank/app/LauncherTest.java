package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The launcher script with a stand-in for Java that prints what it is called with.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class LauncherTest {
    private static final String FAKE_JAVA = """
            #!/bin/sh
            for argument in "$@"; do echo "argument: $argument"; done
            echo "OMP_WAIT_POLICY=$OMP_WAIT_POLICY RUST_FLAVOR=$RUST_FLAVOR OPT_OUT_TRACKING=$OPT_OUT_TRACKING"
            echo "MALLOC_MMAP_THRESHOLD_=$MALLOC_MMAP_THRESHOLD_"
            echo "MALLOC_TRIM_THRESHOLD_=$MALLOC_TRIM_THRESHOLD_"
            echo "before main" >&2
            if [ -e /dev/fd/3 ]; then echo "after main" >&3; fi
            exit 7
            """;

    @TempDir
    private Path folder;

    private Path home;
    private Path jdk;

    @BeforeEach
    void install() throws IOException {
        home = Files.createDirectories(folder.resolve("a home with spaces"));
        Files.createDirectories(home.resolve(".mvn"));
        Files.createDirectories(home.resolve("app/target/lib"));
        for (var file : List.of("lowrank", ".mvn/jdk.sh")) {
            Files.copy(Run.ROOT.resolve(file), home.resolve(file));
        }
        for (var jar : List.of("lowrank-app-1.jar", "lib/b.jar", "lib/lowrank-core-1.jar")) {
            Files.createFile(home.resolve("app/target").resolve(jar));
        }
        jdk = Files.createDirectories(folder.resolve("jdk"));
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
        for (var program : List.of("java", "javac")) {
            var file = Files.writeString(jdk.resolve("bin").resolve(program), FAKE_JAVA);
            assertThat(file.toFile().setExecutable(true)).isTrue();
        }
    }

    @Test
    void argumentsAndExitCodePassThroughUnchanged() throws Exception {
        var run = launch(home.resolve("lowrank"), Map.of(), "generate", "two words", "*", "");
        assertThat(run.code()).isEqualTo(7);
        assertThat(run.out())
                .contains(
                        "argument: dev.lowrank.app.Main\nargument: generate\nargument: two words\nargument: *\nargument: \n");
    }

    @Test
    void theClassPathListsEveryJarOnceWithOursFirst() throws Exception {
        var target = home.resolve("app/target").toRealPath();
        assertThat(launch(home.resolve("lowrank"), Map.of(), "plan").out())
                .contains("argument: " + target + "/lowrank-app-1.jar:" + target + "/lib/lowrank-core-1.jar:" + target
                        + "/lib/b.jar\n");
    }

    @Test
    void aChainOfLinksLeadsHome() throws Exception {
        var link = Files.createSymbolicLink(folder.resolve("link"), home.resolve("lowrank"));
        var second = Files.createSymbolicLink(folder.resolve("second"), link.getFileName());
        assertThat(launch(second, Map.of(), "plan").out()).contains("argument: -Dlowrank.home=" + home.toRealPath());
    }

    @Test
    void heavyCommandsGetTheNativeEnvironment() throws Exception {
        assertThat(launch(home.resolve("lowrank"), Map.of(), "compress").out())
                .contains("--add-modules=jdk.incubator.vector", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0")
                .contains("OMP_WAIT_POLICY=PASSIVE RUST_FLAVOR=cpu OPT_OUT_TRACKING=true")
                .contains("MALLOC_MMAP_THRESHOLD_=16777216", "MALLOC_TRIM_THRESHOLD_=67108864");
    }

    @Test
    void lightCommandsGetNoIncubatorModule() throws Exception {
        for (var command : List.of("--help", "inspect", "plan", "verify")) {
            assertThat(launch(home.resolve("lowrank"), Map.of(), command).out()).doesNotContain("incubator");
        }
    }

    @Test
    void aWaitingPolicyOfTheUserStays() throws Exception {
        assertThat(launch(home.resolve("lowrank"), Map.of("OMP_WAIT_POLICY", "ACTIVE"), "compress")
                        .out())
                .contains("OMP_WAIT_POLICY=ACTIVE");
    }

    @Test
    void whatJavaSaysBeforeMainIsHiddenAndNothingElse() throws Exception {
        assertThat(launch(home.resolve("lowrank"), Map.of(), "generate").err()).isEqualTo("after main\n");
    }

    @Test
    void optionsFromOutsideReachJavaAndItsComplaintsShow() throws Exception {
        var run = launch(home.resolve("lowrank"), Map.of("LOWRANK_JAVA_OPTS", "-Xmx2g -Da=b"), "generate");
        assertThat(run.out()).contains("argument: -Xmx2g\nargument: -Da=b\n");
        assertThat(run.err()).contains("before main");
    }

    private Run launch(Path launcher, Map<String, String> environment, String... arguments) throws Exception {
        var command = new ArrayList<>(List.of("sh", launcher.toString()));
        command.addAll(List.of(arguments));
        var err = folder.resolve("err");
        var builder = new ProcessBuilder(command).directory(folder.toFile()).redirectError(err.toFile());
        for (var name : List.of("OMP_WAIT_POLICY", "LOWRANK_JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")) {
            builder.environment().remove(name);
        }
        builder.environment().put("JAVA_HOME", jdk.toString());
        builder.environment().putAll(environment);
        var process = builder.start();
        process.getOutputStream().close();
        var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), out, Files.readString(err));
    }
}
