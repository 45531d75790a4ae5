# SPDX-License-Identifier: Apache-2.0
"""Loads a folder with `transformers` and compares its logits with stored ones.

    HF_HUB_OFFLINE=1 python check_transformers_load.py FOLDER EXPECTED.safetensors [--tolerance 1e-4] [--dtype float32]

EXPECTED holds `input_ids` I64 [batch, tokens] and `logits` F32 [batch, tokens, vocab]. Prints one JSON line; exit code 0
if the largest absolute difference is within the tolerance and no tensor was missing, unused or of another shape; else 1.
"""

import argparse
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def load(folder, dtype=torch.float32):
    """The model and what transformers has to say about its tensors; `torch_dtype` is understood by both major versions."""
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=True, torch_dtype=dtype, output_loading_info=True
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    return model.eval(), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("expected")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()

    expected = load_file(options.expected)
    model, problems = load(options.folder, getattr(torch, options.dtype))
    with torch.no_grad():
        logits = model(expected["input_ids"]).logits.float()
    same_shape = logits.shape == expected["logits"].shape
    difference = (logits - expected["logits"]).abs().max().item() if same_shape else None
    # A NaN compares false, so it fails too.
    ok = same_shape and not problems and difference <= options.tolerance
    report = {
        "ok": ok,
        "max_abs_difference": difference,
        "tolerance": options.tolerance,
        "class": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "shape": list(logits.shape),
        "problems": problems,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    print(json.dumps(report))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
