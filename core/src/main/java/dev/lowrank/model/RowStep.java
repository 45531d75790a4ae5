package dev.lowrank.model;

import dev.lowrank.model.kernel.Panels;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.model.kernel.SparseProduct;
import dev.lowrank.model.kernel.WorkerTeam;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Products of matrices with rows of activations that need only what earlier steps made: their panels are
/// shared by the team in chunks. Query, key and value of a block are one step, likewise gate and up; a
/// factor pair is two, its intermediate stays in cache.
///
/// Every output element is one sum in a fixed order, whoever computes it and however many rows run
/// together.
final class RowStep implements WorkerTeam.Task {
    private static final long SMALLEST_CHUNK = 16L << 10;
    private static final long LARGEST_CHUNK = 256L << 10;
    private static final int CHUNKS_PER_THREAD = 12;

    private final RowTools tools;
    private final Product[] products;
    /// First chunk of each product, and one more for the end.
    private final int[] firstChunk;

    private final int[] chunkPanels;
    /// The products before which an input must be made ready: one for each kind of weights that reads it.
    private final Product[] readers;

    private int rows;
    /// The row that runs where only one does.
    private int only;

    private RowStep(RowTools tools, List<Product> products) {
        this.tools = tools;
        this.products = products.toArray(Product[]::new);
        firstChunk = new int[products.size() + 1];
        chunkPanels = new int[products.size()];
        var total =
                products.stream().mapToLong(product -> product.weight().bytes()).sum();
        var threads = tools.team().threads();
        var chunkBytes = Math.clamp(total / ((long) threads * CHUNKS_PER_THREAD), SMALLEST_CHUNK, LARGEST_CHUNK);
        for (var i = 0; i < this.products.length; i++) {
            var weight = this.products[i].weight();
            var together = tools.start().fastest().panelsTogether(weight);
            var panels = chunkBytes / weight.panelBytes() / together * together;
            chunkPanels[i] = Math.clamp(panels, together, Integer.MAX_VALUE / 2);
            firstChunk[i + 1] = firstChunk[i] + Math.ceilDiv(weight.count(), chunkPanels[i]);
        }
        readers = readers(products);
        // Rows that never ran may be read along with some that do.
        prepare(0, RowDecoder.MAX_ROWS);
    }

    private static Product[] readers(List<Product> products) {
        var readers = new ArrayList<Product>();
        for (var product : products) {
            if (readers.stream()
                    .noneMatch(other -> Arrays.equals(other.x(), product.x())
                            && other.weight().readsLike(product.weight()))) {
                readers.add(product);
            }
        }
        return readers.toArray(Product[]::new);
    }

    /// A linear with where its input comes from and where its output goes.
    ///
    /// @param x one input for each row that may run
    /// @param y likewise; written from `offset`, `out` elements
    record Target(Linear linear, RowInput[] x, float[][] y, int offset) {}

    /// One matrix: `z[zOffset + i] = weight[i] · x`, then, with a place, `y[yOffset + place[placeOffset +
    /// i]] = z[zOffset + i]`; the bias is added where the output ends up.
    private record Product(
            Panels weight,
            RowInput[] x,
            float[][] z,
            int zOffset,
            float @Nullable [] bias,
            @Nullable Scatter scatter,
            @Nullable Entries entries) {
        Product {
            if (weight.columns() != x[0].length()) {
                throw new IllegalArgumentException("A matrix [" + weight.rows() + ", " + weight.columns()
                        + "] meets an input of " + x[0].length() + " elements");
            }
        }
    }

    /// Single entries whose product with `x` is added to the output, wherever its rows end up.
    private record Entries(SparseProduct matrix, RowInput[] x) {
        static @Nullable Entries of(RowTools tools, Target target) {
            return target.linear() instanceof Linear.SparsePlusLowRank(var _, var sparse)
                    ? new Entries(tools.pack(sparse), target.x())
                    : null;
        }

        float of(int row, int output) {
            return matrix.times(output, x[row].values());
        }
    }

    /// Where rows go that are not in the order of the output.
    private record Scatter(float[][] y, int offset, int[] place, int placeOffset) {}

    /// The steps that compute some linears, to be run in order.
    static List<RowStep> plan(RowTools tools, List<Target> targets) {
        var stages = new ArrayList<List<Product>>();
        for (var target : targets) {
            var chain = products(tools, target);
            for (var i = 0; i < chain.size(); i++) {
                if (stages.size() == i) {
                    stages.add(new ArrayList<>());
                }
                stages.get(i).add(chain.get(i));
            }
        }
        return stages.stream().map(stage -> new RowStep(tools, stage)).toList();
    }

    /// One product of a whole matrix without bias, e.g. the head.
    static RowStep of(RowTools tools, Panels weight, RowInput[] x, float[][] y) {
        return new RowStep(tools, List.of(new Product(weight, x, y, 0, null, null, null)));
    }

    private static List<Product> products(RowTools tools, Target target) {
        var linear = target.linear();
        var bias = linear.bias() == null ? null : linear.bias().toFloats();
        var entries = Entries.of(tools, target);
        var base = linear instanceof Linear.SparsePlusLowRank(var beside, var _) ? beside : linear;
        return base instanceof Linear.Pivoted pivoted
                ? pivoted(tools, pivoted, target, bias, entries)
                : chain(tools, base, target, bias, entries);
    }

    /// One matrix after the other, the bias after the last.
    private static List<Product> chain(
            RowTools tools, Linear base, Target target, float @Nullable [] bias, @Nullable Entries entries) {
        var products = new ArrayList<Product>();
        var x = target.x();
        var parts = base.parts();
        for (var part : parts.subList(0, parts.size() - 1)) {
            var weight = tools.pack(part);
            var z = RowTools.inputs(weight.rows());
            products.add(new Product(weight, x, values(z), 0, null, null, null));
            x = z;
        }
        products.add(new Product(tools.pack(parts.getLast()), x, target.y(), target.offset(), bias, null, entries));
        return products;
    }

    private static float[][] values(RowInput[] rows) {
        var values = new float[rows.length][];
        for (var i = 0; i < rows.length; i++) {
            values[i] = rows[i].values();
        }
        return values;
    }

    /// The pivots are both outputs and the input of the rest: they are kept in order and written to their
    /// places.
    private static List<Product> pivoted(
            RowTools tools, Linear.Pivoted linear, Target target, float @Nullable [] bias, @Nullable Entries entries) {
        var place = inverse(linear);
        var pivots = RowTools.inputs(linear.rank());
        var rest = new float[RowDecoder.MAX_ROWS][linear.out() - linear.rank()];
        var first = new Scatter(target.y(), target.offset(), place, 0);
        var second = new Scatter(target.y(), target.offset(), place, linear.rank());
        return List.of(
                new Product(tools.pack(linear.pivot()), target.x(), values(pivots), 0, bias, first, entries),
                new Product(tools.pack(linear.rest()), pivots, rest, 0, bias, second, entries));
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

    /// Computes some rows.
    ///
    /// @param count the first so many of the inputs and outputs
    void run(int count) {
        share(0, count);
    }

    /// Computes one row.
    void runOne(int row) {
        share(row, 1);
    }

    private void share(int first, int count) {
        only = first;
        rows = count;
        prepare(first, count);
        tools.team().run(this, firstChunk[products.length]);
    }

    private void prepare(int first, int count) {
        for (var reader : readers) {
            for (var i = first; i < first + count; i++) {
                tools.kernels().prepare(reader.x()[i], reader.weight());
            }
        }
    }

    @Override
    public void run(int chunk, int worker) {
        var i = 0;
        while (chunk >= firstChunk[i + 1]) {
            i++;
        }
        var product = products[i];
        var weight = product.weight();
        var first = (chunk - firstChunk[i]) * chunkPanels[i];
        var panels = Math.min(chunkPanels[i], weight.count() - first);
        tools.kernels()
                .products(
                        weight,
                        first,
                        panels,
                        product.x(),
                        only,
                        rows,
                        product.z(),
                        product.zOffset(),
                        tools.scratch(worker));
        var end = Math.min((first + panels) * weight.lanes(), weight.rows());
        for (var row = only; row < only + rows; row++) {
            finish(product, row, first * weight.lanes(), end);
        }
    }

    private static void finish(Product product, int row, int first, int end) {
        var z = product.z()[row];
        var scatter = product.scatter();
        var bias = product.bias();
        var entries = product.entries();
        if (scatter != null) {
            scatter(scatter, z, row, first, end, bias, entries);
            return;
        }
        for (var i = first; bias != null && i < end; i++) {
            z[product.zOffset() + i] += bias[i];
        }
        for (var i = first; entries != null && i < end; i++) {
            z[product.zOffset() + i] += entries.of(row, i);
        }
    }

    private static void scatter(
            Scatter scatter,
            float[] z,
            int row,
            int first,
            int end,
            float @Nullable [] bias,
            @Nullable Entries entries) {
        for (var i = first; i < end; i++) {
            var output = scatter.place()[scatter.placeOffset() + i];
            var made = bias == null ? z[i] : z[i] + bias[output];
            scatter.y()[row][scatter.offset() + output] = entries == null ? made : made + entries.of(row, output);
        }
    }
}
