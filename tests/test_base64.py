"""The filter for base64: exact for any text, as docs/format.md says.

Joining is written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import base64 as of_python
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import examples
from nncomp import varint
from nncomp.errors import FormatError
from nncomp.filters import FILTERS, Split, base64

NOISE = models.noise(5000)


def in_lines(payload: bytes, line: int, end: bytes, first: int = 0) -> bytes:
    text = of_python.b64encode(payload)
    first = first or line
    return end.join([text[:first], *(text[i : i + line] for i in range(first, len(text), line))])


def found(content: bytes) -> Split:
    """What is made of it, which is seen to give ``content`` again."""
    return filtering.exact(base64, content, 3, joined)


def joined(rest: bytes, places: bytes, payload: bytes) -> bytes:
    """Section 7 of the page."""
    left, content = list(places), b""
    while left:
        gap, size, line = models.varint(left), models.varint(left), models.varint(left)
        content, rest = content + rest[:gap], rest[gap:]
        text, payload = of_python.b64encode(payload[:size]), payload[size:]
        if line:
            first, count = line - models.varint(left), models.varint(left)
            end = bytes(left.pop(0) for _ in range(count))
            lines = [text[:first], *(text[i : i + line] for i in range(first, len(text), line))]
            text = end.join(part for part in lines if part)
        content += text
    assert payload == b""
    return content + rest


# ---- what is found ----


@pytest.mark.parametrize("size", [*range(96, 103), 4997, 4998, 4999, 5000])
@pytest.mark.parametrize(
    "form",
    [
        b'<img src="data:image/png;base64,%s">',
        b'{"token": "%s", "more": 1}',
        b"Authorization: %s\r\n\r\n",
        b"%s",
    ],
)
def test_one_line(form: bytes, size: int) -> None:
    content = form % of_python.b64encode(NOISE[:size])
    rest, _, payload = found(content).streams
    assert rest == form % b"" and payload == NOISE[:size]


@pytest.mark.parametrize("size", [114, 115, 116, 117, 171, 1000, 5000])
@pytest.mark.parametrize(
    ("line", "end"),
    [
        (76, b"\r\n"),
        (76, b"\n"),
        (64, b"\n"),
        (64, b"\n    "),
        (64, b"\\n"),
        (64, b"\\r\\n"),
        (60, b"\n\t\t"),
        (72, b"\r\n> "),
    ],
)
def test_lines(line: int, end: bytes, size: int) -> None:
    """Of mails, keys, documents that indent them, and JSON."""
    text = in_lines(NOISE[:size], line, end)
    for behind in (end, end + b"--" + end, b'"', b""):
        content = b"before:" + end + text + behind
        rest, _, payload = found(content).streams
        assert rest == b"before:" + end + behind and payload == NOISE[:size]


@pytest.mark.parametrize("size", [1000, 1001, 1002])
def test_folded_lines(size: int) -> None:
    """As in LDIF and vCard: behind a name, in lines of any length. A padding that does not fit into
    its line stays where it is."""
    for line in range(73, 79):
        content = b"jpegPhoto:: " + in_lines(NOISE[:size], line, b"\n ", 66) + b"\nnext: 1\n"
        _, _, payload = found(content).streams
        assert NOISE[:size].startswith(payload) and len(payload) >= size - 2


def test_many() -> None:
    payloads = [NOISE[i : i + 96 + i] for i in range(200)]
    encoded = [of_python.b64encode(payload).decode() for payload in payloads]
    split = found(json.dumps(dict(enumerate(encoded)), indent=1).encode())
    assert split.streams[2] == b"".join(payloads)
    assert len(split.streams[1]) < 4 * len(payloads) + 200


def test_a_key_in_json() -> None:
    pem = (
        "-----BEGIN KEY-----\n" + in_lines(NOISE[:900], 64, b"\n").decode() + "\n-----END KEY-----"
    )
    for text in (pem, pem.replace("\n", "\r\n")):
        assert found(json.dumps({"key": text}).encode()).streams[2] == NOISE[:900]


def test_without_padding() -> None:
    """Whole threes of bytes are taken."""
    for size in (998, 999, 1000):
        content = of_python.b64encode(NOISE[:size]).rstrip(b"=") + b"."
        assert found(content).streams[2] == NOISE[: size // 3 * 3]


def test_other_padding() -> None:
    """Bits behind the end that are not zeros."""
    text = of_python.b64encode(NOISE[:1000])
    assert found(text[:-3] + b"/==").streams == (text[-4:-3] + b"/==", b"\0\xe7\7\0", NOISE[:999])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        NOISE,
        models.text(9000),
        of_python.b64encode(NOISE[:95]),
        NOISE.hex().encode(),
        NOISE.hex().upper().encode(),
        b"ACGT" * 1000,
        (b"Acgt" * 15 + b"\n") * 500,
        b"0123456789" * 100,
        b"/" * 1000,
        b"".join(b"word %d " % i for i in range(1000)),
    ],
)
def test_other_things_are_left_alone(content: bytes) -> None:
    assert base64.split(content) is None


def test_behind_many_names() -> None:
    """What only looks like base64 lets it be searched less closely, but not for long."""
    names = b"".join(b"x" * 64 + b"\n" for _ in range(100))
    assert found(names + in_lines(NOISE, 76, b"\n")).streams[2].endswith(NOISE[1000:])


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_any_text_comes_back(data: st.DataObject) -> None:
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, 4000))
        payload = NOISE[start : start + data.draw(st.integers(90, 700))]
        line = data.draw(st.integers(60, 80))
        end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\\n", b"\n  ", b"\n> ", b"A", b"\n="]))
        parts += [data.draw(st.binary(max_size=9)), in_lines(payload, line, end)]
    content = filtering.changed(data, b"".join(parts), 0)
    split = base64.split(content)
    if split is not None:
        assert found(content) == split


@pytest.mark.parametrize("level", [1, 5])
def test_files(level: int) -> None:
    text = models.text(30_000)
    content = b"Content-Transfer-Encoding: base64\r\n\r\n" + in_lines(text, 76, b"\r\n") + b"\r\n"
    packed = nncomp.compress(content, level=level, model="none")
    assert nncomp.decompress(packed) == content
    plain = nncomp.compress(text, level=level, model="none")
    assert len(plain) < len(packed) < len(plain) + 100


# ---- what is refused ----


def test_by_example() -> None:
    streams = b"a.", bytes([1, 13, 7, 4, 2]) + b"\r\n", b"Hello, World."
    assert base64.join(streams, b"", 28) == b"aSGV\r\nsbG8sIF\r\ndvcmxkL\r\ng==."


@pytest.mark.parametrize("first", [1, 5, 159, 160, 161, None])
@pytest.mark.parametrize("line", [160, 161, 1 << 62, (1 << 63) - 1])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_lines_that_are_longer_than_the_text(first: int | None, line: int, end: bytes) -> None:
    less = 0 if first is None else max(line - first, 0)
    fields = map(varint.dumps, (1, 120, line, less, len(end)))
    streams = b"a.", b"".join(fields) + end, NOISE[:120]
    content = joined(*streams)
    assert base64.join(streams, b"", len(content)) == content


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (b"", "not as long"),
        (b"\1", "end too early"),
        (b"\1\x0d", "end too early"),
        (b"\1\x0d\7\4\2\r", "end too early"),
        (b"\1\x0d\7\7\2\r\n", "no form"),
        (b"\1\x0d\7\0\x10" + b" " * 16, "too large"),
        (b"\1\0\0", "no form"),
        (b"\3\x0d\0", "more than"),
        (b"\1\x0e\0", "more than"),
        (b"\1\x0c\0", "not as long"),
        (b"\0\x0d\x80\0", "shortest form"),
        (b"\1\x0d\0", "not as long"),
        (b"\0\x0d\1\0\1x", "more than"),
    ],
)
def test_bad_places(places: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as info:
        base64.join([b"a.", places, b"Hello, World."], b"", 28)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([2, 7, 19], b""), ([2, 7, 13], b"\0"), ([2, 7], b""), ([2, 7, 13, 0], b""), ([], b"")],
)
def test_bad_streams(sizes: list[int], side: bytes) -> None:
    base64.check([2, 7, 13], b"", 28)
    with pytest.raises(FormatError, match="not those of base64"):
        base64.check(sizes, side, 28)


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_damaged_places_give_content_or_one_error(data: st.DataObject) -> None:
    content = b"a" + in_lines(NOISE[:300], 76, b"\n") + b"b" + of_python.b64encode(NOISE[:99])
    rest, places, payload = found(content).streams
    damaged = filtering.changed(data, places, 1)
    filtering.rejoined(base64, [rest, damaged, payload], len(content))


def test_memory() -> None:
    content = in_lines(models.noise(1 << 20), 76, b"\r\n")
    streams = found(content).streams
    peak = filtering.peak_of_joining(base64, streams, len(content))
    need = base64.memory([len(stream) for stream in streams], b"", len(content))
    assert peak < need < 3 * len(content) + (1 << 16)


def test_number() -> None:
    assert FILTERS.index(base64) == 7
