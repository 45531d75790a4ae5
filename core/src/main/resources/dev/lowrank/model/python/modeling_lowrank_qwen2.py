# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock qwen2 model of transformers with the linear layers that config.json lists replaced by low-rank ones."""

from transformers import Qwen2ForCausalLM, Qwen2Model

from .configuration_lowrank_qwen2 import LowrankQwen2Config
from .lowrank_layers import LowrankInit, replace_sites


class LowrankQwen2Model(LowrankInit, Qwen2Model):
    config_class = LowrankQwen2Config
    _auto_class = "AutoModel"

    def __init__(self, config):
        super().__init__(config)
        replace_sites(self)
        self.post_init()


class LowrankQwen2ForCausalLM(LowrankInit, Qwen2ForCausalLM):
    config_class = LowrankQwen2Config
    _auto_class = "AutoModelForCausalLM"

    def __init__(self, config):
        super().__init__(config)
        self.model = LowrankQwen2Model(config)
        self.post_init()
