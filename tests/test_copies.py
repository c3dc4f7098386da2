"""The filter for what a content has again: exact for any, as docs/format.md says, and chosen for
what no stage sees.

Joining is written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import examples
from nncomp import _native
from nncomp.filters import FILTERS, Split, copies, deflate
from nncomp.filters.copies import LEAST

HERE = Path(__file__).parent
BOOK = (HERE / "data" / "book.md").read_bytes()
PHOTO = (HERE / "jpeg" / "444.jpg").read_bytes()
NOISE = models.noise(12_000)


def found(content: bytes) -> Split:
    """What is made of it, which is seen to give ``content`` again."""
    return filtering.exact(copies, content, 2, joined)


def joined(literals: bytes, places: bytes) -> bytes:
    """Section 7 of the page."""
    left, content = list(places), b""
    while left:
        gap, size, distance = (models.varint(left) for _ in range(3))
        content, literals = content + literals[:gap], literals[gap:]
        start = len(content) - distance
        content += content[start : start + size]
    return content + literals


def archive(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number, content in enumerate(contents):
            zipped.writestr(zipfile.ZipInfo(f"file{number}"), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def picture(width: int, seed: int) -> bytes:
    """PNG of noise over a slope, in one colour."""
    rows = b"".join(
        b"\0" + bytes(x // 2 + y + b % 16 & 255 for x, b in enumerate(noise))
        for y, noise in enumerate(models.noise(width, seed + y) for y in range(width))
    )
    header = width.to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    return filtering.png(rows, header=header)[0]


# ---- what is found ----


def test_what_is_there_again() -> None:
    for between in (b"", b"between", models.noise(700, 5)):
        literals, places = found(NOISE + between + NOISE + b"end").streams
        assert literals == NOISE + between + b"end" and len(places) <= 8
    literals, _ = found(NOISE * 5).streams
    assert literals == NOISE
    literals, _ = found(NOISE + BOOK + NOISE[5:] + BOOK[:-5]).streams
    assert literals == NOISE + BOOK


def test_how_long() -> None:
    for size, count in ((LEAST - 1, 0), (LEAST, 1)):
        content = NOISE + b"-" + NOISE[1000 : 1000 + size] + b"+" + NOISE[: size // 2]
        assert len(_native.copies_find(content, LEAST)) == count


@pytest.mark.parametrize("content", [b"", b"x", NOISE, BOOK, bytes(99_999), b"ab" * 40_000])
def test_nothing_to_find(content: bytes) -> None:
    """Runs and other short patterns are not copies: none is over what it is copied from."""
    assert copies.split(content) is None


@settings(max_examples=examples(100), deadline=None)
@given(data=st.data())
def test_anything(data: st.DataObject) -> None:
    content = b""
    for _ in range(data.draw(st.integers(2, 8))):
        source = data.draw(st.sampled_from([NOISE, BOOK, content]))
        start = data.draw(st.integers(0, len(source)))
        size = data.draw(st.sampled_from([1, LEAST - 1, LEAST, 9000]))
        content += source[start : start + size]
    split = copies.split(content)
    if split is not None:
        found(content)
        changed = [filtering.changed(data, stream, 0) for stream in split.streams if stream]
        if len(changed) == 2:
            filtering.rejoined(copies, changed, len(content))


# ---- what is cut ----


def places_of(content: bytes, *undone: tuple[int, int]) -> list[tuple[int, int]]:
    """Begin and end of copies, of content in which that is undone."""
    split = copies.split(content, lambda: undone)
    if split is None:
        return []
    assert copies.join(split.streams, b"", len(content)) == content
    left, places, at = list(split.streams[1]), [], 0
    while left:
        gap, size, _ = (models.varint(left) for _ in range(3))
        places.append((at + gap, at + gap + size))
        at += gap + size
    return places


def test_copies_leave_no_halves() -> None:
    size = len(NOISE)
    content = NOISE + NOISE + models.noise(size, 9)
    end = 2 * size
    whole = [(size, end)]
    first = (50, size - 2000)  # in the source
    assert places_of(content) == []  # the stage sees it
    assert places_of(content, first) == whole
    assert places_of(content, first, (size + 50, end - 50)) == whole
    assert places_of(content, first, (size, 3 * size)) == []  # half of it
    assert places_of(content, first, (size - 300, size + 300)) == [(size + 300, end)]
    assert places_of(content, first, (size - 900, size + 300)) == whole  # a small part behind a cut
    at = size + 5000  # half of it is behind the copy, which leaves what is in front of it, too
    assert places_of(content, first, (at, 3 * size)) == [(size, at - 256)]
    between = size + 20, at - 100
    assert places_of(content, first, between, (at, 3 * size)) == [(size, at - 100)]
    assert places_of(content, (size + 10, 3 * size)) == []  # undone here, not there
    assert places_of(content, (at, 3 * size)) == [(size, at - 256)]


def test_small_parts_are_left() -> None:
    """Of a stream that goes on a little, and of one of which more pieces are there again."""
    size = len(NOISE)
    content = NOISE + NOISE + models.noise(size, 9)
    for rest, places in ((size // 4, [(size, 2 * size)]), (size // 2, [])):
        assert places_of(content, (50, size), (size + 50, 2 * size + rest)) == places
        assert places_of(content, (size + 50, 2 * size + rest)) == places
    half = size // 2
    content = NOISE + b"-" + NOISE[:half] + b"+" + NOISE[half:] + models.noise(half, 9)
    pieces = [(size + 1, size + 1 + half), (size + 2 + half, 2 * size + 2)]
    assert places_of(content, (size + 1, 2 * size + 100)) == pieces
    assert places_of(content, (size + 1, len(content))) == []


# ---- what it is for ----


def size_of(content: bytes) -> int:
    packed = nncomp.compress(content, 1, model="none")
    assert nncomp.decompress(packed) == content
    return len(packed)


def test_pictures_and_archives_that_recur() -> None:
    png = picture(150, 1)
    zipped = archive(models.noise(6000) + BOOK, BOOK[5000:] * 2)
    for content in (png, PHOTO, zipped, gzip.compress(png)):
        assert len(content) > LEAST
        once = size_of(content)
        assert size_of(content + content) < once + 120
        assert size_of(content + BOOK[:300] + content) < once + 500
        assert size_of(BOOK + content + b"x" + content) < once + size_of(BOOK) + 200


def test_noise_in_an_archive_and_beside_it() -> None:
    assert size_of(NOISE + archive(NOISE)) < len(NOISE) + 250


def test_a_short_repeat_in_front_of_an_archive() -> None:
    """It is not worth that the archive is not undone."""
    packed = gzip.compress(BOOK * 2, mtime=0)
    assert size_of(packed[300:1500] + packed) < size_of(packed) + 1300


def test_one_that_was_cut_off() -> None:
    once = size_of(PHOTO)
    assert size_of(PHOTO[:-200] + PHOTO) < once + 400
    assert size_of(PHOTO + PHOTO[:-200]) < once + 100


def test_copies_are_taken_once() -> None:
    """What copies leave may have copies again: it is looked at by other filters only."""
    packed = gzip.compress(BOOK, mtime=0)
    pieces = [packed[2500 * i + 3000 :][: 1200 - 2 * i] for i in (3, 2, 1, 0, 1, 2, 3)]
    content = packed + b"".join(pieces) + gzip.compress(BOOK[999:] * 2, mtime=0)
    assert (
        size_of(content) < size_of(packed) + size_of(gzip.compress(BOOK[999:] * 2, mtime=0)) + 900
    )


def test_where_nothing_else_pays() -> None:
    """What is left is stored where the other filters make more of it."""
    content = archive(models.noise(9000))
    assert size_of(content + b"-" + content) < len(content) + 60


def test_an_archive_that_was_changed() -> None:
    """Of what was changed, the part that is the same is left where it is, and all is undone."""
    contents = [models.noise(5000, i) + BOOK[300 * i :][:9000] for i in range(4)]
    before = archive(*contents)
    contents[1] += b"and more"
    contents[2] = b"changed" + contents[2]
    content = before + archive(*contents)
    apart = deflate.split(content)
    assert apart is not None
    split = copies.split(content, lambda: apart.undone)
    assert split is not None
    again = deflate.split(split.streams[0])
    assert again is not None and len(again.streams[0]) <= len(apart.streams[0])
    assert size_of(content) < size_of(before) + 1500


# ---- the filter ----


def test_memory_that_joining_takes() -> None:
    content = NOISE * 40
    streams = found(content).streams
    peak = filtering.peak_of_joining(copies, streams, len(content))
    assert peak < copies.memory([len(stream) for stream in streams], b"", len(content))


def test_number() -> None:
    assert FILTERS.index(copies) == 10
