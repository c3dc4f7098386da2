"""A prime: a sample that the predictors read before the first byte of each block, like a dictionary
of zstd.

A frame that is written with a prime can only be read with it, and names its digest. The engine
reads it once and copies the state of its predictors for each block.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nncomp import arguments
from nncomp.container import PRIME_SIZE
from nncomp.errors import PrimeError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from nncomp.mixing import Mixing
    from nncomp.model import Model, ModelConfig

__all__ = ["KEPT", "MAX_PRIME_SIZE", "MOST_KEPT", "Prime", "required"]

MAX_PRIME_SIZE = 1 << 20  # bytes
KEPT = 2  # how many primed states of a prime an engine caches: those that were used last
MOST_KEPT = 1 << 27  # bytes of a primed state that is cached, at most


class Prime:
    """A sample of the content to be compressed, 1…2^20 bytes; its end counts most.

    To compress many small things, make one and pass it to each call: the primed states that the
    engine makes of it are cached as long as it lives. Threads may share it. Raises ``ValueError``
    for a size out of range, ``TypeError`` for what is no buffer of bytes.
    """

    def __init__(self, data: Buffer) -> None:
        self.data = bytes(arguments.contiguous(data, "a prime"))
        if not self.data:
            raise ValueError("a prime is empty")
        if len(self.data) > MAX_PRIME_SIZE:
            raise ValueError(f"a prime is larger than {MAX_PRIME_SIZE} bytes")
        self.digest = hashlib.blake2b(self.data, digest_size=PRIME_SIZE).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prime) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.digest)

    def __len__(self) -> int:
        return len(self.data)

    def memory(self, size: int, mixing: Mixing, model: Model | ModelConfig | None) -> int:
        """Upper bound in bytes of a primed state that has room for ``size`` bytes of content."""
        room = 1 << max((size - 1).bit_length(), 12)  # engines round the room up to a power of two
        return mixing.memory(room, 1) + (0 if model is None else model.memory(1)) + len(self)

    def __repr__(self) -> str:
        return f"<Prime {self.digest.hex()}, {len(self)} bytes>"


def required(digest: bytes, offered: Prime | None) -> Prime | None:
    """Return ``offered`` if it is the prime that a frame names by ``digest`` or the beginning of
    it; None where the frame names none. Raises ``PrimeError`` where another one is offered, or
    none."""
    if not digest:
        return None
    if offered is None:
        raise PrimeError(f"it was written with a prime, {digest.hex()}, and needs it: use --prime")
    if not offered.digest.startswith(digest):
        shown = offered.digest[: len(digest)].hex()
        raise PrimeError(f"it was written with another prime: {digest.hex()}, not {shown}")
    return offered
