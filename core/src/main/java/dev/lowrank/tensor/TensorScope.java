package dev.lowrank.tensor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The ambient lifetime of native tensors: every result belongs to the innermost open scope of its thread
/// and is released when that scope closes, whether normally or by an exception.
///
/// Ownership, once for the whole project: *arguments* are borrowed; *results* belong to the innermost
/// scope; *fields* of long-lived objects (weights, caches, optimiser state) live in that object's
/// [TensorStore]. Business code never releases a single tensor.
///
/// ```java
/// Tensor y = TensorScope.tidy(() -> norm(x).matmul(w));   // everything inside dies except what is returned
/// try (var scope = TensorScope.open()) { ... return scope.keep(y); }
/// ```
///
/// Scopes nest like brackets, belong to the thread that opened them and need a platform thread, because
/// LibTorch keeps state (gradient mode) per operating-system thread. Open one per decoded token, calibrated
/// batch, factorised site or evaluated batch; anything longer piles up memory.
public final class TensorScope implements AutoCloseable, Holder {
    /// The only thread-local state of this library: innermost scope last.
    private static final ThreadLocal<ArrayDeque<TensorScope>> OPEN = ThreadLocal.withInitial(ArrayDeque::new);

    private final Thread thread;
    private final @Nullable TensorScope outer;
    private List<Tensor> tensors = new ArrayList<>();
    private boolean closed;

    private TensorScope(@Nullable TensorScope outer) {
        this.thread = Thread.currentThread();
        this.outer = outer;
    }

    /// @return a new innermost scope of this thread; close it with try-with-resources
    /// @throws IllegalStateException on a virtual thread
    public static TensorScope open() {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException("A tensor scope was opened on a virtual thread; LibTorch keeps state per"
                    + " operating-system thread, so use a platform thread");
        }
        var open = OPEN.get();
        var scope = new TensorScope(open.peekLast());
        open.addLast(scope);
        return scope;
    }

    /// Runs `work` in a scope of its own and hands over what it returns: a [Tensor], a [TensorOwner], a
    /// collection or map of these, `null`, or anything that holds no tensor. Everything else made inside is
    /// released.
    ///
    /// @param work what to compute
    /// @return its result, now in the enclosing scope
    /// @throws IllegalStateException if the result holds tensors and no scope encloses this call
    public static <T extends @Nullable Object> T tidy(Supplier<T> work) {
        try (var scope = open()) {
            return scope.keep(work.get());
        }
    }

    /// Runs `work` in a scope of its own; every tensor made inside and not kept elsewhere is released.
    ///
    /// @param work what to do
    public static void tidyRun(Runnable work) {
        try (var _ = open()) {
            work.run();
        }
    }

    /// Hands a result over to the enclosing scope. Tensors that this scope does not hold (arguments,
    /// weights of a store) stay where they are.
    ///
    /// @param result a [Tensor], [TensorOwner], collection or map of these, `null`, or anything without
    ///     tensors
    /// @return `result`
    /// @throws IllegalStateException if this scope holds one of the tensors and no scope encloses it
    public <T extends @Nullable Object> T keep(T result) {
        checkUse("keep");
        Holder.forEachTensor(result, tensor -> {
            if (tensor.holder() != this) {
                return;
            }
            if (outer == null) {
                throw new IllegalStateException("A tensor " + tensor + " was kept from the outermost scope, so nothing"
                        + " would release it; open a scope around this one or keep it in a TensorStore");
            }
            outer.take(tensor);
        });
        return result;
    }

    /// Releases every tensor this scope still holds.
    ///
    /// @throws IllegalStateException on another thread, or while a scope opened later is still open
    @Override
    public void close() {
        if (closed) {
            return;
        }
        checkUse("close");
        closed = true;
        OPEN.get().removeLast();
        for (var tensor : tensors) {
            if (tensor.holder() == this) {
                tensor.release();
            }
        }
        tensors = List.of();
    }

    /// Depth of this thread's scope stack, for the leak check.
    static int depth() {
        return OPEN.get().size();
    }

    /// The scope that a result of `operation` goes to.
    static TensorScope current(String operation) {
        var scope = OPEN.get().peekLast();
        if (scope == null) {
            throw new IllegalStateException(operation + " was called with no open tensor scope on thread '"
                    + Thread.currentThread().getName()
                    + "', so nothing would release its result; wrap the call in TensorScope.tidy or open a scope");
        }
        return scope;
    }

    void take(Tensor tensor) {
        tensor.moveTo(this);
        tensors.add(tensor);
    }

    @Override
    public String describe() {
        return "its scope on thread '" + thread.getName() + "' closed";
    }

    private void checkUse(String action) {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException(
                    "A tensor scope of thread '" + thread.getName() + "' cannot " + action + " on thread '"
                            + Thread.currentThread().getName() + "'; scopes belong to the thread that opens them");
        }
        if (closed) {
            throw new IllegalStateException("This tensor scope is already closed; " + action + " before closing it");
        }
        if (OPEN.get().peekLast() != this) {
            throw new IllegalStateException(
                    "Cannot " + action + " a tensor scope while a scope opened inside it is still"
                            + " open; close scopes in reverse order (try-with-resources does)");
        }
    }
}
