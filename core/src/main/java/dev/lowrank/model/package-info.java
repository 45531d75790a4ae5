/// Architectures, linear operators in their storage forms, the engines that run them, and generation.
///
/// Reading order: [DecoderSpec] says what a transformer is, once, with [EncoderParts] where it reads whole
/// texts; [Architectures] lists the files that make one from a `config.json` ([Llama], [Qwen2], [Gpt2],
/// [GptBigCode], [Bert]); [Linear] is what a site stores,
/// [SiteForms] and [BlockWidths] are how `config.json` says that a model was cut;
/// [LanguageModel] opens a checkpoint; [TorchDecoder] runs it in batches through LibTorch and [RowDecoder]
/// one token at a time through our own kernels, both over one [KvCache]; [TorchEncoder] runs an encoder;
/// [Generator] and [Sampler] make
/// text, with tokens from a [TokenSource].
@NullMarked
package dev.lowrank.model;

import org.jspecify.annotations.NullMarked;
