package dev.lowrank.recover;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Everything that is trained as one flat F32 vector, matrices first: an optimiser step, a clip or a saved
/// state is then a few operations on whole vectors. Each tensor is a view into it.
final class Parameters {
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final long decayed;
    private final Tensor values;

    /// Where a tensor lies.
    ///
    /// @param name its checkpoint name
    /// @param shape its shape
    /// @param first its first element
    record Slot(String name, Shape shape, long first) {
        /// Its part of a flat vector, borrowed from that.
        Tensor of(Tensor flat) {
            return flat.narrow(0, first, shape.elements()).reshape(shape.toArray());
        }

        /// Whether it is a matrix, which weight decay shrinks.
        boolean matrix() {
            return shape.rank() > 1;
        }
    }

    /// @param tensors what is trained, by name; copied
    /// @param store owner of the vector
    Parameters(Map<String, Tensor> tensors, TensorStore store) {
        var order = new ArrayList<>(tensors.entrySet().stream()
                .filter(each -> each.getValue().rank() > 1)
                .toList());
        var matrices = order.size();
        tensors.entrySet().stream().filter(each -> each.getValue().rank() == 1).forEach(order::add);
        var first = 0L;
        var decayed = 0L;
        for (var i = 0; i < order.size(); i++) {
            var name = order.get(i).getKey();
            var tensor = order.get(i).getValue();
            slots.put(name, new Slot(name, tensor.shape(), first));
            first += tensor.elements();
            decayed = i < matrices ? first : decayed;
        }
        this.decayed = decayed;
        this.values = TensorScope.tidy(() -> store.keep(Tensors.cat(
                order.stream().map(each -> each.getValue().reshape(-1)).toList(), 0)));
    }

    /// The vector itself; moved in place by training.
    Tensor values() {
        return values;
    }

    /// Numbers in all.
    long count() {
        return values.elements();
    }

    /// Numbers of matrices, which come first.
    long decayed() {
        return decayed;
    }

    /// Where each tensor lies, by name, in order.
    Map<String, Slot> slots() {
        return slots;
    }

    /// Zeros of the vector's length.
    Tensor zeros() {
        return Tensors.zeros(DType.F32, count());
    }

    /// A run of whole tensors.
    ///
    /// @return the slots that lie in `[first, first + count)`
    List<Slot> within(long first, long count) {
        return slots.values().stream()
                .filter(slot -> slot.first() >= first && slot.first() < first + count)
                .toList();
    }
}
