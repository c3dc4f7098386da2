"""Bounds the memory that decoding takes, from the sizes in a plan, before anything is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncomp.container import Header
from nncomp.filters import FILTERS
from nncomp.mixing import Mixing, costliest
from nncomp.plan.values import Joined, Plan
from nncomp.prime import KEPT, MOST_KEPT, Prime

if TYPE_CHECKING:
    from nncomp.model import Model, ModelConfig

__all__ = ["LEFT", "of_block", "of_frame"]

# Memory that a block takes once it is coded and waits to be written, as a multiple of its size: its
# content and up to two payloads.
LEFT = 6


def of_block(plan: Plan, size: int, model: Model | ModelConfig | None, prime: Prime | None) -> int:
    """Upper bound in bytes of the memory that decoding a block of ``size`` bytes takes.

    That is its payload and content; with copies, its literals and the stream of copies; with a
    filter, all streams and what joining them takes; the memory for coding one stream, the most
    costly, since streams are decoded one after the other; and the primed states that are cached
    then. Literals held of earlier blocks, and states cached then, come in addition.
    """
    need = 2 * size
    if plan.copies is not None:
        need += plan.copies.literals + plan.copies.stream.size
    root = plan.joined(size)
    if plan.filter:
        need += _of_joined(root) + sum(part.size for part in root.every)
    coders, kept = [0 if model is None else model.memory(1)], [0]
    for stream in plan.every_stream:
        if stream.mixing is not None:
            lanes = len(stream.payloads)
            used = prime if stream.primed else None
            coder, states = _of_coder(stream.mixing, stream.size, lanes, model, used)
            coders.append(coder)
            kept.append(states)
    return need + max(coders) + max(kept)


def _of_coder(
    mixing: Mixing,
    size: int,
    lanes: int,
    model: Model | ModelConfig | None,
    prime: Prime | None,
) -> tuple[int, int]:
    """Memory for coding one stream, and for the primed states that are cached from then on: up to
    KEPT. One that is larger than MOST_KEPT is not, and goes with the stream. The prime is copied in
    front of every lane, and each state holds it once more."""
    network = 0 if model is None else model.memory(lanes)
    if prime is None:
        return mixing.memory(size, lanes) + network, 0
    laid_out = size + lanes * len(prime)
    state = prime.memory(laid_out, mixing, model)
    coder = laid_out + mixing.memory(laid_out, lanes) + network
    return (coder, KEPT * state) if state <= MOST_KEPT else (coder + state, 0)


def _of_joined(joined: Joined) -> int:
    """The most memory that joining ``joined`` or one of its streams takes beside the streams."""
    sizes = [part.size for part in joined.streams]
    need = FILTERS[joined.filter].memory(sizes, joined.side, joined.size)
    return max([need, *(_of_joined(part) for part in joined.streams if isinstance(part, Joined))])


def of_frame(header: Header, model: Model | ModelConfig | None, prime: Prime | None) -> int:
    """Upper bound in bytes for any block of a frame, unless a filter makes its streams larger than
    its content, or it is a picture of JPEG, whose coefficients take more than it says here."""
    lanes = 1 if model is None else header.lanes
    size = header.block_size
    need = 3 * size + max(f.memory([size], b"", size) for f in FILTERS)
    return need + sum(_of_coder(costliest(header.profile), size, lanes, model, prime))
