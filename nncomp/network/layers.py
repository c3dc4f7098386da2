"""The kinds of layers: their dimensions, limits, tensors and costs.

Every layer is ``x += clamp16(layer(norm(x)))`` (docs/numerics.md, section 5). A kind is one class
here, and one module or class of the same name in each engine and in the trainer. To add one, add it
to ``KINDS`` and to the registers there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from nncomp.errors import ModelError
from nncomp.network import schema
from nncomp.network.limits import Limit, require
from nncomp.network.schema import Tensor

__all__ = ["CHUNK", "KINDS", "Attention", "FeedForward", "Layer", "from_numbers"]

CHUNK = 128  # steps that an encoder takes at a time


@dataclass(frozen=True)
class Layer:
    """A layer; its fields are its dimensions, in the order of files and of options."""

    kind: ClassVar[str]
    limits: ClassVar[tuple[Limit, ...]]  # the limit of each dimension

    @property
    def numbers(self) -> tuple[int, ...]:
        """The layer's dimensions, which distinguish it from others of its kind."""
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def __str__(self) -> str:
        return ":".join([self.kind, *map(str, self.numbers)])

    def check(self) -> None:
        """Raise ``ModelError`` unless the numbers are within their limits."""
        names = [field.name for field in dataclasses.fields(self)]
        for name, limit, number in zip(names, self.limits, self.numbers, strict=True):
            limit.check(f"{name} of {self.kind}", number)

    def tensors(self, d: int) -> tuple[Tensor, ...]:
        """The layer's tensors for a residual stream of width ``d``, except ``norm.c``."""
        raise NotImplementedError

    @property
    def other_multiply_adds(self) -> int:
        """Multiply-adds per byte, at most, except those of its matrices."""
        return 0

    @property
    def packed_size(self) -> int:
        """Bytes that a kernel holds beyond four times the tensors."""
        return 0

    @property
    def state_size(self) -> int:
        """Bytes of the layer's state for a lane."""
        return 0

    @property
    def row_size(self) -> int:
        """Bytes of buffers for a step of a lane."""
        return 0

    @property
    def units(self) -> int:
        """Number of hidden units that the adaptive stage may read; 0 if the layer has none."""
        return 0


@dataclass(frozen=True)
class Attention(Layer):
    """Multi-query attention to the last positions: all query heads share one key and value head."""

    heads: int  # query heads
    width: int  # channels of a head
    window: int  # positions seen, self included

    kind = "attention"
    limits = (Limit(1, 64), Limit(16, 128, 16), Limit(64, 1024, 64))
    _MARGIN: ClassVar = 32  # padding of a head's packed biases

    def check(self) -> None:
        super().check()
        require(self.width & (self.width - 1) == 0, f"width {self.width} is no power of two")
        Limit(64, 4096, 64).check("heads times width", self.heads * self.width)

    def tensors(self, d: int) -> tuple[Tensor, ...]:
        q, kv = self.heads * self.width, 2 * self.width
        return (
            *schema.matrix("qkv", q + kv, d, statistics=2),
            schema.multiplier("attn"),
            schema.bias("attn", self.heads, self.window),
            schema.constant("attn", high=1 << 38),  # c // 255 is below 2^31
            *schema.matrix("out", d, q, statistics=3),
        )

    @property
    def other_multiply_adds(self) -> int:
        return 2 * self.heads * self.width * self.window

    @property
    def packed_size(self) -> int:
        return 4 * self.heads * (self.window + self._MARGIN)  # as int32

    @property
    def state_size(self) -> int:
        return 2 * self.width * (self.window + CHUNK + 16)  # keys and values, int8

    @property
    def row_size(self) -> int:
        # int32 and int8 of q, k, v; scores and softmax weights of every head.
        return 6 * (self.heads + 2) * self.width + 5 * self.heads * self.window


@dataclass(frozen=True)
class FeedForward(Layer):
    """Two matrix products with a squared ReLU between them."""

    width: int  # hidden units

    kind = "feed_forward"
    limits = (Limit(64, 8192, 64),)

    def tensors(self, d: int) -> tuple[Tensor, ...]:
        return (
            *schema.matrix("up", self.width, d, statistics=4),
            *schema.matrix("down", d, self.width, statistics=5),
        )

    @property
    def row_size(self) -> int:
        return 5 * self.width  # int32 and u8

    @property
    def units(self) -> int:
        return self.width


KINDS: tuple[type[Layer], ...] = (Attention, FeedForward)
"""All kinds; a packed model names one by its place here."""


def from_numbers(kind: Any, numbers: list[Any]) -> Layer:
    """The layer of this kind with these dimensions. Raises ``ModelError``."""
    found = next((k for k in KINDS if k.kind == kind), None)
    if found is None:
        raise ModelError("a layer is of an unknown kind")
    require(len(numbers) == len(found.limits), f"{found.kind} has another count of numbers")
    layer = found(*numbers)
    layer.check()
    return layer
