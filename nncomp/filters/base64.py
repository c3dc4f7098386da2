"""Base64 in mails, JSON, keys and data URLs is decoded to bytes.

There are three streams: the content around base64, the places and line lengths of the runs of
base64, and the decoded bytes of all runs. ``docs/format.md``, section 7.
"""

from __future__ import annotations

import binascii
import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nncomp import _native, varint
from nncomp.filters import runs
from nncomp.filters.runs import Places, Text
from nncomp.filters.split import Split

__all__ = ["NAME", "check", "join", "letters", "memory", "split"]

NAME = "base64"

_MAX_END = 15  # bytes between two lines at most


@dataclass(frozen=True)
class _Run:
    size: int  # decoded bytes, 1 or more
    line: int = 0  # characters of each line but the first and the last; 0: there is only one line
    short: int = 0  # how many characters the first line is shorter, 0 … line − 1
    end: bytes = b""  # bytes between two lines, 0 … 15 of them

    @property
    def first(self) -> int:
        return self.line - self.short

    @property
    def length(self) -> int:
        """Bytes of the base64 text, line ends included."""
        count = -(-self.size // 3) * 4
        ends = max(-(-(count - self.first) // self.line), 0) if self.line else 0
        return count + ends * len(self.end)

    def dumps(self) -> bytes:
        fields = [self.size, self.line]
        fields += [self.short, len(self.end)] if self.line else []
        return b"".join(map(varint.dumps, fields)) + self.end

    def write(self, text: Text, payload: bytes | memoryview) -> None:
        every = np.frombuffer(letters(payload), np.uint8)
        if not self.line:
            text[:] = every
            return
        end = np.frombuffer(self.end, np.uint8)
        head, body = every[: self.first], every[self.first :]
        line = min(self.line, len(every))  # numpy has no rows of 2^63 bytes, even if they are none
        count = len(body) // line
        text[: len(head)] = head
        text = text[len(head) :]
        lines = text[: count * (len(end) + line)].reshape(count, len(end) + line)
        lines[:, : len(end)] = end
        lines[:, len(end) :] = body[: count * line].reshape(count, line)
        text = text[lines.size :]
        if len(text):
            text[: len(end)] = end
            text[len(end) :] = body[count * line :]


def letters(payload: bytes | memoryview) -> bytes:
    """Encode ``payload`` as base64, in one line."""
    return binascii.b2a_base64(payload, newline=False)


def split(content: bytes) -> Split | None:
    return runs.split(content, _find(content))


def check(sizes: Sequence[int], side: bytes, size: int) -> None:
    runs.check(NAME, sizes, side, size)


memory = runs.memory


def join(streams: Sequence[bytes], side: bytes, size: int) -> bytes:
    return runs.join(NAME, streams, side, size, _read_form)


def _read_form(places: Places) -> _Run:
    size, line = places.number(), places.number()
    short, count = (places.number(), places.number()) if line else (0, 0)
    places.require(size > 0 and (not line or short < line) and count <= _MAX_END)
    return _Run(size, line, short, places.take(count))


# ---- where base64 is ----

_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123)) + b"0123456789+/"
_CLASSES = bytes(64 * (byte in _LETTERS) for byte in range(256))  # 64 for letters, 0 for others
_FIRST = 60  # consecutive letters by which a run is found
_LOOK = 128  # letters of the first line that are checked for being mixed enough
_LEAST = 96  # decoded bytes of a run that is worth it
_END = re.compile(rb"\r?\n[ \t>]{0,13}|\\n|\\r\\n")  # a line end in text, or escaped as in JSON


def _find(content: bytes) -> Iterator[tuple[int, _Run, bytes]]:
    """Yield (start, run, decoded bytes) of each run of base64."""
    classes = b""
    missed = 0
    at = _native.find_run(content, _LETTERS, _FIRST, 0)
    while at < len(content):
        classes = classes or content.translate(_CLASSES)
        stop = _stop(classes, at)
        at += content.startswith(b"\\n", at - 1)  # the n of an escaped line end is no letter of it
        found = (
            _read(content, classes, at, stop)
            if _is_mixed(content[at : min(stop, at + _LOOK)])
            else None
        )
        if found is None:
            missed += 1
            stop += missed * runs.STEP
        else:
            yield at, *found
            missed = 0
            stop = at + found[0].length
        at = _native.find_run(content, _LETTERS, _FIRST, min(stop, len(content)))


def _is_mixed(line: bytes) -> bool:
    """Whether ``line`` has upper case, lower case and others, unlike numbers, names and DNA."""
    return line.upper() != line != line.lower() and not line.isalpha()


def _stop(classes: bytes, at: int) -> int:
    stop = classes.find(b"\0", at)
    return len(classes) if stop < 0 else stop


def _read(content: bytes, classes: bytes, at: int, stop: int) -> tuple[_Run, bytes] | None:
    """Decode the run whose first line is from ``at`` to ``stop``: (run, decoded bytes). None where
    it is no canonical base64, or too short."""
    line, end, last = _lines(content, classes, at, stop)
    text = content[at:last].replace(end, b"") if line else content[at:last]
    whole = text[: len(text) // 4 * 4]
    padded = text + b"=" * (-len(text) % 4)
    for every in (padded, whole) if content.startswith(padded[len(text) :], last) else (whole,):
        with contextlib.suppress(binascii.Error):  # raised where a single letter is left over
            payload = binascii.a2b_base64(every)
            run = _Run(len(payload), line, line - (stop - at) if line else 0, end)
            if len(payload) >= _LEAST and content.startswith(runs.write(run, payload), at):
                return run, payload
    return None


def _lines(content: bytes, classes: bytes, at: int, stop: int) -> tuple[int, bytes, int]:
    """Return (characters of a full line, bytes between lines, where the last line ends). The first
    line ends at ``stop`` and may be shorter than the others. (0, b"", stop): there is one line."""
    match = _END.match(content, stop)
    if match is None:
        return 0, b"", stop
    end = match[0]
    line = max(stop - at, _stop(classes, match.end()) - match.end())
    last = stop + _full_lines(content, classes, stop, end, line) * (len(end) + line)
    if content.startswith(end, last):
        begin = last + len(end)
        more = _stop(classes, begin)
        last = more if begin < more <= begin + line else last
    return (line, end, last) if last > stop else (0, b"", stop)


def _full_lines(content: bytes, classes: bytes, at: int, end: bytes, line: int) -> int:
    """Count the full lines from ``at`` on, each with ``end`` in front of it."""
    step, found, some = len(end) + line, 0, 16
    while True:
        start = at + found * step
        count = min(some, (len(content) - start) // step)
        places = np.frombuffer(content, np.uint8, count * step, start).reshape(count, step)
        kinds = np.frombuffer(classes, np.uint8, count * step, start).reshape(count, step)
        same = (places[:, : len(end)] == np.frombuffer(end, np.uint8)).all(1)
        full = same & (kinds[:, len(end) :] > 0).all(1)
        if count == 0 or not full.all():
            return found + int(full.argmin()) if count else found
        found, some = found + count, 2 * some
