# SPDX-License-Identifier: Apache-2.0
"""Writes the golden fixtures of the four architectures: tiny random checkpoints and what `transformers` computes on them.

    HF_HUB_OFFLINE=1 python core/src/test/python/make_architecture_fixtures.py [NAME ...]

Each folder of core/src/test/resources/golden/models holds
    config.json, model.safetensors (F32)   as transformers saves them; config.v4.json where the v4 spelling differs in kind
    expected.safetensors                   input_ids I64 [2, 17], logits F32 [2, 17, vocab], hidden_block_0 F32 [2, 17, hidden]
    provenance.json                        versions, seed, dtype, what the numbers look like
Norm weights and all biases are random too, so that a forgotten or swapped one shows.
"""

import json
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers import GPT2Config, GPTBigCodeConfig, LlamaConfig, Qwen2Config

TARGET = Path(__file__).resolve().parent.parent / "resources" / "golden" / "models"
SIZE_LIMIT = 200 * 1024
BATCH, TOKENS = 2, 17

ROTARY = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=72,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    rms_norm_eps=1e-5,
)
LEARNED = dict(vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)


def rope(kind, **settings):
    return {"rope_type": kind, "rope_theta": settings.pop("theta", 10000.0), **settings}


LLAMA3 = rope(
    "llama3",
    theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=48,
)

# The rope settings are chosen so that 17 tokens feel them: llama3 has wavelengths in all three bands, yarn ramps
# inside the head, and the dynamic case is asked for more tokens than its context.
FIXTURES = {
    "llama-gqa-tied": lambda: LlamaConfig(**ROTARY, tie_word_embeddings=True, rope_parameters=rope("default")),
    "llama-rope-llama3-biased": lambda: LlamaConfig(
        **ROTARY, head_dim=16, attention_bias=True, mlp_bias=True, rope_parameters=LLAMA3
    ),
    "llama-rope-linear": lambda: LlamaConfig(
        **ROTARY | dict(num_key_value_heads=4), mlp_bias=True, rope_parameters=rope("linear", factor=4.0)
    ),
    "llama-rope-yarn": lambda: LlamaConfig(
        **ROTARY | dict(max_position_embeddings=256),
        head_dim=16,
        rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=64),
    ),
    "llama-rope-dynamic": lambda: LlamaConfig(
        **ROTARY | dict(max_position_embeddings=12), rope_parameters=rope("dynamic", factor=2.0)
    ),
    "qwen2-tied": lambda: Qwen2Config(
        **ROTARY, tie_word_embeddings=True, rope_parameters=rope("default", theta=1000000.0)
    ),
    "gpt2": lambda: GPT2Config(**LEARNED),
    "gpt_bigcode-multi-query": lambda: GPTBigCodeConfig(**LEARNED, multi_query=True),
    "gpt_bigcode-multi-head": lambda: GPTBigCodeConfig(**LEARNED, multi_query=False, n_inner=96),
}


def randomise(model, seed):
    """Fills every parameter from one seeded generator, in name order, at scales that keep attention and logits lively."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator)
        if name.endswith(".bias"):
            values *= 0.2
        elif parameter.dim() == 1:
            values = 0.5 + torch.rand(parameter.shape, generator=generator)
        elif "embed" in name or ".wte." in name or ".wpe." in name:
            values *= 0.3
        else:
            conv1d = type(model.get_submodule(name.rpartition(".")[0])).__name__ == "Conv1D"
            values *= 1.3 * parameter.shape[0 if conv1d else 1] ** -0.5
        with torch.no_grad():
            parameter.copy_(values)


def run(model, input_ids):
    with torch.no_grad():
        out = model(input_ids, output_hidden_states=True, use_cache=False)
    return out.logits, out.hidden_states[1]


def v4_spelling(config):
    """The same configuration as transformers 4 wrote it: `rope_theta` and `rope_scaling` side by side, `torch_dtype`."""
    old = dict(config)
    parameters = dict(old.pop("rope_parameters"))
    old["rope_theta"] = parameters.pop("rope_theta")
    old["rope_scaling"] = parameters if parameters["rope_type"] != "default" else None
    old["torch_dtype"] = old.pop("dtype")
    old["transformers_version"] = "4.45.0"
    return dict(sorted(old.items()))


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def logits_from_v4(folder, config, input_ids):
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        shutil.copy(folder / "model.safetensors", scratch)
        return run(load(scratch), input_ids)[0]


def write(name, seed):
    folder = TARGET / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = FIXTURES[name]()
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    generator = torch.Generator().manual_seed(seed + 1)
    input_ids = torch.randint(0, config.vocab_size, (BATCH, TOKENS), generator=generator)
    logits, block = run(load(folder), input_ids)
    exact, _ = run(load(folder).double(), input_ids)
    assert torch.isfinite(logits).all() and logits.std() > 0.5, f"{name}: dull logits"
    save_file(
        {"input_ids": input_ids, "logits": logits.contiguous(), "hidden_block_0": block.contiguous()},
        folder / "expected.safetensors",
    )

    saved = json.loads((folder / "config.json").read_text())
    if name == "llama-rope-llama3-biased":
        old = v4_spelling(saved)
        assert torch.equal(logits_from_v4(folder, old, input_ids), logits), f"{name}: v4 spelling means something else"
        (folder / "config.v4.json").write_text(json.dumps(old, indent=2) + "\n")

    provenance = {
        "script": "core/src/test/python/make_architecture_fixtures.py",
        "seed": seed,
        "dtype": "float32",
        "attention": "eager",
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
        "safetensors": safetensors.__version__,
        "python": platform.python_version(),
        "logits_std": round(logits.std().item(), 4),
        "max_abs_difference_from_float64": float(f"{(exact - logits).abs().max().item():.2e}"),
        "tensors": {k: list(v.shape) for k, v in sorted(load_file(folder / "model.safetensors").items())},
    }
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    size = sum(f.stat().st_size for f in folder.iterdir())
    assert size < SIZE_LIMIT, f"{name}: {size} bytes"
    print(f"{name}: {size} bytes, logits std {provenance['logits_std']}", flush=True)


def main():
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or list(FIXTURES)
    for number, name in enumerate(FIXTURES):
        if name in wanted:
            write(name, 1000 + 10 * number)


if __name__ == "__main__":
    main()
