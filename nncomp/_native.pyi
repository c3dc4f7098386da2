"""The extension built from ``csrc/``; use ``nncomp.engine``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class Network:
    """A packed model, ready to run; immutable, so threads may share it."""

    def __init__(
        self,
        d_model: int,
        layers: Sequence[tuple[str, Sequence[int]]],
        tables: Sequence[tuple[str, int, int, int, int]],
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        kernel: str = "auto",
    ) -> None:
        """``layers`` are (kind, numbers), ``tables`` as in a configuration. Raises ``ValueError``
        for anything that docs/numerics.md does not allow."""

    @property
    def kernel(self) -> str: ...
    def frequencies(self, data: bytes) -> npt.NDArray[np.uint32]: ...
    def activations(self, data: bytes) -> npt.NDArray[np.uint32]: ...

class IntegerEncoder:
    """Codes tensors into a payload: ``nncomp.engine.reference.integers``, faster."""

    def put(self, kind: int, values: npt.NDArray[Any], base: npt.NDArray[Any]) -> None:
        """Append values − base: both (rows, columns), of one type. Raises ``ValueError``."""

    def finish(self) -> bytes:
        """The payload; the encoder is used up, and each later call raises ``ValueError``."""

class IntegerDecoder:
    """Gives back the tensors of the payload that begins at ``data[start]``; raises ``FormatError``
    for what no encoder writes."""

    def __init__(self, data: bytes, start: int = 0) -> None: ...
    def add(self, kind: int, values: npt.NDArray[Any]) -> None:
        """Add the next differences to ``values``, (rows, columns), in place."""

    def finish(self) -> None: ...

class Encoding:
    """``nncomp.engine.Encoding``. What fails has ended. While a call uses it, another one raises
    ``RuntimeError``."""

    def __init__(
        self,
        network: Network | None,
        data: bytes,
        lanes: int,
        mixing: tuple[int, int, int, int],
        *,
        kernel: str = "auto",
        ready: Ready | None = None,
    ) -> None: ...
    def encode(
        self, steps: int, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> None:
        """``nncomp.engine.Encoding``."""

    @property
    def size(self) -> int:
        """Bytes of all payloads so far."""

    def finish(
        self, *, threads: int = 1, progress: Callable[[int], Any] | None = None
    ) -> list[bytes]: ...

class Decoding:
    """``nncomp.engine.Decoding``. What fails has ended. While a call uses it, another one raises
    ``RuntimeError``. The first bytes are those ``known``, fewer than ``size``, which no payload
    has: then there is one. The odds of each bit are raised to the power of ``power``/2^16,
    1..2^24."""

    def __init__(
        self,
        network: Network | None,
        payloads: Sequence[bytes],
        size: int,
        mixing: tuple[int, int, int, int],
        *,
        threads: int = 1,
        kernel: str = "auto",
        known: bytes = b"",
        power: int = 65536,
        ready: Ready | None = None,
    ) -> None: ...
    def decode(self, steps: int, *, progress: Callable[[int], Any] | None = None) -> None: ...
    def part(self, start: int, size: int) -> bytes: ...
    def finish(self, *, progress: Callable[[int], Any] | None = None) -> bytes: ...

def encode_block(
    network: Network | None,
    data: bytes,
    lanes: int,
    mixing: tuple[int, int, int, int],
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    kernel: str = "auto",
    ready: Ready | None = None,
) -> list[bytes]:
    """``mixing`` is (rich, contexts, period, stride); ``kernel`` is for no network. ``ready`` is
    of the same network, mixing and kernel, for as much room."""

def byte_costs(
    network: Network | None,
    data: bytes,
    mixing: tuple[int, int, int, int],
    *,
    split: bool = False,
    bits: bool = False,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    kernel: str = "auto",
) -> npt.NDArray[np.uint32]:
    """What each byte costs in one lane: ``nncomp.engine.Counting.cost_rows``."""

def tempered(p: int, power: int) -> int:
    """The probability p/2^22, 1..2^22 − 1, its odds raised to the power of power/2^16."""

class Primed:
    """The stage when it has read ``known``, for blocks of ``room`` bytes."""

    def __init__(
        self,
        known: bytes,
        room: int,
        mixing: tuple[int, int, int, int],
        *,
        progress: Callable[[int], Any] | None = None,
        kernel: str = "auto",
    ) -> None: ...
    def costs(
        self, data: bytes, *, progress: Callable[[int], Any] | None = None
    ) -> npt.NDArray[np.uint32]:
        """What each byte costs behind what is known, in 1/2^24 of a bit: (len(data), 1)."""

    def read(
        self, data: bytes, *, progress: Callable[[int], Any] | None = None
    ) -> npt.NDArray[np.uint32]:
        """The same; from then on ``data`` is known."""

class Ready:
    """What codes a block when it has read ``known``, for blocks of ``room`` bytes; immutable."""

    def __init__(
        self,
        known: bytes,
        room: int,
        mixing: tuple[int, int, int, int],
        *,
        network: Network | None = None,
        progress: Callable[[int], Any] | None = None,
        kernel: str = "auto",
    ) -> None: ...

def bit_probabilities(
    data: bytes, mixing: tuple[int, int, int, int], *, kernel: str = "auto"
) -> npt.NDArray[np.uint32]: ...
def decode_block(
    network: Network | None,
    payloads: Sequence[bytes],
    size: int,
    mixing: tuple[int, int, int, int],
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    kernel: str = "auto",
    ready: Ready | None = None,
) -> bytes: ...
def room_for(size: int) -> int:
    """The least number of bytes whose tables are as large as those for ``size``, rounded up to a
    power of two."""

def mixing_memory(
    mixing: tuple[int, int, int, int], network: bool, units: int, size: int, lanes: int
) -> int:
    """Bytes of memory of the adaptive stage for a block of ``size`` bytes."""

def kernels(*, all: bool = False) -> list[str]:
    """Names of the kernels that this CPU can run, or of ``all`` in this build, fastest first."""

def tables() -> tuple[bytes, bytes]:
    """EXP as 640 bytes and POW as 256 native-endian uint32."""

def mixing_tables() -> tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes]:
    """STRETCH as int16, SQUASH as uint32, NEXT, START and RECIPROCAL as uint16, FIRST_RATE,
    SECOND_RATE and READOUT_RATE as int16, native-endian."""

def distances_to_targets(data: bytes) -> bytes:
    """The filter x86 of docs/format.md, section 7."""

def targets_to_distances(data: bytes) -> bytes:
    """Its inverse."""

def hex_bytes(line: bytes) -> int:
    """The filter hex of docs/format.md, section 7: how many bytes a line of this form stands for; 0
    if it is none."""

def hex_write(line: bytes, address: int, check: int, payload: bytes) -> bytes:
    """The text of whole lines; ``address`` below 2^64, ``check`` below 256."""

def hex_read(line: bytes, address: int, check: int, text: bytes, start: int) -> bytes:
    """What lines stand for, from ``start`` on as many as are of the form."""

def copies_find(content: bytes, least: int) -> list[tuple[int, int, int]]:
    """The filter copies: where what is there before begins and ends, at least ``least`` bytes, and
    how far before. None is over another, or over where it is copied from."""

def copies_join(literals: bytes, places: bytes, size: int) -> bytes:
    """The content. Raises ``FormatError``."""

def quoted_split(content: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The filter quoted: its streams, all runs as they are written, and what they stand for."""

def quoted_join(plain: bytes, places: bytes, size: int) -> bytes:
    """The content. Raises ``FormatError``."""

def compare_lags(data: bytes, limit: int, most: int) -> tuple[bytes, bytes, int]:
    """How many bytes are the same as those so far before them, and the sum of their differences:
    native-endian int64, one for each lag of 0..limit. And how many bytes were looked at: ``most``
    of those that differ from the one before, behind the first ``limit``."""

def count_alike(data: bytes, size: int) -> bytes:
    """For each whole window of ``size`` bytes, the pairs of equal bytes at places that are the same
    modulo 8: native-endian int64, (windows, 8)."""

def find_run(data: bytes, set: bytes, least: int, start: int) -> int:
    """Where the first ``least`` bytes are, from ``start`` on, that are all in ``set``; the size of
    ``data`` where there are none."""

class DeflateInside:
    """Where one stands in a deflate stream that goes on in what follows."""

def deflate_split(
    data: bytes, most: int, inside: DeflateInside | None = None
) -> tuple[bytes, bytes, list[bytes], list[tuple[int, int]]] | None:
    """What is around deflate streams, what they are redone from, what they hold, by group, and
    where each begins and ends. None where no stream pays. Contents are together at most ``most``
    bytes. ``data`` may begin inside of a stream."""

def deflate_follow(data: bytes, inside: DeflateInside | None = None) -> DeflateInside | None:
    """Where one stands at the end of ``data``, if that is inside of a stream."""

def deflate_join(rest: bytes, side: bytes, contents: Sequence[bytes], size: int) -> bytes:
    """The ``size`` bytes that were split. Raises ``FormatError``."""

def gif_split(
    data: bytes, most: int
) -> tuple[bytes, bytes, list[bytes], list[tuple[int, int]]] | None:
    """What is around the codes of GIF pictures, what these are redone from, their pixels, by group,
    and where each file begins and ends. None where there are none. Pictures have together at most
    ``most`` pixels."""

def gif_join(rest: bytes, side: bytes, pixels: Sequence[bytes], size: int) -> bytes:
    """The ``size`` bytes that were split. Raises ``FormatError``."""

class JpegInside:
    """Where one stands in a picture that goes on in what follows."""

def jpeg_split(
    data: bytes, most: int, inside: JpegInside | None = None, *, kernel: str = "auto"
) -> tuple[bytes, bytes, int, list[tuple[int, int]]] | None:
    """What is around the data of JPEG pictures, this data in much less, how many blocks the largest
    has, and where each begins and ends. None where that does not pay. Pictures have together at
    most ``most`` blocks. ``data`` may begin inside of a picture."""

def jpeg_follow(
    data: bytes, begin: int, inside: JpegInside | None = None
) -> tuple[int, JpegInside] | None:
    """Where to cut ``data``, which ends inside of the picture that begins at ``begin``, or in which
    it is ``inside`` from the first byte on; and where one stands there. None where what comes next
    cannot be undone for itself."""

def jpeg_join(
    rest: bytes, coded: bytes, size: int, blocks: int, most: int, *, kernel: str = "auto"
) -> bytes:
    """The ``size`` bytes that were split. Raises ``FormatError``, also where a picture has more
    than ``blocks`` blocks, or all of them more than ``most``."""

class FarFinder:
    """Finds copies from preceding blocks; ``csrc/far/find.hpp`` says what the limits are. While a
    call uses it, another one raises ``RuntimeError``."""

    def __init__(
        self, *, reach: int, least: int, share: int, sources: int, blocks: int
    ) -> None: ...
    def split(
        self, content: bytes, heads: Sequence[tuple[int, int]]
    ) -> tuple[bytes, list[int], bytes] | None:
        """Literals, how many blocks back the sources are, and copies; None where it does not pay.
        No copy ends in one of ``heads``, (start, end), which ascend."""

    def add(self, literals: bytes) -> None:
        """The next block, which later ones may copy from."""

def far_join(literals: bytes, copies: bytes, sources: Sequence[bytes], size: int) -> bytes:
    """The ``size`` bytes that were split. Raises ``FormatError``."""
