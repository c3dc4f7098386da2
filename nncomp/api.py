"""One-shot compression and decompression, of bytes and of streams."""

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
    """Compress ``data`` to one frame, and return that.

    ``level`` is 1..9; ``model`` (a model, a name or a path; "none": use no network) and
    ``block_size`` (bytes, a power of two, 2^10..2^26) replace those of the level. ``embed_model``
    puts the model into the frame. ``reach`` (bytes: 0, 2^26, 2^29 or 2^31) is how far back blocks
    may copy from. A ``prime`` is content that the predictors read before each block; decompressing
    needs it again. ``device`` is auto, cpu, cuda or cuda:N; ``threads`` ≥ 1, whose blocks keep
    within ``in_flight`` bytes of memory, at least one at a time. Raises
    ``ModelNotFoundError`` and ``ModelError``, ``TypeError`` and ``ValueError`` for wrong options,
    and ``NNCompError`` for a device that is not there.
    """
    checked = for_writing({"level": level, **options})
    view = arguments.contiguous(data)
    dst = io.BytesIO()
    compress_stream(io.BytesIO(view), dst, checked, content_size=view.nbytes)
    return dst.getvalue()


def decompress(data: Buffer, **options: Unpack[Reading]) -> bytes:
    """Return the content of all frames in ``data``.

    ``model`` is only one more place to look for the model that the data names. Raises
    ``FormatError`` and ``ChecksumError`` for the data, ``MemoryLimitError`` where decoding would
    need more than ``memory_limit`` bytes, ``SizeLimitError`` for more content than ``max_size``
    bytes, ``ModelNotFoundError``, ``ModelError``, and ``PrimeError`` for another ``prime`` than the
    data was written with. ``device``, ``threads`` and ``in_flight`` as in ``compress``.
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
    """Compress all of ``src`` to one frame, written to ``dst``. Arguments and errors are those of
    ``Encoder``."""
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

    When damage is found, the content before it may have been written already. Arguments and errors
    are those of ``Decoder``.
    """
    decoder = Decoder(options, content_size=content_size, progress=progress)
    results = decoder.results(container.read(src, options.memory_limit))
    with contextlib.closing(results):
        for part in results:
            rawio.write_all(dst, part.new)
    return decoder.summary
