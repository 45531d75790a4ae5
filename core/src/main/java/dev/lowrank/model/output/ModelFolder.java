package dev.lowrank.model.output;

import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// The files of a model folder besides its weights.
public final class ModelFolder {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int LOWRANK_VERSION = 1;

    private ModelFolder() {}

    /// What a compressed site is, for `config.json`.
    ///
    /// @param form storage form
    /// @param rank its rank
    /// @param bias whether it stores a bias
    /// @param a name of the site that stores its right factor; null if it does so itself
    /// @param types block type of each part that is quantised, by the name of the part
    /// @param sparse how many single entries it stores beside its form
    public record StoredSite(
            String form, int rank, boolean bias, @Nullable String a, Map<String, String> types, int sparse) {
        public StoredSite {
            types = Collections.unmodifiableMap(new LinkedHashMap<>(types));
        }

        /// What a linear stores.
        public static StoredSite of(Linear linear) {
            return switch (linear) {
                case Linear.Base base ->
                    new StoredSite(base.form(), base.rank(), base.bias() != null, null, types(base), 0);
                case Linear.SparsePlusLowRank(var base, var entries) -> of(base).with(entries.count());
            };
        }

        /// With a right factor that another site stores.
        ///
        /// @param owner its name; null for nobody
        public StoredSite borrowing(@Nullable String owner) {
            return new StoredSite(form, rank, bias, owner, types, sparse);
        }

        private StoredSite with(int entries) {
            return new StoredSite(form, rank, bias, a, types, entries);
        }

        private static Map<String, String> types(Linear linear) {
            var names = linear.names();
            var types = new LinkedHashMap<String, String>();
            for (var i = 0; i < names.size(); i++) {
                var type = linear.parts().get(i).dtype();
                if (type.isBlocks()) {
                    types.put(names.get(i), type.name().toLowerCase(Locale.ROOT));
                }
            }
            return types;
        }
    }

    /// Writes the configuration of a compressed model, the Python that loads it, and the source's tokenizer
    /// files.
    ///
    /// @param shape configuration of the model that is written; with a `lowrank` block where it says more
    ///     than
    ///     which sites are stored how
    /// @param sites what each compressed site stores; dense ones left out
    /// @param dtype element type of most weights
    public static void writeCompressed(
            LanguageModel source,
            OutputFolder folder,
            ModelConfig shape,
            Map<LinearSite, StoredSite> sites,
            DType dtype) {
        var config = shape.withDtype(dtype);
        if (!sites.isEmpty() || shape.lowrank() != null) {
            config = compressed(source, config, sites);
            RemoteCode.of(config.modelType()).files().forEach(folder::write);
        }
        folder.write("config.json", config.toBytes());
        writeTokenizer(source, folder);
    }

    private static ModelConfig compressed(LanguageModel source, ModelConfig config, Map<LinearSite, StoredSite> sites) {
        var code = RemoteCode.of(config.modelType());
        var block = config.lowrank() instanceof ObjectNode shape ? shape.deepCopy() : JSON.createObjectNode();
        block.put("version", LOWRANK_VERSION);
        var list = block.putObject("sites");
        sites.forEach((site, stored) -> {
            var entry = list.putObject(site.name())
                    .put("form", stored.form())
                    .put("rank", stored.rank())
                    .put("in", site.in())
                    .put("out", site.out())
                    .put("bias", stored.bias());
            if (stored.a() != null) {
                entry.put("a", stored.a());
            }
            if (stored.sparse() > 0) {
                entry.put("sparse", stored.sparse());
            }
            if (!stored.types().isEmpty()) {
                stored.types().forEach(entry.putObject("types")::put);
            }
        });
        var map = JSON.createObjectNode();
        code.autoMap().forEach(map::put);
        return config.with("architectures", JSON.createArrayNode().add(code.architecture(source.spec())))
                .with("auto_map", map)
                .with("lowrank", block);
    }

    /// Copies a folder's tokenizer files byte for byte; a GGUF file's own tokenizer is written out.
    static void writeTokenizer(LanguageModel source, OutputFolder folder) {
        var checkpoint = source.checkpoint();
        checkpoint
                .sidecars()
                .forEach(file -> folder.copy(
                        file, checkpoint.path().relativize(file).toString().replace('\\', '/')));
        if (checkpoint instanceof GgufFile) {
            try (var tokenizer = source.tokenizer()) {
                tokenizer.files().forEach(folder::write);
            }
        }
    }
}
