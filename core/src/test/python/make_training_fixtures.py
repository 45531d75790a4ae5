"""Makes golden/training: five steps of torch.optim.AdamW, and the distillation loss with its gradient by autograd.
usage: make_training_fixtures.py RESOURCES_DIR   (seed 20261123; versions are written to versions.txt beside the files)"""
import importlib.metadata as meta
import pathlib
import sys

import torch
from safetensors.torch import save_file

SEED = 20261123
out = pathlib.Path(sys.argv[1]) / "golden" / "training"
out.mkdir(parents=True, exist_ok=True)
random = torch.Generator().manual_seed(SEED)


def normal(*shape):
    return torch.randn(*shape, generator=random)


def adamw():
    """Matrices decay, vectors do not; the rate changes at every step."""
    matrix = torch.nn.Parameter(normal(7, 5))
    vector = torch.nn.Parameter(normal(6))
    optimiser = torch.optim.AdamW(
        [{"params": [matrix], "weight_decay": 0.05}, {"params": [vector], "weight_decay": 0.0}],
        lr=1.0, betas=(0.9, 0.95), eps=1e-8)
    tensors = {"start": torch.cat([matrix.detach().reshape(-1), vector.detach()]).clone()}
    for step, rate in enumerate([1e-3, 3e-3, 2e-3, 1e-3, 5e-4], start=1):
        matrix.grad = normal(7, 5) * 10.0 ** (step - 3)
        vector.grad = normal(6) * 10.0 ** (step - 3)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        tensors[f"gradient.{step}"] = torch.cat([matrix.grad.reshape(-1), vector.grad]).clone()
        tensors[f"values.{step}"] = torch.cat([matrix.detach().reshape(-1), vector.detach()]).clone()
    tensors["mean"] = torch.cat([optimiser.state[p]["exp_avg"].reshape(-1) for p in (matrix, vector)])
    tensors["square"] = torch.cat([optimiser.state[p]["exp_avg_sq"].reshape(-1) for p in (matrix, vector)])
    save_file(tensors, out / "adamw.safetensors")


def loss():
    """text * cross-entropy + (1 - text) * T^2 * KL over the teacher's top classes and the sum of the others."""
    rows, vocabulary, top = 9, 23, 5
    logits = (3 * normal(rows, vocabulary)).double().requires_grad_(True)
    targets = torch.randint(vocabulary, (rows,), generator=random)
    tensors = {"logits": logits.detach().float(), "targets": targets}
    for name, text, temperature in (("plain", 0.25, 1.0), ("soft", 0.25, 2.5), ("teacher", 0.0, 1.0), ("text", 1.0, 1.0)):
        teacher = (3 * normal(rows, vocabulary)).double()
        soft = torch.softmax(teacher / temperature, -1)
        kept = soft.topk(top, -1)
        q = torch.cat([kept.values, 1 - kept.values.sum(-1, keepdim=True)], -1)
        own = torch.softmax(logits / temperature, -1)
        p = torch.gather(own, -1, kept.indices)
        p = torch.cat([p, 1 - p.sum(-1, keepdim=True)], -1)
        divergence = (q * (q.log() - p.log())).sum()
        entropy = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        total = text * entropy + (1 - text) * temperature ** 2 * divergence
        (gradient,) = torch.autograd.grad(total, logits)
        tensors[f"{name}.indices"] = kept.indices
        tensors[f"{name}.probabilities"] = kept.values.float()
        tensors[f"{name}.entropy"] = entropy.detach().reshape(1)
        tensors[f"{name}.divergence"] = divergence.detach().reshape(1)
        tensors[f"{name}.gradient"] = gradient.float()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "loss.safetensors")


adamw()
loss()
(out / "versions.txt").write_text(
    "made by core/src/test/python/make_training_fixtures.py\n"
    + "".join(f"{name} {meta.version(name)}\n" for name in ("torch", "safetensors"))
    + f"seed {SEED}\n")
