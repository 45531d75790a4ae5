package dev.lowrank.generate.schema;

import dev.lowrank.text.TokenBytes;
import dev.lowrank.text.Tokenizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// A vocabulary as a tree of bytes: what two tokens begin with alike is looked at once. Special tokens and
/// those that add nothing to a text are not in it. Unchangeable and shared; a vocabulary of 49 thousand
/// tokens takes about 3 MB.
public final class TokenTree {
    /// A node where no token ends.
    static final int NO_TOKEN = -1;

    private final byte[][] tokens;
    private final boolean firstSpaceLost;
    private final ByteSet alphabet;
    private final int longest;
    private int nodes = 1;
    private int[] parents = new int[1024];
    private byte[] labels = new byte[1024];
    private int[] depths = new int[1024];
    private int[] ends = new int[1024];
    private int[] first = new int[1024];
    /// The next token of the same bytes.
    private final int[] next;

    private TokenTree(byte[][] tokens, boolean firstSpaceLost) {
        this.tokens = tokens;
        this.firstSpaceLost = firstSpaceLost;
        next = new int[tokens.length];
        Arrays.fill(next, NO_TOKEN);
        first[0] = NO_TOKEN;
        var order = IntStream.range(0, tokens.length)
                .filter(token -> tokens[token].length > 0)
                .boxed()
                .sorted((a, b) -> Arrays.compareUnsigned(tokens[a], tokens[b]))
                .toList();
        var single = new BitSet(256);
        var path = new int[1];
        var most = 0;
        for (var token : order) {
            var bytes = tokens[token];
            most = Math.max(most, bytes.length);
            if (bytes.length == 1) {
                single.set(bytes[0] & 0xff);
            }
            path = path.length > bytes.length ? path : Arrays.copyOf(path, bytes.length + 1);
            add(token, bytes, path);
        }
        Arrays.fill(ends, 0, nodes, 0);
        for (var node = nodes - 1; node >= 0; node--) {
            ends[node] = Math.max(ends[node], node + 1);
            ends[parents[node]] = Math.max(ends[parents[node]], ends[node]);
        }
        longest = most;
        alphabet = new ByteSet(single);
    }

    /// The vocabulary of a tokenizer, which may be closed afterwards.
    ///
    /// @throws dev.lowrank.text.TextException `TOK_FORMAT` if its tokens have no bytes of their own
    public static TokenTree of(Tokenizer tokenizer) {
        var bytes = tokenizer.tokenBytes();
        var ends = tokenizer.endOfText();
        return of(bytes, id -> !ends.contains(id));
    }

    private static TokenTree of(TokenBytes bytes, IntPredicate wanted) {
        var tokens = new byte[bytes.size()][];
        for (var id = 0; id < tokens.length; id++) {
            tokens[id] = wanted.test(id) ? bytes.bytes(id).orElse(new byte[0]) : new byte[0];
        }
        return new TokenTree(tokens, bytes.firstSpaceLost());
    }

    /// A vocabulary of given tokens.
    ///
    /// @param tokens their bytes by id; empty for ids that are not used
    static TokenTree of(byte[]... tokens) {
        return new TokenTree(Arrays.stream(tokens).map(byte[]::clone).toArray(byte[][]::new), false);
    }

    /// @param path the nodes of the token before, by depth
    private void add(int token, byte[] bytes, int[] path) {
        var depth = 0;
        while (depth < bytes.length && isChild(path[depth + 1], path[depth], depth + 1, bytes[depth])) {
            depth++;
        }
        for (; depth < bytes.length; depth++) {
            path[depth + 1] = node(path[depth], bytes[depth], depth + 1);
        }
        var node = path[bytes.length];
        next[token] = first[node];
        first[node] = token;
    }

    /// Whether a node of the path is still this one: the path keeps what longer tokens before left behind.
    private boolean isChild(int node, int parent, int depth, byte label) {
        return node > 0 && parents[node] == parent && depths[node] == depth && labels[node] == label;
    }

    private int node(int parent, byte label, int depth) {
        if (nodes == labels.length) {
            parents = Arrays.copyOf(parents, 2 * nodes);
            labels = Arrays.copyOf(labels, 2 * nodes);
            depths = Arrays.copyOf(depths, 2 * nodes);
            ends = Arrays.copyOf(ends, 2 * nodes);
            first = Arrays.copyOf(first, 2 * nodes);
        }
        parents[nodes] = parent;
        labels[nodes] = label;
        depths[nodes] = depth;
        first[nodes] = NO_TOKEN;
        return nodes++;
    }

    /// The byte that leads to a node, 0 to 255.
    int label(int node) {
        return labels[node] & 0xff;
    }

    /// Bytes up to a node; 0 for the root, which is node 0.
    int depth(int node) {
        return depths[node];
    }

    /// The node behind all nodes below this one, which follow it.
    int end(int node) {
        return ends[node];
    }

    boolean hasChildren(int node) {
        return ends[node] > node + 1;
    }

    /// Adds the tokens that end at a node.
    void collect(int node, BitSet into) {
        for (var token = first[node]; token != NO_TOKEN; token = next[token]) {
            into.set(token);
        }
    }

    /// The bytes that lead to a node.
    byte[] path(int node) {
        var bytes = new byte[depths[node]];
        var at = node;
        for (var i = bytes.length - 1; i >= 0; i--) {
            bytes[i] = labels[at];
            at = parents[at];
        }
        return bytes;
    }

    /// The bytes of a token; none if it may never come.
    byte[] bytes(int token) {
        return tokens[Objects.checkIndex(token, tokens.length)];
    }

    /// One more than the largest id.
    int size() {
        return tokens.length;
    }

    /// Bytes that are tokens themselves: a text made of them can always go on.
    ByteSet alphabet() {
        return alphabet;
    }

    /// Bytes of the longest token.
    int longest() {
        return longest;
    }

    /// Whether decoding drops a space that a text begins with.
    boolean firstSpaceLost() {
        return firstSpaceLost;
    }
}
