# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock gpt2 model of transformers with the linear layers that config.json lists replaced by low-rank ones."""

from transformers import GPT2LMHeadModel, GPT2Model

from .configuration_lowrank_gpt2 import LowrankGPT2Config
from .lowrank_layers import LowrankInit, replace_sites


class LowrankGPT2Model(LowrankInit, GPT2Model):
    config_class = LowrankGPT2Config
    _auto_class = "AutoModel"

    def __init__(self, config):
        super().__init__(config)
        replace_sites(self)
        self.post_init()


class LowrankGPT2LMHeadModel(LowrankInit, GPT2LMHeadModel):
    config_class = LowrankGPT2Config
    _auto_class = "AutoModelForCausalLM"

    def __init__(self, config):
        super().__init__(config)
        self.transformer = LowrankGPT2Model(config)
        self.post_init()
