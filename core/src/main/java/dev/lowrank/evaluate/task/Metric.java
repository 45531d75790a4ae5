package dev.lowrank.evaluate.task;

import java.util.List;

/// What is counted over documents.
public enum Metric {
    /// Share of documents whose likeliest choice is right; of `loglikelihood`, whose continuation is what
    /// the model would say.
    ACC(OutputType.MULTIPLE_CHOICE, OutputType.LOGLIKELIHOOD),
    /// The same where log-likelihoods are divided by the characters (code points) of the choice.
    ACC_NORM(OutputType.MULTIPLE_CHOICE),
    /// The same where log-likelihoods are divided by the UTF-8 bytes of the choice.
    ACC_BYTES(OutputType.MULTIPLE_CHOICE),
    /// Mean share of the choices' probability that lies on right ones: `mc2` of TruthfulQA.
    TRUE_MASS(OutputType.MULTIPLE_CHOICE),
    /// `exp` of the mean negative log-likelihood of a document.
    PERPLEXITY(OutputType.LOGLIKELIHOOD),
    /// Share of documents whose answer, after the filters, is the right one.
    EXACT_MATCH(OutputType.GENERATE_UNTIL),
    /// Estimated chance that one of k programs passes the tests.
    PASS_AT_K(OutputType.GENERATE_UNTIL);

    private final List<OutputType> types;

    Metric(OutputType... types) {
        this.types = List.of(types);
    }

    /// Whether it is a share of documents, or of probability, that is right.
    public boolean isAccuracy() {
        return this != PERPLEXITY && this != PASS_AT_K;
    }

    /// Whether tasks of a type have it.
    boolean fits(OutputType type) {
        return types.contains(type);
    }
}
