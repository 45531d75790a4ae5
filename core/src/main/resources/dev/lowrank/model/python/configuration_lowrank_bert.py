# SPDX-License-Identifier: Apache-2.0
# Written by Lowrank, licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
"""The stock bert configuration with one more key: `lowrank`, the sites that are stored in low-rank form."""

from transformers import BertConfig


class LowrankBertConfig(BertConfig):
    _auto_class = "AutoConfig"
    lowrank = None
    # The stock plan splits dense projections between devices; low-rank ones must not be split that way.
    base_model_tp_plan = None
