# SPDX-License-Identifier: Apache-2.0
"""Checks the Python that Lowrank puts into its folders: every architecture, storage form and bias, with the real transformers.

    HF_HUB_OFFLINE=1 python core/src/test/python/test_remote_code.py [-v] [CLASS[.METHOD] ...]

Each case factorises a golden fixture with random factors in a scratch folder and compares it with the stock dense model
whose weights are the products. Nothing outside the scratch folder is written.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
SCRATCH = tempfile.mkdtemp(prefix="lowrank-remote-code-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path(SCRATCH) / "hf")
os.environ["HF_MODULES_CACHE"] = str(Path(SCRATCH) / "modules")

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from check_transformers_load import load

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "resources" / "golden" / "models"
PYTHON = HERE.parents[1] / "main" / "resources" / "dev" / "lowrank" / "model" / "python"
FORMS = ("factored", "pivoted", "tucker")
RANK = 7
TOLERANCE = 1e-4

# Per architecture: the fixture, the class names in auto_map, which parts of a block are linear.
ARCHITECTURES = {
    "llama": (["llama-gqa-tied", "llama-rope-llama3-biased"], ("Config", "Model", "ForCausalLM"), "Llama"),
    "qwen2": (["qwen2-tied"], ("Config", "Model", "ForCausalLM"), "Qwen2"),
    "gpt2": (["gpt2"], ("Config", "Model", "LMHeadModel"), "GPT2"),
    "gpt_bigcode": (
        ["gpt_bigcode-multi-query", "gpt_bigcode-multi-head"],
        ("Config", "Model", "ForCausalLM"),
        "GPTBigCode",
    ),
}
LINEAR = re.compile(r"(_proj|c_attn|c_fc)$")


def auto_map(architecture):
    _, (config, model, causal), stem = ARCHITECTURES[architecture]
    return {
        "AutoConfig": f"configuration_lowrank_{architecture}.Lowrank{stem}{config}",
        "AutoModel": f"modeling_lowrank_{architecture}.Lowrank{stem}{model}",
        "AutoModelForCausalLM": f"modeling_lowrank_{architecture}.Lowrank{stem}{causal}",
    }


def random_factors(form, out_features, in_features, rank, generator):
    """The tensors of one site and the dense weight [out, in] that they stand for."""

    def normal(*shape):
        return torch.randn(shape, generator=generator) * shape[-1] ** -0.5

    if form == "pivoted":
        pivot, rest = normal(rank, in_features), normal(out_features - rank, rank)
        index = torch.randperm(out_features, generator=generator).to(torch.int32)
        dense = torch.cat((pivot, rest @ pivot))[index.long()]
        return {"pivot.weight": pivot, "rest.weight": rest, "index": index}, dense
    a, b = normal(rank, in_features), normal(out_features, rank)
    if form == "factored":
        return {"a.weight": a, "b.weight": b}, b @ a
    core = normal(rank, rank)
    return {"a.weight": a, "core.weight": core, "b.weight": b}, b @ core @ a


class Pair:
    """A fixture twice: `low`, a folder as Lowrank writes it, and `dense`, the same function in a stock folder."""

    def __init__(self, name, forms, added_bias, keep_dense=(), rank=RANK):
        self.rank = rank
        self.source = GOLDEN / name
        self.folder = Path(tempfile.mkdtemp(dir=SCRATCH))
        config = json.loads((self.source / "config.json").read_text())
        self.architecture = config["model_type"]
        self.low, self.dense = self.folder / "low", self.folder / "dense"
        self.sites = {}
        low, dense, gained = self._factorise(load_file(self.source / "model.safetensors"), forms, added_bias, keep_dense)
        # A stock model has no place for a bias that a method added: then its biases are added by hooks in `dense_model`.
        self.gained = gained
        block = {"version": 1, "sites": self.sites}
        self._write(self.low, config | {"lowrank": block, "auto_map": auto_map(self.architecture)}, low)
        self._write(self.dense, config, dense)
        for file in ("lowrank_layers.py", *(f"{k}_lowrank_{self.architecture}.py" for k in ("configuration", "modeling"))):
            shutil.copy(PYTHON / file, self.low)

    def _factorise(self, source, forms, added_bias, keep_dense):
        generator = torch.Generator().manual_seed(7)
        low, dense, gained = dict(source), dict(source), {}
        conv1d = self.architecture == "gpt2"
        weights = [n for n in sorted(source) if n.endswith(".weight") and LINEAR.search(n.removesuffix(".weight"))]
        for number, name in enumerate(weights):
            path = name.removesuffix(".weight")
            if path.endswith(tuple(keep_dense)):
                continue
            form = forms[number % len(forms)]
            out_features, in_features = source[name].shape[::-1] if conv1d else source[name].shape
            tensors, product = random_factors(form, out_features, in_features, self.rank, generator)
            del low[name]
            low.update({f"{path}.{k}": v for k, v in tensors.items()})
            dense[name] = (product.T if conv1d else product).contiguous()
            bias = f"{path}.bias"
            if added_bias and bias not in source:
                gained[path] = low[bias] = torch.randn(out_features, generator=generator) * 0.3
            self.sites[path] = {
                "form": form,
                "rank": self.rank,
                "in": in_features,
                "out": out_features,
                "bias": bias in low,
            }
        return low, dense, gained

    @staticmethod
    def _write(folder, config, tensors):
        folder.mkdir()
        if transformers.__version__.startswith("4."):
            parameters = config.get("rope_parameters")
            config = {k: v for k, v in config.items() if k != "rope_parameters"}
            if parameters:
                scaling = {k: v for k, v in parameters.items() if k != "rope_theta"}
                config["rope_theta"] = parameters["rope_theta"]
                config["rope_scaling"] = None if scaling["rope_type"] == "default" else scaling
        (folder / "config.json").write_text(json.dumps(config, indent=2))
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    def edit(self, change):
        file = self.low / "config.json"
        config = json.loads(file.read_text())
        change(config)
        file.write_text(json.dumps(config))

    def dense_model(self):
        model = AutoModelForCausalLM.from_pretrained(self.dense, torch_dtype=torch.float32).eval()
        for path, bias in self.gained.items():
            model.get_submodule(path).register_forward_hook(lambda _, __, y, bias=bias: y + bias)
        return model


def input_ids(name):
    return load_file(GOLDEN / name / "expected.safetensors")["input_ids"]


def logits(model, ids):
    with torch.no_grad():
        return model(ids).logits.float()


class RemoteCodeCase(unittest.TestCase):
    def assert_close(self, actual, expected, tolerance=TOLERANCE):
        self.assertEqual(actual.shape, expected.shape)
        difference = (actual - expected).abs().max().item()
        self.assertLessEqual(difference, tolerance)


def fixtures():
    return [(architecture, name) for architecture, (names, _, _) in ARCHITECTURES.items() for name in names]


def on_every_form_and_bias(test):
    """Runs `test(self, architecture, name, pair)` on each fixture, storage form, with and without biases that a method adds."""

    def run(self):
        for architecture, name in fixtures():
            for form, added_bias in itertools.product(FORMS, (False, True)):
                with self.subTest(fixture=name, form=form, added_bias=added_bias):
                    test(self, architecture, name, Pair(name, (form,), added_bias))

    return run


def on_mixed_folders(test):
    """Runs `test(self, architecture, name, pair)` on a folder per fixture with all forms side by side and one role dense."""

    def run(self):
        for architecture, name in fixtures():
            with self.subTest(fixture=name):
                test(self, architecture, name, Pair(name, FORMS, True, keep_dense=("k_proj", "c_fc")))

    return run


class Loading(RemoteCodeCase):
    @on_every_form_and_bias
    def test_equals_the_stock_model_whose_weights_are_the_products(self, architecture, name, pair):
        model, problems = load(pair.low)
        self.assertEqual(problems, {})
        self.assertEqual(type(model).__name__, auto_map(architecture)["AutoModelForCausalLM"].split(".")[1])
        expected = logits(pair.dense_model(), input_ids(name))
        self.assertGreater(expected.std().item(), 0.3)
        self.assert_close(logits(model, input_ids(name)), expected)

    @on_mixed_folders
    def test_random_factors_change_the_model(self, _, name, pair):
        """Guards the test above: a loader that ignored the factors would be found out."""
        stored = load_file(GOLDEN / name / "expected.safetensors")["logits"]
        difference = (logits(load(pair.low)[0], input_ids(name)) - stored).abs().max().item()
        self.assertGreater(difference, 0.5)

    @on_mixed_folders
    def test_config_keeps_its_model_type_and_its_keys(self, architecture, name, pair):
        config = AutoConfig.from_pretrained(pair.low, trust_remote_code=True)
        self.assertEqual(config.model_type, architecture)
        self.assertEqual(config.lowrank["sites"], pair.sites)
        self.assertEqual(type(config).__name__, auto_map(architecture)["AutoConfig"].split(".")[1])
        self.assertEqual(config.vocab_size, 96)

    @on_mixed_folders
    def test_base_model_carries_the_low_rank_modules(self, architecture, name, pair):
        base = AutoModel.from_pretrained(pair.low, trust_remote_code=True, torch_dtype=torch.float32).eval()
        self.assertEqual(type(base).__name__, auto_map(architecture)["AutoModel"].split(".")[1])
        whole = load(pair.low)[0]
        ids = input_ids(name)
        with torch.no_grad():
            self.assert_close(base(ids)[0], whole.base_model(ids)[0], 1e-6)
        stock = AutoModel.from_pretrained(pair.dense)
        for claim in ("_supports_attention_backend", "_supports_sdpa", "_supports_flash_attn", "_no_split_modules"):
            self.assertEqual(getattr(base, claim, None), getattr(stock, claim, None), claim)

    @on_mixed_folders
    def test_ties_what_was_tied_and_keeps_apart_what_was_not(self, _, name, pair):
        model = load(pair.low)[0]
        shared = model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
        self.assertEqual(shared, "lm_head.weight" not in load_file(pair.low / "model.safetensors"))

    @on_mixed_folders
    def test_bfloat16_keeps_the_index_whole_and_stays_near(self, _, name, pair):
        model, problems = load(pair.low, torch.bfloat16)
        self.assertEqual(problems, {})
        self.assertEqual({p.dtype for p in model.parameters()}, {torch.bfloat16})
        stored = load_file(pair.low / "model.safetensors")
        indices = {n: b for n, b in model.named_buffers() if n.endswith(".index")}
        self.assertTrue(indices)
        for buffer, values in indices.items():
            self.assertEqual(values.dtype, torch.int32)
            self.assertTrue(torch.equal(values, stored[buffer]))
        expected = logits(load(pair.low)[0], input_ids(name))
        self.assert_close(logits(model, input_ids(name)), expected, 0.1 * expected.abs().max().item())

    @on_mixed_folders
    def test_low_rank_is_what_sits_in_memory(self, _, name, pair):
        count = sum(p.numel() for p in load(pair.low)[0].parameters())
        stored = load_file(pair.low / "model.safetensors")
        self.assertEqual(count, sum(v.numel() for k, v in stored.items() if not k.endswith(".index")))


class Files(RemoteCodeCase):
    """Spellings of the same folder that Lowrank or its sources use."""

    def check(self, pair):
        model, problems = load(pair.low)
        self.assertEqual(problems, {})
        name = pair.source.name
        self.assert_close(logits(model, input_ids(name)), logits(pair.dense_model(), input_ids(name)))

    @on_mixed_folders
    def test_shards_with_an_index(self, _, name, pair):
        whole = pair.low / "model.safetensors"
        tensors = load_file(whole)
        whole.unlink()
        places = {}
        for number, shard in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2]), 1):
            file = f"model-{number:05d}-of-00002.safetensors"
            save_file({key: tensors[key] for key in shard}, pair.low / file, metadata={"format": "pt"})
            places.update(dict.fromkeys(shard, file))
        index = {"metadata": {"total_size": sum(v.nbytes for v in tensors.values())}, "weight_map": places}
        (pair.low / "model.safetensors.index.json").write_text(json.dumps(index))
        self.check(pair)

    def test_gpt2_names_without_the_prefix(self):
        pair = Pair("gpt2", FORMS, True)
        tensors = load_file(pair.low / "model.safetensors")
        bare = {key.removeprefix("transformer."): value for key, value in tensors.items()}
        save_file(bare, pair.low / "model.safetensors", metadata={"format": "pt"})
        self.check(pair)
        pair.edit(lambda c: c["lowrank"].update(sites={k.removeprefix("transformer."): v for k, v in pair.sites.items()}))
        self.check(pair)

    def test_architectures_naming_the_remote_class(self):
        pair = Pair("gpt2", FORMS, True)
        pair.edit(lambda c: c.update(architectures=["LowrankGPT2LMHeadModel"]))
        self.check(pair)

    @on_mixed_folders
    def test_bfloat16_tensors_load_as_bfloat16_by_themselves(self, _, name, pair):
        tensors = load_file(pair.low / "model.safetensors")
        stored = {k: v.bfloat16() if v.is_floating_point() else v for k, v in tensors.items()}
        save_file(stored, pair.low / "model.safetensors", metadata={"format": "pt"})
        pair.edit(lambda c: c.update(torch_dtype="bfloat16", dtype="bfloat16"))
        model, problems = load(pair.low, "auto")
        self.assertEqual(problems, {})
        for key, value in model.state_dict().items():
            if key in stored:
                self.assertTrue(torch.equal(value, stored[key]), key)

    def test_pivoted_at_its_extreme_ranks(self):
        for rank in (1, 31, 32):
            with self.subTest(rank=rank):
                self.check(Pair("gpt2", ("pivoted",), False, keep_dense=("c_attn", "c_fc"), rank=rank))


class Using(RemoteCodeCase):
    @on_mixed_folders
    def test_generates_the_same_with_and_without_cache(self, _, name, pair):
        model, stock = load(pair.low)[0], pair.dense_model()
        ids = input_ids(name)[:1, :5]
        settings = dict(max_new_tokens=5, min_new_tokens=5, do_sample=False, pad_token_id=0)
        mask = torch.ones_like(ids)
        cached = model.generate(ids, attention_mask=mask, use_cache=True, **settings)
        self.assertEqual(cached.shape, (1, 10))
        self.assertTrue(torch.equal(cached, model.generate(ids, attention_mask=mask, use_cache=False, **settings)))
        self.assertTrue(torch.equal(cached, stock.generate(ids, attention_mask=mask, use_cache=True, **settings)))

    @on_mixed_folders
    def test_survives_save_and_reload(self, architecture, name, pair):
        model = load(pair.low)[0]
        again = pair.folder / "again"
        model.save_pretrained(again)
        self.assertEqual(json.loads((again / "config.json").read_text())["auto_map"], auto_map(architecture))
        first, second = (load_file(f / "model.safetensors") for f in (pair.low, again))
        self.assertEqual(first.keys(), second.keys())
        for key, value in first.items():
            self.assertTrue(torch.equal(value, second[key]), key)
        reloaded, problems = load(again)
        self.assertEqual(problems, {})
        self.assertTrue(torch.equal(logits(reloaded, input_ids(name)), logits(model, input_ids(name))))

    @on_mixed_folders
    def test_eager_and_fused_attention_agree(self, _, name, pair):
        outs = [
            logits(
                AutoModelForCausalLM.from_pretrained(
                    pair.low, trust_remote_code=True, torch_dtype=torch.float32, attn_implementation=kind
                ).eval(),
                input_ids(name),
            )
            for kind in ("eager", "sdpa")
        ]
        self.assert_close(*outs)

    @on_mixed_folders
    def test_builds_from_the_config_alone_and_trains(self, _, name, pair):
        config = AutoConfig.from_pretrained(pair.low, trust_remote_code=True)
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=True)
        self.assertTrue(all(torch.isfinite(p).all() for p in model.parameters()))
        ids = input_ids(name)
        model(ids, labels=ids).loss.backward()
        for path, site in pair.sites.items():
            for parameter in model.get_submodule(path).parameters():
                self.assertGreater(parameter.grad.abs().sum().item(), 0.0, path)


class Refusing(RemoteCodeCase):
    def refuse(self, change, message):
        pair = Pair("llama-gqa-tied", ("factored",), False)
        pair.edit(change)
        with self.assertRaisesRegex(ValueError, message):
            load(pair.low)

    def test_a_newer_version(self):
        self.refuse(lambda c: c["lowrank"].update(version=2), "expected a `lowrank` block of version 1, found 2")

    def test_no_lowrank_block(self):
        self.refuse(lambda c: c.pop("lowrank"), "found None")

    def test_an_unknown_form(self):
        site = "model.layers.0.mlp.up_proj"
        self.refuse(lambda c: c["lowrank"]["sites"][site].update(form="butterfly"), f"{site}: form 'butterfly'")

    def test_a_site_that_the_model_lacks(self):
        sites = {"model.layers.9.mlp.up_proj": {"form": "factored", "rank": 1, "in": 1, "out": 1, "bias": False}}
        self.refuse(lambda c: c["lowrank"].update(sites=sites), "layers.9.mlp.up_proj: LowrankLlamaModel has no such")

    def test_the_head(self):
        sites = {"lm_head": {"form": "factored", "rank": 1, "in": 32, "out": 96, "bias": False}}
        self.refuse(lambda c: c["lowrank"].update(sites=sites), "lowrank site lm_head: .* no such linear layer")

    def test_a_site_of_another_shape(self):
        site = "model.layers.0.mlp.up_proj"
        self.refuse(lambda c: c["lowrank"]["sites"][site].update(out=31), r"says \[31, 32\], the model has \[72, 32\]")


class Command(RemoteCodeCase):
    def run_check(self, *arguments):
        command = [sys.executable, "-W", "ignore", str(HERE / "check_transformers_load.py"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout.strip().splitlines()[-1])

    def test_check_passes_on_equal_and_fails_on_different_logits(self):
        pair = Pair("gpt2", FORMS, False)
        ids = input_ids("gpt2")
        expected = pair.folder / "expected.safetensors"
        save_file({"input_ids": ids, "logits": logits(pair.dense_model(), ids)}, expected)
        code, report = self.run_check(pair.low, expected)
        self.assertEqual((code, report["ok"], report["class"]), (0, True, "LowrankGPT2LMHeadModel"), report)
        code, report = self.run_check(pair.low, GOLDEN / "gpt2" / "expected.safetensors")
        self.assertEqual((code, report["ok"]), (1, False), report)

    def test_check_fails_on_a_missing_tensor(self):
        pair = Pair("gpt2", ("factored",), False)
        tensors = load_file(pair.low / "model.safetensors")
        del tensors["transformer.h.0.attn.c_attn.a.weight"]
        save_file(tensors, pair.low / "model.safetensors", metadata={"format": "pt"})
        code, report = self.run_check(pair.low, GOLDEN / "gpt2" / "expected.safetensors", "--tolerance", "1000")
        self.assertEqual(code, 1)
        self.assertIn("transformer.h.0.attn.c_attn.a.weight", str(report["problems"]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        print(f"transformers {transformers.__version__}, torch {torch.__version__}", file=sys.stderr)
        outcome = unittest.main(exit=False).result
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    sys.exit(0 if outcome.wasSuccessful() and outcome.testsRun else 1)
