package dev.lowrank.tensor;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The tensors of one long-lived object: weights of a model, a KV cache, a running Gram matrix. They
/// outlive every scope and are released by [#close()] or one by one by [#release]. May be used from any
/// thread, one at a time.
public final class TensorStore implements AutoCloseable, Holder {
    private final String name;
    private final Set<Tensor> tensors = Collections.newSetFromMap(new IdentityHashMap<>());
    private boolean closed;

    /// @param name what the tensors belong to, for messages
    public TensorStore(String name) {
        this.name = name;
    }

    /// Takes tensors over from the scope (or store) that holds them.
    ///
    /// @param result a [Tensor], [TensorOwner], collection or map of these, or `null`
    /// @return `result`
    public synchronized <T extends @Nullable Object> T keep(T result) {
        if (closed) {
            throw new IllegalStateException(
                    "The tensors of " + name + " are already released; nothing can be kept in it");
        }
        Holder.forEachTensor(result, tensor -> {
            if (tensor.holder() instanceof TensorStore other && other != this) {
                other.forget(tensor);
            }
            tensor.moveTo(this);
            tensors.add(tensor);
        });
        return result;
    }

    /// Releases tensors of this store now, as when a cache replaces its contents; others are left alone.
    ///
    /// @param result a [Tensor], [TensorOwner], collection or map of these, or `null`
    public synchronized void release(@Nullable Object result) {
        Holder.forEachTensor(result, tensor -> {
            if (tensors.remove(tensor)) {
                tensor.release();
            }
        });
    }

    /// Releases everything; further calls do nothing.
    @Override
    public synchronized void close() {
        closed = true;
        for (var tensor : List.copyOf(tensors)) {
            tensor.release();
        }
        tensors.clear();
    }

    @Override
    public String describe() {
        return "the store of " + name + " released it";
    }

    private synchronized void forget(Tensor tensor) {
        tensors.remove(tensor);
    }
}
