"""The kinds of layers on a GPU, a module for each, with its kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from nncomp.engine.cuda.layers.attention import Attention
from nncomp.engine.cuda.layers.feed_forward import FeedForward
from nncomp.engine.cuda.tensors import Rows, Tensors
from nncomp.network import layers as kinds

__all__ = ["LAYERS", "Layer"]


class Layer(Protocol):
    """A layer with its tensors on a GPU."""

    def __init__(self, shape: Any, tensors: Tensors) -> None: ...

    @staticmethod
    def scratch(shape: Any) -> int:
        """Bytes of scratch memory per row; all layers share one scratch memory."""

    @staticmethod
    def state(shape: Any, steps: int) -> int:
        """Bytes of the layer's state for a lane, in a run of ``steps`` steps at a time."""

    def start(self, rows: Rows) -> Callable[[], None]:
        """Allocate all memory, and return a function that adds the layer, norm included, to
        ``rows.x`` and may be captured in a CUDA graph."""


LAYERS: dict[type[kinds.Layer], type[Layer]] = {
    kinds.Attention: Attention,
    kinds.FeedForward: FeedForward,
}
