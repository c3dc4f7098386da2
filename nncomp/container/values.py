"""What a frame consists of, and the limits of the format."""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass

from nncomp.mixing import Profile

__all__ = [
    "ID_SIZE",
    "LEAD_SIZE",
    "MAGIC",
    "MAGICS",
    "MAX_BLOCKS",
    "MAX_BLOCK_SIZE",
    "MAX_LANES",
    "MAX_MODEL_SIZE",
    "MAX_NAME",
    "MAX_PLAN_SIZE",
    "MAX_SMALL_SIZE",
    "MIN_BLOCK_SIZE",
    "NAMED_SIZE",
    "PRIME_SIZE",
    "REACHES",
    "SMALL_MAGIC",
    "VERSION",
    "Aside",
    "Block",
    "End",
    "Header",
    "Item",
    "ModelRef",
    "Packed",
    "lead_checksum",
    "require_block_size",
]

MAGIC = b"\x89NNC\r\n"
SMALL_MAGIC = MAGIC[:2] + b"P"
MAGICS = MAGIC, SMALL_MAGIC  # what a frame may begin with
VERSION = 24
MIN_BLOCK_SIZE = 1 << 10
MAX_BLOCK_SIZE = 1 << 26
MAX_LANES = 1 << 7
MAX_BLOCKS = 1 << 24  # in a frame
MAX_PLAN_SIZE = 1 << 16  # bytes of a block's plan
MAX_NAME = 64  # bytes of a model name
MAX_MODEL_SIZE = 1 << 26  # bytes of an embedded model
LEAD_SIZE = 1 << 16  # bytes of a block's lead, which can be read before the rest of it
REACHES = 0, 1 << 26, 1 << 29, 1 << 31  # bytes of literals that blocks may copy from
ID_SIZE = 16  # bytes of a model id
PRIME_SIZE = 16  # bytes of a prime's digest
NAMED_SIZE = 4  # bytes of a digest or of an id by which a small frame names a prime or a model
MAX_SMALL_SIZE = LEAD_SIZE  # bytes of content of a small frame


@dataclass(frozen=True)
class Header:
    """What holds for a whole frame. Raises ``ValueError`` for what the format cannot express."""

    block_size: int  # no block has more content; a power of two, 2**10..2**26
    lanes: int  # of ``block_size`` bytes where the network codes them; a power of two, 1..128
    arithmetic: int  # version of docs/numerics.md, 1..15
    profile: Profile = Profile.RICH  # of the adaptive stage
    reach: int = 0  # one of REACHES; 0: every block stands alone
    prime: bytes = b""  # digest of what blocks are primed with; of a small frame its first bytes
    small: bool = False  # a frame of one block of at most MAX_SMALL_SIZE bytes

    def __post_init__(self) -> None:
        require_block_size(self.block_size)
        if not _is_power_of_two(self.lanes, 1, MAX_LANES):
            raise ValueError(f"{self.lanes} lanes are not a power of two, 1..128")
        if not (1 <= self.arithmetic <= 15 and self.profile in tuple(Profile)):
            raise ValueError("arithmetic version or profile is out of range")
        if self.reach not in REACHES:
            raise ValueError(f"a reach of {self.reach} bytes is not one of {REACHES}")
        if len(self.prime) not in (0, NAMED_SIZE if self.small else PRIME_SIZE):
            raise ValueError("a prime's digest has a wrong size")

    def as_small(self) -> Header:
        """That of a small frame of the same arithmetic, profile and prime. It has lanes of its own:
        a stream of more than a block, which a filter may make, can have more of them."""
        return dataclasses.replace(
            self,
            block_size=MAX_SMALL_SIZE,
            lanes=1,
            reach=0,
            prime=self.prime[:NAMED_SIZE],
            small=True,
        )

    def lanes_of(self, size: int) -> int:
        """Lanes of a stream of ``size`` bytes that the network codes, 1..128: a power of two, which
        threads share evenly. Each of several has 3/4 to 3/2 of the bytes of those of a full block,
        more where no more lanes are allowed."""
        least = 3 * (self.block_size // self.lanes)  # in quarters of a byte
        return min(1 << max(0, (4 * size // least).bit_length() - 1), MAX_LANES)


@dataclass(frozen=True)
class ModelRef:
    """Which model a frame's network blocks need: by id and name, or in full."""

    id: bytes  # 16 bytes; of a small frame the first NAMED_SIZE
    name: str  # 1..64 characters of [a-z0-9._-]; '' of a small frame
    data: bytes | None = None  # the packed model if it is embedded


@dataclass(frozen=True)
class Packed:
    """A model in the form in which files embed it (``packing``)."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Block:
    """A block as stored."""

    size: int  # bytes of content, 1..block_size
    network: bool  # whether it needs the frame's model, which the first such block carries
    plan: bytes  # how the payload is to be read, 1..2**16 bytes
    payload: bytes  # at most as long as the content
    content_checksum: int  # CRC-32 of the content
    lead_checksum: int = 0  # that of its first LEAD_SIZE bytes; 0 where it has no more
    before: tuple[int, int] | None = None  # of a small frame: CRC-32 and size of what is before
    # its check, which ``content_checksum`` is then

    def matches(self, content: bytes) -> bool:
        """Whether ``content`` is what the checksums are of."""
        checksum = zlib.crc32(content)
        if self.before is not None:
            return _small_check(checksum, *self.before) == self.content_checksum
        lead = lead_checksum(content)
        return (checksum, lead) == (self.content_checksum, self.lead_checksum)


@dataclass(frozen=True)
class Aside:
    """The block that follows is none of those asked for: one of them copies from it."""

    back: int  # how many blocks it is before the next one that is asked for


@dataclass(frozen=True)
class End:
    """The end of a frame."""

    content_size: int
    stored_size: int  # of the whole frame, from magic to last check


Item = Header | ModelRef | Aside | Block | End  # what readers hand out


def _small_check(content_checksum: int, before: int, size: int) -> int:
    """The check of a small frame: CRC-32 of the content and then of the ``size`` bytes before the
    check, of which ``before`` is the CRC-32.

    The content comes first, so that no bit of it is as far from the end as one of the frame: a
    stored bit and the bit of the content that it becomes would cancel each other.
    """
    zeros = bytes(size)  # a CRC is linear: what is behind the content adds the same to any content
    return zlib.crc32(zeros, content_checksum) ^ zlib.crc32(zeros) ^ before


def lead_checksum(content: bytes) -> int:
    """What a block of this content holds as ``lead_checksum``."""
    return zlib.crc32(content[:LEAD_SIZE]) if len(content) > LEAD_SIZE else 0


def require_block_size(size: int) -> None:
    """Raise ``ValueError`` for what the format cannot express."""
    if not _is_power_of_two(size, MIN_BLOCK_SIZE, MAX_BLOCK_SIZE):
        raise ValueError(f"block size {size} is not a power of two, 2^10..2^26")


def _is_power_of_two(value: int, low: int, high: int) -> bool:
    return low <= value <= high and value & (value - 1) == 0
