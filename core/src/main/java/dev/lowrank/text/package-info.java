/// Tokenizers, chat templates and texts; speaks `int[]`, never tensors. Read `Tokenizer`, `TextStream`,
/// `ChatTemplate`, `TextFrame`; `Corpus`, `Windows`, then the three sets that are never
/// interchangeable: `CalibrationSet`, `ValidationSet`, `EvaluationSet`; `GgufTokenizers` for a tokenizer
/// that comes inside a GGUF file. Faults are `TextException`.
@NullMarked
package dev.lowrank.text;

import org.jspecify.annotations.NullMarked;
