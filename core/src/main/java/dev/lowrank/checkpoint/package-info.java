/// Checkpoint files: safetensors, GGUF and `config.json` read without trust, folders written atomically.
@NullMarked
package dev.lowrank.checkpoint;

import org.jspecify.annotations.NullMarked;
