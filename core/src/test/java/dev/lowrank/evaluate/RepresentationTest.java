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
import org.ejml.simple.SimpleMatrix;
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
                var z = normalised(new SimpleMatrix(
                        Math.toIntExact(hidden.size(0)), Math.toIntExact(hidden.size(1)), true, hidden.toDoubles()));
                var entropy = 0.0;
                for (var sigma : z.svd().getSingularValues()) {
                    var lambda = sigma * sigma / window;
                    entropy -= lambda > 0 ? lambda * Math.log(lambda) : 0;
                }
                assertThat(found.matrixEntropy()).isCloseTo(entropy / Math.log(256), within(1e-9));
                var lengths = new double[256];
                for (var j = 0; j < 256; j++) {
                    lengths[j] = z.getColumn(j).normF();
                }
                Arrays.sort(lengths);
                var norm = 0.0;
                for (var j = 0; j < Math.min(window, 256); j++) {
                    norm += lengths[255 - j];
                }
                assertThat(found.matrixNuclearNorm()).isCloseTo(norm / window, within(1e-9));
            }
        });
    }

    private static SimpleMatrix normalised(SimpleMatrix states) {
        var z = states.copy();
        for (var j = 0; j < z.getNumCols(); j++) {
            var mean = states.getColumn(j).elementSum() / z.getNumRows();
            for (var i = 0; i < z.getNumRows(); i++) {
                z.set(i, j, z.get(i, j) - mean);
            }
        }
        for (var i = 0; i < z.getNumRows(); i++) {
            z.setRow(i, z.getRow(i).divide(z.getRow(i).normF()));
        }
        return z;
    }
}
