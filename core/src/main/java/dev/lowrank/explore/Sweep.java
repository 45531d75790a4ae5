package dev.lowrank.explore;

import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// One dimension of the design space varied, the others fixed, as the characterisation's tables and figures
/// do (arXiv:2405.06626).
public sealed interface Sweep {
    /// The kinds.
    enum Kind {
        /// The rank, of all tensors in all layers.
        RANK,
        /// Which layer is cut, alone.
        LAYER,
        /// How far the cut layers are apart.
        DISTANCE,
        /// Which tensor is cut, in all layers.
        TENSOR;

        /// Name on the command line.
        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        /// Finds a kind by its name.
        ///
        /// @throws IllegalArgumentException naming the known kinds
        public static Kind of(String id) {
            return Arrays.stream(values())
                    .filter(kind -> kind.id().equals(id))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("Unknown sweep '" + id + "'; known sweeps: "
                            + Arrays.stream(values()).map(Kind::id).collect(Collectors.joining(", "))));
        }
    }

    /// Which.
    Kind kind();

    /// Its configurations, in order.
    List<Point> points(DesignSpace space);

    /// A configuration of a sweep.
    ///
    /// @param at what varies: a rank, a layer, a distance or a tensor
    /// @param configuration what it stands for
    record Point(String at, Configuration configuration) {}

    /// The rank, of all tensors in all layers.
    ///
    /// @param ranks at least one, each at least 1
    record Rank(List<Integer> ranks) implements Sweep {
        public Rank {
            ranks = List.copyOf(ranks);
            ranks.forEach(Sweep::require);
        }

        /// Powers of two up to the largest rank that saves anything, and that rank.
        public static Rank doubling(DesignSpace space) {
            var ranks = new LinkedHashSet<Integer>();
            for (var rank = 1; rank < space.mostRank(); rank *= 2) {
                ranks.add(rank);
            }
            ranks.add(space.mostRank());
            return new Rank(List.copyOf(ranks));
        }

        @Override
        public Kind kind() {
            return Kind.RANK;
        }

        @Override
        public List<Point> points(DesignSpace space) {
            return ranks.stream()
                    .map(rank -> new Point(rank.toString(), space.choose(Set.copyOf(space.layers()), all(space), rank)))
                    .toList();
        }
    }

    /// Which layer is cut, alone and in all its tensors.
    ///
    /// @param rank at least 1
    record Layer(int rank) implements Sweep {
        public Layer {
            require(rank);
        }

        @Override
        public Kind kind() {
            return Kind.LAYER;
        }

        @Override
        public List<Point> points(DesignSpace space) {
            return space.layers().stream()
                    .map(layer -> new Point(layer.toString(), space.choose(Set.of(layer), all(space), rank)))
                    .toList();
        }
    }

    /// How far the layers that are cut are apart: the same number of layers at every distance that fits,
    /// around the middle of the model.
    ///
    /// @param rank at least 1
    /// @param count layers that are cut, at least 2
    record Distance(int rank, int count) implements Sweep {
        public Distance {
            require(rank);
            if (count < 2) {
                throw new IllegalArgumentException(
                        "Between layers there is a distance only if at least 2 are cut, not " + count);
            }
        }

        /// A quarter of the layers, at least two.
        public static Distance quarter(int rank, DesignSpace space) {
            return new Distance(rank, Math.max(2, space.layers().size() / 4));
        }

        @Override
        public Kind kind() {
            return Kind.DISTANCE;
        }

        @Override
        public List<Point> points(DesignSpace space) {
            var layers = space.layers();
            var points = new ArrayList<Point>();
            for (var distance = 1; distance * (count - 1) < layers.size(); distance++) {
                var step = distance;
                var first = (layers.size() - 1 - step * (count - 1)) / 2;
                var some = IntStream.range(0, count)
                        .map(i -> layers.get(first + i * step))
                        .boxed()
                        .collect(Collectors.toSet());
                points.add(new Point(Integer.toString(distance), space.choose(some, all(space), rank)));
            }
            if (points.isEmpty()) {
                throw new IllegalArgumentException("The model has " + layers.size() + " layers to cut, fewer than the "
                        + count + " of the sweep over their distance; cut fewer");
            }
            return points;
        }
    }

    /// Which tensor is cut, in all layers.
    ///
    /// @param rank at least 1
    record Tensor(int rank) implements Sweep {
        public Tensor {
            require(rank);
        }

        @Override
        public Kind kind() {
            return Kind.TENSOR;
        }

        @Override
        public List<Point> points(DesignSpace space) {
            return space.tensors().stream()
                    .map(role -> new Point(role.id(), space.choose(Set.copyOf(space.layers()), Set.of(role), rank)))
                    .toList();
        }
    }

    private static Set<Role> all(DesignSpace space) {
        return Set.copyOf(space.tensors());
    }

    private static void require(int rank) {
        if (rank < 1) {
            throw new IllegalArgumentException("The rank of a sweep must be at least 1, but was " + rank);
        }
    }
}
