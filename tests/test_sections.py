"""Content of several kinds: where it is cut, what becomes of it, what decoders refuse."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
import nncomp
from conftest import assert_linear
from nncomp import varint
from nncomp.engine import native
from nncomp.errors import FormatError
from nncomp.filters import Split, sections
from nncomp.mixing import Profile
from nncomp.plan.sections import kinds_apart

KIB = 1 << 10
BOOK = (Path(__file__).parent / "data" / "book.md").read_bytes()
TEXT = (BOOK * 9)[: 120 * KIB]
NOISE = models.noise(120 * KIB)
# A picture of bytes, in rows, and sound: numbers of 16 bits.
PICTURE = bytes(
    (x * x // 90 + y * 3 + NOISE[y * 300 + x] // 60) & 255 for y in range(300) for x in range(300)
)
SOUND = b"".join(
    ((i * i // 7 % 4000) - (i % 90) * 9 + 30000).to_bytes(2, "little") for i in range(45_000)
)


def apart(content: bytes, profile: Profile = Profile.RICH) -> Split | None:
    return kinds_apart(content, profile, native.encode_block)


def lengths(split: Split) -> list[tuple[int, int]]:
    """(Number of the stream, bytes) of each section."""
    fields = varint.Reader(split.side, "")
    found = []
    while fields.left:
        found.append((fields.number(), fields.number()))
    return found


def tar(*members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number, content in enumerate(members):
            member = tarfile.TarInfo(f"folder/{number}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


# ---- the filter ----


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 3)), max_size=9))
def test_joining_gives_the_content(parts: list[tuple[bytes, int]]) -> None:
    content = b"".join(part for part, _ in parts)
    stop = 0
    kinds = []
    for part, kind in parts:
        stop += len(part)
        kinds.append((stop, kind))
    split = sections.take_apart(content, kinds)
    if len({kind for _, kind in parts}) < 2:
        assert split is None
        return
    assert split is not None
    assert sections.join(split.streams, split.side, len(content)) == content
    assert sum(length for _, length in lengths(split)) == len(content)


@pytest.mark.parametrize(
    ("streams", "side", "size", "message"),
    [
        ([b"ab", b"c"], [0, 2], 3, "do not fit"),  # one stream is left
        ([b"ab", b"c"], [0, 2, 1, 2], 3, "do not fit"),
        ([b"ab", b"c"], [0, 2, 1, 1], 4, "do not fit"),
        ([b"abc"], [0, 3], 3, "do not fit"),
        ([b"ab", b"c"], [0, 1, 2, 1], 3, "not as they are written"),
        ([b"ab", b"c"], [1, 1, 0, 2], 3, "not as they are written"),
        ([b"ab", b"c"], [0, 1, 0, 1, 1, 1], 3, "not as they are written"),
        ([b"ab", b"c"], [0, 2, 1, 1, 0, 0], 3, "not as they are written"),
        ([b"ab", b"c"], [0, 2, 1], 3, "end too early"),
        ([b"ab", b"c"], [], 3, "do not fit"),
        ([b"ab", b"c"], [0, 2, 1, 1, 2, 1], 3, "do not fit"),
    ],
)
def test_what_is_refused(
    streams: Sequence[bytes], side: Sequence[int], size: int, message: str
) -> None:
    data = b"".join(map(varint.dumps, side))
    with pytest.raises(FormatError, match=message):
        sections.check([len(stream) for stream in streams], data, size)
    with pytest.raises(FormatError, match=message):
        sections.join(streams, data, size)


# ---- where content is cut ----


def test_text_is_told_from_everything_else() -> None:
    split = apart(TEXT + NOISE + TEXT)
    assert split is not None
    assert lengths(split) == [(0, len(TEXT)), (1, len(NOISE)), (0, len(TEXT))]
    assert split.streams == (TEXT + TEXT, NOISE)
    for one in (TEXT, NOISE, TEXT + NOISE[:4000] + TEXT, NOISE + TEXT[:9000] + NOISE, b"", b"a"):
        assert apart(one) is None


def test_what_gains_little_stays_with_text() -> None:
    """And what would lose a repeat stays where it is."""
    machine = b"".join(TEXT[i : i + 9] + bytes([i & 255, 1, 0]) for i in range(0, 110_000, 12))
    assert apart(TEXT + machine) is None
    assert apart(tar(TEXT, machine, TEXT)) is None
    assert apart(tar(SOUND, TEXT)) is not None
    assert apart(tar(SOUND, TEXT, TEXT)) is not None
    assert apart(tar(SOUND, TEXT, SOUND)) is None
    assert apart(tar(SOUND, TEXT + SOUND[:9000])) is None
    assert apart(tar(SOUND[:50_000], TEXT)) is None  # too short


def test_text_of_any_script() -> None:
    foreign = "Größe über alles, день за днём; 日本語の文章。".encode() * 1500
    split = apart(foreign + NOISE)
    assert split is not None and split.streams == (
        foreign[: len(split.streams[0])],
        foreign[len(split.streams[0]) :] + NOISE,
    )
    assert abs(len(split.streams[0]) - len(foreign)) < KIB


def test_members_of_a_tar_are_kinds_of_their_own() -> None:
    small = NOISE[:3000]
    content = tar(PICTURE, small, SOUND, TEXT, small, PICTURE[::-1])
    split = apart(content)
    assert split is not None
    assert sections.join(split.streams, split.side, len(content)) == content
    assert apart(content + PICTURE[:20_000]) is None
    assert any(PICTURE in one and SOUND not in one for one in split.streams)
    assert any(SOUND in one and PICTURE not in one for one in split.streams)
    lean = apart(content, Profile.LEAN)
    assert lean is not None
    assert any(PICTURE in one and SOUND not in one for one in lean.streams)


def test_what_looks_like_a_tar() -> None:
    """Headers that are cut off, or say what cannot be: nothing is cut by them."""
    content = tar(PICTURE, SOUND)
    assert apart(content[300:400] + NOISE) is None
    damaged = bytearray(content)
    for at in (130, 512 + len(PICTURE) + 512 - len(PICTURE) % 512 + 130):
        damaged[at] ^= 1  # of a size
    assert apart(bytes(damaged)) is None
    for header in (content[:400], content[:257] + b"ustar", b"ustar" * 9):
        apart(NOISE + header)
        apart(header + NOISE)


def test_cutting_takes_linear_time() -> None:
    for some in (b"\0", b"ustar", tar(b"")[:512], TEXT[:1024] + NOISE[:1024]):
        assert_linear(lambda data: apart(data, Profile.LEAN), lambda n, some=some: some * n, 2000)


@pytest.mark.parametrize("level", [1, 2, 7])
def test_an_archive_takes_little_more_than_its_members(level: int) -> None:
    members = [TEXT[: len(BOOK)], SOUND, models.text(40_000), PICTURE, NOISE[:70_000]]
    content = tar(*members)
    packed = nncomp.compress(content, level)
    assert nncomp.decompress(packed) == content
    alone = sum(len(nncomp.compress(one, level)) for one in members)
    assert len(packed) < alone + alone // 40 + 1500
