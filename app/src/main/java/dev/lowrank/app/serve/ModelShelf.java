package dev.lowrank.app.serve;

import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// The models by name. A model is loaded when it is first asked for; where memory does not suffice, those
/// that were not used for longest and are not in use make room.
///
/// A name is looked up in [#lease] alone: that is where adapters over a loaded model will find their place.
public final class ModelShelf implements AutoCloseable {
    private final ModelLimits limits;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final long created = System.currentTimeMillis() / 1000;
    private long clock;
    private boolean closed;
    private volatile boolean loadingFirst;

    /// @param paths by name, in the order of the command line; at least one
    public ModelShelf(Map<String, Path> paths, ModelLimits limits) {
        this.limits = limits;
        paths.forEach((id, path) -> entries.put(id, new Entry(id, path)));
    }

    private static final class Entry {
        private final String id;
        private final Path path;
        private @Nullable CompletableFuture<ServedModel> loaded;
        private long bytes;
        private volatile long weightBytes;
        private int leases;
        private long used;

        Entry(String id, Path path) {
            this.id = id;
            this.path = path;
        }

        boolean isLoaded() {
            var future = loaded;
            return future != null && future.isDone() && !future.isCompletedExceptionally();
        }
    }

    /// A model in use; it is not unloaded until this is closed.
    final class Lease implements AutoCloseable {
        private final Entry entry;
        private final ServedModel model;

        private Lease(Entry entry, ServedModel model) {
            this.entry = entry;
            this.model = model;
        }

        ServedModel model() {
            return model;
        }

        String id() {
            return entry.id;
        }

        @Override
        public void close() {
            lock.lock();
            try {
                entry.leases--;
            } finally {
                lock.unlock();
            }
        }
    }

    /// Names of all models.
    public List<String> ids() {
        return List.copyOf(entries.keySet());
    }

    /// When the server was started, seconds since 1970.
    long created() {
        return created;
    }

    /// Loads the first model, so that the first request finds it.
    ///
    /// @throws RuntimeException that loading threw
    public void loadFirst() {
        loadingFirst = true;
        try {
            lease(ids().getFirst()).close();
        } finally {
            loadingFirst = false;
        }
    }

    /// Whether the first model is loaded.
    boolean isReady() {
        lock.lock();
        try {
            return entries.values().stream().anyMatch(Entry::isLoaded);
        } finally {
            lock.unlock();
        }
    }

    /// Whether the first model is being loaded.
    boolean isLoadingFirst() {
        return loadingFirst;
    }

    /// Models that are loaded.
    List<Loaded> loaded() {
        lock.lock();
        try {
            var list = new ArrayList<Loaded>();
            for (var entry : entries.values()) {
                var future = entry.loaded;
                if (future != null && entry.isLoaded()) {
                    list.add(new Loaded(entry.id, future.join()));
                }
            }
            return list;
        } finally {
            lock.unlock();
        }
    }

    /// A loaded model and its name.
    record Loaded(String id, ServedModel model) {}

    /// Takes a model into use, loading it where it is not.
    ///
    /// @param id its name
    /// @throws ApiException 404 for another name, 503 where there is no memory for it now
    Lease lease(String id) {
        var entry = entries.get(id);
        if (entry == null) {
            throw ApiException.noModel("There is no model of this name; see /v1/models");
        }
        CompletableFuture<ServedModel> future;
        var mine = false;
        lock.lock();
        try {
            if (closed) {
                throw ApiException.unavailable("shutting_down", "The server is shutting down");
            }
            future = entry.loaded;
            if (future == null) {
                makeRoom(entry);
                future = new CompletableFuture<>();
                entry.loaded = future;
                mine = true;
            }
            entry.leases++;
            entry.used = ++clock;
        } finally {
            lock.unlock();
        }
        return new Lease(entry, mine ? load(entry, future) : join(entry, future));
    }

    private ServedModel load(Entry entry, CompletableFuture<ServedModel> future) {
        try {
            var model = ServedModel.load(entry.id, entry.path, limits);
            future.complete(model);
            return model;
        } catch (RuntimeException | Error failure) {
            giveUp(entry, true);
            future.completeExceptionally(failure);
            throw failure;
        }
    }

    private ServedModel join(Entry entry, CompletableFuture<ServedModel> future) {
        try {
            return future.join();
        } catch (CompletionException failure) {
            giveUp(entry, false);
            throw ApiException.failed("The model could not be loaded");
        }
    }

    private void giveUp(Entry entry, boolean forget) {
        lock.lock();
        try {
            entry.leases--;
            if (forget) {
                entry.loaded = null;
                entry.bytes = 0;
            }
        } finally {
            lock.unlock();
        }
    }

    private void makeRoom(Entry wanted) {
        var needed = bytes(wanted);
        while (total() + needed > limits.memory()) {
            var idle = entries.values().stream()
                    .filter(entry -> entry.isLoaded() && entry.leases == 0)
                    .min(Comparator.comparingLong(entry -> entry.used));
            if (idle.isEmpty()) {
                throw ApiException.unavailable(
                        "no_memory", "The model needs " + needed + " bytes; the models in use leave too few");
            }
            unload(idle.get());
        }
        wanted.bytes = needed;
    }

    private static void unload(Entry entry) {
        var future = entry.loaded;
        entry.loaded = null;
        entry.bytes = 0;
        if (future != null) {
            future.join().close();
        }
    }

    private long total() {
        return entries.values().stream().mapToLong(entry -> entry.bytes).sum();
    }

    private long bytes(Entry entry) {
        try (var model = LanguageModel.open(entry.path)) {
            return limits.modelBytes(model);
        }
    }

    /// Bytes of a model's stored weights, which is what it is compared by; it need not be loaded.
    long weightBytes(String id) {
        var entry = entries.get(id);
        if (entry == null) {
            throw ApiException.noModel("There is no model of this name; see /v1/models");
        }
        if (entry.weightBytes == 0) {
            try (var model = LanguageModel.open(entry.path)) {
                entry.weightBytes = model.checkpoint().weightBytes();
            }
        }
        return entry.weightBytes;
    }

    /// Bytes that each model would take, by name.
    ///
    /// @throws dev.lowrank.checkpoint.CheckpointException if one cannot be read
    public Map<String, Long> demand() {
        var demand = new LinkedHashMap<String, Long>();
        entries.forEach((id, entry) -> demand.put(id, bytes(entry)));
        return demand;
    }

    /// Ends all models, giving what runs a time.
    public void close(Duration patience) {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        var closing = new ArrayList<Thread>();
        for (var loaded : loaded()) {
            closing.add(Thread.ofPlatform().start(() -> loaded.model().close(patience)));
        }
        for (var thread : closing) {
            try {
                thread.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        close(Duration.ZERO);
    }
}
