package dev.lowrank.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Texts that share beginnings, each shared token once: trees of tokens, where a token sees those on the
/// way from the root of its tree to itself. All trees may follow a common stem that a [KvCache] holds.
///
/// @param trees at least one
public record TokenForest(List<Tree> trees) {
    /// The parent of a token that begins its tree.
    public static final int ROOT = -1;

    public TokenForest {
        trees = List.copyOf(trees);
        if (trees.isEmpty()) {
            throw new IllegalArgumentException("A forest needs at least one tree");
        }
    }

    /// One tree.
    public static final class Tree {
        private final int[] tokens;
        private final int[] parents;
        private final int[] depths;

        private Tree(int[] tokens, int[] parents, int[] depths) {
            this.tokens = tokens;
            this.parents = parents;
            this.depths = depths;
        }

        /// Number of tokens.
        public int size() {
            return tokens.length;
        }

        /// Whether token `i` sees token `j`: whether `j` is `i` or on its way to the root.
        boolean sees(int i, int j) {
            var at = i;
            while (at > j) {
                at = parents[at];
            }
            return at == j;
        }
    }

    /// Grows a tree text by text.
    public static final class Builder {
        private int[] tokens = new int[64];
        private int[] parents = new int[64];
        private int[] depths = new int[64];
        private int size;
        private int[] last = new int[0];
        private int[] lastNodes = new int[0];

        /// Adds a text that shares its beginning with the one before it.
        ///
        /// @param text tokens after the stem, at least one
        /// @return the place of each of its tokens in the tree
        public int[] add(int[] text) {
            if (text.length == 0) {
                throw new IllegalArgumentException("A text needs at least one token");
            }
            var mismatch = Arrays.mismatch(last, text);
            var shared = mismatch < 0 ? text.length : mismatch;
            var nodes = Arrays.copyOf(lastNodes, shared);
            nodes = Arrays.copyOf(nodes, text.length);
            for (var i = shared; i < text.length; i++) {
                nodes[i] = append(text[i], i == 0 ? ROOT : nodes[i - 1], i);
            }
            last = text.clone();
            lastNodes = nodes;
            return nodes.clone();
        }

        private int append(int token, int parent, int depth) {
            if (size == tokens.length) {
                tokens = Arrays.copyOf(tokens, 2 * size);
                parents = Arrays.copyOf(parents, 2 * size);
                depths = Arrays.copyOf(depths, 2 * size);
            }
            tokens[size] = token;
            parents[size] = parent;
            depths[size] = depth;
            return size++;
        }

        /// Tokens so far.
        public int size() {
            return size;
        }

        /// The tree of all texts that were added.
        public Tree build() {
            return new Tree(Arrays.copyOf(tokens, size), Arrays.copyOf(parents, size), Arrays.copyOf(depths, size));
        }
    }

    /// Number of tokens of all trees.
    public int size() {
        return trees.stream().mapToInt(Tree::size).sum();
    }

    /// Tokens of the longest text, without the stem.
    int depth() {
        return 1
                + trees.stream()
                        .flatMapToInt(tree -> Arrays.stream(tree.depths))
                        .max()
                        .orElse(-1);
    }

    /// All tokens, tree by tree.
    int[] tokens() {
        return trees.stream().flatMapToInt(tree -> Arrays.stream(tree.tokens)).toArray();
    }

    /// The position of each token.
    ///
    /// @param past tokens of the stem
    int[] positions(int past) {
        return trees.stream()
                .flatMapToInt(tree -> Arrays.stream(tree.depths))
                .map(depth -> past + depth)
                .toArray();
    }

    /// Where each tree begins.
    List<Integer> starts() {
        var starts = new ArrayList<Integer>();
        var at = 0;
        for (var tree : trees) {
            starts.add(at);
            at += tree.size();
        }
        return starts;
    }
}
