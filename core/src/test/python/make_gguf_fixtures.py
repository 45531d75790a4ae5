"""Makes golden/gguf: a few blocks of every quantised type with the values the `gguf` package decodes them to, and
golden/safetensors/three.safetensors with the `safetensors` package.
usage: make_gguf_fixtures.py RESOURCES_DIR   (seed 20261122; versions are written to versions.txt beside the files)"""
import importlib.metadata as meta
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from safetensors.numpy import save_file

SEED = 20261122
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
SCALES = {  # byte offsets of the half-precision scales in a block
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
root = pathlib.Path(sys.argv[1])
out = root / "golden" / "gguf"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(SEED)
for name in TYPES:
    kind = T[name]
    weights, size = GGML_QUANT_SIZES[kind]
    blocks = 6 if weights == 256 else 24
    raw = rng.integers(0, 256, size=(blocks, size), dtype=np.uint8)  # every bit pattern of the packed parts
    for at in SCALES[name]:
        values = (rng.standard_normal(blocks) * 0.02).astype(np.float16)
        values[0] = np.float16(6e-8)  # a subnormal half
        raw[:, at : at + 2] = values.view(np.uint8).reshape(blocks, 2)
    decoded = dequantize(raw.reshape(-1), kind).astype("<f4")
    (out / f"{name}.blocks").write_bytes(raw.tobytes())
    (out / f"{name}.f32").write_bytes(decoded.tobytes())

folder = root / "golden" / "safetensors"
folder.mkdir(parents=True, exist_ok=True)
save_file(
    {
        "b.bias": np.arange(3, dtype=np.float32),
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 8,
        "c.half": np.arange(5, dtype=np.float16),
    },
    folder / "three.safetensors",
    {"format": "pt"},
)
lines = [f"{p} {meta.version(p)}" for p in ("gguf", "safetensors", "numpy")] + [f"seed {SEED}"]
(out / "versions.txt").write_text("made by core/src/test/python/make_gguf_fixtures.py\n" + "\n".join(lines) + "\n")
