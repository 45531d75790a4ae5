# SPDX-License-Identifier: Apache-2.0
"""Writes the golden fixtures of encoders: tiny random BERT checkpoints and what `transformers` computes on them.

    HF_HUB_OFFLINE=1 python core/src/test/python/make_encoder_fixtures.py [NAME ...]

Each folder of core/src/test/resources/golden/encoders holds
    config.json, model.safetensors (F32)   as transformers saves them
    tokenizer.json, tokenizer_config.json  a WordPiece tokenizer of the fixture's own 96 tokens
    expected.safetensors                   input_ids, token_type_ids I64 [2, 17], hidden F32 [2, 17, hidden] after the last
                                           block, hidden_block_0 likewise after the first, and where there is such a head
                                           pooled [2, hidden], logits [2, 17, vocab] of the masked-token head or
                                           labels [2, labels] of the classifier
    provenance.json                        versions, seed, dtype
Norm weights and all biases are random too, so that a forgotten or swapped one shows.
"""

import json
import platform
import shutil
import sys
from pathlib import Path

import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

TARGET = Path(__file__).resolve().parent.parent / "resources" / "golden" / "encoders"
SIZE_LIMIT = 200 * 1024
BATCH, TOKENS = 2, 17

SMALL = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=72,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
)
LABELS = {0: "entailment", 1: "not_entailment", 2: "neither"}

# The second one has the names of files converted from TensorFlow, the third is the bare model without its prefix.
FIXTURES = {
    "bert-masked": (BertForMaskedLM, lambda: BertConfig(**SMALL)),
    "bert-classifier": (BertForSequenceClassification, lambda: BertConfig(**SMALL, id2label=LABELS)),
    "bert-sentence": (BertModel, lambda: BertConfig(**SMALL, hidden_act="gelu_new", type_vocab_size=1)),
}

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def words():
    """91 pieces: letters that begin and letters that continue a word, digits, marks, a few whole words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = list(letters) + ["##" + letter for letter in letters] + list("0123456789") + list(".,?!'-()")
    whole = "the a of and is man woman plays rides horse guitar dog cat in on to runs red blue sings big".split()
    pieces += [word for word in whole if word not in pieces]
    pieces += [f"[unused{i}]" for i in range(91 - len(pieces))]
    return SPECIALS + pieces[:91]


def write_tokenizer(folder, vocabulary_size):
    vocabulary = {word: number for number, word in enumerate(words())}
    assert len(vocabulary) == vocabulary_size
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS))
    settings = {**names, "tokenizer_class": "BertTokenizerFast", "do_lower_case": True, "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def write_sentence_modules(folder):
    """The layout of sentence-transformers: what pools the hidden states and that their mean is normalised."""
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 24, "do_lower_case": false}\n')
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": SMALL["hidden_size"], "pooling_mode_cls_token": False}
    pooling["pooling_mode_mean_tokens"] = True
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=2) + "\n")


def randomise(model, seed):
    """Fills every parameter from one seeded generator, in name order, at scales that keep attention and logits lively."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            values *= 0.2
        elif parameter.dim() == 1:
            values = 0.5 + torch.rand(parameter.shape, generator=generator)
        elif "embeddings" in name:
            values *= 0.3
        else:
            values *= 1.3 * parameter.shape[1] ** -0.5
        with torch.no_grad():
            parameter.copy_(values)


def run(model, input_ids, types):
    with torch.no_grad():
        out = model(input_ids, token_type_ids=types, output_hidden_states=True)
    found = {"hidden": out.hidden_states[-1], "hidden_block_0": out.hidden_states[1]}
    if isinstance(model, BertForMaskedLM):
        found["logits"] = out.logits
    elif isinstance(model, BertForSequenceClassification):
        found["labels"] = out.logits
        with torch.no_grad():
            found["pooled"] = model.bert(input_ids, token_type_ids=types).pooler_output
    else:
        found["pooled"] = out.pooler_output
    return found


def as_tensorflow_named(file):
    """Layer norms as old conversions call them."""
    tensors = load_file(file)
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in tensors.items()
    }
    save_file(renamed, file, metadata={"format": "pt"})


def write(name, seed):
    folder = TARGET / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind, make = FIXTURES[name]
    config = make()
    config._attn_implementation = "eager"
    model = kind(config).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed + 1)
    input_ids = torch.randint(0, config.vocab_size, (BATCH, TOKENS), generator=generator)
    types = (torch.arange(TOKENS) >= 9).long().expand(BATCH, TOKENS) * (config.type_vocab_size - 1)
    found = run(model, input_ids, types)
    exact = run(model.double(), input_ids, types)
    difference = max((exact[key] - found[key]).abs().max().item() for key in found)
    tensors = {"input_ids": input_ids, "token_type_ids": types, **found}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "expected.safetensors")
    if name == "bert-classifier":
        as_tensorflow_named(folder / "model.safetensors")
    if name == "bert-sentence":
        write_sentence_modules(folder)
    write_tokenizer(folder, config.vocab_size)

    provenance = {
        "script": "core/src/test/python/make_encoder_fixtures.py",
        "seed": seed,
        "dtype": "float32",
        "attention": "eager",
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "torch": torch.__version__.split("+")[0],
        "safetensors": safetensors.__version__,
        "python": platform.python_version(),
        "max_abs_difference_from_float64": float(f"{difference:.2e}"),
        "tensors": {k: list(v.shape) for k, v in sorted(load_file(folder / "model.safetensors").items())},
    }
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    assert size < SIZE_LIMIT, f"{name}: {size} bytes"
    print(f"{name}: {size} bytes", flush=True)


def main():
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or list(FIXTURES)
    for number, name in enumerate(FIXTURES):
        if name in wanted:
            write(name, 7000 + 10 * number)


if __name__ == "__main__":
    main()
