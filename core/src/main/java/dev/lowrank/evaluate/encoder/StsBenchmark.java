package dev.lowrank.evaluate.encoder;

import dev.lowrank.model.Progress;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.text.DataRecord;
import java.util.LinkedHashMap;
import java.util.List;

/// Semantic textual similarity: how the cosines of sentence embeddings go together with what people said,
/// as the STS benchmark measures it. All figures times 100.
///
/// Standard errors are those of Fisher's transform carried back: `(1 − r²) √(1 / (n − 3))` for Pearson's r,
/// `(1 − ρ²) √((1 + ρ²/2) / (n − 3))` for Spearman's ρ (Bonett and Wright 2000).
///
/// @param pairs how many pairs
/// @param spearman rank correlation of cosine and score, times 100
/// @param spearmanError its standard error
/// @param pearson correlation of cosine and score, times 100
/// @param pearsonError its standard error
/// @param truncated sentences that were longer than the model reads
public record StsBenchmark(
        int pairs, double spearman, double spearmanError, double pearson, double pearsonError, int truncated) {
    private static final int FEWEST = 4;

    /// Two sentences and how alike people found them.
    ///
    /// @param score on any scale
    public record Pair(String first, String second, double score) {
        /// The fields `s1`, `s2`, `score` of a record.
        ///
        /// @throws dev.lowrank.text.TextException `DATA_RECORD` naming line and field
        public static Pair of(DataRecord record) {
            var row = new Row(record);
            return new Pair(row.text("s1"), row.text("s2"), row.number("score"));
        }
    }

    /// Measures an encoder.
    ///
    /// @param pairs at least four
    /// @throws NumericalException if cosines or scores are all the same or not finite
    public static StsBenchmark measure(SentenceEmbedder embedder, List<Pair> pairs, Progress progress) {
        if (pairs.size() < FEWEST) {
            throw new IllegalArgumentException(
                    "A correlation with an error needs at least " + FEWEST + " pairs, not " + pairs.size());
        }
        var places = new LinkedHashMap<String, Integer>();
        for (var pair : pairs) {
            places.putIfAbsent(pair.first(), places.size());
            places.putIfAbsent(pair.second(), places.size());
        }
        var found = embedder.embed(List.copyOf(places.keySet()), progress);
        var cosines = new double[pairs.size()];
        var scores = new double[pairs.size()];
        for (var i = 0; i < cosines.length; i++) {
            var pair = pairs.get(i);
            cosines[i] = cosine(
                    found.vectors().get(places.getOrDefault(pair.first(), -1)),
                    found.vectors().get(places.getOrDefault(pair.second(), -1)));
            scores[i] = pair.score();
        }
        return of(cosines, scores, found.truncated());
    }

    private static StsBenchmark of(double[] cosines, double[] scores, int truncated) {
        var rho = Correlation.spearman(cosines, scores);
        var r = Correlation.pearson(cosines, scores);
        if (!Double.isFinite(rho) || !Double.isFinite(r)) {
            throw new NumericalException(
                    NumericalException.Kind.NON_FINITE,
                    "the correlation of cosines and scores",
                    "it is " + rho + "; expected cosines and scores that differ from pair to pair");
        }
        var free = cosines.length - 3.0;
        return new StsBenchmark(
                cosines.length,
                100 * rho,
                100 * (1 - rho * rho) * Math.sqrt((1 + rho * rho / 2) / free),
                100 * r,
                100 * (1 - r * r) / Math.sqrt(free),
                truncated);
    }

    private static double cosine(float[] a, float[] b) {
        var aa = 0.0;
        var bb = 0.0;
        var ab = 0.0;
        for (var i = 0; i < a.length; i++) {
            aa += (double) a[i] * a[i];
            bb += (double) b[i] * b[i];
            ab += (double) a[i] * b[i];
        }
        return ab / Math.sqrt(aa * bb);
    }
}
