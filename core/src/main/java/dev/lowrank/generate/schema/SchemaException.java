package dev.lowrank.generate.schema;

/// A schema or pattern that cannot be held to: broken, or with a part that is not supported. Nothing is
/// generated then, for a text that ignores a part of its schema is worse than none.
public final class SchemaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String keyword;
    private final String place;

    SchemaException(String keyword, String place, String problem) {
        super("The schema's " + keyword + " at " + place + ": " + problem);
        this.keyword = keyword;
        this.place = place;
    }

    /// The keyword at fault, such as `pattern`.
    public String keyword() {
        return keyword;
    }

    /// The JSON pointer of the part at fault, beginning with `#`.
    public String place() {
        return place;
    }
}
