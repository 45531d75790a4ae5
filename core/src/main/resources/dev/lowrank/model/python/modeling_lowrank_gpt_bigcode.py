# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock gpt_bigcode model of transformers with the linear layers that config.json lists replaced by low-rank ones."""

from transformers import GPTBigCodeForCausalLM, GPTBigCodeModel

from .configuration_lowrank_gpt_bigcode import LowrankGPTBigCodeConfig
from .lowrank_layers import LowrankInit, replace_sites


class LowrankGPTBigCodeModel(LowrankInit, GPTBigCodeModel):
    config_class = LowrankGPTBigCodeConfig
    _auto_class = "AutoModel"

    def __init__(self, config):
        super().__init__(config)
        replace_sites(self)
        self.post_init()


class LowrankGPTBigCodeForCausalLM(LowrankInit, GPTBigCodeForCausalLM):
    config_class = LowrankGPTBigCodeConfig
    _auto_class = "AutoModelForCausalLM"

    def __init__(self, config):
        super().__init__(config)
        self.transformer = LowrankGPTBigCodeModel(config)
        self.post_init()
