"""The network: configuration, masks, rotary attention, backbone, pooling.

Importing this package does not load Keras: engines that run without it know shapes and poolings from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roformer_sim.models.config import ModelConfig
from roformer_sim.models.pooling import Pooling, l2_normalize
from roformer_sim.models.unilm_mask import attention_bias, unilm_mask

if TYPE_CHECKING:
    from roformer_sim.models.backbone import Backbone, HiddenStates

__all__ = [
    "Backbone",
    "HiddenStates",
    "ModelConfig",
    "Pooling",
    "attention_bias",
    "l2_normalize",
    "unilm_mask",
]


def __getattr__(name: str) -> Any:
    if name in ("Backbone", "HiddenStates"):
        from roformer_sim.models import backbone

        return getattr(backbone, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
