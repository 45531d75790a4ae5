package dev.lowrank.evaluate.encoder;

import dev.lowrank.evaluate.encoder.LabelTask.Example;
import dev.lowrank.model.Progress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// How well labels are told.
///
/// The standard error of accuracy is that of a mean of zeros and ones; that of F1 comes from 1000 samples
/// with replacement, drawn from a fixed seed.
///
/// @param protocol `classifier` or `linear probe`
/// @param documents how many examples
/// @param accuracy share told right
/// @param accuracyError its standard error
/// @param f1 harmonic mean of precision and recall of label 1
/// @param f1Error its standard error
/// @param truncated examples that were longer than the model reads
public record LabelScores(
        String protocol,
        int documents,
        double accuracy,
        double accuracyError,
        double f1,
        double f1Error,
        int truncated) {
    private static final int RESAMPLES = 1000;
    private static final long SEED = 1234;

    /// Scores a task by the model's own classifier.
    ///
    /// @param numbers for each row of the classifier the number of the task's label
    public static LabelScores byClassifier(
            SentenceEmbedder embedder, int[] numbers, List<Example> examples, Progress progress) {
        var framed = examples.stream()
                .map(example -> example.second() == null
                        ? embedder.framed(example.first())
                        : embedder.framed(example.first(), example.second()))
                .toList();
        var batches = LengthBatches.of(framed);
        var told = new int[examples.size()];
        var encoder = embedder.encoder();
        batches.each("classify", progress, batch -> {
            var hidden = encoder.hidden(batches.ids(batch), batches.segments(batch));
            var best = encoder.labels(hidden).argmax(-1, false).toLongs();
            for (var i = 0; i < best.length; i++) {
                told[batch.get(i)] = numbers[(int) best[i]];
            }
        });
        var truncated = framed.stream().filter(text -> text.truncated()).count();
        return of("classifier", told, examples, (int) truncated);
    }

    /// Scores a task by a probe over embeddings: the embedding of a single text; `|u − v|` and `u v` of a
    /// pair's.
    ///
    /// @param fitted what the probe is fitted to
    public static LabelScores byProbe(
            SentenceEmbedder embedder, List<Example> fitted, List<Example> examples, Progress progress) {
        var truncated = new int[2];
        var seen = features(embedder, fitted, truncated, 0, progress);
        var scored = features(embedder, examples, truncated, 1, progress);
        var probe =
                LinearProbe.fit(seen, fitted.stream().mapToInt(Example::label).toArray());
        return of("linear probe", probe.predict(scored), examples, truncated[1]);
    }

    private static double[][] features(
            SentenceEmbedder embedder, List<Example> examples, int[] truncated, int place, Progress progress) {
        var places = new LinkedHashMap<String, Integer>();
        for (var example : examples) {
            places.putIfAbsent(example.first(), places.size());
            if (example.second() != null) {
                places.putIfAbsent(example.second(), places.size());
            }
        }
        var found = embedder.embed(new ArrayList<>(places.keySet()), progress);
        truncated[place] = found.truncated();
        return examples.stream()
                .map(example -> {
                    var u = found.vectors().get(places.getOrDefault(example.first(), -1));
                    return example.second() == null
                            ? single(u)
                            : pair(u, found.vectors().get(places.getOrDefault(example.second(), -1)));
                })
                .toArray(double[][]::new);
    }

    private static double[] single(float[] u) {
        var features = new double[u.length];
        for (var i = 0; i < u.length; i++) {
            features[i] = u[i];
        }
        return features;
    }

    private static double[] pair(float[] u, float[] v) {
        var features = new double[2 * u.length];
        for (var i = 0; i < u.length; i++) {
            features[i] = Math.abs((double) u[i] - v[i]);
            features[u.length + i] = (double) u[i] * v[i];
        }
        return features;
    }

    /// @param told a label for each example
    static LabelScores of(String protocol, int[] told, List<Example> examples, int truncated) {
        var labels = examples.stream().mapToInt(Example::label).toArray();
        var right = 0;
        for (var i = 0; i < told.length; i++) {
            right += told[i] == labels[i] ? 1 : 0;
        }
        var accuracy = (double) right / told.length;
        return new LabelScores(
                protocol,
                told.length,
                accuracy,
                Math.sqrt(accuracy * (1 - accuracy) / Math.max(1, told.length - 1)),
                f1(told, labels, null),
                f1Error(told, labels),
                truncated);
    }

    private static double f1Error(int[] told, int[] labels) {
        var random = new SplittableRandom(SEED);
        var sum = 0.0;
        var squares = 0.0;
        for (var sample = 0; sample < RESAMPLES; sample++) {
            var value =
                    f1(told, labels, random.ints(told.length, 0, told.length).toArray());
            sum += value;
            squares += value * value;
        }
        var mean = sum / RESAMPLES;
        return Math.sqrt(Math.max(0, (squares - RESAMPLES * mean * mean) / (RESAMPLES - 1)));
    }

    /// @param places which examples count; null for each once
    private static double f1(int[] told, int[] labels, int @Nullable [] places) {
        var hits = 0;
        var toldPositive = 0;
        var positive = 0;
        for (var i = 0; i < told.length; i++) {
            var place = places == null ? i : places[i];
            hits += told[place] == 1 && labels[place] == 1 ? 1 : 0;
            toldPositive += told[place];
            positive += labels[place];
        }
        return toldPositive + positive == 0 ? 0 : 2.0 * hits / (toldPositive + positive);
    }
}
