"""The kinds of layers on a device, a module for each, with its kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from nncomp.engine.cuda.layers.attention import Attention
from nncomp.engine.cuda.layers.feed_forward import FeedForward
from nncomp.engine.cuda.tensors import Rows, Tensors
from nncomp.network import layers as kinds

__all__ = ["LAYERS", "Layer"]


class Layer(Protocol):
    """A layer's tensors on a device."""

    def __init__(self, shape: Any, tensors: Tensors) -> None: ...

    @staticmethod
    def scratch(shape: Any) -> int:
        """Bytes a row that its kernels want for themselves; all layers use the same, in turn."""

    @staticmethod
    def state(shape: Any, steps: int) -> int:
        """Bytes that it remembers of a lane, for a run of so many steps at a time."""

    def start(self, rows: Rows) -> Callable[[], None]:
        """Take all the memory; what is returned adds the layer to ``rows.x``, norm included, and
        may be captured in a graph."""


LAYERS: dict[type[kinds.Layer], type[Layer]] = {
    kinds.Attention: Attention,
    kinds.FeedForward: FeedForward,
}
