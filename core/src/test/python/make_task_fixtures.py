"""Writes the fixtures of tasks: what lm-evaluation-harness asks and finds on the pocket model, what CPython draws,
and Parquet files as the hub has them.

    python make_task_fixtures.py POCKET DATA OUT

POCKET is models/pocket, DATA a folder of full task files, OUT core/src/test/resources/golden/tasks. Only records of
files under an open licence are copied. Made with lm_eval 0.4.13, transformers 5.23.0, torch 2.15.0, pyarrow (version
in versions.json), CPython 3.11.7; no seed beyond those named inside.
"""

import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow
import pyarrow.parquet

import harness_tasks

RECORDS = 4
CHOICES = ["arc_easy", "arc_challenge", "hellaswag", "piqa", "winogrande", "openbookqa", "boolq", "mmlu",
           "truthfulqa_mc1", "truthfulqa_mc2", "lambada_openai"]
EXAMPLES = {"gsm8k_train": 12, "mmlu_dev": 5, "mbpp_fewshot": 4}
OTHERS = ["gsm8k", "svamp", "humaneval", "mbpp"]


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def main():
    pocket, data, out = map(Path, sys.argv[1:])
    (out / "data").mkdir(parents=True, exist_ok=True)
    files = {harness_tasks.TASKS[name][0] for name in CHOICES} | set(OTHERS)
    for name, count in sorted([(file, RECORDS) for file in files] + list(EXAMPLES.items())):
        records = lines(data / f"{name}.jsonl")[:count]
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (out / "data" / f"{name}.jsonl").write_text(text, encoding="utf-8")

    judge = harness_tasks.judge(str(pocket), 4)
    found = {}
    for name in CHOICES:
        found[f"{name}/0"] = harness_tasks.ask(judge, name, out / "data", 0, 0)
    found["mmlu/5"] = harness_tasks.ask(judge, "mmlu", out / "data", 0, 5)
    found["gsm8k/3"] = harness_tasks.ask(judge, "gsm8k", out / "data", 0, 3)
    for one in found.values():
        del one["seconds"]
    (out / "expected.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")

    draws = []
    for seed in range(50):
        drawn = random.Random(seed * 37)
        population, count = 5 + seed * seed, 1 + seed // 5
        draws.append({"seed": seed * 37, "population": population, "count": count,
                      "first": drawn.sample(range(population), count),
                      "second": drawn.sample(range(population), count),
                      "real": drawn.random()})
    (out / "random.json").write_text(json.dumps(draws))

    arc = [harness_tasks.arc(record) for record in lines(out / "data" / "arc_easy.jsonl")]
    table = pyarrow.Table.from_pylist([{"id": f"q{i}", **record} for i, record in enumerate(arc)])
    for codec in ("snappy", "zstd", "gzip"):
        folder = out / "parquet" / codec
        folder.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(table, folder / "arc_easy.parquet", compression=codec)
    versions = {name: version(name) for name in ("lm_eval", "transformers", "torch", "datasets", "pyarrow")}
    (out / "versions.json").write_text(json.dumps(versions, indent=1))


main()
