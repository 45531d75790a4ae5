package dev.lowrank.model;

import dev.lowrank.checkpoint.Checkpoint;
import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.checkpoint.GgufTokenizerData;
import dev.lowrank.checkpoint.HuggingFaceFolder;
import dev.lowrank.checkpoint.SentenceModules;
import dev.lowrank.text.GgufVocabulary;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/// An open checkpoint that is understood: what it is, where its weights lie, how it spells text. Opening
/// reads headers only and never loads LibTorch; closing unmaps the weights.
public final class LanguageModel implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final DecoderSpec spec;
    private final ModelWeights weights;

    private LanguageModel(Checkpoint checkpoint, DecoderSpec spec, ModelWeights weights) {
        this.checkpoint = checkpoint;
        this.spec = spec;
        this.weights = weights;
    }

    /// Opens a Hugging Face folder or a GGUF file.
    ///
    /// @throws CheckpointException if it is broken or unsupported
    public static LanguageModel open(Path path) {
        return of(Checkpoint.open(path));
    }

    /// Understands an open checkpoint, which then belongs to the result.
    ///
    /// @throws CheckpointException if it is unsupported; the checkpoint is closed then
    public static LanguageModel of(Checkpoint checkpoint) {
        try {
            var architecture = Architectures.of(checkpoint.config());
            var spec = architecture.describe(
                    checkpoint.config(), name -> checkpoint.names().contains(name));
            return new LanguageModel(checkpoint, spec, ModelWeights.match(checkpoint, architecture, spec));
        } catch (RuntimeException failure) {
            checkpoint.close();
            throw failure;
        }
    }

    /// The files behind it.
    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /// The same model where tokens are predicted one after the other.
    ///
    /// @throws CheckpointException if it is an encoder
    public LanguageModel requireDecoder() {
        if (spec.encoder().isPresent()) {
            throw checkpoint
                    .config()
                    .unsupported(
                            "model_type",
                            spec.modelType() + ", an encoder, which reads whole texts and predicts no next token",
                            "a decoder here; an encoder can be inspected, planned, compressed, exported and measured"
                                    + " with evaluate --tasks");
        }
        return this;
    }

    /// What the folder says about sentence embeddings; empty if it says nothing.
    ///
    /// @throws CheckpointException if it asks for something that is not known
    public Optional<SentenceModules> sentenceModules() {
        return checkpoint instanceof HuggingFaceFolder folder ? SentenceModules.read(folder.path()) : Optional.empty();
    }

    /// How hidden states become one vector for a text.
    public TextPooling pooling() {
        return sentenceModules()
                .map(modules -> new TextPooling(modules.pooling(), modules.normalised()))
                .orElse(TextPooling.DEFAULT);
    }

    /// What the model is.
    public DecoderSpec spec() {
        return spec;
    }

    /// Its tensors.
    public ModelWeights weights() {
        return weights;
    }

    /// Opens its tokenizer; the caller closes it.
    ///
    /// @throws CheckpointException if the tokenizer knows more tokens than the embedding has rows
    public Tokenizer tokenizer() {
        var tokenizer = switch (checkpoint) {
            case HuggingFaceFolder folder -> Tokenizer.open(folder.path());
            case GgufFile file -> Tokenizer.of(vocabulary(file.tokenizer()));
        };
        if (tokenizer.vocabularySize() > spec.vocabSize()) {
            var size = tokenizer.vocabularySize();
            tokenizer.close();
            throw new CheckpointException(
                    Code.CFG_TENSOR_MISMATCH,
                    checkpoint.path(),
                    "The tokenizer knows " + size + " tokens, the embedding has " + spec.vocabSize()
                            + " rows; give the tokenizer that belongs to this model");
        }
        return tokenizer;
    }

    private static GgufVocabulary vocabulary(GgufTokenizerData data) {
        return new GgufVocabulary(
                data.model(),
                Objects.requireNonNullElse(data.pre(), "default"),
                data.tokens(),
                data.scores(),
                data.tokenTypes(),
                data.merges(),
                data.bosId(),
                data.eosId(),
                data.unkId(),
                data.padId(),
                data.addBos(),
                data.chatTemplate());
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}
