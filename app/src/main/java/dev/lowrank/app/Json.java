package dev.lowrank.app;

import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// Records as JSON documents; component names become keys as they are spelled in `@JsonProperty`.
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(tools.jackson.databind.MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .build();

    private static final JsonMapper LINES =
            MAPPER.rebuild().disable(SerializationFeature.INDENT_OUTPUT).build();

    private Json() {}

    /// A document on one line, without its end.
    static String line(Object document) {
        return LINES.writeValueAsString(document);
    }

    /// One document, without a line end.
    static String write(Object document) {
        return MAPPER.writeValueAsString(document);
    }
}
