package dev.lowrank.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.EvaluationSet;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class RepresentationTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");

    /// The definitions by EJML's singular values, for windows shorter and longer than the hidden size of
    /// 256.
    @ParameterizedTest
    @ValueSource(ints = {48, 300})
    void figuresAreThoseOfTheirDefinitions(int window) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(POCKET);
                    var decoder = TorchDecoder.load(model, Residency.RESIDENT);
                    var tokenizer = model.tokenizer()) {
                var corpus = Corpus.read(POCKET.resolve("text/wikitext-evaluation.txt"));
                var set = EvaluationSet.firstWindows(tokenizer, corpus, window, 1);
                var found = Representation.measure(decoder, "text", set, Progress.silent());
                var hidden = decoder.normed(decoder.hidden(List.of(set.windows().getFirst())))
                        .select(0, 0);
                var z = normalised(new DMatrixRMaj(
                        Math.toIntExact(hidden.size(0)), Math.toIntExact(hidden.size(1)), true, hidden.toDoubles()));
                var svd = DecompositionFactory_DDRM.svd(z.numRows, z.numCols, false, false, false);
                assertThat(svd.decompose(z.copy())).isTrue();
                var entropy = 0.0;
                for (var sigma : svd.getSingularValues()) {
                    var lambda = sigma * sigma / window;
                    entropy -= lambda > 0 ? lambda * Math.log(lambda) : 0;
                }
                assertThat(found.matrixEntropy()).isCloseTo(entropy / Math.log(256), within(1e-9));
                var lengths = new double[256];
                for (var i = 0; i < z.numRows; i++) {
                    for (var j = 0; j < 256; j++) {
                        lengths[j] += z.get(i, j) * z.get(i, j);
                    }
                }
                Arrays.sort(lengths);
                var norm = 0.0;
                for (var j = 0; j < Math.min(window, 256); j++) {
                    norm += Math.sqrt(lengths[255 - j]);
                }
                assertThat(found.matrixNuclearNorm()).isCloseTo(norm / window, within(1e-9));
            }
        });
    }

    private static DMatrixRMaj normalised(DMatrixRMaj z) {
        for (var j = 0; j < z.numCols; j++) {
            var sum = 0.0;
            for (var i = 0; i < z.numRows; i++) {
                sum += z.get(i, j);
            }
            for (var i = 0; i < z.numRows; i++) {
                z.set(i, j, z.get(i, j) - sum / z.numRows);
            }
        }
        for (var i = 0; i < z.numRows; i++) {
            var squares = 0.0;
            for (var j = 0; j < z.numCols; j++) {
                squares += z.get(i, j) * z.get(i, j);
            }
            for (var j = 0; j < z.numCols; j++) {
                z.set(i, j, z.get(i, j) / Math.sqrt(squares));
            }
        }
        return z;
    }
}
