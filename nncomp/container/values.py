"""The values that a frame consists of, and the limits of the format."""

from __future__ import annotations

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
MAGICS = MAGIC, SMALL_MAGIC  # every frame begins with one of these
VERSION = 26
MIN_BLOCK_SIZE = 1 << 10
MAX_BLOCK_SIZE = 1 << 26
MAX_LANES = 1 << 7
MAX_BLOCKS = 1 << 24  # blocks of a frame
MAX_PLAN_SIZE = 1 << 16  # bytes of a block's plan
MAX_NAME = 64  # bytes of a model name
MAX_MODEL_SIZE = 1 << 26  # bytes of an embedded model
LEAD_SIZE = 1 << 16  # bytes of a block's lead, which can be read before the rest of it
REACHES = 0, 1 << 26, 1 << 29, 1 << 31  # bytes of literals that blocks may copy from
ID_SIZE = 16  # bytes of a model id
PRIME_SIZE = 16  # bytes of a prime's digest
NAMED_SIZE = 4  # bytes of the digest or id by which a small frame names a prime or a model
MAX_SMALL_SIZE = LEAD_SIZE  # bytes of content of a small frame


@dataclass(frozen=True)
class Header:
    """The parameters of a frame. Raises ``ValueError`` for what the format cannot express."""

    block_size: int  # most bytes of content of a block; a power of two, 2**10..2**26
    lanes: int  # lanes of a full block that the network codes; a power of two, 1..128
    arithmetic: int  # version of docs/numerics.md, 1..15
    profile: Profile = Profile.RICH  # of the adaptive stage
    reach: int = 0  # one of REACHES; 0: every block stands alone
    prime: bytes = b""  # digest of the prime, in a small frame its first bytes; '': no prime
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

    @classmethod
    def of_small(cls, arithmetic: int, profile: Profile, prime: bytes) -> Header:
        """The header that a small frame stands for; ``prime`` is a digest or its first bytes. It
        has lanes of its own: a stream of more than a block, which a filter may make, can have more
        of them than in another frame."""
        return cls(MAX_SMALL_SIZE, 1, arithmetic, profile, 0, prime[:NAMED_SIZE], small=True)

    def lanes_of(self, size: int) -> int:
        """Number of lanes of a stream of ``size`` bytes that the network codes, 1..128: a power of
        two, which threads share evenly. If there are several, each has 3/4 to 3/2 as many bytes as
        a lane of a full block, or more where the limit of lanes is reached."""
        least = 3 * (self.block_size // self.lanes)  # in quarters of a byte
        return min(1 << max(0, (4 * size // least).bit_length() - 1), MAX_LANES)


@dataclass(frozen=True)
class ModelRef:
    """The model that a frame's network blocks need, named or embedded."""

    id: bytes  # 16 bytes; in a small frame the first NAMED_SIZE of them
    name: str  # 1..64 characters of [a-z0-9._-]; '' in a small frame
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
    lead_checksum: int = 0  # CRC-32 of the first LEAD_SIZE bytes; 0 if there are no more
    # Small frames only: (CRC-32, size) of the frame's bytes before its check; content_checksum then
    # holds that check, which covers the content too.
    before: tuple[int, int] | None = None

    def matches(self, content: bytes) -> bool:
        """Whether ``content`` has the block's checksums."""
        checksum = zlib.crc32(content)
        if self.before is not None:
            return _small_check(checksum, *self.before) == self.content_checksum
        lead = lead_checksum(content)
        return (checksum, lead) == (self.content_checksum, self.lead_checksum)


@dataclass(frozen=True)
class Aside:
    """The next block was not asked for, but one that was copies from it."""

    back: int  # how many blocks it is before the next block that was asked for


@dataclass(frozen=True)
class End:
    """The end of a frame."""

    content_size: int  # bytes
    stored_size: int  # bytes of the whole frame, from the magic to the last checksum


Item = Header | ModelRef | Aside | Block | End  # the items that readers hand out


def _small_check(content_checksum: int, before: int, size: int) -> int:
    """The check of a small frame: CRC-32 of the content followed by the frame's ``size`` bytes
    before the check, whose own CRC-32 is ``before``.

    The content is hashed first, the frame's bytes after it. Otherwise a stored bit and the content
    bit that it becomes would be equally far from the end, and flipping one would flip both without
    changing the CRC.
    """
    zeros = bytes(size)  # a CRC is linear: CRCs of content + zeros and of the frame can be combined
    return zlib.crc32(zeros, content_checksum) ^ zlib.crc32(zeros) ^ before


def lead_checksum(content: bytes) -> int:
    """The ``lead_checksum`` of a block of this content."""
    return zlib.crc32(content[:LEAD_SIZE]) if len(content) > LEAD_SIZE else 0


def require_block_size(size: int, least: int = MIN_BLOCK_SIZE) -> None:
    """Raise ``ValueError`` unless ``size`` is a power of two from ``least`` to 2^26."""
    if not _is_power_of_two(size, least, MAX_BLOCK_SIZE):
        low, high = least.bit_length() - 1, MAX_BLOCK_SIZE.bit_length() - 1
        raise ValueError(f"block size {size} is not a power of two, 2^{low}..2^{high}")


def _is_power_of_two(value: int, low: int, high: int) -> bool:
    return low <= value <= high and value & (value - 1) == 0
