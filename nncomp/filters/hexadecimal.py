"""Hexadecimal text is decoded to bytes: long strings of digits in JSON and SQL, arrays in programs,
dumps with addresses and a column of text, Intel HEX, Motorola's S-records.

A run consists of lines of one form. The form defines each column of a line: a fixed character; a
digit of a byte, of the line's address or of its checksum; or a byte as text. ``docs/format.md``,
section 7.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nncomp import _native, varint
from nncomp.filters import runs
from nncomp.filters.runs import Places, Text
from nncomp.filters.split import Split

__all__ = ["NAME", "check", "join", "memory", "split"]

NAME = "hex"

# A form has a byte for each column of a line: below 0x80 this character, else one of these codes,
# plus 1 for a digit in upper case.
_HIGH, _LOW = 0x80, 0x82  # digits of a byte; after the low one follows the next byte
_TEXT = 0x84  # a byte of the line as text, in order
_CHECK_HIGH, _CHECK_LOW = 0x86, 0x88  # digits of the checksum
_ADDRESS = 0x90  # a digit of the address; plus twice its place, 0 … 15 from the lowest

_MAX_COUNT = (1 << 32) - 1
_MAX_ADDRESS = (1 << 63) - 1


@dataclass(frozen=True)
class _Run:
    count: int  # lines, 1 … 2^32 − 1
    line: bytes  # the form: a code for each column
    address: int = 0  # of the first line, 0 … 2^63 − 1; it grows by the bytes of each line
    check: int = 0  # sum modulo 256 of a line's bytes, address bytes and checksum

    @functools.cached_property
    def size(self) -> int:
        return self.count * _native.hex_bytes(self.line)

    @property
    def length(self) -> int:
        return self.count * len(self.line)

    def dumps(self) -> bytes:
        address = varint.dumps(self.address) if _has_address(self.line) else b""
        check = bytes([self.check]) if _has_check(self.line) else b""
        head = varint.dumps(self.count) + varint.dumps(len(self.line))
        return head + self.line + address + check

    def write(self, text: Text, payload: bytes | memoryview) -> None:
        every = _native.hex_write(self.line, self.address, self.check, bytes(payload))
        text[:] = np.frombuffer(every, np.uint8)


def split(content: bytes) -> Split | None:
    return runs.split(content, _find(content))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    runs.check(NAME, sizes, side, size)


memory = runs.memory


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    return runs.join(NAME, streams, side, size, _read_run)


def _read_run(places: Places) -> _Run:
    count, width = places.number(), places.number()
    line = places.take(width)
    places.require(0 < count <= _MAX_COUNT and _native.hex_bytes(line) > 0)
    address = places.number() if _has_address(line) else 0
    return _Run(count, line, address, places.byte() if _has_check(line) else 0)


def _has_address(line: bytes) -> bool:
    return max(line) >= _ADDRESS


def _has_check(line: bytes) -> bool:
    return any(_CHECK_HIGH <= place < _ADDRESS for place in line)


# ---- where it is ----

_ANY = b"0123456789abcdefABCDEF"
_SET = _ANY + b" ,:xS\\\r\n"  # the bytes that dumps and arrays are made of
_PRINTED = bytes(byte if 32 <= byte < 127 else ord(".") for byte in range(256))
_CLASSES = bytes(byte in _SET and byte != 10 for byte in range(256))  # 1 inside of a line
_FIRST = 40  # consecutive bytes of _SET by which a run is found
_WIDEST = 255  # bytes of a line at most
_LOOK = 512  # bytes that are searched for a string of digits
_LEAST = 64  # decoded bytes of a run that is worth it

_LETTER = re.compile(rb"[a-fA-F]")
_PAIR = re.compile(rb"(?:0x|\\x)?([\da-fA-F]{2})")
_LINES = [
    re.compile(pattern + rb"\r?\n")
    for pattern in (
        rb":[\da-fA-F]{2}(?P<address>[\da-fA-F]{4})00"
        rb"(?P<data>(?:[\da-fA-F]{2})+)(?P<check>[\da-fA-F]{2})",
        rb"S[123][\da-fA-F]{2}"
        rb"(?P<address>(?<=S1..)[\da-fA-F]{4}|(?<=S2..)[\da-fA-F]{6}|(?<=S3..)[\da-fA-F]{8})"
        rb"(?P<data>(?:[\da-fA-F]{2})+)(?P<check>[\da-fA-F]{2})",
        rb"[ \t]*(?P<address>[\da-fA-F]{4,16}):?[ \t]+"
        rb"(?P<data>(?:[\da-fA-F]{2})+(?: {1,2}(?:[\da-fA-F]{2})+)*)(?P<check>)(?:[ |].{0,200})?",
        rb"(?P<address>)[^\da-fA-F\n]{0,64}"
        rb"(?P<data>(?:(?:0x|\\x)?[\da-fA-F]{2}[ ,:\t]{0,2})+)"
        rb"(?P<check>)[^\da-fA-F\n]{0,16}",
    )
]
_STRING = re.compile(rb"(?<![\da-fA-F])(?:(?:[\da-f]{2}){64}|(?:[\dA-F]{2}){64})")


def _find(content: bytes) -> Iterator[tuple[int, _Run, bytes]]:
    """Yield (start, run, decoded bytes) of each run."""
    missed = last = 0
    at = _native.find_run(content, _SET, _FIRST, 0)
    while at < len(content):
        found = _read(content, max(_begin(content, at), last), at)
        if found is None:
            missed += 1
            at = _end(content, at) + missed * runs.STEP
        else:
            yield found
            missed = 0
            at = last = found[0] + found[1].length
        at = _native.find_run(content, _SET, _FIRST, min(at, len(content)))


def _begin(content: bytes, at: int) -> int:
    """The beginning of the line that ``at`` is in; ``at`` itself if that is too far back."""
    start = max(at - _WIDEST, 0)
    line = content.rfind(b"\n", start, at)
    return line + 1 if line >= 0 or start == 0 else at


def _end(content: bytes, at: int) -> int:
    """Where to go on searching if there is no run at ``at``: behind the line end or the first byte
    that no run has, at most half of what was searched for a string."""
    return at + 1 + (content[at : at + _LOOK].translate(_CLASSES).find(b"\0") % (_LOOK // 2))


def _read(content: bytes, begin: int, at: int) -> tuple[int, _Run, bytes] | None:
    """Read the run of lines from ``begin`` on, where the line of ``at`` begins, or of the string of
    digits behind ``at``: (start, run, decoded bytes). None where it is too short."""
    if not _LETTER.search(content, at, at + _LOOK):
        return None  # decimal numbers
    for start, line in _lines(content, begin, at):
        payload = _native.hex_read(line.line, line.address, line.check, content, start)
        if len(payload) >= _LEAST:
            count = len(payload) // line.size
            return start, dataclasses.replace(line, count=count), payload
    return None


def _lines(content: bytes, begin: int, at: int) -> Iterator[tuple[int, _Run]]:
    """Yield (start, run of one line) of each form that the text may have there."""
    for pattern in _LINES:
        line = pattern.match(content, begin, begin + _WIDEST)
        after = line and pattern.match(content, line.end(), 2 * line.end() - begin)
        if line and after and after.end("data") - line.end() == line.end("data") - begin:
            if (found := _line(line)) is not None:
                yield begin, found
    string = _STRING.search(content, at, at + _LOOK)
    if string and _is_mixed(string[0]):
        capital = not string[0].islower()
        yield string.start(), _Run(1, bytes([_HIGH | capital, _LOW | capital]))


def _line(found: re.Match[bytes]) -> _Run | None:
    """The form of a line, as a run of one line. None if the line is not ASCII, or if its digits do
    not have both letters and decimal digits, in one case."""
    line, begin = bytearray(found[0]), found.start()
    pairs = [*_PAIR.finditer(found.string, *found.span("data"))]
    digits, address = b"".join(pair[1] for pair in pairs), found["address"]
    if not _is_mixed(digits) or not line.isascii():
        return None
    capital = digits.isupper()
    for pair in pairs:
        line[pair.start(1) - begin : pair.end(1) - begin] = _HIGH | capital, _LOW | capital
    capital_address = address.isupper() or (capital and address.isdigit())
    for i in range(len(address)):
        line[found.end("address") - 1 - i - begin] = _ADDRESS + 2 * i | capital_address
    payload, total = bytes.fromhex(digits.decode()), 0
    if found["check"]:
        place = found.start("check") - begin
        line[place : place + 2] = _CHECK_HIGH | capital, _CHECK_LOW | capital
        total = sum(payload) + sum(bytes.fromhex((address + found["check"]).decode()))
    elif address:
        place = found.end("data") - begin
        text = payload.translate(_PRINTED)
        line[place:] = line[place:].replace(text, bytes([_TEXT]) * len(text), 1)
    return _Run(1, bytes(line), int(address or b"0", 16) & _MAX_ADDRESS, total & 255)


def _is_mixed(digits: bytes) -> bool:
    """Whether ``digits`` has letters, all in one case, and decimal digits."""
    return (digits.islower() or digits.isupper()) and not digits.isalpha()
