"""The filter for quoted-printable text: exact for any, as docs/format.md says.

Joining is written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import quopri
from email import quoprimime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import examples
from nncomp.errors import FormatError
from nncomp.filters import FILTERS, Split, quoted

WORDS = (
    "Größe naïve Straße façade schön = Übung über élève and other words, of which most are plain"
)
TEXT = "".join(
    f"{WORDS[i % 40 :]} {i}.\n" + "\n" * (i % 5 == 0) + f"{WORDS} {WORDS[: 7 * i % 90]}\t\n"
    for i in range(30)
).encode()


def found(content: bytes) -> Split:
    """What is made of it, which is seen to give ``content`` again."""
    return filtering.exact(quoted, content, 2, joined)


def joined(plain: bytes, places: bytes) -> bytes:
    """Section 7 of the page."""
    left, content = list(places), b""
    while left:
        gap, size, form, count = (models.varint(left) for _ in range(4))
        surprises, at = set(), -1
        for _ in range(count):
            at += models.varint(left) + 1
            surprises.add(at)
        content += plain[:gap]
        content += one_part(plain[gap : gap + size], form >> 1, form & 1, surprises)
        plain = plain[gap + size :]
        assert not surprises
    return content + plain


def one_part(part: bytes, width: int, cr: int, surprises: set[int]) -> bytes:
    end, text, decision = (b"\r\n" if cr else b"\n"), b"", -1

    def decide(expected: bool) -> bool:
        nonlocal decision
        decision += 1
        surprise = decision in surprises
        surprises.discard(decision)
        return expected != surprise

    i, line = 0, 0
    while i < len(part):
        is_end = part.startswith(end, i)
        last = i + 1 == len(part) or part.startswith(end, i + 1)
        escaping = not is_end and (
            part[i] < 33 or part[i] > 126 or part[i] == ord("=") if part[i] not in b" \t" else last
        )
        size = 3 if escaping else 1
        if decide(not is_end and line + size + (not last) > width):
            text, line = text + b"=" + end, 0
        if decide(escaping):
            text, line, i = text + b"=%02X" % part[i], line + 3, i + 1
        elif is_end:
            text, line, i = text + end, 0, i + len(end)
        else:
            text, line, i = text + part[i : i + 1], line + 1, i + 1
    return text


def by_words(text: bytes, width: int) -> bytes:
    """As mail programs do that break lines at spaces."""
    lines = []
    for line in text.split(b"\n"):
        row = b""
        for word in line.split(b" "):
            escaped = b"".join(
                bytes([c]) if 33 <= c <= 126 and c != 61 else b"=%02X" % c for c in word
            )
            if row and len(row) + len(escaped) + 1 >= width:
                lines.append(row + b"=")
                row = b""
            row += escaped + b" "
        lines.append(row[:-1])
    return b"\n".join(lines)


WRITERS = {
    "quopri": quopri.encodestring,
    "email": lambda text: quoprimime.body_encode(text.decode("latin-1")).encode(),
    "words": lambda text: by_words(text, 76),
    "narrow": lambda text: by_words(text, 60),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_writers(name: str, end: bytes) -> None:
    around = b"Subject: a mail" + end + end
    body = WRITERS[name](TEXT).replace(b"\n", end)
    for behind in (b"", b'boundary="--x"' + end, b"e" * 100 + end):
        plain, places = found(around + body + behind).streams
        assert plain.startswith(around + TEXT[:200].replace(b"\n", end))
        assert len(places) < (40 if name in ("quopri", "email") else 500)


def test_parts() -> None:
    """Of a mail, each with its ends of lines."""
    body = quopri.encodestring(TEXT)
    content = b"a: b=c\n" + body + b'--x="y"\r\n' + body.replace(b"\n", b"\r\n") + b'--x="z"\n'
    plain, _ = found(content).streams
    assert TEXT in plain and TEXT.replace(b"\n", b"\r\n") in plain


@pytest.mark.parametrize(
    "content",
    [
        b"",
        TEXT,
        models.noise(5000),
        models.text(9000),
        quopri.encodestring(TEXT)[:40],
        quopri.encodestring(TEXT).lower(),
        b"x = 1\ny == 2\n" * 100,
        b'<a href="b">c</a>\n' * 100,
        b"=\n" * 1000,
        b"a==\n" * 1000,
    ],
)
def test_other_things_are_left_alone(content: bytes) -> None:
    assert quoted.split(content) is None


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_any_text_comes_back(data: st.DataObject) -> None:
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, 2000))
        text = TEXT[start : start + data.draw(st.integers(60, 900))]
        body = WRITERS[data.draw(st.sampled_from(list(WRITERS)))](text)
        body = body.replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n"])))
        parts += [data.draw(st.binary(max_size=9)), body]
    content = bytearray(b"".join(parts))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.one_of(st.sampled_from(b"=\n\r 0A"), st.integers(0, 255)))
    split = quoted.split(bytes(content))
    if split is not None:
        assert found(bytes(content)) == split


@pytest.mark.parametrize("level", [1, 5])
def test_files(level: int) -> None:
    plain = nncomp.compress(TEXT, level=level, model="none")
    content = quopri.encodestring(TEXT)
    packed = nncomp.compress(content, level=level, model="none")
    assert nncomp.decompress(packed) == content
    assert len(plain) < len(packed) < len(plain) + 60


# ---- what is refused ----


def test_by_example() -> None:
    streams = b"a=b\xe9 = c\n.", bytes([1, 8, 5 << 1, 2, 0, 5])
    content = b"a=\n=3Db=\n=E9=\n =3D=\n c\n."
    assert joined(*streams) == content
    assert quoted.join(streams, b"", len(content)) == content


@pytest.mark.parametrize(
    "places",
    [
        b"",
        b"\1",
        b"\1\2\x98\1",
        b"\1\2\x98\1\1",
        b"\1\2\x98\1\2\0",
        b"\1\2\x98\1\1\4",
        b"\7\0\x98\1\0",
        b"\1\6\x98\1\0",
        b"\1\5\x98\1\0",
        b"\0\6\0\0",
        b"\0\x86\0\x98\1\0",
    ],
)
def test_bad_places(places: bytes) -> None:
    with pytest.raises(FormatError, match=r"damaged|shortest form") as info:
        quoted.join([b"abcdef", places], b"", 20)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("sizes", "side"), [([2, 26], b""), ([2, 7], b"\0"), ([2], b""), ([2, 7, 0], b""), ([], b"")]
)
def test_bad_streams(sizes: list[int], side: bytes) -> None:
    quoted.check([2, 7], b"", 28)
    with pytest.raises(FormatError, match="not those of quoted"):
        quoted.check(sizes, side, 28)


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_damaged_places_give_content_or_one_error(data: st.DataObject) -> None:
    content = b"a\n" + by_words(TEXT[:900], 70) + b'\n"=\n' + quopri.encodestring(TEXT[:700])
    plain, places = found(content).streams
    damaged = filtering.changed(data, places, 1)
    again = filtering.rejoined(quoted, [plain, damaged], len(content))
    assert again is None or again == joined(plain, damaged)


def test_memory() -> None:
    content = quopri.encodestring(TEXT * 100)
    streams = found(content).streams
    peak = filtering.peak_of_joining(quoted, streams, len(content))
    assert peak < quoted.memory([len(stream) for stream in streams], b"", len(content))


def test_number() -> None:
    assert FILTERS.index(quoted) == 9
