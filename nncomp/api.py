"""Compressing and decompressing as a whole: bytes at once, and streams."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from nncomp import arguments, container, rawio
from nncomp.decode import Decoder
from nncomp.encode import Encoder
from nncomp.options import Options, for_reading, for_writing
from nncomp.rawio import Readable, Writable
from nncomp.schedule import Progress
from nncomp.summary import Summary

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from nncomp.options import Reading, Writing

__all__ = ["compress", "compress_stream", "decompress", "decompress_stream"]


def compress(data: Buffer, level: int | None = None, **options: Unpack[Writing]) -> bytes:
    """``data`` as one frame.

    ``level`` is 1..9; ``model`` (a model, a name or a path; "none": use no network) and
    ``block_size`` (bytes, a power of two, 2^10..2^26) replace what the level says. ``embed_model``
    puts the model into the frame. ``reach`` (bytes: 0, 2^26, 2^29 or 2^31) is how far back blocks
    copy from; a ``prime`` is read before each block, and needed to decompress. ``device`` is auto,
    cpu, cuda or cuda:N; ``threads`` ≥ 1. Raises ``ModelNotFoundError`` and ``ModelError``,
    ``TypeError`` and ``ValueError`` for wrong options, and ``NNCompError`` for a device that is not
    there.
    """
    checked = for_writing({"level": level, **options})
    view = arguments.contiguous(data)
    dst = io.BytesIO()
    compress_stream(io.BytesIO(view), dst, checked, content_size=view.nbytes)
    return dst.getvalue()


def decompress(data: Buffer, **options: Unpack[Reading]) -> bytes:
    """The content of all frames in ``data``.

    ``model`` is only one more place to look for the model that the file names. Raises
    ``FormatError`` and ``ChecksumError`` for the data, ``MemoryLimitError`` where decoding would
    need more than ``memory_limit`` bytes, ``SizeLimitError`` for more content than ``max_size``
    bytes, ``ModelNotFoundError``, ``ModelError``, and ``PrimeError`` for another ``prime`` than the
    data was written with. ``device`` and ``threads`` as in ``compress``.
    """
    checked = for_reading(dict(options))
    dst = io.BytesIO()
    decompress_stream(io.BytesIO(arguments.contiguous(data)), dst, checked)
    return dst.getvalue()


def compress_stream(
    src: Readable,
    dst: Writable,
    options: Options,
    *,
    content_size: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Compress all of ``src`` into one frame on ``dst``. As ``Encoder``."""
    encoder = Encoder(dst, options, content_size=content_size, progress=progress)
    encoder.add(src)
    return encoder.end()


def decompress_stream(
    src: Readable,
    dst: Writable,
    options: Options,
    *,
    content_size: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Decompress all frames of ``src`` to ``dst``; a block, or its lead, is written once verified.

    What is before damage may have been written by then. As ``Decoder``.
    """
    decoder = Decoder(options, content_size=content_size, progress=progress)
    results = decoder.results(container.read(src, options.memory_limit))
    with contextlib.closing(results):
        for part in results:
            rawio.write_all(dst, part.new)
    return decoder.summary
