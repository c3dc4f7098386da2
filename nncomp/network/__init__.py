"""The network's shape: its layers, its tensors and their limits.

``schema`` describes a tensor, ``layers`` the kinds of layers, ``tables`` the tables of contexts,
``config`` a whole network. Nothing here runs a network (``engine``) or reads its weights
(``model``).
"""

from __future__ import annotations

from nncomp.network.config import ARITHMETIC, ModelConfig
from nncomp.network.layers import KINDS, Attention, FeedForward, Layer
from nncomp.network.schema import Role, Tensor
from nncomp.network.tables import CONTEXTS, WAYS, Table

__all__ = [
    "ARITHMETIC",
    "CONTEXTS",
    "KINDS",
    "WAYS",
    "Attention",
    "FeedForward",
    "Layer",
    "ModelConfig",
    "Role",
    "Table",
    "Tensor",
]
