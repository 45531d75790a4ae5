package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// What a folder of sentence-transformers says about how hidden states become one vector for a text:
/// `modules.json`, the configuration of its pooling module and `sentence_bert_config.json`.
///
/// @param pooling how positions are joined
/// @param normalised whether the vector is divided by its length
/// @param maxTokens tokens that are read of a text; 0 if the folder does not say
/// @param lowerCase whether texts are lower-cased before the tokenizer sees them
public record SentenceModules(Pooling pooling, boolean normalised, int maxTokens, boolean lowerCase) {
    static final String MODULES = "modules.json";
    private static final String SETTINGS = "sentence_bert_config.json";
    private static final long MAX_BYTES = 1L << 20;

    /// The `pooling_mode_*` keys of older files.
    private static final Map<String, String> OLD_KEYS = Map.of(
            "pooling_mode_cls_token", "cls",
            "pooling_mode_mean_tokens", "mean",
            "pooling_mode_max_tokens", "max",
            "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens",
            "pooling_mode_weightedmean_tokens", "weightedmean",
            "pooling_mode_lasttoken", "lasttoken");

    /// How the hidden states of a text's positions become one vector.
    public enum Pooling {
        /// Their mean.
        MEAN,
        /// That of the first position.
        CLS
    }

    /// Reads a folder's modules.
    ///
    /// @return empty if the folder has no `modules.json`
    /// @throws CheckpointException if a module is of a kind that is not known
    public static Optional<SentenceModules> read(Path folder) {
        var paths = SafePaths.of(folder);
        if (!paths.exists(MODULES)) {
            return Optional.empty();
        }
        var pooling = Pooling.MEAN;
        var normalised = false;
        for (var module : list(paths)) {
            var type = module.path("type").asString("");
            switch (type.substring(type.lastIndexOf('.') + 1)) {
                case "Transformer" -> {}
                case "Pooling" -> pooling = pooling(paths, module.path("path").asString(""));
                case "Normalize" -> normalised = true;
                default ->
                    throw unsupported(
                            paths.shown(MODULES), "a module of type " + type, "Transformer, Pooling and Normalize");
            }
        }
        var settings = paths.exists(SETTINGS) ? json(paths, SETTINGS) : Json.object();
        return Optional.of(new SentenceModules(
                pooling,
                normalised,
                Math.max(0, settings.path("max_seq_length").asInt(0)),
                settings.path("do_lower_case").asBoolean(false)));
    }

    /// The files of the modules in folders of their own, which go with the model.
    static List<Path> files(SafePaths paths) {
        var files = new ArrayList<Path>();
        if (paths.exists(MODULES)) {
            for (var module : list(paths)) {
                var config = module.path("path").asString("") + "/config.json";
                if (!config.startsWith("/") && paths.exists(config)) {
                    files.add(paths.shown(config));
                }
            }
        }
        return files;
    }

    private static List<JsonNode> list(SafePaths paths) {
        var modules = new ArrayList<JsonNode>();
        var bytes = paths.readSmall(MODULES, MAX_BYTES, Code.JSON_LIMIT);
        for (var module : Json.parseArray(paths.shown(MODULES), bytes, Code.JSON_BAD, Code.JSON_LIMIT)) {
            var path = module.path("path").asString("");
            if (!path.isEmpty()) {
                SafePaths.requirePlain(paths.shown(MODULES), path);
            }
            modules.add(module);
        }
        return modules;
    }

    private static JsonNode json(SafePaths paths, String name) {
        return Json.parse(
                paths.shown(name), paths.readSmall(name, MAX_BYTES, Code.JSON_LIMIT), Code.JSON_BAD, Code.JSON_LIMIT);
    }

    private static Pooling pooling(SafePaths paths, String module) {
        var file = module + "/config.json";
        var config = json(paths, file);
        var modes = config.has("pooling_mode") ? named(config.path("pooling_mode")) : flagged(config);
        if (modes.size() == 1 && modes.getFirst().equals("cls")) {
            return Pooling.CLS;
        }
        if (modes.isEmpty() || modes.equals(List.of("mean"))) {
            return Pooling.MEAN;
        }
        throw unsupported(paths.shown(file), "pooling " + String.join(" and ", modes), "mean or cls");
    }

    private static List<String> named(JsonNode mode) {
        if (mode.isString()) {
            return List.of(mode.stringValue());
        }
        var modes = new ArrayList<String>();
        mode.forEach(each -> modes.add(each.asString("")));
        return modes;
    }

    private static List<String> flagged(JsonNode config) {
        return OLD_KEYS.entrySet().stream()
                .filter(key -> config.path(key.getKey()).asBoolean(false))
                .map(Map.Entry::getValue)
                .sorted()
                .toList();
    }

    private static CheckpointException unsupported(Path file, String found, String expected) {
        return new CheckpointException(
                Code.CFG_UNSUPPORTED, file, "The sentence encoder has " + found + "; expected " + expected);
    }
}
