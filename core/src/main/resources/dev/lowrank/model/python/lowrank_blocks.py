# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""Weights in quantised blocks: a row is a run of blocks, each with scales of its own, stored as bytes.

The layouts are those of GGUF; nf4 has 64 weights a block, the largest magnitude as a half and then 32 pairs of codes.
"""

import torch
from torch import nn

NF4_LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


def _half(blocks, at):
    """The half at a byte of every block, as float32 [n, 1]."""
    return blocks[:, at : at + 2].contiguous().view(torch.float16).to(torch.float32)


def _nibbles(octets):
    """The low four bits of all bytes of a block, then the high ones."""
    return torch.cat((octets & 0xF, octets >> 4), dim=1).to(torch.float32)


def _q8_0(blocks):
    return _half(blocks, 0) * blocks[:, 2:34].contiguous().view(torch.int8).to(torch.float32)


def _q4_0(blocks):
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:18]) - 8)


def _q4_1(blocks):
    return _half(blocks, 0) * _nibbles(blocks[:, 4:20]) + _half(blocks, 2)


def _q5_0(blocks):
    places = torch.arange(8, dtype=torch.uint8, device=blocks.device)
    fifth = (blocks[:, 2:6].unsqueeze(2) >> places & 1).flatten(1)
    return _half(blocks, 0) * (_nibbles(blocks[:, 6:22]) + 16 * fifth.to(torch.float32) - 16)


def _q4_k(blocks):
    packed = blocks[:, 4:16]
    first, second, third = packed[:, :4], packed[:, 4:8], packed[:, 8:12]
    scales = torch.cat((first & 63, (third & 0xF) | (first >> 6) << 4), dim=1).to(torch.float32)
    offsets = torch.cat((second & 63, (third >> 4) | (second >> 6) << 4), dim=1).to(torch.float32)
    octets = blocks[:, 16:].reshape(-1, 4, 32)
    codes = torch.stack((octets & 0xF, octets >> 4), dim=2).reshape(-1, 8, 32).to(torch.float32)
    scaled = (_half(blocks, 0) * scales).unsqueeze(2) * codes - (_half(blocks, 2) * offsets).unsqueeze(2)
    return scaled.flatten(1)


def _q6_k(blocks):
    low = blocks[:, :128].reshape(-1, 2, 1, 64)
    low = torch.cat((low & 0xF, low >> 4), dim=2).reshape(-1, 2, 4, 32)
    places = torch.arange(0, 8, 2, dtype=torch.uint8, device=blocks.device).view(1, 1, 4, 1)
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> places & 3
    codes = ((low | high << 4).to(torch.float32) - 32).reshape(-1, 16, 16)
    scales = blocks[:, 192:208].contiguous().view(torch.int8).to(torch.float32)
    return ((_half(blocks, 208) * scales).unsqueeze(2) * codes).flatten(1)


def _nf4(blocks):
    levels = torch.tensor(NF4_LEVELS, dtype=torch.float32, device=blocks.device)
    return _half(blocks, 0) * levels[_nibbles(blocks[:, 2:34]).to(torch.long)]


# Weights and bytes of a block, and what decodes blocks [n, bytes] to float32 [n, weights].
TYPES = {
    "q8_0": (32, 34, _q8_0),
    "q4_0": (32, 18, _q4_0),
    "q4_1": (32, 20, _q4_1),
    "q5_0": (32, 22, _q5_0),
    "q4_k": (256, 144, _q4_k),
    "q6_k": (256, 210, _q6_k),
    "nf4": (64, 34, _nf4),
}


def row_bytes(kind, in_features):
    if kind not in TYPES:
        raise ValueError(f"config.json: the block type {kind!r} is none of {sorted(TYPES)}")
    weights, octets, _ = TYPES[kind]
    if in_features % weights:
        raise ValueError(f"config.json: rows of {in_features} weights are no whole blocks of {kind}")
    return in_features // weights * octets


def decode(kind, rows):
    """uint8 [m, bytes] to float32 [m, n]."""
    _, octets, of = TYPES[kind]
    return of(rows.reshape(-1, octets)).reshape(rows.shape[0], -1)


class Blocks:
    """A weight [m, n] in blocks, decoded when it is first used in a precision; the blocks are what is saved."""

    def start_blocks(self, kind):
        self.kind = kind
        octets = row_bytes(kind, self.in_features)
        self.register_buffer("weight", torch.zeros(self.out_features, octets, dtype=torch.uint8))
        self._plain = None

    def plain(self, dtype):
        if self._plain is None or self._plain.dtype != dtype or self._plain.device != self.weight.device:
            self._plain = decode(self.kind, self.weight).to(dtype)
        return self._plain


class BlockMatrix(Blocks, nn.Module):
    """y = x Wᵀ."""

    def __init__(self, in_features, out_features, kind):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.start_blocks(kind)

    def forward(self, x):
        return nn.functional.linear(x, self.plain(x.dtype))

    def extra_repr(self):
        return f"in={self.in_features}, out={self.out_features}, kind={self.kind}"


def matrix(in_features, out_features, kind):
    """A linear without bias: plain, or in blocks where a type is given."""
    return nn.Linear(in_features, out_features, bias=False) if kind is None else BlockMatrix(in_features, out_features, kind)
