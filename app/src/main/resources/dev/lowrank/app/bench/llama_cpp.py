"""Speed of llama.cpp by its own timings; a JSON object on standard input says what to run."""
import json
import sys

import xllamacpp

job = json.load(sys.stdin)
params = xllamacpp.CommonParams()
params.model.path = job["model"]
params.n_ctx = job["context"] + 16
params.n_parallel = 1
params.verbosity = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = job["threads"]
server = xllamacpp.Server(params)
rounds = [server.handle_completions(job["request"])["timings"] for _ in range(job["rounds"])]
print("\nlowrank-peer " + json.dumps({
    "prompt_tokens": rounds[0]["prompt_n"],
    "prefill": max(one["prompt_per_second"] for one in rounds),
    "decode": max(one["predicted_per_second"] for one in rounds),
}), flush=True)
