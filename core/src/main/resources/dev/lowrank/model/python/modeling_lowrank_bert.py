# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock bert model of transformers with the linear layers that config.json lists replaced by low-rank ones."""

from transformers import BertForMaskedLM, BertForSequenceClassification, BertModel

from .configuration_lowrank_bert import LowrankBertConfig
from .lowrank_layers import LowrankInit, replace_sites


class LowrankBertModel(LowrankInit, BertModel):
    config_class = LowrankBertConfig
    _auto_class = "AutoModel"

    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config, add_pooling_layer=add_pooling_layer)
        replace_sites(self)
        self.post_init()


class LowrankBertForMaskedLM(LowrankInit, BertForMaskedLM):
    config_class = LowrankBertConfig
    _auto_class = "AutoModelForMaskedLM"

    def __init__(self, config):
        super().__init__(config)
        self.bert = LowrankBertModel(config, add_pooling_layer=False)
        self.post_init()


class LowrankBertForSequenceClassification(LowrankInit, BertForSequenceClassification):
    config_class = LowrankBertConfig
    _auto_class = "AutoModelForSequenceClassification"

    def __init__(self, config):
        super().__init__(config)
        self.bert = LowrankBertModel(config)
        self.post_init()
