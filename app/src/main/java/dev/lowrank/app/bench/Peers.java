package dev.lowrank.app.bench;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The peers that can be named.
public final class Peers {
    /// llama.cpp: a server, its program, or the Python package xllamacpp.
    public static final String LLAMA_CPP = "llama.cpp";
    /// Hugging Face transformers.
    public static final String TRANSFORMERS = "transformers";
    /// All names.
    public static final List<String> NAMES = List.of(LLAMA_CPP, TRANSFORMERS);

    private Peers() {}

    /// The peer that a word like `llama.cpp=http://localhost:8080` means.
    ///
    /// @param word a name, alone or with `=` and where it is found
    /// @param environment where `LOWRANK_PYTHON` is looked up
    /// @throws IllegalArgumentException for another name, or a place that is none
    public static Peer of(String word, Map<String, String> environment) {
        var name = name(word);
        var place = word.length() > name.length() ? word.substring(name.length() + 1) : null;
        if (place != null && place.isBlank()) {
            throw new IllegalArgumentException("--peer " + word + " names nothing behind the equals sign.");
        }
        var program = place == null ? environment.getOrDefault("LOWRANK_PYTHON", "python3") : place;
        return switch (name) {
            case LLAMA_CPP -> llama(program);
            case TRANSFORMERS -> new TransformersPeer(program);
            default -> throw new IllegalArgumentException(name + " is none of the peers " + NAMES + ".");
        };
    }

    /// The name in a word.
    public static String name(String word) {
        var equals = word.indexOf('=');
        return equals < 0 ? word : word.substring(0, equals);
    }

    /// A server by its URL, llama.cpp's own program by its name, else Python.
    private static Peer llama(String place) {
        if (isUrl(place)) {
            return LlamaServer.at(uri(place));
        }
        var name = String.valueOf(Path.of(place).getFileName());
        return name.startsWith("llama") ? new LlamaProgram(place) : new LlamaPython(place);
    }

    private static boolean isUrl(String place) {
        return place.startsWith("http://") || place.startsWith("https://");
    }

    private static URI uri(String place) {
        var uri = URI.create(place);
        if (uri.getHost() == null) {
            throw new IllegalArgumentException(place + " names no server; a URL looks like http://localhost:8080.");
        }
        return uri;
    }
}
