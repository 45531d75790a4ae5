package dev.lowrank.generate;

import dev.lowrank.model.Sampler;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.text.Tokenizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Chooses the tokens of one choice: bias and constraint change the logits, the sampler draws.
final class TokenChooser {
    private final GenerationRequest.Bias bias;
    private final Sampler sampler;
    private final Tokenizer tokenizer;
    private final @Nullable TokenConstraint constraint;
    private final Map<Integer, Integer> counts = new HashMap<>();
    private final BitSet allowed = new BitSet();
    private float[] changed = new float[0];

    /// @param choice its number
    TokenChooser(GenerationRequest request, int choice, Tokenizer tokenizer) {
        this.bias = request.bias();
        this.tokenizer = tokenizer;
        var constraints = request.constraint();
        constraint = constraints == null ? null : constraints.get();
        var options = request.sampling();
        sampler = Sampler.of(
                new SamplingOptions(
                        options.temperature(),
                        options.topK(),
                        options.topP(),
                        options.repetitionPenalty(),
                        options.seed() + choice),
                tokenizer.vocabularySize());
        sampler.see(request.prompt());
    }

    /// Chooses the next token.
    ///
    /// @param logits not changed
    /// @throws IllegalStateException if the constraint allows nothing, not even the end
    int next(float[] logits) {
        var token = sampler.next(plain() ? logits : change(logits));
        if (constraint != null && !tokenizer.endOfText().contains(token)) {
            constraint.accept(token);
        }
        counts.merge(token, 1, Integer::sum);
        return token;
    }

    /// Whether the constraint leaves nothing to say.
    boolean exhausted() {
        if (constraint == null || !constraint.complete()) {
            return false;
        }
        constraint.allowed(allowed);
        return allowed.isEmpty();
    }

    private boolean plain() {
        return constraint == null && bias.equals(GenerationRequest.Bias.NONE);
    }

    private float[] change(float[] logits) {
        if (changed.length != logits.length) {
            changed = new float[logits.length];
        }
        System.arraycopy(logits, 0, changed, 0, logits.length);
        bias.tokens().forEach((token, amount) -> changed[token] += amount);
        if (bias.frequency() != 0 || bias.presence() != 0) {
            counts.forEach((token, count) -> changed[token] -= (float) (bias.frequency() * count + bias.presence()));
        }
        if (constraint != null) {
            forbid(constraint);
        }
        return changed;
    }

    private void forbid(TokenConstraint rule) {
        rule.allowed(allowed);
        for (var end : tokenizer.endOfText()) {
            allowed.set(end, rule.complete());
        }
        if (allowed.isEmpty()) {
            throw new IllegalStateException("The constraint allows no token and no end: no text can satisfy it");
        }
        var from = 0;
        for (var next = allowed.nextSetBit(0); next >= 0 && next < changed.length; next = allowed.nextSetBit(from)) {
            Arrays.fill(changed, from, next, Float.NEGATIVE_INFINITY);
            from = next + 1;
        }
        Arrays.fill(changed, from, changed.length, Float.NEGATIVE_INFINITY);
    }
}
