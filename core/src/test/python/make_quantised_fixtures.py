"""Makes golden/quantised: weights and the blocks that ggml's own reference quantisers make of them. The library is a compiled ggml (libggml-base.so of the npm package below).

usage: make_quantised_fixtures.py LIBRARY VERSION_OF_ITS_PACKAGE
"""
import ctypes
import sys
from pathlib import Path

import numpy as np

SEED = 20261123
BLOCKS = {"Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q8_0": (32, 34), "Q4_K": (256, 144), "Q6_K": (256, 210)}

library = ctypes.CDLL(sys.argv[1])
out = Path(__file__).resolve().parents[1] / "resources" / "golden" / "quantised"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(SEED)

rows = []
for scale in (0.02, 1.0, 1e-6):
    rows.append(rng.standard_normal((2, 256)) * scale)  # as weights are
rows.append(rng.random((1, 256)) + 1)  # all positive
rows.append(-1 - rng.random((1, 256)) * 1e-3)  # all negative, close together
rows.append(rng.standard_normal((2, 256)) * 10.0 ** rng.integers(-8, 4, (2, 256)))  # many magnitudes
outlier = rng.standard_normal((1, 256)) * 0.01
outlier[0, 77] = 40
rows.append(outlier)
sparse = np.where(np.arange(256) // 16 % 3 == 0, rng.standard_normal(256), 0)[None]
rows.append(sparse)  # whole sub-blocks of zeros
rows.append(rng.integers(-16, 17, (1, 256)) * 0.5)  # halves of levels: ties
rows.append(np.zeros((1, 256)))
rows.append(np.full((1, 256), 0.1))
rows.append(np.full((1, 256), -1e-41))  # below the smallest normal number
values = np.concatenate(rows).astype("<f4")
(out / "weights.f32").write_bytes(values.tobytes())
for name, (weights, size) in BLOCKS.items():
    function = library["quantize_row_" + name.lower().replace("_k", "_K") + "_ref"]
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    function.restype = None
    blocks = np.zeros(values.size // weights * size, np.uint8)
    function(values.ctypes.data, blocks.ctypes.data, values.size)
    (out / f"{name}.blocks").write_bytes(blocks.tobytes())
(out / "versions.txt").write_text(
    "made by core/src/test/python/make_quantised_fixtures.py\n"
    f"libggml-base.so of npm @node-llama-cpp/linux-x64 {sys.argv[2]}\nnumpy {np.__version__}\nseed {SEED}\n"
)
