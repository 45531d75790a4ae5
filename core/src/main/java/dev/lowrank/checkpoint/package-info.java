/// Checkpoint files: safetensors, GGUF and `config.json` read without trust, folders written atomically.
///
/// Reading order: [Checkpoint] and [ModelConfig], then [HuggingFaceFolder] over [SafetensorsFile],
/// [GgufFile], [SentenceModules], and for output [OutputFolder], [SafetensorsWriter], [Manifest],
/// [FolderVerification]. Nothing here loads a native library; every fault of a file is a
/// [CheckpointException].
@NullMarked
package dev.lowrank.checkpoint;

import org.jspecify.annotations.NullMarked;
