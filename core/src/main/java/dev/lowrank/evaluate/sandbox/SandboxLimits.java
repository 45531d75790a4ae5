package dev.lowrank.evaluate.sandbox;

import java.time.Duration;

/// What one program may use. Limits hold for each program by itself, however many run side by side.
///
/// @param time time of a program, from the moment its first line may run. It counts while the program
///     computes
///     or waits for something, not while it waits for a processor: so a busy machine does not change
///     verdicts.
///     A program whose processes have together used as much processor time is over it as well
/// @param patience real time after which a program has timed out however little of a processor it got
/// @param grace how long a killed program may take to be gone
/// @param memoryBytes address space of each process, and memory of all together where control groups can be
///     made
/// @param tmpBytes size of `/tmp`, its working directory and the only place it can write to
/// @param fileBytes size of any file
/// @param processes processes and threads at once, those of the sandbox (about four) included
/// @param outputBytes how much of what it prints is kept; the rest is read and thrown away
/// @param parallel how many programs run side by side
public record SandboxLimits(
        Duration time,
        Duration patience,
        Duration grace,
        long memoryBytes,
        long tmpBytes,
        long fileBytes,
        int processes,
        int outputBytes,
        int parallel) {
    private static final long MEBI = 1L << 20;

    /// Most bytes of output that may be kept of a program.
    public static final int MOST_OUTPUT_BYTES = 64 << 10;

    /// @throws IllegalArgumentException when a limit is not positive or too large to be one
    public SandboxLimits {
        positive("time", time.toMillis());
        positive("grace", grace.toMillis());
        positive("tmpBytes", tmpBytes);
        positive("fileBytes", fileBytes);
        positive("parallel", parallel);
        if (patience.compareTo(time) < 0) {
            throw new IllegalArgumentException(
                    "The sandbox's patience is " + patience + ", less than its time limit of " + time);
        }
        if (memoryBytes < 64 * MEBI) {
            throw new IllegalArgumentException(
                    "The sandbox's memoryBytes is " + memoryBytes + "; Python needs at least " + 64 * MEBI);
        }
        if (processes < 8) {
            throw new IllegalArgumentException(
                    "The sandbox's processes is " + processes + "; expected at least 8, it needs four itself");
        }
        if (outputBytes < 0 || outputBytes > MOST_OUTPUT_BYTES) {
            throw new IllegalArgumentException(
                    "The sandbox's outputBytes is " + outputBytes + "; expected 0 to " + MOST_OUTPUT_BYTES);
        }
    }

    /// The limits of the published evaluation where it has some: 3 seconds, a second more to be gone.
    /// Besides 512 MiB of memory, 64 MiB of `/tmp`, 32 processes, 8 KiB of output, a program for each
    /// processor.
    public static SandboxLimits standard() {
        return new SandboxLimits(
                Duration.ofSeconds(3),
                Duration.ofSeconds(30),
                Duration.ofSeconds(1),
                512 * MEBI,
                64 * MEBI,
                64 * MEBI,
                32,
                8 << 10,
                Runtime.getRuntime().availableProcessors());
    }

    /// The same limits with another time and ten times as much patience.
    public SandboxLimits withTime(Duration value) {
        return new SandboxLimits(
                value,
                value.multipliedBy(10),
                grace,
                memoryBytes,
                tmpBytes,
                fileBytes,
                processes,
                outputBytes,
                parallel);
    }

    /// The same limits with another number of programs side by side.
    public SandboxLimits withParallel(int value) {
        return new SandboxLimits(
                time, patience, grace, memoryBytes, tmpBytes, fileBytes, processes, outputBytes, value);
    }

    /// Processor seconds after which the kernel itself kills a process, should nobody else.
    long processorSeconds() {
        return (time.toMillis() + 999) / 1000 + 1;
    }

    private static void positive(String name, long value) {
        if (value <= 0) {
            throw new IllegalArgumentException("The sandbox's " + name + " is " + value + "; expected more than 0");
        }
    }
}
