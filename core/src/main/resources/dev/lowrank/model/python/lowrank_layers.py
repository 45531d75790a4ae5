# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""Low-rank replacements for the linear layers that the `lowrank` block of config.json lists.

Shapes follow `torch.nn.Linear`: a site maps x [..., n] to y [..., m]; r is its rank.
"""

import torch
from torch import nn

from .lowrank_blocks import Blocks, matrix

FORMAT_VERSION = 1


class LowrankLinear(nn.Module):
    """What all storage forms share: the sizes and the optional output bias [m]."""

    def __init__(self, in_features, out_features, rank, bias):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.rank = rank
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_features))
        else:
            self.register_parameter("bias", None)
        self.sparse = None

    def product(self, x):
        raise NotImplementedError

    def forward(self, x):
        y = self.product(x)
        if self.sparse is not None:
            y = y + self.sparse(x)
        return y if self.bias is None else y + self.bias

    def extra_repr(self):
        return f"in={self.in_features}, out={self.out_features}, rank={self.rank}, bias={self.bias is not None}"


class SparseRows(nn.Module):
    """Single entries [m, n] beside another form: row i has the values from starts[i] on and before starts[i + 1]."""

    def __init__(self, in_features, out_features, entries):
        super().__init__()
        self.shape = (out_features, in_features)
        self.values = nn.Parameter(torch.zeros(entries))
        columns = torch.int16 if in_features <= 1 << 15 else torch.int32
        self.register_buffer("columns", torch.zeros(entries, dtype=columns))
        self.register_buffer("starts", torch.zeros(out_features + 1, dtype=torch.int32))

    def forward(self, x):
        # Sums of few terms, in float32: sparse products of 16-bit types are not to be had everywhere.
        matrix = torch.sparse_csr_tensor(
            self.starts.to(torch.int64), self.columns.to(torch.int64), self.values.to(torch.float32), self.shape
        )
        y = matrix @ x.reshape(-1, self.shape[1]).t().to(torch.float32)
        return y.t().reshape(*x.shape[:-1], self.shape[0]).to(x.dtype)

    def extra_repr(self):
        return f"entries={self.values.numel()}"


class LowrankFactored(LowrankLinear):
    """W = B A, with A [r, n] and B [m, r]."""

    def __init__(self, in_features, out_features, rank, bias, types):
        super().__init__(in_features, out_features, rank, bias)
        self.a = matrix(in_features, rank, types.get("a"))
        self.b = matrix(rank, out_features, types.get("b"))

    def product(self, x):
        return self.b(self.a(x))


class LowrankPivoted(LowrankLinear):
    """r rows of W kept as they are, the other m - r as combinations of them; row i of W is row index[i] of both stacked."""

    def __init__(self, in_features, out_features, rank, bias, types):
        super().__init__(in_features, out_features, rank, bias)
        self.pivot = matrix(in_features, rank, types.get("pivot"))
        self.rest = matrix(rank, out_features - rank, types.get("rest"))
        self.register_buffer("index", torch.arange(out_features, dtype=torch.int32))

    def product(self, x):
        z = self.pivot(x)
        return torch.cat((z, self.rest(z)), dim=-1).index_select(-1, self.index)


class LowrankTucker(LowrankLinear):
    """W = B C A, with A [r, n], the core C [r, r] and B [m, r]."""

    def __init__(self, in_features, out_features, rank, bias, types):
        super().__init__(in_features, out_features, rank, bias)
        self.a = matrix(in_features, rank, types.get("a"))
        self.core = matrix(rank, rank, types.get("core"))
        self.b = matrix(rank, out_features, types.get("b"))

    def product(self, x):
        return self.b(self.core(self.a(x)))


class LowrankBorrowed(LowrankLinear):
    """W = B A with the A [r, n] of another site; B [m, r] is this site's own."""

    def __init__(self, in_features, out_features, rank, bias, owner):
        super().__init__(in_features, out_features, rank, bias)
        self.b = nn.Linear(rank, out_features, bias=False)
        # In a list, so that the owner's weights are not counted, saved or moved twice.
        self.owner = [owner]

    def product(self, x):
        return self.b(self.owner[0].a(x))


class LowrankDense(Blocks, LowrankLinear):
    """W [m, n] itself, in quantised blocks or beside single entries; a plain one is left to the stock model."""

    def __init__(self, in_features, out_features, rank, bias, types):
        super().__init__(in_features, out_features, rank, bias)
        self.in_blocks = "weight" in types
        if self.in_blocks:
            self.start_blocks(types["weight"])
        else:
            self.weight = nn.Parameter(torch.zeros(out_features, in_features))

    def product(self, x):
        return nn.functional.linear(x, self.plain(x.dtype) if self.in_blocks else self.weight)


FORMS = {"dense": LowrankDense, "factored": LowrankFactored, "pivoted": LowrankPivoted, "tucker": LowrankTucker}


def replace_sites(model):
    """Puts a low-rank module in the place of every site of `model.config.lowrank`; `model` is the base model."""
    block = getattr(model.config, "lowrank", None)
    if not isinstance(block, dict) or block.get("version") != FORMAT_VERSION:
        found = block.get("version") if isinstance(block, dict) else block
        raise ValueError(
            f"config.json: expected a `lowrank` block of version {FORMAT_VERSION}, found {found!r}. Load the model with "
            "the Python files of its own folder."
        )
    narrow_blocks(model, block.get("blocks"))
    for path, site in sorted(block["sites"].items(), key=lambda item: "a" in item[1]):
        parent, name, dense = _find(model, path)
        if site["form"] not in FORMS:
            raise ValueError(f"lowrank site {path}: form {site['form']!r} is none of {sorted(FORMS)}")
        out_features, in_features = _dense_shape(dense)
        if (site["out"], site["in"]) != (out_features, in_features):
            raise ValueError(
                f"lowrank site {path}: config.json says [{site['out']}, {site['in']}], the model has "
                f"[{out_features}, {in_features}]"
            )
        if "a" in site:
            owner_parent, owner_name, _ = _find(model, site["a"], "a")
            owner = getattr(owner_parent, owner_name)
            replacement = LowrankBorrowed(in_features, out_features, site["rank"], site["bias"], owner)
        else:
            replacement = FORMS[site["form"]](
                in_features, out_features, site["rank"], site["bias"], site.get("types", {})
            )
        if site.get("sparse"):
            replacement.sparse = SparseRows(in_features, out_features, site["sparse"])
        setattr(parent, name, replacement)


class NarrowAttention(nn.Module):
    """Attention with fewer dimensions a head than the configuration says: queries and keys [.., q], values [.., v].

    Each key head kept its own rotary pairs of the d / 2 that there are; pair p turns as it did before. Scores are scaled
    by the original d.
    """

    def __init__(self, stock, heads, kv_heads, head_dim, widths):
        super().__init__()
        self.config = stock.config
        self.layer_idx = stock.layer_idx
        self.heads, self.kv_heads = heads, kv_heads
        self.key_dim, self.value_dim = widths["key_dim"], widths["value_dim"]
        self.scaling = head_dim**-0.5
        pairs = widths["pairs"] or [list(range(head_dim // 2))] * kv_heads
        self.pairs = pairs
        hidden = stock.o_proj.out_features
        self.q_proj = nn.Linear(hidden, heads * self.key_dim, bias=stock.q_proj.bias is not None)
        self.k_proj = nn.Linear(hidden, kv_heads * self.key_dim, bias=stock.k_proj.bias is not None)
        self.v_proj = nn.Linear(hidden, kv_heads * self.value_dim, bias=stock.v_proj.bias is not None)
        self.o_proj = nn.Linear(heads * self.value_dim, hidden, bias=stock.o_proj.bias is not None)

    def _split(self, x, heads, width):
        return x.view(*x.shape[:-1], heads, width).transpose(1, 2)

    def _rotate(self, x, cos, sin):
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)

    def forward(
        self,
        hidden_states,
        position_embeddings=None,
        attention_mask=None,
        past_key_values=None,
        past_key_value=None,
        cache_position=None,
        **kwargs,
    ):
        group = self.heads // self.kv_heads
        cos, sin = position_embeddings  # [batch, seq, d], the frequencies twice
        # Made here: a buffer outside the checkpoint has no values after loading on the meta device.
        places = torch.tensor(self.pairs, dtype=torch.long, device=cos.device).flatten()
        cos = self._split(cos[..., places], self.kv_heads, self.key_dim // 2)
        sin = self._split(sin[..., places], self.kv_heads, self.key_dim // 2)
        query = self._split(self.q_proj(hidden_states), self.heads, self.key_dim)
        key = self._split(self.k_proj(hidden_states), self.kv_heads, self.key_dim)
        value = self._split(self.v_proj(hidden_states), self.kv_heads, self.value_dim)
        query = self._rotate(query, cos.repeat_interleave(group, dim=1), sin.repeat_interleave(group, dim=1))
        key = self._rotate(key, cos, sin)
        cache = past_key_values if past_key_values is not None else past_key_value
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx, {"cache_position": cache_position})
        key = key.repeat_interleave(group, dim=1)
        value = value.repeat_interleave(group, dim=1)
        if attention_mask is not None:
            attention_mask = attention_mask[..., : key.shape[-2]]
        causal = attention_mask is None and query.shape[2] > 1
        heads = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask, is_causal=causal, scale=self.scaling
        )
        return self.o_proj(heads.transpose(1, 2).flatten(2)), None


def narrow_blocks(model, blocks):
    """Gives every layer the widths of its own; `blocks` is the list of config.json, or None."""
    if blocks is None:
        return
    config = model.config
    if config._attn_implementation not in ("eager", "sdpa"):
        raise ValueError(
            f"Narrowed blocks run with the attention implementations eager and sdpa, not {config._attn_implementation}; "
            "pass attn_implementation='sdpa' to from_pretrained"
        )
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    for layer, widths in zip(model.layers, blocks, strict=True):
        layer.self_attn = NarrowAttention(layer.self_attn, heads, kv_heads, head_dim, widths)
        mlp, inner = layer.mlp, widths["intermediate"]
        for name in ("gate_proj", "up_proj"):
            setattr(mlp, name, nn.Linear(config.hidden_size, inner, bias=getattr(mlp, name).bias is not None))
        mlp.down_proj = nn.Linear(inner, config.hidden_size, bias=mlp.down_proj.bias is not None)


def _find(model, path, attribute="weight"):
    # Some checkpoints, GPT-2's own among them, name their tensors without the prefix of the base model.
    parent_path, _, name = path.removeprefix(model.base_model_prefix + ".").rpartition(".")
    parent = dict(model.named_modules()).get(parent_path)
    dense = getattr(parent, name, None)
    if not hasattr(dense, attribute):
        raise ValueError(f"lowrank site {path}: {type(model).__name__} has no such linear layer")
    return parent, name, dense


def _dense_shape(dense):
    """[out, in] of a linear layer; GPT-2's Conv1D stores its weight the other way round."""
    shape = tuple(dense.weight.shape)
    return shape if isinstance(dense, nn.Linear) else shape[::-1]


class LowrankInit:
    """Mixed into model classes: initialises what the stock rule does not know, and keeps it off what is gone."""

    def _init_weights(self, module):
        if isinstance(module, LowrankLinear):
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif not isinstance(getattr(module, "c_proj", None), LowrankLinear):
            # The GPT-2 family rescales `c_proj.weight` of each attention and MLP, which a low-rank c_proj has not.
            super()._init_weights(module)
