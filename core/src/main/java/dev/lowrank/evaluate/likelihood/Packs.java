package dev.lowrank.evaluate.likelihood;

import dev.lowrank.model.TokenForest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Cuts requests into forward passes in which what texts have in common is computed once: the choices of a
/// question share its tree, and whatever begins with the same long prompt follows the same stem. No token
/// is padding.
final class Packs {
    /// Tokens of a pass: enough to keep the cores busy, few enough for the caches.
    private static final int PACK_TOKENS = 512;

    /// Tokens of a tree, whose attention grows with its square.
    private static final int TREE_TOKENS = 384;

    /// A shared beginning that is worth keys and values of its own.
    private static final int SHORTEST_STEM = 48;

    /// A shared beginning that is worth being in one tree.
    private static final int SHORTEST_TRUNK = 8;

    /// Passes after the same stem.
    ///
    /// @param stem tokens; none for texts that stand alone
    /// @param packs what follows, the largest first
    record Group(int[] stem, List<Pack> packs) {}

    /// One pass.
    ///
    /// @param members the requests in it
    record Pack(TokenForest forest, List<Member> members) {}

    /// A request in a pass.
    ///
    /// @param request its number
    /// @param rows where among the forest's tokens each target is predicted
    record Member(int request, int[] rows) {}

    /// A tree and its requests; rows count from the tree's first token.
    private record Grown(TokenForest.Tree tree, List<Member> members) {}

    private final List<EncodedRequest> requests;

    private Packs(List<EncodedRequest> requests) {
        this.requests = requests;
    }

    static List<Group> of(List<EncodedRequest> requests) {
        return new Packs(requests).groups();
    }

    private List<Group> groups() {
        var sorted = IntStream.range(0, requests.size())
                .boxed()
                .sorted(Comparator.comparing(i -> requests.get(i).input(), Arrays::compare))
                .toList();
        var groups = new ArrayList<Group>();
        var others = new ArrayList<Integer>();
        for (var from = 0; from < sorted.size(); ) {
            var first = requests.get(sorted.get(from));
            var to = from + 1;
            var stem = first.firstRow();
            for (; to < sorted.size(); to++) {
                var shared = shared(sorted.get(to - 1), sorted.get(to));
                if (shared < SHORTEST_STEM) {
                    break;
                }
                stem = Math.min(stem, shared);
            }
            var family = sorted.subList(from, to);
            // A long text that stands alone becomes a stem too: those are read in pieces, in bounded memory.
            if (stem >= SHORTEST_STEM && tokens(family) > TREE_TOKENS) {
                groups.add(new Group(Arrays.copyOf(first.input(), stem), packed(trees(family, stem))));
            } else {
                others.addAll(family);
            }
            from = to;
        }
        if (!others.isEmpty()) {
            groups.add(new Group(new int[0], packed(trees(others, 0))));
        }
        return groups;
    }

    /// Tokens that two requests begin with and that neither needs a prediction of.
    private int shared(int first, int second) {
        var a = requests.get(first);
        var b = requests.get(second);
        var mismatch = Arrays.mismatch(a.input(), b.input());
        var common = mismatch < 0 ? a.input().length : mismatch;
        return Math.min(common, Math.min(a.firstRow(), b.firstRow()));
    }

    private int tokens(List<Integer> family) {
        var sum = 0;
        for (var i = 0; i < family.size(); i++) {
            var length = requests.get(family.get(i)).input().length;
            sum += i == 0 ? length : length - shared(family.get(i - 1), family.get(i));
        }
        return sum;
    }

    private List<Grown> trees(List<Integer> family, int stem) {
        var trees = new ArrayList<Grown>();
        var builder = new TokenForest.Builder();
        var members = new ArrayList<Member>();
        for (var i = 0; i < family.size(); i++) {
            var number = family.get(i);
            var request = requests.get(number);
            var shared = i == 0 ? 0 : shared(family.get(i - 1), number) - stem;
            var own = request.input().length - stem;
            var full = builder.size() + own - shared > TREE_TOKENS;
            if (!members.isEmpty() && (shared < SHORTEST_TRUNK || full)) {
                trees.add(new Grown(builder.build(), List.copyOf(members)));
                builder = new TokenForest.Builder();
                members.clear();
            }
            var nodes = builder.add(Arrays.copyOfRange(request.input(), stem, request.input().length));
            members.add(new Member(number, Arrays.copyOfRange(nodes, request.firstRow() - stem, nodes.length)));
        }
        trees.add(new Grown(builder.build(), List.copyOf(members)));
        return trees;
    }

    private static List<Pack> packed(List<Grown> trees) {
        var packs = new ArrayList<Pack>();
        var open = new ArrayList<Grown>();
        var tokens = 0;
        for (var tree : trees.stream()
                .sorted(Comparator.comparingInt((Grown grown) -> -grown.tree().size()))
                .toList()) {
            if (!open.isEmpty() && tokens + tree.tree().size() > PACK_TOKENS) {
                packs.add(pack(open));
                open.clear();
                tokens = 0;
            }
            open.add(tree);
            tokens += tree.tree().size();
        }
        if (!open.isEmpty()) {
            packs.add(pack(open));
        }
        return packs;
    }

    private static Pack pack(List<Grown> trees) {
        var members = new ArrayList<Member>();
        var first = 0;
        for (var grown : trees) {
            for (var member : grown.members()) {
                var start = first;
                members.add(new Member(
                        member.request(),
                        Arrays.stream(member.rows()).map(row -> start + row).toArray()));
            }
            first += grown.tree().size();
        }
        return new Pack(new TokenForest(trees.stream().map(Grown::tree).toList()), members);
    }
}
