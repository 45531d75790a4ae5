package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

/// One metric of one task; its keys are a contract.
///
/// @param task name
/// @param metric what was measured
/// @param value its value
/// @param stderr standard error of the value
/// @param documents records measured
/// @param protocol how, in words; absent where the task's name says it
/// @param truncated records that were longer than the model reads; absent where none can be
@JsonInclude(JsonInclude.Include.NON_NULL)
record EncoderFigure(
        @JsonProperty("task") String task,
        @JsonProperty("metric") String metric,
        @JsonProperty("value") double value,
        @JsonProperty("stderr") double stderr,
        @JsonProperty("documents") long documents,
        @JsonProperty("protocol") @Nullable String protocol,
        @JsonProperty("truncated") @Nullable Integer truncated) {}
