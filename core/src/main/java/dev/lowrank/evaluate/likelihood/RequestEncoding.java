package dev.lowrank.evaluate.likelihood;

import dev.lowrank.text.Tokenizer;
import java.util.Arrays;

/// From text to tokens by the rules of lm-evaluation-harness 0.4: spaces at the end of the context belong
/// to the continuation, whose tokens are what encoding both together adds to encoding the context alone; an
/// empty context is the prefix token (BOS, else end of text); special tokens are the tokenizer's default,
/// never doubled; of what is too long the beginning is cut.
///
/// @param maxLength tokens that the model reads at once
record RequestEncoding(Tokenizer tokenizer, int maxLength) {
    EncodedRequest of(LogLikelihoodRequest request) {
        if (request.context().isEmpty()) {
            return ofContinuation(request.continuation());
        }
        var context = withoutSpaceAtEnd(request.context());
        var moved = request.context().substring(context.length());
        var continuation = moved + request.continuation();
        var before = encode(context);
        var whole = encode(context + continuation);
        if (before.length == 0) {
            return ofContinuation(continuation);
        }
        if (whole.length <= before.length) {
            throw new IllegalArgumentException(
                    "The continuation \"" + continuation + "\" adds no token to its context");
        }
        return cut(before, Arrays.copyOfRange(whole, before.length, whole.length));
    }

    /// Without what Python's `rstrip` takes.
    private static String withoutSpaceAtEnd(String text) {
        var end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }

    private EncodedRequest ofContinuation(String continuation) {
        var targets = tokenizer.encode(continuation);
        var prefix = tokenizer.prefixToken();
        var begins = targets.length > 1 && targets[0] == prefix;
        return cut(new int[] {prefix}, begins ? Arrays.copyOfRange(targets, 1, targets.length) : targets);
    }

    private int[] encode(String text) {
        var prefix = tokenizer.token(tokenizer.prefixToken());
        return text.startsWith(prefix) ? tokenizer.encode(text) : tokenizer.encodeWithSpecials(text);
    }

    private EncodedRequest cut(int[] context, int[] targets) {
        if (targets.length > maxLength) {
            throw new IllegalArgumentException("A continuation of " + targets.length
                    + " tokens does not fit into the model's window of " + maxLength);
        }
        var length = context.length + targets.length;
        var all = Arrays.copyOf(context, length);
        System.arraycopy(targets, 0, all, context.length, targets.length);
        var from = Math.max(0, length - (maxLength + 1));
        return new EncodedRequest(Arrays.copyOfRange(all, from, length - 1), targets, from);
    }
}
