# SPDX-License-Identifier: Apache-2.0
"""Writes the golden fixtures of package dev.lowrank.text: what `transformers` and its Jinja make of odd strings and templates.

    HF_HUB_OFFLINE=1 python core/src/test/python/make_text_fixtures.py SHARED_FOLDER

    tokenizers.json   ids of odd strings for pocket (its own tokenizer.json), SmolLM2 and stories260K (from their GGUF files);
                      count and sha256 (ids as little-endian int32) of whole texts
    pre_rules.json    a small byte-level vocabulary, and the ids of odd strings under each rule of `tokenizer.ggml.pre`
    templates.json    chat templates and small snippets with what they render to

SmolLM2 takes its published pre-tokenizer, digits one by one and then GPT-2's split. The GGUF reader of transformers 5.23 does
not know the name `smollm` and leaves the digits out; `gguf_reader_digits_left_out` records how many ids differ for that.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import jinja2
import tokenizers
import transformers
from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer
from transformers.integrations.gguf import gguf_tokenizer_mapping as gguf_mapping
from transformers.utils.chat_template_utils import _compile_jinja_template

shared = Path(sys.argv[1])
out = Path(__file__).resolve().parent.parent / "resources/golden/text"
out.mkdir(parents=True, exist_ok=True)

STRINGS = [
    "",
    " ",
    "a",
    "Hello, world!",
    " leading and trailing ",
    "It's we'll they're I'd you've I'm can't IT'S WE'LL",
    "tabs\tand\n\nnew\nlines\r\nand\rreturns\n \n  \n",
    "     five spaces, then          ten",
    " " * 100 + "x",
    "x" + " " * 37,
    "1234567890 12 345 6,789.01 1e-10 0x1F ² ½ Ⅷ 四 ٣",
    "a  5 b\n    8 + 9\n\t7",
    "9" * 64,
    "def f(x, *, y=None):\n    \"\"\"Doc.\"\"\"\n    return {k: v for k, v in x.items() if k != '__class__'}\n",
    "#include <stdio.h>\nint main(void){ printf(\"%d\\n\", 1<<3); return 0; }",
    "😀👍🏽👨‍👩‍👧‍👦🇩🇪 emoji",
    "e\u0301 é n\u0303 ñ Ω \u2126 ﬁ Å \u212b",
    "नमस्ते क्षत्रिय ไทยภาษา 한국어 日本語テキスト 中文，标点。",
    "שלום עולם مرحبا بالعالم \u202eright to left\u202c \u200f",
    "nul \u0000 in the middle\u0000",
    "\u0001\u0002\u007f\u0080\u009f control",
    "zero\u200bwidth\u200djoin\ufeffbom \u00a0nbsp\u3000wide\u2028line",
    "\U0001d518\U0001d52b\U0001d526 math \U0010ffff \ue000 \ufffd",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "^" * 200,
    "=-=-=-=-= *** ... --- ___ <<>> ||| &&& $$$ @@@",
    "<|endoftext|>",
    "<|im_start|>system\nYou are<|im_end|>\n",
    "text<|im_start|>text <|im_end|> <s> </s> <unk>",
    "Once upon a time, there was a little girl named Lily. She loved to play.",
    "CamelCase snake_case kebab-case SCREAMING_SNAKE http://example.com/a?b=c&d=e#f",
    "ÀÉÎÕÜ straße ŁÓDŹ Ελληνικά Кириллица",
    "\u2581 metaspace \u2581\u2581 Ġ Ċ <0x0A> <0x41>",
]


def digest(ids):
    return hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()


def text_of(name):
    with open(shared / "data/text" / name, encoding="utf-8", newline="\n") as file:
        return "\n\n".join(json.loads(line)["text"] for line in file) if name.endswith(".jsonl") else file.read()


def measured(tokenizer, texts):
    encode = lambda s: tokenizer.encode(s, add_special_tokens=False).ids
    whole = {}
    for name in texts:
        ids = encode(text_of(name))
        whole[name] = {"count": len(ids), "sha256": digest(ids)}
    rows = [encode(s) for s in STRINGS]
    return {
        "ids": rows,
        "decoded": [tokenizer.decode(r, skip_special_tokens=False) for r in rows],
        "with_specials": tokenizer.encode("Hello").ids,
        "texts": whole,
    }


def versions():
    return {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "jinja2": jinja2.__version__}


def write(name, value):
    text = json.dumps({"made_by": "core/src/test/python/make_text_fixtures.py", "versions": versions(), **value}, ensure_ascii=True, indent=None, separators=(",", ":"))
    (out / name).write_text(text + "\n", encoding="utf-8")
    print(name, len(text))


def tokenizer_fixture():
    pocket = Tokenizer.from_file(str(shared / "models/pocket/tokenizer.json"))
    smollm = AutoTokenizer.from_pretrained(str(shared / "models/smollm2-135m"), gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf").backend_tokenizer
    as_read = {n: smollm.encode(text_of(n), add_special_tokens=False).ids for n in ("wikitext-2-raw-test.txt", "python-stdlib.jsonl")}
    smollm.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    left_out = {}
    for name, ids in as_read.items():
        ours = smollm.encode(text_of(name), add_special_tokens=False).ids
        left_out[name] = {"count": len(ids), "same_before": next((i for i, (a, b) in enumerate(zip(ids, ours)) if a != b), len(ids))}
    fields = GGUFReader(shared / "data/models/stories260K.gguf").fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    stories, _ = gguf_mapping.convert_gguf_tokenizer("llama", {"tokenizer_type": "llama", "tokens": get("tokens"), "scores": get("scores"), "token_type": get("token_type")})
    write("tokenizers.json", {
        "strings": STRINGS,
        "pocket": measured(pocket, ["wikitext-2-raw-test.txt", "python-stdlib.jsonl"]),
        "smollm2": measured(smollm, ["wikitext-2-raw-test.txt", "python-stdlib.jsonl"]),
        "gguf_reader_digits_left_out": left_out,
        "stories260K": measured(stories, ["tinystories.jsonl"]),
    })


def rule_fixture():
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained.train_from_iterator([s * 3 for s in STRINGS if "<" not in s], trainers.BpeTrainer(vocab_size=700, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(trained.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [tuple(m) for m in model["merges"]]
    splits = gguf_mapping.GGUF_PRE_TOKENIZER_SPLITS
    whole = lambda: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    split = lambda name: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(splits[name]), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    rules = {
        "gpt-2": (None, whole(), False),
        "smollm": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), whole()]), False),
        "llama-bpe": (None, split("llama-bpe"), True),
        "qwen2": (normalizers.NFC(), split("qwen2"), False),
        "tekken": (None, split("tekken"), True),
    }
    ids = {}
    for name, (normalizer, pre, ignore) in rules.items():
        tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, ignore_merges=ignore))
        if normalizer:
            tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer, tokenizer.decoder = pre, decoders.ByteLevel()
        ids[name] = [tokenizer.encode(s, add_special_tokens=False).ids for s in STRINGS]
    write("pre_rules.json", {"strings": STRINGS, "tokens": tokens, "merges": [" ".join(m) for m in merges], "ids": ids})


CONVERSATIONS = {
    "user": [("user", "Hi")],
    "system": [("system", "  Be brief. "), ("user", "What is 2+2?\n"), ("assistant", " 4 "), ("user", "And {{ 3 }}?")],
    "thinking": [("user", "Why?"), ("assistant", "<think>\nhm\n</think>\n\nBecause."), ("user", "ok")],
    "unicode": [("user", "naïve 😀 \"quoted\" 'single' \\ back\tslash")],
    "wrong order": [("assistant", "I begin"), ("user", "no")],
    "empty": [],
}


def render(source, variables):
    try:
        return {"text": _compile_jinja_template(source).render(**variables)}
    except Exception as error:
        return {"error": type(error).__name__}


def template_fixture():
    templates, cases = {}, []
    for path in sorted((out / "templates").glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name, turns in CONVERSATIONS.items():
            for prompt in (False, True):
                messages = [{"role": r, "content": c} for r, c in turns]
                result = render(source, {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>"})
                cases.append({"template": path.name, "messages": messages, "prompt": prompt, **result})
    variables = {
        "bos_token": "<s>",
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
        "n": 7, "x": 2.5, "s": "  Hello World  ", "empty": [], "nothing": None, "yes": True,
        "words": ["pear", "Apple", "fig", "apple"],
        "tools": [{"type": "function", "function": {"name": "get", "description": "d \u00e9 <b>", "parameters": {"type": "object", "properties": {"q": {"type": "string", "enum": ["a", "b"]}}, "required": []}}}],
        "users": [{"name": "ann", "age": 3, "ok": True}, {"name": "bob", "age": 1, "ok": False}, {"name": "cy", "age": 2}],
    }
    snippets = [line for line in (out / "snippets.txt").read_text(encoding="utf-8").split("\n====\n") if line]
    rows = [{"source": s, **render(s, variables)} for s in snippets]
    write("templates.json", {"cases": cases, "variables": variables, "snippets": rows})
    for row in rows:
        if "error" in row:
            print("  error", row["error"], repr(row["source"])[:100])


if __name__ == "__main__":
    template_fixture()
    rule_fixture()
    tokenizer_fixture()
