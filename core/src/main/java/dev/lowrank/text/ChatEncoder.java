package dev.lowrank.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// Encodes a rendered conversation so that special tokens spelled inside a message stay letters: each such
/// spelling travels
/// through the template between two noncharacters and is encoded on its own.
record ChatEncoder(Tokenizer tokenizer, Set<String> specials) {
    private static final char OPEN = '\uFDD0';
    private static final char CLOSE = '\uFDD1';

    int[] encode(ChatTemplate template, List<ChatMessage> messages, boolean addGenerationPrompt) {
        var marked = new ArrayList<ChatMessage>(messages.size());
        for (var message : messages) {
            marked.add(new ChatMessage(mark(message.role()), mark(message.content())));
        }
        var rendered = template.render(marked, addGenerationPrompt);
        var pieces = new ArrayList<int[]>();
        var start = 0;
        while (start < rendered.length()) {
            var open = indexOrEnd(rendered, OPEN, start);
            if (open > start) {
                pieces.add(tokenizer.encode(unmarked(rendered.substring(start, open))));
            }
            var close = indexOrEnd(rendered, CLOSE, open);
            if (close > open) {
                pieces.add(tokenizer.encodeUntrusted(unmarked(rendered.substring(open, close))));
            }
            start = close + 1;
        }
        return pieces.stream().flatMapToInt(IntStream::of).toArray();
    }

    /// Puts the noncharacters around every run of overlapping or touching special spellings.
    private String mark(String text) {
        var clean = text.replace(OPEN, '\uFFFD').replace(CLOSE, '\uFFFD');
        if (specials.stream().noneMatch(clean::contains)) {
            return clean;
        }
        var out = new StringBuilder();
        var end = 0; // of the run of special spellings that is open
        var open = false;
        for (var i = 0; i < clean.length(); i++) {
            var reach = reach(clean, i);
            if (open && i == end && reach == i) {
                out.append(CLOSE);
                open = false;
            }
            if (!open && reach > i) {
                out.append(OPEN);
                open = true;
            }
            end = Math.max(end, reach);
            out.append(clean.charAt(i));
        }
        return open ? out.append(CLOSE).toString() : out.toString();
    }

    /// @return the end of the longest special spelling that begins at `i`, `i` itself if none does
    private int reach(String text, int i) {
        var reach = i;
        for (var special : specials) {
            if (text.startsWith(special, i)) {
                reach = Math.max(reach, i + special.length());
            }
        }
        return reach;
    }

    private static int indexOrEnd(String text, char c, int from) {
        var at = text.indexOf(c, from);
        return at < 0 ? text.length() : at;
    }

    private static String unmarked(String text) {
        return text.replace(String.valueOf(OPEN), "").replace(String.valueOf(CLOSE), "");
    }
}
