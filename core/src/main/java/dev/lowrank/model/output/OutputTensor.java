package dev.lowrank.model.output;

import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.LinearSite.Layout;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A tensor to be written, read when its turn comes.
///
/// @param name checkpoint name
/// @param dtype element type to write
/// @param shape its shape
/// @param values reads it, in any floating type; called once
public record OutputTensor(String name, DType dtype, Shape shape, Supplier<HostTensor> values) {
    /// A tensor that is there already.
    public static OutputTensor of(String name, HostTensor tensor) {
        return new OutputTensor(name, tensor.dtype(), tensor.shape(), () -> tensor);
    }

    /// The same tensor under another name.
    public OutputTensor named(String other) {
        return new OutputTensor(other, dtype, shape, values);
    }

    /// The tensors that a site stores under its name; dense weights as `[out, in]`.
    public static List<OutputTensor> of(String site, Linear linear) {
        var tensors = new ArrayList<OutputTensor>();
        switch (linear) {
            case Linear.Dense(var weight, var _) -> tensors.add(part(site, weight));
            case Linear.Factored(var a, var b, var _) -> {
                tensors.add(part(site + ".a", a));
                tensors.add(part(site + ".b", b));
            }
            case Linear.Pivoted(var pivot, var rest, var index, var _) -> {
                tensors.add(part(site + ".pivot", pivot));
                tensors.add(part(site + ".rest", rest));
                tensors.add(of(site + ".index", index));
            }
            case Linear.Tucker(var a, var core, var b, var _) -> {
                tensors.add(part(site + ".a", a));
                tensors.add(part(site + ".core", core));
                tensors.add(part(site + ".b", b));
            }
            case Linear.SparsePlusLowRank(var base, var sparse) -> {
                tensors.addAll(of(site, base));
                tensors.add(of(site + ".sparse.values", sparse.values()));
                tensors.add(of(site + ".sparse.columns", sparse.columns()));
                tensors.add(of(site + ".sparse.starts", sparse.starts()));
                return tensors;
            }
        }
        addBias(tensors, site, linear.bias());
        return tensors;
    }

    /// A matrix; quantised blocks as the bytes of its rows, because safetensors has no types for them.
    private static OutputTensor part(String name, HostTensor matrix) {
        if (!matrix.dtype().isBlocks()) {
            return of(name + ".weight", matrix);
        }
        var rows = matrix.shape().size(0);
        var bytes = Shape.of(rows, matrix.dtype().bytes(matrix.shape().size(1)));
        return of(name + ".weight", new HostTensor(DType.U8, bytes, matrix.data()));
    }

    /// The tensors of a site that stays dense, in the layout that its checkpoint has.
    ///
    /// @param linear weight `[out, in]`
    public static List<OutputTensor> dense(LinearSite site, Linear.Dense linear) {
        var tensors = new ArrayList<OutputTensor>();
        var weight = linear.weight();
        if (site.layout() == Layout.OUT_IN) {
            tensors.add(of(site.name() + ".weight", weight));
        } else {
            tensors.add(new OutputTensor(
                    site.name() + ".weight",
                    weight.dtype(),
                    Shape.of(site.in(), site.out()),
                    () -> TensorScope.tidy(
                            () -> Tensors.from(weight).t().contiguous().toHost(weight.dtype(), Arena.ofAuto()))));
        }
        addBias(tensors, site.name(), linear.bias());
        return tensors;
    }

    private static void addBias(List<OutputTensor> tensors, String site, @Nullable HostTensor bias) {
        if (bias != null) {
            tensors.add(of(site + ".bias", bias));
        }
    }

    SafetensorsWriter.Entry entry() {
        return new SafetensorsWriter.Entry(name, dtype, shape);
    }

    long bytes() {
        return dtype.bytes(shape.elements());
    }

    /// Writes it, converted to its element type.
    void writeTo(SafetensorsWriter writer) {
        var found = values.get();
        if (found.dtype() == dtype) {
            writer.write(name, found);
        } else {
            try (var arena = Arena.ofConfined()) {
                writer.write(
                        name, TensorScope.tidy(() -> Tensors.from(found, dtype).toHost(dtype, arena)));
            }
        }
        found.release();
    }
}
