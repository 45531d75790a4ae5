package dev.lowrank.generate;

import dev.lowrank.text.TextStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The text of one choice. What may be the beginning of a stop is held back until it is certain, and with
/// it the scores of its tokens.
final class ChoiceText {
    private final TextStream stream;
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private final Deque<Placed> scores = new ArrayDeque<>();
    private int released;

    /// @param stops none empty
    ChoiceText(TextStream stream, List<String> stops) {
        this.stream = stream;
        this.stops = stops;
    }

    /// A score and where its token's text begins.
    private record Placed(TokenScore score, int start) {}

    /// What may be said.
    ///
    /// @param stopped whether a stop was met; the text before it is all that is left
    record Said(String text, List<TokenScore> scores, boolean stopped) {}

    /// A token that does not end the text.
    ///
    /// @param score null where scores are not told
    Said accept(int token, @Nullable TokenScore score) {
        if (score != null) {
            scores.add(new Placed(score, released + held.length()));
        }
        held.append(stream.accept(token));
        return say();
    }

    /// The rest.
    Said finish() {
        held.append(stream.finish());
        var said = say();
        if (said.stopped()) {
            return said;
        }
        var rest = release(held.length(), Integer.MAX_VALUE);
        var all = new ArrayList<>(said.scores());
        all.addAll(rest.scores());
        return new Said(said.text() + rest.text(), all, false);
    }

    private Said say() {
        var first = -1;
        var certain = held.length();
        for (var stop : stops) {
            var found = held.indexOf(stop);
            if (found >= 0 && (first < 0 || found < first)) {
                first = found;
            }
            certain = Math.min(certain, held.length() - beginning(stop));
        }
        if (first >= 0) {
            var said = release(first, released + first);
            held.setLength(0);
            scores.clear();
            return new Said(said.text(), said.scores(), true);
        }
        return release(certain, certain == held.length() ? Integer.MAX_VALUE : released + certain);
    }

    /// Length of the longest beginning of a stop that the held text ends with.
    private int beginning(String stop) {
        for (var length = Math.min(stop.length() - 1, held.length()); length > 0; length--) {
            if (stop.startsWith(held.substring(held.length() - length))) {
                return length;
            }
        }
        return 0;
    }

    /// @param before scores of tokens that begin before this place go along
    private Said release(int length, int before) {
        var text = held.substring(0, length);
        held.delete(0, length);
        released += length;
        var told = new ArrayList<TokenScore>();
        for (var next = scores.peek(); next != null && next.start() < before; next = scores.peek()) {
            told.add(next.score());
            scores.remove();
        }
        return new Said(text, told, false);
    }
}
