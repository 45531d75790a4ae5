package dev.lowrank.testing.disk;

/// When a disk fails, and how.
///
/// @param operation what fails
/// @param at which one of them, from 1
/// @param message what the system says
/// @param stays whether all later ones fail too
public record Fault(Operation operation, int at, String message, boolean stays) {
    /// What a disk is asked.
    public enum Operation {
        /// Opening a file to write, or making a folder.
        CREATE,
        /// Writing; half of the bytes still arrive.
        WRITE,
        /// Flushing a file or a folder.
        FORCE,
        /// Renaming; the old name stays.
        RENAME,
        /// Renaming; the new name is there when the error comes.
        RENAMED,
        /// Removing a file or a folder.
        DELETE
    }

    /// A disk that is full from one moment on.
    public static Fault full(Operation operation, int at) {
        return new Fault(operation, at, "No space left on device", true);
    }

    /// One operation that the hardware does not do.
    public static Fault broken(Operation operation, int at) {
        return new Fault(operation, at, "Input/output error", false);
    }

    /// No fault.
    public static Fault none() {
        return new Fault(Operation.WRITE, 0, "", false);
    }

    boolean strikes(Operation asked, int count) {
        return asked == operation && (count == at || stays && count > at);
    }
}
