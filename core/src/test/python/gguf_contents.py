"""Prints what the Python package gguf reads from files: keys, and shape, type and sum of squares of every tensor.
usage: gguf_contents.py FILE.gguf..."""
import json
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

files = []
for path in sys.argv[1:]:
    reader = GGUFReader(path)
    tensors = {}
    for tensor in reader.tensors:
        data = np.asarray(tensor.data)
        plain = data if data.dtype in (np.float32, np.float16) else dequantize(data, tensor.tensor_type)
        tensors[tensor.name] = {
            "shape": [int(size) for size in reversed(tensor.shape)],
            "type": tensor.tensor_type.name,
            "squares": float(np.square(plain.astype(np.float64)).sum()),
        }
    keys = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    keys = {key: f"{len(value)} items" if isinstance(value, list) and len(value) > 64 else value for key, value in keys.items()}
    files.append({"keys": keys, "tensors": tensors})
print(json.dumps(files))
