package dev.lowrank.tensor;

/// What happens to each element of a product before it is stored; a packed weight does it while the element
/// is still in a register.
public sealed interface Epilogue {
    /// Nothing.
    Epilogue NONE = new None();

    /// `y · sigmoid(y)`.
    Epilogue SILU = new Silu();

    /// Does it to a product that is stored already and that nobody else holds.
    ///
    /// @return in the innermost scope
    Tensor after(Tensor y);

    /// Leaves the product as it is.
    record None() implements Epilogue {
        @Override
        public Tensor after(Tensor y) {
            return y;
        }
    }

    /// Activates.
    record Silu() implements Epilogue {
        @Override
        public Tensor after(Tensor y) {
            return Functional.silu(y);
        }
    }

    /// Adds.
    ///
    /// @param other shape of the product
    record Plus(Tensor other) implements Epilogue {
        @Override
        public Tensor after(Tensor y) {
            return Grad.enabled() ? y.add(other) : y.add_(other);
        }
    }

    /// Multiplies.
    ///
    /// @param other shape of the product
    record Times(Tensor other) implements Epilogue {
        @Override
        public Tensor after(Tensor y) {
            return Grad.enabled() ? y.mul(other) : y.mul_(other);
        }
    }
}
