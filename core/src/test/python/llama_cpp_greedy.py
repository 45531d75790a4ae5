"""Continues prompts greedily with llama.cpp (PyPI package xllamacpp) and prints the texts as JSON.
usage: llama_cpp_greedy.py MODEL.gguf TOKENS PROMPT..."""
import json
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel, params.verbosity = 512, 1, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
params.warmup = False
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type(0)  # keys and values in F32, as we keep them
params.flash_attn_type = xllamacpp.llama_flash_attn_type(0)  # which sums in halves
server = xllamacpp.Server(params)
texts = []
for prompt in sys.argv[3:]:
    request = {"prompt": prompt, "max_tokens": int(sys.argv[2]), "temperature": 0, "cache_prompt": False}
    answer = server.handle_completions(request)
    texts.append({"text": answer["choices"][0]["text"], "prompt_tokens": answer["usage"]["prompt_tokens"]})
print(json.dumps(texts))
