"""Asks a model tasks through lm-evaluation-harness itself, over local records: the truth that `evaluate --tasks`
is checked against.

    python harness_tasks.py MODEL DATA TASK[,TASK...] LIMIT SHOTS BATCH OUT.json

MODEL is a folder, or URL@FOLDER for a server of that model, which is then asked as the harness asks any server
(`local-completions`), with the folder's tokenizer.

The harness's own task files are used; records are only renamed to the columns that these files know. OUT.json holds,
for each task, the figures, each document's log-likelihoods, and the seconds of asking (neither loading the model nor
the figures' bootstrap is counted). Checked with lm_eval 0.4.13, transformers 5.23.0, torch 2.15.0.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("DISABLE_MULTIPROC", "1")

import lm_eval
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.tasks._yaml_loader import load_yaml

LETTERS = "ABCDEFGH"


def arc(record):
    labels = list(LETTERS[: len(record["choices"])])
    return {
        "question": record["query"],
        "choices": {"text": record["choices"], "label": labels},
        "answerKey": labels[record["gold"]],
    }


def openbook(record):
    return {**arc(record), "question_stem": record["query"]}


def winogrande(record):
    return {
        "sentence": record["sentence"],
        "option1": record["options"][0],
        "option2": record["options"][1],
        "answer": str(record["gold"] + 1),
    }


def truthful(record):
    right, wrong, best = record["correct_answers"], record["incorrect_answers"], record["best_answer"]
    return {
        "question": record["query"],
        "mc1_targets": {"choices": [best] + wrong, "labels": [1] + [0] * len(wrong)},
        "mc2_targets": {"choices": right + wrong, "labels": [1] * len(right) + [0] * len(wrong)},
    }


def mmlu(record):
    return {"question": record["query"], "choices": record["choices"], "answer": record["gold"],
            "subject": record["subject"]}


# name: (file, the harness's own task file, renaming of columns, changes to its keys)
TASKS = {
    "arc_easy": ("arc_easy", "arc/arc_easy.yaml", arc, {}),
    "arc_challenge": ("arc_challenge", "arc/arc_challenge.yaml", arc, {}),
    "hellaswag": ("hellaswag", "hellaswag/hellaswag.yaml",
                  lambda r: {"query": r["query"], "choices": r["choices"], "label": r["gold"]}, {}),
    "piqa": ("piqa", "piqa/piqa.yaml",
             lambda r: {"goal": r["query"], "sol1": r["choices"][0], "sol2": r["choices"][1], "label": r["gold"]}, {}),
    "winogrande": ("winogrande", "winogrande/default.yaml", winogrande, {}),
    "openbookqa": ("openbookqa", "openbookqa/openbookqa.yaml", openbook, {}),
    "boolq": ("boolq", "super_glue/boolq/default.yaml",
              lambda r: {"passage": r["passage"], "question": r["question"], "label": r["gold"]}, {}),
    "mmlu": ("mmlu", "mmlu/default/_default_template_yaml", mmlu,
             {"task": "mmlu", "description": "The following are multiple choice questions (with answers) about "
                                             "{{subject|replace('_', ' ')}}.\n\n"}),
    "truthfulqa_mc1": ("truthfulqa", "truthfulqa/truthfulqa_mc1.yaml", truthful, {}),
    "truthfulqa_mc2": ("truthfulqa", "truthfulqa/truthfulqa_mc2.yaml", truthful, {}),
    "lambada_openai": ("lambada_openai", "lambada/lambada_openai.yaml",
                       lambda r: {"text": r["context"] + " " + r["continuation"]}, {}),
    "gsm8k": ("gsm8k", "gsm8k/gsm8k.yaml", lambda r: {"question": r["question"], "answer": r["answer"]}, {}),
}
EXAMPLES = {"gsm8k": "gsm8k_train", "mmlu": "mmlu_dev"}


def task(name, data, shots):
    file, own, rename, changes = TASKS[name]
    folder = Path(lm_eval.__file__).parent / "tasks"
    config = load_yaml(folder / own, resolve_func=True)
    for key in ("tag", "training_split", "validation_split", "test_split", "fewshot_split", "dataset_name",
                "process_docs", "should_decontaminate", "doc_to_decontamination_query"):
        config.pop(key, None)
    files = {"test": str(data / f"{file}.jsonl")}
    if shots and name in EXAMPLES:
        files["train"] = str(data / f"{EXAMPLES[name]}.jsonl")
        config["fewshot_split"] = "train"

    def process(split):
        rows = [rename(record) for record in split]
        return type(split).from_list(rows)

    config.update(dataset_path="json", dataset_kwargs={"data_files": files}, test_split="test",
                  process_docs=process, num_fewshot=shots, **changes)
    if shots and name in EXAMPLES:
        config.setdefault("fewshot_config", {})["process_docs"] = process
    config["metadata"] = {"version": 1}
    return ConfigurableTask(config=config)


class Clock:
    """Seconds that the model was asked for, tokenizing included; prompts and figures are not counted."""

    NAMES = ("loglikelihood", "generate_until")

    def __init__(self, judge):
        self.judge, self.seconds = judge, 0.0
        for name in self.NAMES:
            setattr(judge, name, self.timed(getattr(judge, name)))

    def timed(self, work):
        def run(*arguments, **options):
            start = time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - start
        return run

    def stop(self):
        for name in self.NAMES:
            delattr(self.judge, name)


def ask(judge, name, data, limit, shots):
    asked = task(name, data, shots)
    asked.config.task = name
    clock = Clock(judge)
    found = lm_eval.simple_evaluate(model=judge, tasks=[asked], limit=limit or None, log_samples=True,
                                    bootstrap_iters=100000)
    clock.stop()
    samples = {one["doc_id"]: one for one in found["samples"][name]}
    return {
        "figures": {key: value for key, value in found["results"][name].items()
                    if isinstance(value, (int, float)) and not isinstance(value, bool)},
        "seconds": clock.seconds,
        "documents": len(samples),
        "samples": [{"doc": key, "arguments": list(map(list, samples[key]["arguments"])),
                     "responses": [one[0] for one in samples[key]["resps"]]} for key in sorted(samples)],
    }


def judge(model, batch):
    torch.manual_seed(0)
    if "@" in model:
        url, folder = model.split("@")
        return LocalCompletionsAPI(base_url=url + "/v1/completions", model=Path(folder).name, tokenizer=folder,
                                   tokenizer_backend="huggingface", num_concurrent=4, batch_size=batch,
                                   max_length=1024, timeout=300)
    return HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=batch)


def main():
    model, data, names, limit, shots, batch, out = sys.argv[1:]
    loaded = judge(model, int(batch))
    results = {}
    for name in names.split(","):
        results[name] = ask(loaded, name, Path(data), int(limit), int(shots))
        print(name, results[name]["documents"], "documents in", round(results[name]["seconds"], 1), "s",
              file=sys.stderr)
    Path(out).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
