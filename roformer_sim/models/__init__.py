"""The network: configuration, masks, rotary attention, backbone, pooling."""

from roformer_sim.models.backbone import Backbone, HiddenStates
from roformer_sim.models.config import ModelConfig
from roformer_sim.models.pooling import Pooling, l2_normalize
from roformer_sim.models.unilm_mask import attention_bias, unilm_mask

__all__ = [
    "Backbone",
    "HiddenStates",
    "ModelConfig",
    "Pooling",
    "attention_bias",
    "l2_normalize",
    "unilm_mask",
]
