package dev.lowrank.tensor;

/// Numbers went wrong, not the program: something is not finite, not positive semi-definite, or did not
/// converge. The message names the tensor or layer, what was found, what was expected and what to try.
public final class NumericalException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// What went wrong; [#code()] is stable for scripts.
    public enum Kind {
        /// NaN or an infinity where numbers were expected.
        NON_FINITE("NUM_NONFINITE"),
        /// A Gram or covariance matrix has an eigenvalue clearly below zero.
        NOT_PSD("NUM_NOT_PSD"),
        /// Division by an exactly or numerically zero pivot.
        SINGULAR("NUM_SINGULAR"),
        /// No driver of the ladder converged.
        NO_CONVERGENCE("NUM_NO_CONVERGENCE");

        private final String code;

        Kind(String code) {
            this.code = code;
        }

        /// @return the stable code, as in `NUM_NONFINITE`
        public String code() {
            return code;
        }
    }

    private final Kind kind;
    private final String subject;

    /// @param kind what went wrong
    /// @param subject the tensor, site or layer it happened to
    /// @param problem what was found, what was expected and what to try
    public NumericalException(Kind kind, String subject, String problem) {
        super(kind.code() + ": " + subject + ": " + problem);
        this.kind = kind;
        this.subject = subject;
    }

    /// @return what went wrong
    public Kind kind() {
        return kind;
    }

    /// @return the tensor, site or layer it happened to
    public String subject() {
        return subject;
    }
}
