"""``.nnc`` files as Python file objects: ``NNCompFile`` and ``open``, in the manner of ``lzma``.

Reading goes through all frames of a file. Where the source can seek, so can the file: the index
leads to the block, and only blocks that are needed are read and decoded. Writing adds one frame.
"""

from __future__ import annotations

import builtins
import codecs
import contextlib
import io
import os
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn, cast, overload

from nncomp import arguments, container, rawio
from nncomp.decode import Decoder
from nncomp.errors import NNCompError
from nncomp.exclusive import Exclusive
from nncomp.incremental import NNCompressor
from nncomp.options import DEFAULT_MEMORY_LIMIT, for_reading
from nncomp.prime import Prime, required
from nncomp.reader import ContentReader

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from nncomp.options import PrimeLike, Reading, Writing
    from nncomp.rawio import Readable, Writable

    class Keywords(Writing, Reading, total=False):
        """The options of both directions, of which a call may give those of one."""

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    File = Path | Readable | Writable
    BinaryMode = Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"]
    TextMode = Literal["rt", "wt", "xt", "at"]

__all__ = ["NNCompFile", "open"]


class NNCompFile(io.BufferedIOBase):
    """A binary file whose content is stored compressed.

    ``file`` is a path, or an object with ``read`` or ``write``, which stays open when this file is
    closed. ``mode`` is ``r``, ``w``, ``x`` (create, fail if it exists) or ``a`` (append a frame),
    each with or without a ``b``. Options and errors are those of ``compress`` and ``decompress``;
    an option of the other direction is a ``TypeError``. Appending to a path with another prime than
    that of the frames in it is a ``PrimeError``: no single prime could read all of the file.

    Reading can seek if the source can. What is written is complete once the file is closed, at the
    latest when the object is destroyed, but in a child of ``os.fork``; ``flush`` does not hasten
    that. If a ``with`` statement is left by an exception, other than ``GeneratorExit`` or an exit
    with status 0, the frame stays without its end, so that nobody takes it for the whole; what mode
    ``a`` has added to a path is then cut off again, also where writing fails. Threads may share a
    file: calls take turns.
    """

    _process = 0  # which has opened the file; no process has this number

    def __init__(
        self,
        file: File,
        mode: str = "r",
        *,
        level: int | None = None,
        **options: Unpack[Keywords],
    ) -> None:
        self._process = os.getpid()
        self._exclusive = Exclusive()  # to what writes; a reader has a lock of its own
        self._file: BinaryIO | None = None  # none: closed, or never opened
        self._reader: io.BufferedReader | None = None  # none: for writing
        self._compressor: NNCompressor | None = None  # none: for reading, or writing has failed
        self._abandoned = False  # whether the frame stays without its end
        self._written = 0  # bytes of content
        self._origin: int | None = None  # where the frame begins, if it can be cut off again
        self._is_wrapped = False  # True while a TextIOWrapper asks whether its text begins here
        if not isinstance(mode, str):
            raise TypeError(f"mode must be a string, not {type(mode).__name__}")
        kind = mode.removesuffix("b")
        if kind not in ("r", "w", "x", "a"):
            raise ValueError(f"invalid mode: {mode!r}")
        # Arguments are checked before the file is opened, which may create or empty it.
        self._owned = isinstance(file, (str, bytes, os.PathLike))
        if not self._owned and not hasattr(file, "read" if kind == "r" else "write"):
            raise TypeError("file must be a path, or an object with read or write")
        if kind == "r":
            decoder = Decoder(for_reading(dict(options) if level is None else {"level": level}))
        else:
            self._compressor = NNCompressor(level, **options)  # type: ignore[misc]  # it checks
        if isinstance(file, (str, bytes, os.PathLike)):
            if kind == "a":
                _check_prime(file, options.get("prime"))
            # Blocks are written as a whole: a buffer would only delay errors.
            buffering = -1 if kind == "r" else 0
            self._file = cast(BinaryIO, builtins.open(file, kind + "b", buffering=buffering))
            if kind == "a" and self._file.seekable():
                self._origin = self._file.seek(0, io.SEEK_END)
        else:
            self._file = cast(BinaryIO, file)
        if kind == "r":
            self._reader = io.BufferedReader(ContentReader(self._file, decoder))

    # ---- state ----

    @property
    def closed(self) -> bool:
        return self._file is None

    @property
    def mode(self) -> str:
        return "wb" if self._reader is None else "rb"

    @property
    def name(self) -> str:
        """The name of the compressed file, if it has one."""
        return cast(str, self._open_file().name)

    def fileno(self) -> int:
        return self._open_file().fileno()

    def readable(self) -> bool:
        self._open_file()
        return self._reader is not None

    def writable(self) -> bool:
        return not self.readable()

    def seekable(self) -> bool:
        self._open_file()
        return self._is_wrapped or (self._reader is not None and self._reader.seekable())

    def tell(self) -> int:
        self._open_file()
        if self._is_wrapped:
            return self._origin or 0
        return self._written if self._reader is None else self._reader.tell()

    # ---- reading ----

    def read(self, size: int | None = -1) -> bytes:
        return self._open_reader().read(size)

    def read1(self, size: int = -1) -> bytes:
        return self._open_reader().read1(size)

    def readinto(self, buffer: Buffer, /) -> int:
        return self._open_reader().readinto(buffer)

    def readline(self, size: int | None = -1) -> bytes:
        return self._open_reader().readline(size)

    def peek(self, size: int = 0) -> bytes:
        """Some bytes without moving the position: at least one, except at the end."""
        return self._open_reader().peek(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; the next read decodes the block that it is in.

        Raises ``FormatError`` where the file's index is damaged.
        """
        return self._open_reader().seek(offset, whence)

    # ---- writing ----

    def write(self, data: Buffer) -> int:
        """Add ``data``; returns its size. Blocks go to the file as they fill up."""
        view = arguments.contiguous(data)
        with self._exclusive():
            self._emit(view)
            self._written += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Check that the file is open, no more: what is held back is not a whole block yet."""
        self._open_file()

    def close(self) -> None:
        """Complete the frame if this is for writing. Closes the file if it was given as a path."""
        with self._exclusive():
            if self._file is None:
                return
            try:
                if self._reader is not None:
                    self._reader.close()
                elif self._abandoned:
                    self._cut_off()
                elif self._compressor is not None:
                    self._emit(None)
            finally:
                file, self._file, self._compressor = self._file, None, None
                if self._owned:
                    file.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave(error)
        self.close()

    def __del__(self) -> None:
        if self._is_ours():
            super().__del__()

    def _leave(self, error: BaseException | None) -> None:
        """Note whether the frame stays without its end, as ``error`` leaves the ``with``
        statement."""
        self._abandoned = error is not None  # first, since a signal may interrupt what follows
        self._abandoned = _is_failure(error)

    def _is_ours(self) -> bool:
        """Whether this is the process that has opened the file. A child of ``os.fork`` that does
        not close it leaves the frame to its parent."""
        return self._process == os.getpid()

    def _cut_off(self) -> None:
        """Remove what mode ``a`` has added: no reader gets past a frame without its end.

        Nothing is removed where another process has added to the file since."""
        if self._file is not None and self._origin is not None:
            with contextlib.suppress(OSError):
                if self._file.tell() == self._file.seek(0, io.SEEK_END):
                    self._file.truncate(self._origin)

    def _emit(self, data: memoryview | None) -> None:
        """Compress ``data``, or with None complete the frame, and write the output."""
        file = self._open_file()
        if self._reader is not None:
            raise io.UnsupportedOperation("not open for writing")
        compressor, self._compressor = self._compressor, None  # what fails cannot be continued
        if compressor is None or self._abandoned:
            raise ValueError("writing has failed before")
        try:
            output = compressor.flush() if data is None else compressor.compress(data)
            if self._origin is not None and file.tell() == self._origin:  # nothing is written yet
                self._origin = file.seek(0, io.SEEK_END)  # another process may have added to it
            rawio.write_all(file, output)
        except BaseException:
            self._cut_off()
            raise
        self._compressor = compressor

    # ---- checks ----

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("I/O operation on closed file")
        return self._file

    def _open_reader(self) -> io.BufferedReader:
        self._open_file()
        if self._reader is None:
            raise io.UnsupportedOperation("not open for reading")
        return self._reader


def _check_prime(path: Path, prime: PrimeLike | None) -> None:
    """Raise ``PrimeError`` if ``prime`` is given and a frame of the file has another one."""
    if prime is None or not os.path.isfile(path):
        return
    digest = b""
    # A file that cannot be read as frames is appended to all the same.
    with contextlib.suppress(NNCompError, OSError), builtins.open(path, "rb") as file:
        frames = container.read_backwards(file, DEFAULT_MEMORY_LIMIT)
        digest = next((frame.prime for frame in frames if frame.prime), b"")
    required(digest, prime if isinstance(prime, Prime) else Prime(prime))


def _is_failure(error: BaseException | None) -> bool:
    """Whether ``error``, on leaving a ``with`` statement, means that it has not run to its end."""
    if isinstance(error, SystemExit):  # any object but a number is a message, with status 1
        return error.code is not None and (not isinstance(error.code, int) or error.code != 0)
    return error is not None and not isinstance(error, GeneratorExit)


class _TextFile(io.TextIOWrapper):
    """Text in an ``NNCompFile``; an exception out of a ``with`` statement abandons its frame."""

    def __init__(
        self, binary: NNCompFile, encoding: str | None, errors: str | None, newline: str | None
    ) -> None:
        self._binary = binary
        # TextIOWrapper writes a byte order mark only if the file can seek and is at position 0.
        binary._is_wrapped = binary.writable()
        super().__init__(binary, encoding, errors, newline)
        binary._is_wrapped = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        binary = self._binary
        binary._leave(error)
        if not binary._abandoned:
            self.close()
            return
        with contextlib.suppress(ValueError):  # text that was not written yet is given up
            self.close()

    def __del__(self) -> None:
        if self._binary._is_ours():
            super().__del__()


@overload
def open(
    file: File,
    mode: BinaryMode = "rb",
    *,
    level: int | None = None,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
    **options: Unpack[Keywords],
) -> NNCompFile: ...


@overload
def open(
    file: File,
    mode: TextMode,
    *,
    level: int | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[Keywords],
) -> io.TextIOWrapper: ...


@overload
def open(
    file: File,
    mode: str,
    *,
    level: int | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[Keywords],
) -> NNCompFile | io.TextIOWrapper: ...


def open(
    file: File,
    mode: str = "rb",
    *,
    level: int | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[Keywords],
) -> NNCompFile | io.TextIOWrapper:
    """An ``NNCompFile``, or with a ``t`` in ``mode`` (``rt``, ``wt``, ``xt``, ``at``) a text file.

    ``encoding``, ``errors`` and ``newline`` are those of the built-in ``open``, for text only;
    everything else is as for ``NNCompFile``.
    """
    if not isinstance(mode, str):
        raise TypeError(f"mode must be a string, not {type(mode).__name__}")
    text = mode.endswith("t")
    if not text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline are for text modes")
    if mode.endswith("bt"):
        raise ValueError(f"invalid mode: {mode!r}")
    if text:  # checks these, too, before the file is opened
        io.TextIOWrapper(io.BytesIO(), encoding, errors, newline)
        codecs.lookup_error(errors or "strict")
    binary = NNCompFile(file, mode.removesuffix("t"), level=level, **options)
    return _TextFile(binary, encoding, errors, newline) if text else binary
