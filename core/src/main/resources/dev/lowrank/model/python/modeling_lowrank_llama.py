# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock llama model of transformers with the linear layers that config.json lists replaced by low-rank ones."""

from transformers import LlamaForCausalLM, LlamaModel

from .configuration_lowrank_llama import LowrankLlamaConfig
from .lowrank_layers import LowrankInit, replace_sites


class LowrankLlamaModel(LowrankInit, LlamaModel):
    config_class = LowrankLlamaConfig
    _auto_class = "AutoModel"

    def __init__(self, config):
        super().__init__(config)
        replace_sites(self)
        self.post_init()


class LowrankLlamaForCausalLM(LowrankInit, LlamaForCausalLM):
    config_class = LowrankLlamaConfig
    _auto_class = "AutoModelForCausalLM"

    def __init__(self, config):
        super().__init__(config)
        self.model = LowrankLlamaModel(config)
        self.post_init()
