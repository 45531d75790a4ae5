# SPDX-License-Identifier: Apache-2.0
"""Writes golden/modules: what the parts of the module methods must compute, from explicit token matrices.

    python make_module_fixtures.py OUTPUT_FOLDER

Every expectation is taken the long way: least squares on tokens in place of Nystroem's formula, rotated queries and keys
in place of unrotated ones, a singular value decomposition of the whole product in place of small factors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import safetensors
from safetensors.numpy import save_file

SEED = 20_251
TOKENS = 100


def correlated(rng, tokens, width):
    return rng.standard_normal((tokens, width)) @ (rng.standard_normal((width, width)) / np.sqrt(width)) + 0.2


def nystroem(rng, out):
    hidden, weight, keep, ridge = correlated(rng, TOKENS, 24), rng.standard_normal((10, 24)), 9, 0.01
    gram = hidden.T @ hidden
    level = ridge * np.trace(gram) / 24
    leverage = np.diag(gram @ np.linalg.inv(gram + level * np.eye(24)))
    channels = np.sort(np.argsort(-leverage)[:keep])
    fit = np.linalg.lstsq(hidden[:, channels], hidden, rcond=None)[0]  # [keep, 24]
    lost = (hidden - hidden[:, channels] @ fit) @ weight.T
    out["nystroem.gram"] = gram
    out["nystroem.weight"] = weight
    out["nystroem.leverage"] = leverage
    out["nystroem.channels"] = channels.astype(np.int64)
    out["nystroem.down"] = weight @ fit.T
    out["nystroem.error"] = np.array([np.linalg.norm(lost) / np.linalg.norm(hidden @ weight.T)])


def rotated(x, position, frequencies):
    half = x.shape[-1] // 2
    cos, sin = np.cos(position[:, None] * frequencies), np.sin(position[:, None] * frequencies)
    first, second = x[:, :half], x[:, half:]
    return np.concatenate((first * cos - second * sin, second * cos + first * sin), axis=1)


def rotary(rng, out):
    heads, kv_heads, d, keep = 6, 3, 8, 2
    position = np.arange(TOKENS, dtype=float)
    frequencies = 10_000.0 ** (-2 * np.arange(d // 2) / d)
    queries = [correlated(rng, TOKENS, d) for _ in range(heads)]
    keys = [correlated(rng, TOKENS, d) for _ in range(kv_heads)]
    out["rotary.queries"] = np.concatenate([(q**2).sum(0) for q in queries])
    out["rotary.keys"] = np.concatenate([(k**2).sum(0) for k in keys])
    chosen, total, kept = [], 0.0, 0.0
    for head in range(kv_heads):
        group = [rotated(q, position, frequencies) for q in queries[2 * head : 2 * head + 2]]
        key = rotated(keys[head], position, frequencies)
        pair = lambda x, p: np.linalg.norm(x[:, [p, p + d // 2]]) ** 2
        products = np.array([sum(pair(q, p) for q in group) * pair(key, p) for p in range(d // 2)])
        best = np.sort(np.argsort(-products)[:keep])
        chosen.append(best)
        total, kept = total + products.sum(), kept + products[best].sum()
    out["rotary.pairs"] = np.array(chosen, dtype=np.int64)
    out["rotary.error"] = np.array([np.sqrt((total - kept) / total)])


def value_output(rng, out):
    d, width, group = 6, 10, 2
    values = correlated(rng, TOKENS, d)
    outputs = [rng.standard_normal((width, d)) for _ in range(group)]
    product = values @ np.concatenate(outputs).T  # what the head adds, through each query head
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    out["value.tokens"] = values
    out["value.outputs"] = np.stack(outputs)
    for rank in range(1, d + 1):
        out[f"value.best.{rank}"] = (u[:, :rank] * s[:rank]) @ vt[:rank]
    out["value.tails"] = np.array([(s[rank:] ** 2).sum() for rank in range(d + 1)])


def shared(rng, out):
    inputs = [correlated(rng, TOKENS, 12), correlated(rng, TOKENS, 12)]
    weights = [rng.standard_normal((7, 12)), rng.standard_normal((7, 12))]
    every = np.concatenate(inputs)  # each weight meets the inputs of both blocks
    product = every @ np.concatenate(weights).T
    u, s, vt = np.linalg.svd(product, full_matrices=False)
    best = np.linalg.lstsq(every, (u[:, :4] * s[:4]) @ vt[:4], rcond=None)[0].T  # [14, 12]
    out["shared.weights"] = np.stack(weights)
    out["shared.grams"] = np.stack([x.T @ x for x in inputs])
    out["shared.best.4"] = best
    out["shared.error.4"] = np.array([np.sqrt((s[4:] ** 2).sum() / (s**2).sum())])


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng, out = np.random.default_rng(SEED), {}
    for part in (nystroem, rotary, value_output, shared):
        part(rng, out)
    save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, folder / "expected.safetensors")
    provenance = {
        "script": "make_module_fixtures.py",
        "seed": SEED,
        "numpy": np.__version__,
        "safetensors": safetensors.__version__,
        "dtype": "float64",
    }
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
