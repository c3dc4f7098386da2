"""The kinds of layers in training, a module for each."""

from __future__ import annotations

from nncomp.network import layers as kinds
from nncomp.train.layers.attention import Attention
from nncomp.train.layers.feed_forward import FeedForward
from nncomp.train.layers.layer import Layer

__all__ = ["LAYERS", "Layer"]

LAYERS: dict[type[kinds.Layer], type[Layer]] = {
    kinds.Attention: Attention,
    kinds.FeedForward: FeedForward,
}
