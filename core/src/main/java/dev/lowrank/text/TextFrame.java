package dev.lowrank.text;

import java.util.Arrays;

/// The tokens that an encoder's texts stand between: one before the first segment, one after each
/// (`[CLS] a [SEP]`, `[CLS] a [SEP] b [SEP]`).
///
/// @param first id before the text
/// @param last id after each segment
public record TextFrame(int first, int last) {
    /// A text as an encoder reads it.
    ///
    /// @param ids its tokens, those of the frame among them
    /// @param segments segment of each token, 0 or 1
    /// @param truncated whether tokens of the text were left out
    @SuppressWarnings("ArrayRecordComponent") // a list of boxed ids would cost more than the model's own work
    public record Framed(int[] ids, int[] segments, boolean truncated) {}

    /// Frames one text.
    ///
    /// @param ids its tokens, nothing added
    /// @param most tokens that the result may have, at least 3; the end of the text is left out
    public Framed single(int[] ids, int most) {
        var kept = Math.min(ids.length, most - 2);
        var framed = new int[kept + 2];
        framed[0] = first;
        System.arraycopy(ids, 0, framed, 1, kept);
        framed[kept + 1] = last;
        return new Framed(framed, new int[framed.length], kept < ids.length);
    }

    /// Frames two texts; where they are too long together, the end of the longer one is left out until they
    /// are equally long, then both by turns.
    ///
    /// @param a tokens of the first
    /// @param b tokens of the second
    /// @param most tokens that the result may have, at least 5
    public Framed pair(int[] a, int[] b, int most) {
        var room = most - 3;
        var ofA = a.length;
        var ofB = b.length;
        while (ofA + ofB > room) {
            if (ofA > ofB) {
                ofA--;
            } else {
                ofB--;
            }
        }
        var ids = new int[ofA + ofB + 3];
        var segments = new int[ids.length];
        ids[0] = first;
        System.arraycopy(a, 0, ids, 1, ofA);
        ids[ofA + 1] = last;
        System.arraycopy(b, 0, ids, ofA + 2, ofB);
        ids[ids.length - 1] = last;
        Arrays.fill(segments, ofA + 2, ids.length, 1);
        return new Framed(ids, segments, ofA + ofB < a.length + b.length);
    }
}
