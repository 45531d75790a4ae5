package dev.lowrank.text.jinja;

/// A template that cannot be parsed or rendered.
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// Kinds of fault.
    public enum Kind {
        /// The source is not a template of this language.
        SYNTAX,
        /// An operation that has no meaning for its values.
        VALUE,
        /// The template called `raise_exception`.
        RAISED,
        /// A limit on steps, depth, memory or output was reached.
        BUDGET,
        /// The template reached for something that it may not touch.
        FORBIDDEN
    }

    private final Kind kind;

    /// @param kind what kind of fault
    /// @param message what was found and what was expected
    public TemplateException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /// @return the kind of fault
    public Kind kind() {
        return kind;
    }
}
