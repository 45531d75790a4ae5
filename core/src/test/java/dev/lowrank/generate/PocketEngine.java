package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;

/// The pocket model behind an engine.
record PocketEngine(LanguageModel model, Tokenizer tokenizer, Engine engine) implements AutoCloseable {
    static final EngineOptions OPTIONS = new EngineOptions(4, 8, 1024, 64, 100_000_000, DType.F32);

    static PocketEngine of(EngineOptions options) {
        return of(options, UnaryOperator.identity());
    }

    /// @param changed what stands between engine and model
    static PocketEngine of(EngineOptions options, UnaryOperator<BatchModel> changed) {
        var model = LanguageModel.open(
                Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket"));
        var tokenizer = model.tokenizer();
        var engine =
                Engine.start("pocket", () -> changed.apply(LoadedModel.of(model, 1, DType.F32)), tokenizer, options);
        return new PocketEngine(model, tokenizer, engine);
    }

    int[] tokens(String text) {
        return tokenizer.encode(text);
    }

    @Override
    public void close() {
        engine.close();
        tokenizer.close();
        model.close();
    }

    /// A model that passes everything on.
    static class Passing implements BatchModel {
        private final BatchModel behind;

        Passing(BatchModel behind) {
            this.behind = behind;
        }

        @Override
        public DecoderSpec spec() {
            return behind.spec();
        }

        @Override
        public float[][] step(int[] tokens, List<KvCache> caches) {
            return behind.step(tokens, caches);
        }

        @Override
        public void share(int count, IntConsumer work) {
            behind.share(count, work);
        }

        @Override
        public float[] read(int[] tokens, KvCache cache) {
            return behind.read(tokens, cache);
        }

        @Override
        public void score(int[] tokens, KvCache cache, Logits logits) {
            behind.score(tokens, cache, logits);
        }

        @Override
        public void close() {
            behind.close();
        }
    }
}
