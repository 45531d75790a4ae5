package dev.lowrank.model;

import dev.lowrank.model.kernel.Panels;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.model.kernel.SparseProduct;
import dev.lowrank.model.kernel.WorkerTeam;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
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
    private final Part[] parts;
    private final int chunks;
    /// The products before which an input must be made ready: one for each kind of weights that reads it.
    private final Product[] readers;

    /// The first of the rows that run, and how many do.
    private int firstRow;

    private int rows;

    private RowStep(RowTools tools, List<Product> products) {
        this.tools = tools;
        var total =
                products.stream().mapToLong(product -> product.weight().bytes()).sum();
        var threads = tools.team().threads();
        var chunkBytes = Math.clamp(total / ((long) threads * CHUNKS_PER_THREAD), SMALLEST_CHUNK, LARGEST_CHUNK);
        parts = new Part[products.size()];
        var next = 0;
        for (var i = 0; i < parts.length; i++) {
            parts[i] = Part.of(tools, products.get(i), chunkBytes, next);
            next = parts[i].endChunk();
        }
        chunks = next;
        readers = readers(products);
        // Rows that never ran may be read along with some that do.
        for (var reader : readers) {
            for (var x : reader.x()) {
                x.expect(reader.weight());
            }
        }
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

    /// One matrix: `z[zOffset + i] = weight[i] · x`, then, with a place, `y[yOffset + place[i]] = z[zOffset +
    /// i]`; bias and entries are added where the output ends up.
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

    /// Single entries whose product with `x` is added to the output.
    ///
    /// @param outputs which row of the matrix belongs to each row of the product that they stand beside
    private record Entries(SparseRows matrix, RowInput[] x, int[] outputs) {}

    /// A product divided into chunks of panels.
    ///
    /// @param firstChunk of the step
    /// @param endChunk behind the last one
    private record Part(
            Product product,
            int chunkPanels,
            int firstChunk,
            int endChunk,
            @Nullable Beside beside) {
        static Part of(RowTools tools, Product product, long chunkBytes, int firstChunk) {
            var weight = product.weight();
            var together = tools.start().fastest().panelsTogether(weight);
            var fitting = chunkBytes / weight.panelBytes() / together * together;
            var panels = Math.clamp(fitting, together, Integer.MAX_VALUE / 2);
            var entries = product.entries();
            var beside = entries == null ? null : Beside.of(tools, entries, Math.multiplyExact(panels, weight.lanes()));
            return new Part(product, panels, firstChunk, firstChunk + Math.ceilDiv(weight.count(), panels), beside);
        }
    }

    /// Entries made ready for a part's chunks.
    private record Beside(SparseProduct matrix, RowInput[] x) {
        static Beside of(RowTools tools, Entries entries, int together) {
            return new Beside(tools.pack(entries.matrix(), entries.outputs(), together), entries.x());
        }
    }

    /// Where rows go that are not in the order of the output.
    private record Scatter(float[][] y, int offset, int[] place) {}

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
        var sparse = linear instanceof Linear.SparsePlusLowRank(var _, var rows) ? rows : null;
        var base = linear instanceof Linear.SparsePlusLowRank(var beside, var _) ? beside : linear;
        return base instanceof Linear.Pivoted pivoted
                ? pivoted(tools, pivoted, target, bias, sparse)
                : chain(tools, base, target, bias, sparse);
    }

    /// One matrix after the other, the bias after the last.
    private static List<Product> chain(
            RowTools tools, Linear base, Target target, float @Nullable [] bias, @Nullable SparseRows sparse) {
        var products = new ArrayList<Product>();
        var x = target.x();
        var parts = base.parts();
        for (var part : parts.subList(0, parts.size() - 1)) {
            var weight = tools.pack(part);
            var z = RowTools.inputs(weight.rows());
            products.add(new Product(weight, x, values(z), 0, null, null, null));
            x = z;
        }
        var outputs = IntStream.range(0, base.out()).toArray();
        var entries = sparse == null ? null : new Entries(sparse, target.x(), outputs);
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
            RowTools tools,
            Linear.Pivoted linear,
            Target target,
            float @Nullable [] bias,
            @Nullable SparseRows sparse) {
        var rank = linear.rank();
        var place = inverse(linear);
        var pivots = RowTools.inputs(rank);
        var rest = new float[RowDecoder.MAX_ROWS][linear.out() - rank];
        var first = new Scatter(target.y(), target.offset(), Arrays.copyOf(place, rank));
        var second = new Scatter(target.y(), target.offset(), Arrays.copyOfRange(place, rank, place.length));
        return List.of(
                new Product(
                        tools.pack(linear.pivot()),
                        target.x(),
                        values(pivots),
                        0,
                        bias,
                        first,
                        sparse == null ? null : new Entries(sparse, target.x(), first.place())),
                new Product(
                        tools.pack(linear.rest()),
                        pivots,
                        rest,
                        0,
                        bias,
                        second,
                        sparse == null ? null : new Entries(sparse, target.x(), second.place())));
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
        firstRow = first;
        rows = count;
        prepare(first, count);
        tools.team().run(this, chunks);
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
        while (chunk >= parts[i].endChunk()) {
            i++;
        }
        var part = parts[i];
        var product = part.product();
        var weight = product.weight();
        var first = (chunk - part.firstChunk()) * part.chunkPanels();
        var panels = Math.min(part.chunkPanels(), weight.count() - first);
        tools.kernels()
                .products(
                        weight,
                        first,
                        panels,
                        product.x(),
                        firstRow,
                        rows,
                        product.z(),
                        product.zOffset(),
                        tools.scratch(worker));
        var end = Math.min((first + panels) * weight.lanes(), weight.rows());
        for (var row = firstRow; row < firstRow + rows; row++) {
            finish(part, row, first * weight.lanes(), end);
        }
    }

    private static void finish(Part part, int row, int first, int end) {
        var product = part.product();
        var z = product.z()[row];
        var scatter = product.scatter();
        var y = scatter == null ? z : scatter.y()[row];
        var offset = scatter == null ? product.zOffset() : scatter.offset();
        var bias = product.bias();
        if (scatter != null) {
            scatter(scatter.place(), z, first, end, bias, y, offset);
        } else if (bias != null) {
            for (var i = first; i < end; i++) {
                y[offset + i] += bias[i];
            }
        }
        var beside = part.beside();
        if (beside != null) {
            beside.matrix().add(first, end, beside.x()[row].values(), y, offset);
        }
    }

    private static void scatter(
            int[] place, float[] z, int first, int end, float @Nullable [] bias, float[] y, int offset) {
        for (var i = first; i < end; i++) {
            y[offset + place[i]] = bias == null ? z[i] : z[i] + bias[place[i]];
        }
    }
}
