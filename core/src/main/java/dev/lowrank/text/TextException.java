package dev.lowrank.text;

/// A tokenizer, a chat template or a text that cannot be used. The message says what was found and what to
/// do.
public final class TextException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// What kind of fault it is; the part before the underscore names the thing at fault.
    public enum Code {
        /// No `tokenizer.json` where one is needed.
        TOK_MISSING,
        /// A tokenizer file that is not what its name says.
        TOK_FORMAT,
        /// Token ids or token strings that contradict one another.
        TOK_VOCAB,
        /// A merge rule whose parts or result are not in the vocabulary.
        TOK_MERGE,
        /// A pre-tokenizer pattern that can take exponential time, or a rule name that is not known.
        TOK_REGEX,
        /// A tokenizer part of unreasonable size.
        TOK_LIMIT,
        /// An id outside the vocabulary.
        TOK_ID,
        /// The tokenizer has no chat template, or the template is not valid.
        TPL_SYNTAX,
        /// The template did something that has no meaning, such as adding a number to a list.
        TPL_VALUE,
        /// The template itself refused the conversation.
        TPL_RAISED,
        /// The template asked for more steps, depth or output than it is given.
        TPL_BUDGET,
        /// The template reached for something that templates may not touch.
        TPL_FORBIDDEN,
        /// JSON deeper, longer or with bigger numbers than any honest file, or with a key given twice.
        JSON_LIMIT,
        /// A text file that cannot be read.
        DATA_FILE,
        /// Bytes that are not UTF-8.
        DATA_UTF8,
        /// A JSONL line that is not an object with a `text` string.
        DATA_RECORD,
        /// A text without content.
        DATA_EMPTY,
        /// A text with fewer tokens than one window needs.
        DATA_SHORT,
        /// A text larger than is read into memory.
        DATA_LIMIT
    }

    private final Code code;
    private final String file;

    /// @param code kind of fault
    /// @param file name of the file or part at fault, without folders
    /// @param message what was found, what was expected, what to do
    public TextException(Code code, String file, String message) {
        super(file + ": " + message);
        this.code = code;
        this.file = file;
    }

    /// @param code kind of fault
    /// @param file name of the file or part at fault, without folders
    /// @param message what was found, what was expected, what to do
    /// @param cause the fault below
    public TextException(Code code, String file, String message, Throwable cause) {
        super(file + ": " + message, cause);
        this.code = code;
        this.file = file;
    }

    /// @return the kind of fault
    public Code code() {
        return code;
    }

    /// @return name of the file or part at fault
    public String file() {
        return file;
    }
}
