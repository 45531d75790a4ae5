# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""Low-rank replacements for the linear layers that the `lowrank` block of config.json lists.

Shapes follow `torch.nn.Linear`: a site maps x [..., n] to y [..., m]; r is its rank.
"""

import torch
from torch import nn

FORMAT_VERSION = 1


class LowrankLinear(nn.Module):
    """What the three storage forms share: the sizes and the optional output bias [m]."""

    def __init__(self, in_features, out_features, rank, bias):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.rank = rank
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_features))
        else:
            self.register_parameter("bias", None)

    def product(self, x):
        raise NotImplementedError

    def forward(self, x):
        y = self.product(x)
        return y if self.bias is None else y + self.bias

    def extra_repr(self):
        return f"in={self.in_features}, out={self.out_features}, rank={self.rank}, bias={self.bias is not None}"


class LowrankFactored(LowrankLinear):
    """W = B A, with A [r, n] and B [m, r]."""

    def __init__(self, in_features, out_features, rank, bias):
        super().__init__(in_features, out_features, rank, bias)
        self.a = nn.Linear(in_features, rank, bias=False)
        self.b = nn.Linear(rank, out_features, bias=False)

    def product(self, x):
        return self.b(self.a(x))


class LowrankPivoted(LowrankLinear):
    """r rows of W kept as they are, the other m - r as combinations of them; row i of W is row index[i] of both stacked."""

    def __init__(self, in_features, out_features, rank, bias):
        super().__init__(in_features, out_features, rank, bias)
        self.pivot = nn.Linear(in_features, rank, bias=False)
        self.rest = nn.Linear(rank, out_features - rank, bias=False)
        self.register_buffer("index", torch.arange(out_features, dtype=torch.int32))

    def product(self, x):
        z = self.pivot(x)
        return torch.cat((z, self.rest(z)), dim=-1).index_select(-1, self.index)


class LowrankTucker(LowrankLinear):
    """W = B C A, with A [r, n], the core C [r, r] and B [m, r]."""

    def __init__(self, in_features, out_features, rank, bias):
        super().__init__(in_features, out_features, rank, bias)
        self.a = nn.Linear(in_features, rank, bias=False)
        self.core = nn.Linear(rank, rank, bias=False)
        self.b = nn.Linear(rank, out_features, bias=False)

    def product(self, x):
        return self.b(self.core(self.a(x)))


FORMS = {"factored": LowrankFactored, "pivoted": LowrankPivoted, "tucker": LowrankTucker}


def replace_sites(model):
    """Puts a low-rank module in the place of every site of `model.config.lowrank`; `model` is the base model."""
    block = getattr(model.config, "lowrank", None)
    if not isinstance(block, dict) or block.get("version") != FORMAT_VERSION:
        found = block.get("version") if isinstance(block, dict) else block
        raise ValueError(
            f"config.json: expected a `lowrank` block of version {FORMAT_VERSION}, found {found!r}. Load the model with "
            "the Python files of its own folder."
        )
    for path, site in block["sites"].items():
        parent, name, dense = _find(model, path)
        if site["form"] not in FORMS:
            raise ValueError(f"lowrank site {path}: form {site['form']!r} is none of {sorted(FORMS)}")
        out_features, in_features = _dense_shape(dense)
        if (site["out"], site["in"]) != (out_features, in_features):
            raise ValueError(
                f"lowrank site {path}: config.json says [{site['out']}, {site['in']}], the model has "
                f"[{out_features}, {in_features}]"
            )
        setattr(parent, name, FORMS[site["form"]](in_features, out_features, site["rank"], site["bias"]))


def _find(model, path):
    # Some checkpoints, GPT-2's own among them, name their tensors without the prefix of the base model.
    parent_path, _, name = path.removeprefix(model.base_model_prefix + ".").rpartition(".")
    parent = dict(model.named_modules()).get(parent_path)
    dense = getattr(parent, name, None)
    if not hasattr(dense, "weight"):
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
