package dev.lowrank.evaluate.likelihood;

import dev.lowrank.evaluate.likelihood.Packs.Group;
import dev.lowrank.evaluate.likelihood.Packs.Pack;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.NumericalException.Kind;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Log-likelihoods of continuations, equal to those of lm-evaluation-harness on the same weights up to
/// rounding. Everything that requests have in common is computed once, and logits only where a token of a
/// continuation is predicted. Log-probabilities are F32, their sums F64.
///
/// Decoder and tokenizer are borrowed.
public final class LogLikelihoods {
    /// Logits that are held at once by each thread.
    private static final long MOST_LOGITS = 16L << 20;

    /// What was found.
    ///
    /// @param values one for each request, in order
    /// @param truncated requests whose context was cut at the front
    public record Found(List<LogLikelihood> values, int truncated) {
        public Found {
            values = List.copyOf(values);
        }
    }

    private final TorchDecoder decoder;
    private final RequestEncoding encoding;
    private final int vocabulary;

    /// @param maxLength tokens that the model reads at once
    /// @param vocabulary rows of its head
    public LogLikelihoods(TorchDecoder decoder, Tokenizer tokenizer, int maxLength, int vocabulary) {
        this.decoder = decoder;
        this.encoding = new RequestEncoding(tokenizer, maxLength);
        this.vocabulary = vocabulary;
    }

    /// Judges requests.
    ///
    /// @param name what is being judged, for progress and errors
    /// @throws NumericalException if a log-likelihood is not finite
    /// @throws IllegalArgumentException if a continuation has no token or does not fit into the window
    public Found of(String name, List<LogLikelihoodRequest> requests, Progress progress) {
        var encoded = requests.stream().map(encoding::of).toList();
        var results = new LogLikelihood[encoded.size()];
        var done = 0;
        for (var group : Packs.of(encoded)) {
            done = run(name, group, encoded, results, done, progress);
        }
        progress.step(name, encoded.size(), encoded.size());
        var truncated = encoded.stream().filter(one -> one.truncated() > 0).count();
        return new Found(Arrays.asList(results), Math.toIntExact(truncated));
    }

    private int run(
            String name,
            Group group,
            List<EncodedRequest> encoded,
            LogLikelihood[] results,
            int before,
            Progress progress) {
        var done = before;
        var packs = group.packs();
        try (var stem = stem(group.stem())) {
            for (var first = 0; first < packs.size(); first += Compute.threads()) {
                progress.step(name, done, encoded.size());
                var from = first;
                var count = Math.min(Compute.threads(), packs.size() - first);
                Compute.each(count, i -> judge(name, packs.get(from + i), stem, encoded, results));
                for (var pack : packs.subList(from, from + count)) {
                    done += pack.members().size();
                }
            }
        }
        return done;
    }

    private @Nullable KvCache stem(int[] tokens) {
        if (tokens.length == 0) {
            return null;
        }
        var cache = decoder.cache(tokens.length);
        try {
            decoder.prefill(tokens, cache);
            return cache;
        } catch (RuntimeException failure) {
            cache.close();
            throw failure;
        }
    }

    private void judge(
            String name, Pack pack, @Nullable KvCache stem, List<EncodedRequest> encoded, LogLikelihood[] results) {
        var rows = pack.members().stream()
                .flatMapToInt(member -> Arrays.stream(member.rows()))
                .sorted()
                .distinct()
                .toArray();
        var sums = new double[pack.members().size()];
        var greedy = new boolean[sums.length];
        Arrays.fill(greedy, true);
        TensorScope.tidyRun(() -> {
            var hidden = decoder.hidden(pack.forest(), stem).select(0, 0);
            var most = Math.toIntExact(Math.max(1, MOST_LOGITS / vocabulary));
            for (var first = 0; first < rows.length; first += most) {
                var part = Arrays.copyOfRange(rows, first, Math.min(rows.length, first + most));
                TensorScope.tidyRun(() -> add(hidden, part, pack, encoded, sums, greedy));
            }
        });
        for (var i = 0; i < sums.length; i++) {
            if (!Double.isFinite(sums[i])) {
                throw new NumericalException(
                        Kind.NON_FINITE,
                        name,
                        "a log-likelihood is " + sums[i]
                                + ", expected a finite number; the model is damaged. No document is skipped");
            }
            results[pack.members().get(i).request()] = new LogLikelihood(sums[i], greedy[i]);
        }
    }

    /// A target of a request.
    private record Target(int member, int row, int token) {}

    /// Adds what some rows predict.
    private void add(
            Tensor hidden, int[] rows, Pack pack, List<EncodedRequest> encoded, double[] sums, boolean[] greedy) {
        var targets = new ArrayList<Target>();
        for (var i = 0; i < pack.members().size(); i++) {
            var member = pack.members().get(i);
            var tokens = encoded.get(member.request()).targets();
            for (var j = 0; j < tokens.length; j++) {
                var row = Arrays.binarySearch(rows, member.rows()[j]);
                if (row >= 0) {
                    targets.add(new Target(i, row, tokens[j]));
                }
            }
        }
        var index = Tensors.ofLongs(Arrays.stream(rows).asLongStream().toArray(), rows.length);
        var logits = decoder.logits(hidden.indexSelect(0, index)); // [rows, vocab]
        var best = logits.argmax(-1, false).toLongs();
        var zero = Functional.crossEntropy(logits, Tensors.zeros(DType.I64, rows.length))
                .toDoubles();
        var zeroLogits = logits.select(1, 0).toDoubles();
        var places = targets.stream()
                .mapToLong(target -> (long) target.row() * logits.size(1) + target.token())
                .toArray();
        var chosen = logits.reshape(-1)
                .indexSelect(0, Tensors.ofLongs(places, places.length))
                .toDoubles();
        for (var i = 0; i < targets.size(); i++) {
            var target = targets.get(i);
            var normaliser = zero[target.row()] + zeroLogits[target.row()];
            sums[target.member()] += chosen[i] - normaliser;
            greedy[target.member()] &= best[target.row()] == target.token();
        }
    }
}
