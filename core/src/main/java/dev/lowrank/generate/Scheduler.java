package dev.lowrank.generate;

import dev.lowrank.generate.GenerationEvent.Finish;
import dev.lowrank.generate.GenerationEvent.Piece;
import dev.lowrank.generate.GenerationEvent.PromptScored;
import dev.lowrank.model.KvCache;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the engine's thread does: in each turn at most one chunk of a prompt is read and every running
/// sequence gets one token. A short prompt is fed token by token beside the tokens of the others, which
/// costs next to nothing; a longer one is read chunk by chunk. It belongs to one thread; choosing tokens is
/// shared with the model's.
final class Scheduler implements AutoCloseable {
    /// Up to so many tokens left to read, a prompt goes along with the others' tokens.
    private static final int FED = 16;

    /// How much longer a chunk may be when nobody waits for it.
    private static final int ALONE = 8;

    private final BatchModel model;
    private final Tokenizer tokenizer;
    private final EngineOptions options;
    private final EngineFigures figures;
    private final PrefixStore store;
    private final Deque<Job> reading = new ArrayDeque<>();
    private final List<Row> rows = new ArrayList<>();

    Scheduler(BatchModel model, Tokenizer tokenizer, EngineOptions options, EngineFigures figures) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.options = options;
        this.figures = figures;
        this.store = new PrefixStore(model.spec(), options.cacheType(), options.cacheBytes());
    }

    /// Bytes that a request needs at most.
    long bytes(GenerationRequest request) {
        return request.choices() * SequenceCache.bytes(model.spec(), options.cacheType(), request.positions());
    }

    /// Sequences that run or are about to.
    int running() {
        return rows.size()
                + reading.stream().mapToInt(job -> job.request().choices()).sum();
    }

    /// Lets a request join if there is room.
    ///
    /// @return whether it did; a request that cannot is left as it was
    boolean join(Job job) {
        var request = job.request();
        if (running() > 0 && running() + request.choices() > options.parallel()) {
            return false;
        }
        var bytes = bytes(request);
        if (!store.reserve(bytes)) {
            return false;
        }
        job.reserve(bytes);
        try {
            start(job, request);
        } catch (RuntimeException | Error failure) {
            fail(job, failure);
        }
        return true;
    }

    private void start(Job job, GenerationRequest request) {
        var prompt = job.prompt();
        // Scores need the logits of every position: nothing may be skipped.
        var cache = request.scoring().prompt()
                ? SequenceCache.of(model.spec(), options.cacheType(), prompt.length, request.positions())
                : store.take(request.owner(), prompt, request.positions());
        job.start(cache);
        figures.joined(prompt.length, cache.length());
        var alone = request.choices() == 1
                && request.maxTokens() > 0
                && !request.scoring().prompt();
        if (alone && prompt.length - cache.length() <= FED) {
            begin(job, 0, job.handOver());
        } else {
            reading.add(job);
        }
    }

    /// A choice begins with a cache that is then its own.
    private void begin(Job job, int choice, @Nullable SequenceCache cache) {
        if (cache == null) {
            throw new IllegalStateException("The prompt's cache was handed over already");
        }
        try {
            rows.add(new Row(job, choice, cache, tokenizer));
        } catch (RuntimeException | Error failure) {
            cache.close();
            throw failure;
        }
    }

    /// One chunk and one token for all.
    void turn() {
        dropCancelled();
        readChunk();
        for (var from = 0; from < rows.size(); ) {
            var batch = List.copyOf(rows.subList(from, Math.min(rows.size(), from + EngineOptions.MOST_ROWS)));
            step(batch);
            // Rows of the batch that ended are gone from the list.
            from += (int) batch.stream().filter(rows::contains).count();
        }
        figures.running(rows.size() + reading.size(), store.reservedBytes(), store.keptBytes());
    }

    private void dropCancelled() {
        for (var job : List.copyOf(reading)) {
            if (job.isCancelled()) {
                forget(job);
            }
        }
        for (var row : List.copyOf(rows)) {
            if (row.job().isCancelled() && rows.contains(row)) {
                forget(row.job());
            }
        }
    }

    /// Frees all that a request holds.
    private void forget(Job job) {
        reading.remove(job);
        var cache = job.handOver();
        if (cache != null) {
            cache.close();
        }
        for (var row : List.copyOf(rows)) {
            if (row.job() == job) {
                rows.remove(row);
                row.close();
            }
        }
        store.release(job.reserved());
    }

    private void readChunk() {
        var job = reading.poll();
        if (job == null) {
            return;
        }
        try {
            var cache = job.cache();
            var left = job.prompt().length - cache.length();
            var most = rows.isEmpty() && reading.isEmpty() ? ALONE * options.promptChunk() : options.promptChunk();
            var chunk = Arrays.copyOfRange(job.prompt(), cache.length(), cache.length() + Math.min(left, most));
            var logits = read(job, chunk, cache);
            if (chunk.length == left) {
                begin(job, logits);
            } else {
                // Behind the others: long prompts share the time.
                reading.add(job);
            }
        } catch (RuntimeException | Error failure) {
            fail(job, failure);
        }
    }

    private float[] read(Job job, int[] chunk, SequenceCache cache) {
        var scoring = job.request().scoring();
        if (!scoring.prompt()) {
            return model.read(chunk, cache.ready(chunk.length));
        }
        var start = cache.length();
        var last = new float[1][];
        model.score(chunk, cache.ready(chunk.length), (position, logits) -> {
            var next = start + position + 1;
            if (next < job.prompt().length) {
                job.promptScores().add(score(logits, job.prompt()[next], scoring.top()));
            } else {
                last[0] = logits.clone();
            }
        });
        return last[0];
    }

    private TokenScore score(float[] logits, int token, int top) {
        return TokenScore.of(logits, token, top, tokenizer.vocabularySize());
    }

    /// The prompt is read: its choices begin.
    private void begin(Job job, float[] logits) {
        var request = job.request();
        if (request.scoring().prompt()) {
            job.tell(new PromptScored(job.promptScores()));
        }
        if (request.maxTokens() == 0) {
            for (var choice = 0; choice < request.choices(); choice++) {
                job.end(choice, Finish.MAX_TOKENS);
            }
            close(job, job.handOver());
            return;
        }
        var own = logits.clone();
        for (var choice = 1; choice < request.choices(); choice++) {
            begin(job, choice, job.cache().fork(job.prompt().length, request.positions()));
        }
        begin(job, 0, job.handOver());
        for (var row : List.copyOf(rows)) {
            if (row.job() == job) {
                row.choose(own);
                take(row, own);
            }
        }
    }

    private void step(List<Row> batch) {
        var lengths = batch.stream().mapToInt(row -> row.cache().length()).toArray();
        float[][] logits;
        try {
            logits = model.step(feeds(batch), caches(batch));
        } catch (RuntimeException | Error failure) {
            stepAlone(batch, lengths, failure);
            return;
        }
        figures.stepped(batch.size());
        model.share(batch.size(), i -> {
            if (!batch.get(i).readsPrompt()) {
                batch.get(i).choose(logits[i]);
            }
        });
        for (var i = 0; i < batch.size(); i++) {
            if (!batch.get(i).readsPrompt()) {
                take(batch.get(i), logits[i]);
            }
        }
    }

    /// One of them is to blame for a failed step: alone each shows whether it is the one.
    private void stepAlone(List<Row> batch, int[] lengths, Throwable failure) {
        if (batch.size() == 1) {
            fail(batch.getFirst().job(), failure);
            return;
        }
        for (var i = 0; i < batch.size(); i++) {
            var row = batch.get(i);
            if (rows.contains(row)) {
                row.cache().cut(lengths[i], row.job().request().positions());
                step(List.of(row));
            }
        }
    }

    private static int[] feeds(List<Row> batch) {
        return batch.stream().mapToInt(Row::feed).toArray();
    }

    private static List<KvCache> caches(List<Row> batch) {
        return batch.stream().map(row -> row.cache().ready(1)).toList();
    }

    /// Tells the token that a row has chosen; a failure is the row's own.
    private void take(Row row, float[] logits) {
        var job = row.job();
        if (!rows.contains(row)) {
            return;
        }
        try {
            var token = row.takeChosen();
            job.countToken();
            figures.token();
            if (tokenizer.endOfText().contains(token)) {
                end(row, Finish.END_OF_TEXT, row.text().finish());
                return;
            }
            var scoring = job.request().scoring();
            var said = row.text().accept(token, scoring.chosen() ? score(logits, token, scoring.top()) : null);
            var finish = finish(row, said.stopped());
            if (finish == null) {
                tell(row, said);
                row.cache().ready(1);
                row.cache().note(row.cache().length(), token);
            } else {
                tell(row, said);
                end(row, finish, said.stopped() ? NOTHING : row.text().finish());
            }
        } catch (RuntimeException | Error failure) {
            fail(job, failure);
        }
    }

    private static final ChoiceText.Said NOTHING = new ChoiceText.Said("", List.of(), false);

    private static @Nullable Finish finish(Row row, boolean stopped) {
        if (stopped) {
            return Finish.STOP;
        }
        if (row.exhausted()) {
            return Finish.END_OF_TEXT;
        }
        return row.count() == row.job().request().maxTokens() ? Finish.MAX_TOKENS : null;
    }

    private static void tell(Row row, ChoiceText.Said said) {
        if (!said.text().isEmpty() || !said.scores().isEmpty()) {
            row.job().tell(new Piece(row.choice(), said.text(), said.scores()));
        }
    }

    private void end(Row row, Finish finish, ChoiceText.Said rest) {
        tell(row, rest);
        rows.remove(row);
        var job = row.job();
        if (job.end(row.choice(), rest.stopped() ? Finish.STOP : finish)) {
            close(job, row.cache());
        } else {
            row.close();
        }
    }

    private void close(Job job, @Nullable SequenceCache cache) {
        store.release(job.reserved());
        if (cache != null) {
            store.keep(job.request().owner(), cache);
        }
        figures.succeeded();
        job.complete();
    }

    private void fail(Job job, Throwable failure) {
        forget(job);
        figures.failed();
        try {
            job.fail(GenerationException.of(failure));
        } catch (RuntimeException | Error unheard) {
            // Who listens is broken itself, and there is nobody else to tell; the others go on.
        }
    }

    @Override
    public void close() {
        for (var job : List.copyOf(reading)) {
            forget(job);
        }
        for (var row : List.copyOf(rows)) {
            rows.remove(row);
            row.close();
        }
        store.close();
    }

    /// All requests that have joined, for the last word when the engine closes.
    List<Job> jobs() {
        var all = new ArrayList<>(reading);
        rows.stream().map(Row::job).filter(job -> !all.contains(job)).distinct().forEach(all::add);
        return all;
    }
}
