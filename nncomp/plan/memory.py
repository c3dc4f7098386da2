"""What decoding takes, before anything is allocated: from the sizes that a plan names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncomp.container import Header
from nncomp.filters import FILTERS
from nncomp.mixing import Mixing, costliest
from nncomp.plan.values import Joined, Plan
from nncomp.prime import KEPT, MOST_KEPT, Prime

if TYPE_CHECKING:
    from nncomp.model import Model, ModelConfig

__all__ = ["of_block", "of_frame"]

LEFT = 6  # times a block's size: what is left once it is coded, its content and up to two payloads


def of_block(
    plan: Plan, size: int, model: Model | ModelConfig | None, prime: Prime | None = None
) -> int:
    """Upper bound in bytes of what decoding a block of ``size`` bytes needs.

    That is its payload and content, with copies its literals and what is copied, with a filter the
    streams, joined ones and others, and what joins them, and what the largest of its streams is
    coded with: they are decoded one after the other. What is held of earlier blocks comes in
    addition. A primed stream takes the ``prime`` for each lane, and what is kept of it.
    """
    need = 2 * size
    if plan.copies is not None:
        need += plan.copies.literals + plan.copies.stream.size
    root = plan.joined(size)
    if plan.filter:
        need += _of_joined(root) + sum(part.size for part in root.every)
    coders = [0 if model is None else model.memory(1)]
    for stream in plan.every_stream:
        if stream.mixing is not None:
            lanes = len(stream.payloads)
            used = prime if stream.primed else None
            coders.append(_of_coder(stream.mixing, stream.size, lanes, model, used))
    return need + max(coders)


def _of_coder(
    mixing: Mixing,
    size: int,
    lanes: int,
    model: Model | ModelConfig | None,
    prime: Prime | None,
) -> int:
    """What a stream is coded with. A prime stands before each lane, once more in what has read it,
    of which there may be some, if only the one that is copied now."""
    network = 0 if model is None else model.memory(lanes)
    if prime is None:
        return mixing.memory(size, lanes) + network
    laid_out = size + lanes * len(prime)
    state = prime.memory(laid_out, mixing, model)
    kept = KEPT if state <= MOST_KEPT else 1
    return laid_out + mixing.memory(laid_out, lanes) + network + kept * state


def _of_joined(joined: Joined) -> int:
    """The most that joining it or a stream of it needs beside the streams."""
    sizes = [part.size for part in joined.streams]
    need = FILTERS[joined.filter].memory(sizes, joined.side, joined.size)
    return max([need, *(_of_joined(part) for part in joined.streams if isinstance(part, Joined))])


def of_frame(header: Header, model: Model | ModelConfig | None, prime: Prime | None = None) -> int:
    """The same for any block that a filter does not make larger, whatever its plan."""
    lanes = 1 if model is None else header.lanes
    size = header.block_size
    need = 3 * size + max(f.memory([size], b"", size) for f in FILTERS)
    return need + _of_coder(costliest(header.profile), size, lanes, model, prime)
