package dev.lowrank.model;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.RowMatrix;
import dev.lowrank.model.kernel.RowVector;
import dev.lowrank.model.kernel.WorkerTeam;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Matrix-vector products that need only what earlier steps made: their rows are shared by the team in
/// chunks. Query, key and value of a block are one step, likewise gate and up; a factor pair is two, its
/// intermediate stays in cache.
///
/// Every output row is one sum in a fixed order, whoever computes it.
final class RowStep implements WorkerTeam.Task {
    private static final long SMALLEST_CHUNK = 64L << 10;
    private static final long LARGEST_CHUNK = 256L << 10;
    private static final int CHUNKS_PER_THREAD = 8;
    private static final int ROWS_TOGETHER = 4;

    private final Kernels kernels;
    private final WorkerTeam team;
    private final float[][] lanes;
    private final Product[] products;
    /// First chunk of each product, and one more for the end.
    private final int[] firstChunk;

    private final int[] chunkRows;
    private final RowVector[] splitInputs;

    private RowStep(Kernels kernels, WorkerTeam team, List<Product> products) {
        this.kernels = kernels;
        this.team = team;
        this.products = products.toArray(Product[]::new);
        lanes = new float[team.threads()][Kernels.SCRATCH];
        firstChunk = new int[products.size() + 1];
        chunkRows = new int[products.size()];
        var total = products.stream()
                .mapToLong(product -> product.weight().rows() * product.weight().rowBytes())
                .sum();
        var chunkBytes = Math.clamp(total / ((long) team.threads() * CHUNKS_PER_THREAD), SMALLEST_CHUNK, LARGEST_CHUNK);
        for (var i = 0; i < this.products.length; i++) {
            var weight = this.products[i].weight();
            var rows = chunkBytes / Math.max(1, weight.rowBytes()) / ROWS_TOGETHER * ROWS_TOGETHER;
            chunkRows[i] = Math.clamp(rows, ROWS_TOGETHER, Integer.MAX_VALUE / 2);
            firstChunk[i + 1] = firstChunk[i] + Math.ceilDiv(weight.rows(), chunkRows[i]);
        }
        splitInputs = products.stream()
                .filter(product -> product.weight().halfWidth())
                .map(Product::x)
                .distinct()
                .toArray(RowVector[]::new);
    }

    /// A linear with where its input comes from and where its output goes.
    ///
    /// @param y written from `offset`, `out` elements
    record Target(Linear linear, RowVector x, float[] y, int offset) {}

    /// One matrix: `z[zOffset + i] = weight[i] · x`, then, with a place, `y[yOffset + place[placeOffset +
    /// i]] = z[zOffset + i]`; the bias is added where the output ends up.
    private record Product(
            RowMatrix weight,
            RowVector x,
            float[] z,
            int zOffset,
            float @Nullable [] bias,
            @Nullable Scatter scatter) {
        Product {
            if (weight.columns() != x.length()) {
                throw new IllegalArgumentException("A matrix [" + weight.rows() + ", " + weight.columns()
                        + "] meets an input of " + x.length() + " elements");
            }
        }
    }

    /// Where rows go that are not in the order of the output.
    private record Scatter(float[] y, int offset, int[] place, int placeOffset) {}

    /// The steps that compute some linears, to be run in order.
    static List<RowStep> plan(Kernels kernels, WorkerTeam team, List<Target> targets) {
        var stages = new ArrayList<List<Product>>();
        for (var target : targets) {
            var chain = products(target);
            for (var i = 0; i < chain.size(); i++) {
                if (stages.size() == i) {
                    stages.add(new ArrayList<>());
                }
                stages.get(i).add(chain.get(i));
            }
        }
        return stages.stream().map(stage -> new RowStep(kernels, team, stage)).toList();
    }

    /// One product of a whole matrix without bias, e.g. the head.
    static RowStep of(Kernels kernels, WorkerTeam team, RowMatrix weight, RowVector x, float[] y) {
        return new RowStep(kernels, team, List.of(new Product(weight, x, y, 0, null, null)));
    }

    private static List<Product> products(Target target) {
        var bias =
                target.linear().bias() == null ? null : target.linear().bias().toFloats();
        return switch (target.linear()) {
            case Linear.Dense dense -> List.of(last(RowMatrix.of(dense.weight()), target.x(), target, bias));
            case Linear.Factored factored -> {
                var middle = new RowVector(factored.rank());
                yield List.of(
                        inner(RowMatrix.of(factored.a()), target.x(), middle),
                        last(RowMatrix.of(factored.b()), middle, target, bias));
            }
            case Linear.Tucker tucker -> {
                var reduced = new RowVector(tucker.rank());
                var mixed = new RowVector(tucker.rank());
                yield List.of(
                        inner(RowMatrix.of(tucker.a()), target.x(), reduced),
                        inner(RowMatrix.of(tucker.core()), reduced, mixed),
                        last(RowMatrix.of(tucker.b()), mixed, target, bias));
            }
            case Linear.Pivoted pivoted -> pivoted(pivoted, target, bias);
        };
    }

    private static Product inner(RowMatrix weight, RowVector x, RowVector z) {
        return new Product(weight, x, z.values(), 0, null, null);
    }

    private static Product last(RowMatrix weight, RowVector x, Target target, float @Nullable [] bias) {
        return new Product(weight, x, target.y(), target.offset(), bias, null);
    }

    /// The pivots are both outputs and the input of the rest: they are kept in order and written to their
    /// places.
    private static List<Product> pivoted(Linear.Pivoted linear, Target target, float @Nullable [] bias) {
        var place = inverse(linear);
        var pivots = new RowVector(linear.rank());
        var rest = new float[linear.out() - linear.rank()];
        var first = new Scatter(target.y(), target.offset(), place, 0);
        var second = new Scatter(target.y(), target.offset(), place, linear.rank());
        return List.of(
                new Product(RowMatrix.of(linear.pivot()), target.x(), pivots.values(), 0, bias, first),
                new Product(RowMatrix.of(linear.rest()), pivots, rest, 0, bias, second));
    }

    private static int[] inverse(Linear.Pivoted linear) {
        var place = new int[linear.out()];
        var taken = new boolean[place.length];
        for (var output = 0; output < place.length; output++) {
            var row = linear.index().get(output);
            if (!(row >= 0 && row < place.length) || taken[(int) row]) {
                throw new IllegalArgumentException("The index of a pivoted linear must name each of its " + place.length
                        + " rows once, but output " + output + " names row " + (long) row
                        + "; the checkpoint is damaged, write it again");
            }
            taken[(int) row] = true;
            place[(int) row] = output;
        }
        return place;
    }

    /// Computes all rows.
    void run() {
        for (var input : splitInputs) {
            kernels.split(input);
        }
        team.run(this, firstChunk[products.length]);
    }

    @Override
    public void run(int chunk, int worker) {
        var i = 0;
        while (chunk >= firstChunk[i + 1]) {
            i++;
        }
        var product = products[i];
        var first = (chunk - firstChunk[i]) * chunkRows[i];
        var rows = Math.min(chunkRows[i], product.weight().rows() - first);
        var from = product.zOffset() + first;
        kernels.products(product.weight(), first, rows, product.x(), product.z(), from, lanes[worker]);
        var scatter = product.scatter();
        var bias = product.bias();
        if (scatter != null) {
            scatter(scatter, product.z(), first, rows, bias);
        } else if (bias != null) {
            for (var row = first; row < first + rows; row++) {
                product.z()[product.zOffset() + row] += bias[row];
            }
        }
    }

    private static void scatter(Scatter scatter, float[] z, int first, int rows, float @Nullable [] bias) {
        for (var row = first; row < first + rows; row++) {
            var output = scatter.place()[scatter.placeOffset() + row];
            scatter.y()[scatter.offset() + output] = bias == null ? z[row] : z[row] + bias[output];
        }
    }
}
