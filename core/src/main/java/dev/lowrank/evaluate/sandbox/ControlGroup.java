package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Control groups of the kernel that bound the memory and the processes of a sandbox as a whole, where this
/// process may make them; elsewhere there are none, and the limits of single processes stand alone. One
/// group serves one program at a time.
///
/// @param folders the group's folder in each hierarchy (one with control groups 2, up to two with 1)
record ControlGroup(List<Path> folders) implements AutoCloseable {
    private static final Path HIERARCHIES = Path.of("/sys/fs/cgroup");
    private static final Path OWN = Path.of("/proc/self/cgroup");
    private static final String PREFIX = "lowrank-sandbox-";
    private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d+)-[0-9a-f]+-\\d+");

    /// Makes groups for as many sandboxes side by side as the limits say.
    static List<ControlGroup> open(SandboxLimits limits) {
        var parents = parents();
        parents.forEach(ControlGroup::removeStale);
        // A process may have several sandboxes.
        var name = PREFIX + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()) + "-";
        var groups = new ArrayList<ControlGroup>();
        for (var slot = 0; slot < limits.parallel(); slot++) {
            var folders = new ArrayList<Path>();
            for (var parent : parents) {
                var folder = parent.resolve(name + slot);
                if (make(folder, limits)) {
                    folders.add(folder);
                }
            }
            groups.add(new ControlGroup(List.copyOf(folders)));
        }
        return groups;
    }

    /// Files into which a process writes its id to join.
    List<Path> entrances() {
        return folders.stream().map(folder -> folder.resolve("cgroup.procs")).toList();
    }

    /// Removes the groups, which must be empty.
    @Override
    public void close() {
        folders.forEach(ControlGroup::remove);
    }

    private static boolean make(Path folder, SandboxLimits limits) {
        try {
            Files.createDirectory(folder);
        } catch (IOException forbidden) {
            return false;
        }
        var memory = Long.toString(limits.memoryBytes());
        var processes = Integer.toString(limits.processes());
        // Each hierarchy has only its own files; a group that bounds nothing is not kept.
        var bounds = write(folder.resolve("pids.max"), processes);
        bounds |= write(folder.resolve("memory.max"), memory) && write(folder.resolve("memory.swap.max"), "0");
        bounds |= write(folder.resolve("memory.limit_in_bytes"), memory)
                && write(folder.resolve("memory.memsw.limit_in_bytes"), memory);
        if (!bounds) {
            remove(folder);
        }
        return bounds;
    }

    private static boolean write(Path file, String value) {
        try {
            if (Files.exists(file)) {
                Files.writeString(file, value);
                return true;
            }
        } catch (IOException forbidden) {
            return false;
        }
        return false;
    }

    /// Folders below which groups may be made, for each hierarchy that bounds memory or processes.
    private static List<Path> parents() {
        var parents = new ArrayList<Path>();
        for (var line : lines(OWN)) {
            var parts = line.split(":", 3);
            if (parts.length < 3) {
                continue;
            }
            var own = parts[2].substring(1);
            switch (parts[1]) {
                case "memory", "pids" -> add(HIERARCHIES.resolve(parts[1]), own, parents);
                case "" -> addUnified(own, parents);
                default -> {
                    // Other hierarchies bound nothing that matters here.
                }
            }
        }
        return parents;
    }

    private static void add(Path hierarchy, String own, List<Path> parents) {
        var folder = hierarchy.resolve(own).normalize();
        if (Files.isDirectory(folder)) {
            parents.add(folder);
        } else if (Files.isDirectory(hierarchy)) {
            parents.add(hierarchy);
        }
    }

    /// A group of version 2 has either processes or groups that bound; so ours stands beside our own
    /// process's.
    private static void addUnified(String own, List<Path> parents) {
        var beside = HIERARCHIES.resolve(own).normalize().getParent();
        for (var parent : new @Nullable Path[] {beside, HIERARCHIES}) {
            if (parent != null
                    && parent.startsWith(HIERARCHIES)
                    && Files.isWritable(parent)
                    && lines(parent.resolve("cgroup.subtree_control")).stream()
                            .anyMatch(line -> List.of(line.split(" ", -1)).containsAll(List.of("memory", "pids")))) {
                parents.add(parent);
                return;
            }
        }
    }

    /// A tool that was killed could not tidy up.
    private static void removeStale(Path parent) {
        try (var folders = Files.newDirectoryStream(parent, PREFIX + "*")) {
            for (var folder : folders) {
                var name = NAME.matcher(folder.getFileName().toString());
                if (name.matches()
                        && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
                    remove(folder);
                }
            }
        } catch (IOException unreadable) {
            return;
        }
    }

    private static void remove(Path folder) {
        try {
            Files.deleteIfExists(folder);
        } catch (IOException busy) {
            // An empty group costs nothing; the next tool removes it.
            return;
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException unreadable) {
            return List.of();
        }
    }
}
