"""Speed of transformers on the CPU; a JSON object on standard input says what to run."""
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def measure(model, prompt, decode):
    """Seconds of the prompt and of the tokens after it."""
    begin = time.perf_counter()
    out = model(prompt, use_cache=True, logits_to_keep=1)
    token = out.logits[:, -1:].argmax(-1)
    first = time.perf_counter()
    for _ in range(decode):
        out = model(token, past_key_values=out.past_key_values, use_cache=True)
        token = out.logits[:, -1:].argmax(-1)
    return first - begin, time.perf_counter() - first


job = json.load(sys.stdin)
torch.set_grad_enabled(False)
torch.set_num_threads(job["threads"])
prompt = torch.tensor([job["prompt"]])
source = {"gguf_file": job["gguf_file"]} if "gguf_file" in job else {}
for name in ("float32", "bfloat16"):
    model = AutoModelForCausalLM.from_pretrained(
        job["folder"], dtype=getattr(torch, name), trust_remote_code=job["trusted"], **source).eval()
    rounds = [measure(model, prompt, job["decode"]) for _ in range(job["rounds"])]
    print("\nlowrank-peer " + json.dumps({
        "type": name,
        "bytes": sum(p.numel() * p.element_size() for p in model.parameters()),
        "prefill": prompt.shape[1] / min(prefill for prefill, _ in rounds),
        "decode": job["decode"] / min(decode for _, decode in rounds),
    }), flush=True)
    del model
