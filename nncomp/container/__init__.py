"""The ``.nnc`` layout: frames, blocks, index, checks. ``docs/format.md`` is the specification.

``FrameWriter`` writes a frame, ``FrameReader`` reads one, ``read`` all frames of a file: they work
on a stream and never seek. ``read_index`` and ``read_blocks`` are for files that can seek. Readers
hand out only data whose checksums match, and only what the specification allows: everything else is
a ``FormatError``. The plan of a block is treated as bytes here; see ``nncomp.plan``.
"""

from nncomp.container.index import (
    ENTRY_COST,
    FrameIndex,
    HeadError,
    IndexEntry,
    frame_before,
    read_backwards,
    read_blocks,
    read_index,
    walk,
)
from nncomp.container.stream import (
    FrameReader,
    FrameWriter,
    is_end,
    read,
    record_size,
    small_frame,
)
from nncomp.container.values import (
    LEAD_SIZE,
    MAGIC,
    MAGICS,
    MAX_BLOCK_SIZE,
    MAX_LANES,
    MAX_PLAN_SIZE,
    MAX_SMALL_SIZE,
    MIN_BLOCK_SIZE,
    PRIME_SIZE,
    REACHES,
    SMALL_MAGIC,
    VERSION,
    Aside,
    Block,
    End,
    Header,
    Item,
    ModelRef,
    Packed,
    lead_checksum,
    require_block_size,
)

__all__ = [
    "ENTRY_COST",
    "LEAD_SIZE",
    "MAGIC",
    "MAGICS",
    "MAX_BLOCK_SIZE",
    "MAX_LANES",
    "MAX_PLAN_SIZE",
    "MAX_SMALL_SIZE",
    "MIN_BLOCK_SIZE",
    "PRIME_SIZE",
    "REACHES",
    "SMALL_MAGIC",
    "VERSION",
    "Aside",
    "Block",
    "End",
    "FrameIndex",
    "FrameReader",
    "FrameWriter",
    "HeadError",
    "Header",
    "IndexEntry",
    "Item",
    "ModelRef",
    "Packed",
    "frame_before",
    "is_end",
    "lead_checksum",
    "read",
    "read_backwards",
    "read_blocks",
    "read_index",
    "record_size",
    "require_block_size",
    "small_frame",
    "walk",
]
