"""Compression and decompression of data that arrives in pieces, without a file.

The classes have the methods and attributes of those in ``bz2`` and ``lzma``. How the data is cut
into pieces never matters: the bytes are those of ``compress`` and ``decompress``.
"""

from __future__ import annotations

import io
import weakref
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, NoReturn

from nncomp import arguments, container
from nncomp.container import FrameReader, Item
from nncomp.decode import Decoder, Part
from nncomp.encode import Encoder
from nncomp.exclusive import Exclusive
from nncomp.options import for_reading, for_writing

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from nncomp.options import Reading, Writing

__all__ = ["NNCompressor", "NNDecompressor"]


class NNCompressor:
    """Compresses pieces of data to one frame.

    Options and errors are those of ``compress``. Holds back input until there is a whole block, or
    with several threads a block for each of them; these are then compressed at once. After an error
    other than a wrong argument, the compressor cannot be used any more. Threads may share one:
    calls take turns.
    """

    def __init__(
        self,
        level: int | None = None,
        **options: Unpack[Writing],
    ) -> None:
        checked = for_writing({"level": level, **options})
        self._exclusive = Exclusive()
        self._output = io.BytesIO()
        self._input = bytearray()
        self._encoder: Encoder | None = Encoder(self._output, checked)  # none: used up, or failed

    def compress(self, data: Buffer, /) -> bytes:
        """Add ``data``; returns the compressed data that is ready, often none."""
        view = arguments.contiguous(data)
        with self._exclusive():
            encoder = self._take_encoder()
            self._input += view
            batch = encoder.width() * encoder.header.block_size
            if len(self._input) >= batch:
                self._add(encoder, len(self._input) // batch * batch, last=False)
            output = self._take_output()
            self._encoder = encoder
            return output

    def flush(self) -> bytes:
        """Compress what is held back and complete the frame. The compressor is used up."""
        with self._exclusive():
            encoder = self._take_encoder()
            self._add(encoder, len(self._input), last=True)
            encoder.end()
            return self._take_output()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def _take_encoder(self) -> Encoder:
        """Take the encoder away; only a call that succeeds puts it back. So after a signal has
        interrupted a call, nothing can be added twice or left out."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            raise ValueError("the frame has ended, or failed before: nothing can be added to it")
        return encoder

    def _add(self, encoder: Encoder, size: int, *, last: bool) -> None:
        added = encoder.add(io.BytesIO(self._input[:size]), last=last)
        del self._input[:added]

    def _take_output(self) -> bytes:
        output = self._output.getvalue()
        self._output.seek(0)
        self._output.truncate()
        return output


class NNDecompressor:
    """Decompresses one frame from pieces of compressed data.

    Options and errors are those of ``decompress``, except that data that ends before the frame does
    is no error: only ``eof`` shows it. After an error other than a wrong argument, the decompressor
    cannot be used any more. Threads may share one: calls take turns.
    """

    def __init__(self, **options: Unpack[Reading]) -> None:
        checked = for_reading(dict(options))
        self._exclusive = Exclusive()
        self._decoder = Decoder(checked)
        self._input = _Input(self._decoder.memory_limit)
        self._results: Generator[Part, None, None] | None = self._decoder.results(self._input)
        self._output = bytearray()
        self._whole = True  # whether the block of the last part has ended
        self._needs_input = True
        self._finished = False  # whether the end of the frame is reached

    @property
    def eof(self) -> bool:
        """Whether the end of the frame is reached and all of its content handed out."""
        return self._finished and not self._output

    @property
    def needs_input(self) -> bool:
        """Whether there is no more content without more compressed data. False also where that is
        not known: after a call that gave all it may, ``max_length`` bytes, as in ``lzma``."""
        return self._needs_input

    @property
    def unused_data(self) -> bytes:
        """The bytes found behind the frame; empty before ``eof``."""
        return bytes(self._input.data) if self.eof else b""

    def decompress(self, data: Buffer, max_length: int = -1) -> bytes:
        """Add ``data``; returns content, at most ``max_length`` bytes unless that is negative.

        Unless ``needs_input`` or ``eof``, a call with empty ``data`` gives more, or finds that it
        needs input. Raises ``EOFError`` after ``eof``.
        """
        view = arguments.contiguous(data)
        max_length = arguments.integer("max_length", max_length)
        with self._exclusive():
            return self._decompress(view, max_length)

    def _decompress(self, data: memoryview, max_length: int) -> bytes:
        if self.eof:
            raise EOFError("the end-of-stream marker was reached before")
        if self._results is None:
            raise ValueError("decompression has failed before")
        results, self._results = self._results, None  # only a call that succeeds restores it
        self._input.data += data
        self._needs_input = False
        # The end record is read along with the last content, so that ``eof`` is set at once.
        while (not self._finished and not self._needs_input) and (
            max_length < 0
            or len(self._output) < max_length
            or (self._whole and self._input.at_end())
        ):
            try:
                part = next(results)
            except _Starved:  # now, or when blocks were read ahead in an earlier call
                results = self._decoder.results(self._input)
                self._needs_input = self._input.starved
            except StopIteration:
                self._finished = True
            else:
                self._output += part.new
                self._whole = part.last
        self._results = results
        size = len(self._output) if max_length < 0 else max_length
        content = bytes(self._output[:size])
        del self._output[:size]
        self._needs_input &= not self._output
        return content

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


class _Starved(Exception):
    """More compressed data is needed."""


class _Input:
    """An iterator over the items of a frame whose bytes arrive in pieces. Raises ``_Starved`` where
    bytes of a record are missing; the record is read again from its beginning once there are more.
    """

    def __init__(self, memory_limit: int) -> None:
        self.data = bytearray()  # begins with the record that is read next
        self._position = 0
        self._wanted = 0  # bytes of ``data`` that reading needs to get any further
        self._reader = FrameReader(weakref.proxy(self), memory_limit)  # or all would wait for gc

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        self._position = 0
        item = next(self._reader)
        del self.data[: self._position]
        self._position = self._wanted = 0
        return item

    @property
    def starved(self) -> bool:
        """Whether there is too little for the record that is next."""
        return len(self.data) < self._wanted

    def at_end(self) -> bool:
        """Whether the end record is next, as far as its bytes are there, or was read already."""
        started = self._reader.header is not None
        return self._reader.finished or (started and container.is_end(self.data))

    def read(self, size: int, /) -> bytes:
        """``size`` bytes for the reader. Raises ``_Starved`` where there are fewer."""
        end = self._position + size
        self._wanted = max(self._wanted, end)
        if self.starved:
            raise _Starved
        piece = bytes(self.data[self._position : end])
        self._position = end
        return piece
