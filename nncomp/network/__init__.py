"""The network's shape: which layers, which tensors, within which limits.

``schema`` is a row of the table of tensors, ``layers`` the kinds of layers, ``tables`` the tables
of contexts, ``config`` a whole network. Nothing here computes one (``engine``) or reads its
weights (``model``).
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
