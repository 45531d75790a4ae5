# SPDX-License-Identifier: Apache-2.0
"""Loads folders with `transformers` and compares their logits with stored ones.

    HF_HUB_OFFLINE=1 python check_transformers_load.py FOLDER EXPECTED.safetensors [FOLDER EXPECTED.safetensors ...]
        [--tolerance 1e-4] [--dtype float32] [--auto AutoModelForCausalLM]

EXPECTED holds `input_ids` I64 [batch, tokens] and `logits` F32 [batch, tokens, vocab], or what else the class of --auto
computes: the last hidden states of AutoModel go by that name too. Prints one JSON line for each
folder; exit code 0 if everywhere the largest absolute difference is within the tolerance and no tensor was missing,
unused or of another shape; else 1.
"""

import argparse
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors.torch import load_file


def load(folder, dtype=torch.float32, auto="AutoModelForCausalLM"):
    """The model and what transformers has to say about its tensors; `torch_dtype` is understood by both major versions."""
    model, info = getattr(transformers, auto).from_pretrained(
        folder, trust_remote_code=True, torch_dtype=dtype, output_loading_info=True
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    return model.eval(), problems


def check(folder, expected_file, tolerance, dtype, auto):
    """What came of one folder, ready to be printed."""
    expected = load_file(expected_file)
    model, problems = load(folder, dtype, auto)
    with torch.no_grad():
        out = model(expected["input_ids"])
    logits = (out.last_hidden_state if auto == "AutoModel" else out.logits).float()
    same_shape = logits.shape == expected["logits"].shape
    difference = (logits - expected["logits"]).abs().max().item() if same_shape else None
    return {
        # A NaN compares false, so it fails too.
        "ok": same_shape and not problems and difference <= tolerance,
        "folder": str(folder),
        "max_abs_difference": difference,
        "tolerance": tolerance,
        "class": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "shape": list(logits.shape),
        "problems": problems,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="FOLDER EXPECTED")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--auto", default="AutoModelForCausalLM")
    options = parser.parse_args()
    if len(options.pairs) % 2:
        parser.error("each FOLDER needs an EXPECTED after it")

    ok = True
    for folder, expected in zip(options.pairs[::2], options.pairs[1::2]):
        report = check(folder, expected, options.tolerance, getattr(torch, options.dtype), options.auto)
        ok = ok and report["ok"]
        print(json.dumps(report), flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
