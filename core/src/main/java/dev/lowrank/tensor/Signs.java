package dev.lowrank.tensor;

/// Takes the freedom of sign out of decompositions, so that the same matrix always gives the same factors.
final class Signs {
    private Signs() {}

    /// `[k]` of +1 and −1; zero counts as positive.
    static Tensor of(Tensor values) {
        return values.lt(0).to(DType.F64).mul(-2).add(1);
    }

    static Tensor fixedColumns(Tensor vectors) {
        return vectors.elements() == 0 ? vectors : vectors.mul(ofColumns(vectors));
    }

    static Svd fixed(Svd svd) {
        if (svd.u().elements() == 0) {
            return svd;
        }
        var signs = ofColumns(svd.u()); // [k]
        return new Svd(svd.u().mul(signs), svd.s(), svd.vt().mul(signs.unsqueeze(1)), svd.driver());
    }

    /// Sign of each column's entry of largest magnitude.
    private static Tensor ofColumns(Tensor vectors) {
        var largest = vectors.abs().argmax(0, true); // [1, k]
        return of(vectors.gather(0, largest).squeeze(0));
    }
}
