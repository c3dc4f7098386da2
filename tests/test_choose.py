"""How a block is coded: what is tried for which content, and what is chosen.

By a cheap engine, which takes differences and runs zlib. Sizes with the real one are what
``nncomp bench`` shows.
"""

from __future__ import annotations

import io
import itertools
import quopri
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples, peak_of
from nncomp import blocks, compress, container, decompress, levels
from nncomp.errors import FormatError
from nncomp.filters import (
    FILTERS,
    Filter,
    Split,
    arm64,
    base64,
    deflate,
    numbers,
    repeat,
    x86,
)
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model
from nncomp.plan import MAX_DEPTH, Stream, choose, judge, layout, trial
from nncomp.plan.judge import Judge, Ways
from nncomp.plan.parts import Chosen, Filtered, Leaf, choose_parts, joined, thinned
from nncomp.plan.statistics import described
from nncomp.plan.trial import Trial

KIB = 1 << 10
RICH, LEAN = Profile.RICH, Profile.LEAN
MIX = Mixing(RICH)


class Trials:
    """An engine that keeps account, without a network."""

    def __init__(self) -> None:
        self.tried: list[tuple[Mixing, bytes]] = []
        self.bytes = 0

    def __call__(
        self, model: Model | None, data: bytes, lanes: int, mixing: Mixing, /
    ) -> list[bytes]:
        assert model is None and lanes == 1
        self.tried.append((mixing, data))
        self.bytes += len(data)
        x = np.frombuffer(data, np.uint8).copy()
        period, stride = mixing.period, mixing.stride
        if mixing.contexts == Contexts.PICTURE:
            x[stride:] -= x[:-stride].copy()
        if period:
            x[period:] -= x[:-period].copy()
        return [zlib.compress(x.tobytes(), 9)]


def chosen(content: bytes, profile: Profile = RICH) -> Chosen:
    return choose_parts(content, profile, Trials())


def unfiltered(content: bytes, mixing: Mixing | None) -> Leaf:
    return Leaf(content, mixing)


def filtered(filter: Filter, content: bytes, *parts: Chosen | Mixing | None) -> Filtered:
    """Of streams, each as it is, or coded in this way."""
    split = filter.split(content)
    assert split is not None and len(split.streams) == len(parts)
    below = (
        part if isinstance(part, Leaf | Filtered) else Leaf(stream, part)
        for stream, part in zip(split.streams, parts, strict=True)
    )
    return Filtered(len(content), tuple(below), FILTERS.index(filter), split.side)


def leaves(chosen: Chosen) -> list[Leaf]:
    if isinstance(chosen, Leaf):
        return [chosen]
    return [leaf for part in chosen.parts for leaf in leaves(part)]


def names(chosen: Chosen) -> list[str]:
    """Of filters, from the outside to the inside, where most is."""
    found = []
    while isinstance(chosen, Filtered):
        found.append(FILTERS[chosen.filter].NAME)
        chosen = max(chosen.parts, key=lambda part: part.size)
    return found


def tried(content: bytes, profile: Profile = RICH) -> list[str]:
    trials = Trials()
    choose_parts(content, profile, trials)
    return [mixing.label for mixing, _ in trials.tried]


def walk(count: int, step: int, seed: int = 1) -> np.ndarray:
    """A smooth signal: (count,) int64."""
    return np.cumsum(models.integers(seed, count, -step, step))


def table(count: int) -> bytes:
    """Records of 13 bytes, as in a spreadsheet: a counter, a constant, two noisy numbers."""
    noise = models.noise(3 * count)
    rows = (
        struct.pack(
            "<HHHHB4s",
            6,
            i >> 4 & 255,
            noise[3 * i + 2] & 15,
            15,
            noise[3 * i],
            b"\0\0" + noise[i : i + 2],
        )
        for i in range(count)
    )
    return b"".join(rows)


def picture(width: int, height: int) -> bytes:
    """Pixels of three bytes."""
    down, along = walk(height, 3, 1)[:, None], walk(width, 3, 2)[None]
    grain = models.integers(3, 3 * height * width, 0, 3)
    levels = (down + along)[:, :, None] * np.array([1, 1, 2]) + np.array([0, 40, 90])
    return (levels + grain.reshape(levels.shape)).astype(np.uint8).tobytes()


def stereo(count: int) -> bytes:
    """Frames of two 16-bit samples, drowned in each other."""
    return np.stack([walk(count, 300, 1), walk(count, 300, 2)], 1).astype("<i2").tobytes()


def x86_code(count: int) -> bytes:
    """Opcodes, and calls of a few functions."""
    out = bytearray()
    noise = models.noise(2 * count)
    for i in range(count):
        out += b"\x48\x8b" + noise[2 * i : 2 * i + 1] + b"\x89\xd8"[: 1 + noise[2 * i] % 2]
        target = 0x1000 * (1 + noise[2 * i + 1] % 16) + 0x100_0000 // 2
        out += b"\xe8" + ((target - len(out)) & 0xFFFFFF).to_bytes(3, "little") + b"\0"
    return bytes(out)


def arm64_code(count: int) -> bytes:
    words = models.integers(1, count, 0, 255) * 0x10421 | 0xD2800000
    places = np.arange(0, count, 7)
    targets = 1000 + 64 * models.integers(2, len(places), 0, 15)
    words[places] = 0x25 << 26 | (targets - places & 0x3FFFFFF)
    return words.astype("<u4").tobytes()


# ---- text ----


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    "text",
    [
        models.text(300_000),
        models.text(5000),
        b"".join(b"%d,%d,%d\n" % (i, i * i % 9973, i * 7) for i in range(20_000)),
        "".join(f"Größe {i * i % 9973}, Ωμέγα {i * 7}, 圧縮する。\n" for i in range(3000)).encode(),
    ],
    ids=["words", "short", "csv", "utf-8"],
)
def test_text_costs_no_trial(text: bytes, profile: Profile) -> None:
    trials = Trials()
    assert choose_parts(text, profile, trials) == unfiltered(text, Mixing(profile))
    assert choose.choose_mixing(text, profile, trials) == Mixing(profile)
    assert trials.tried == []


@pytest.mark.parametrize("content", [b"abcdefgh", bytes(range(256)), models.noise(511)])
def test_next_to_nothing_costs_no_trial(content: bytes) -> None:
    assert tried(content) == [] and chosen(content) == unfiltered(content, MIX)


@pytest.mark.parametrize("content", [b"a", b"abcdefg", models.noise(1 << 17)])
def test_what_is_not_worth_coding(content: bytes) -> None:
    trials = Trials()
    assert choose_parts(content, RICH, trials) == unfiltered(content, None)
    assert choose.choose_mixing(content, RICH, trials) is None
    assert trials.tried == []


def test_records_of_text_without_ends_of_lines_are_tried() -> None:
    content = b"".join(b"%-20d%-20s%07d" % (i, b"name", i * i % 999_983) for i in range(3000))
    for profile in Profile:
        assert tried(content, profile) == ["general", "general 47"]


# ---- everything else ----


def test_records() -> None:
    content = table(20_000)
    assert chosen(content) == unfiltered(content, Mixing(RICH, Contexts.RECORDS, period=13))
    assert chosen(content, LEAN) == unfiltered(content, Mixing(LEAN, period=13))


def test_long_records() -> None:
    noise = models.noise(400_000)
    content = b"".join(noise[:900] + noise[i : i + 100] for i in range(1000, 300_000, 1000))
    assert "records 1000" in tried(content)
    assert "general 1000" in tried(content, LEAN)


def test_picture_without_a_header() -> None:
    content = picture(width=500, height=400)
    mixing = Mixing(RICH, Contexts.PICTURE, period=1500, stride=3)
    assert chosen(content) == unfiltered(content, mixing)


def test_sound_without_a_header() -> None:
    assert "wide 8x4" in tried(stereo(50_000))


@pytest.mark.parametrize(
    ("header", "label"),
    [
        (b"P6\n# a comment\n640 480\n255\n", "picture 1920x3"),
        (b"P6 640 480 65535\n", "picture 3840x6"),
        (b"P6 640 480 65535\n", "wide 3840x6"),
        (b"P5\n640 480\n255\n", "picture 640x1"),
        (b"BM" + bytes(16) + struct.pack("<iiHH", 641, 480, 1, 24), "picture 1924x3"),
        (b"BM" + bytes(16) + struct.pack("<iiHH", 641, 480, 1, 8), "picture 644x1"),
        (b"BM" + bytes(16) + struct.pack("<iiHH", 641, 480, 1, 1), "picture 84x1"),
        (
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16),
            "wide 8x4",
        ),
    ],
)
def test_headers_are_tried(header: bytes, label: str) -> None:
    assert label in tried(header + models.noise(30_000))


@pytest.mark.parametrize(
    "header",
    [
        b"P6\n0 0\n255\n",
        b"P6\n99999 9\n65535\n",
        b"P6\n999999999999 9\n255\n",
        b"P5\n",
        b"BM",
        b"BM" + b"\0" * 30,
        b"BM" + b"\xff" * 30,
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF\0\0\0\0WAVEfmt " + b"\xff" * 30,
    ],
)
def test_headers_may_lie(header: bytes) -> None:
    content = header + models.noise(3000)
    assert not any(label.startswith("picture") for label in tried(content))
    chosen(header)


def test_programs() -> None:
    for filter, code, contexts in (
        (x86, x86_code(9000), Contexts.X86),
        (arm64, arm64_code(20_000), Contexts.CODE),
    ):
        assert chosen(code) == filtered(filter, code, Mixing(RICH, contexts))
        assert chosen(code, LEAN) == filtered(filter, code, Mixing(LEAN))


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of programs fail if they are used."""

    def split(content: bytes) -> Split:
        raise AssertionError

    monkeypatch.setattr(x86, "split", split)
    monkeypatch.setattr(arm64, "split", split)


@pytest.mark.usefixtures("no_programs")
@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    "content",
    [models.noise(60_000), table(5000), stereo(20_000), bytes(9000), b"\xff" * 9000],
    ids=["noise", "table", "stereo", "zeros", "ones"],
)
def test_programs_are_not_seen_elsewhere(content: bytes, profile: Profile) -> None:
    chosen(content, profile)


@pytest.mark.usefixtures("no_programs")
def test_mixings_alone_try_no_filter() -> None:
    for content in (x86_code(9000), arm64_code(20_000)):
        for profile in Profile:
            assert choose.choose_mixing(content, profile, Trials()) is not None


def test_patterns() -> None:
    assert chosen(b"ab" * 500) == filtered(repeat, b"ab" * 500, None)
    pattern = models.text(600)
    content = pattern * 3 + pattern[:100]
    assert chosen(content, LEAN) == filtered(repeat, content, Mixing(LEAN))
    for pattern in (table(300), x86_code(50)):
        assert chosen(pattern * 4) == filtered(repeat, pattern * 4, chosen(pattern))


def test_deflate_streams() -> None:
    packed = zlib.compress(models.text(30_000, 1))
    for content, mixing in ((packed, None), (models.text(3000, 2) + packed, MIX)):
        split = deflate.split(content)
        assert split is not None
        redo = chosen(split.streams[1])
        assert chosen(content) == filtered(deflate, content, mixing, redo, MIX, None)
    little = zlib.compress(models.text(5000, 1))
    assert len(little) < 1 << 12 < len(packed)
    assert names(chosen(x86_code(20 * len(little)) + little)) == ["x86"]  # not worth it
    # What is hard to compress may be most of what is left, though it is not much of the content.
    assert names(chosen(x86_code(20 * len(packed)) + packed)) == ["deflate", "x86"]


def test_base64() -> None:
    content = b"data:text/plain;base64," + base64.letters(models.text(30_000))
    choice = chosen(content)
    assert names(choice) == ["base64"] and [leaf.mixing for leaf in leaves(choice)][2] == MIX
    paths = "".join(f"/Session/{i % 7}/User/{i % 9}/PathOf{i % 31}/Index" for i in range(20_000))
    assert base64.split(paths.encode()) and names(chosen(paths.encode())) == []


def test_hex() -> None:
    text = models.text(30_000)
    content = b"INSERT INTO t VALUES (X'" + text.hex().encode() + b"');"
    choice = chosen(content)
    assert names(choice) == ["hex"] and text in [leaf.stream for leaf in leaves(choice)]


def test_quoted() -> None:
    text = models.text(30_000).replace(b"e", b"\xe9") + b"\n"
    choice = chosen(b"Subject: =?\n\n" + quopri.encodestring(text))
    assert names(choice) == ["quoted"]
    assert b"Subject: =?\n\n" + text == next(iter(leaves(choice))).stream


def test_streams_are_looked_at_again() -> None:
    """What a mail with an archive of an archive is, and that of the pictures in it."""
    text = models.text(40_000)
    outer = zlib.compress(b"\0an archive\xff" * 40 + zlib.compress(text))
    content = models.text(300) + b"\r\n\r\n" + base64.letters(outer) + b"\r\n"
    choice = chosen(content)
    assert names(choice) == ["base64", "deflate", "deflate"]
    assert text in [leaf.stream for leaf in leaves(choice)] and joined(choice) == content
    photo = (Path(__file__).parent / "jpeg" / "444.jpg").read_bytes()
    choice = chosen(zlib.compress(b"\0\xff" * 400 + photo))
    assert names(choice) == ["deflate", "jpeg"]
    code = zlib.compress(x86_code(9000))
    assert names(chosen(code)) == ["deflate", "x86"]


def test_only_so_deep() -> None:
    content, depth = models.text(3000), 9
    for _ in range(depth):
        content = zlib.compress(bytes(range(256)) * 2 + content)
    choice = chosen(content)
    assert names(choice) == ["deflate"] * MAX_DEPTH and joined(choice) == content


def test_no_more_than_a_plan_may_have() -> None:
    """Neither bytes nor streams, where what is inside of streams expands again."""
    content = b"".join(zlib.compress(zlib.compress(bytes(1 << 20), 0) * 8) for _ in range(3))
    choice = chosen(content)
    assert joined(choice) == content
    total = sum(map(size_below, [choice]))
    assert total <= len(content) + deflate.most_contents(len(content))


def test_no_more_coded_streams_than_a_plan_may_have() -> None:
    """The largest are coded, and the others stored."""
    sizes = [40, 9, 30, 9, 50, 8]
    parts = [Leaf(bytes(size), MIX) for size in sizes]
    choice = Filtered(400, (*parts[:2], Filtered(99, (Leaf(bytes(70), None), *parts[2:]), 2)), 5)

    def coded(most: int) -> list[int]:
        found = leaves(thinned(choice, most))
        assert [leaf.stream for leaf in found] == [leaf.stream for leaf in leaves(choice)]
        return [leaf.size for leaf in found if leaf.mixing is not None]

    assert thinned(choice, 6) is choice
    assert coded(5) == [40, 9, 30, 9, 50]
    assert coded(4) == coded(3) == [40, 30, 50]  # of two that are as large, both or none
    assert coded(1) == [50] and coded(0) == []


def test_an_encoder_keeps_to_what_a_decoder_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a block could have more streams that are coded than are allowed, far fewer here."""
    content = b'{"token":"' + base64.letters(models.text(900)) + b'", "of": "somebody"}'

    def coded() -> int:
        packed = compress(content, model="none")
        assert decompress(packed) == content
        header, block = itertools.islice(container.read(io.BytesIO(packed), 1 << 30), 2)
        plan = layout.loads(block, header)
        return sum(stream.mixing is not None for stream in plan.every_stream)

    assert coded() == 2
    for module in (blocks, layout):
        monkeypatch.setattr(module, "most_coded", lambda size: 1)
    assert coded() == 1


def size_below(chosen: Chosen) -> int:
    if isinstance(chosen, Leaf):
        return 0
    return sum(part.size + size_below(part) for part in chosen.parts)


def test_numbers() -> None:
    """Noise apart, and the network is asked for the rest only."""
    noise = np.frombuffer(models.noise(4 * 20_000), "<u4")
    floats = ((noise >> 9) + (120 + noise % 5 << 23) | noise << 31).astype("<u4").tobytes()
    for profile in Profile:
        choice = chosen(floats, profile)
        assert isinstance(choice, Filtered) and FILTERS[choice.filter] is numbers
        first, *others = leaves(choice)
        *places, exponents = [leaf.stream for leaf in others]
        assert first == Leaf(b"", None) and not any(leaf.network for leaf in others)
        assert [len(p) for p in places] == [20_000] * 3
        assert set(exponents) == set(range(120, 125))
    times = np.cumsum(models.integers(1, 20_000, 0, 200)).astype("<i8").tobytes()
    assert sum(leaf.stream.count(0) for leaf in leaves(chosen(times))) >= 7 * 20_000
    code = x86_code(4000)
    choice = chosen(code + times)
    assert isinstance(choice, Filtered) and FILTERS[choice.filter] is numbers
    assert names(choice.parts[0]) == ["x86"] and joined(choice) == code + times
    assert leaves(choice)[0].mixing == Mixing(RICH, Contexts.X86)
    assert names(chosen(code + times[:10_000])) == ["x86"]  # too little


# ---- a filter that fails ----


def nothing(content: bytes) -> None:
    return None


def other_content(streams: object, side: bytes, size: int) -> bytes:
    return bytes(size)


def an_error(streams: object, side: bytes, size: int) -> bytes:
    raise FormatError("not what split gives")


@pytest.mark.parametrize("replacement", [nothing, other_content, an_error])
def test_what_does_not_join_to_the_content_is_not_chosen(
    replacement: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for filter in (x86, repeat):
        monkeypatch.setattr(filter, "split" if replacement is nothing else "join", replacement)
    code, pattern = x86_code(9000), b"a pattern, " * 50
    for profile in Profile:
        assert chosen(code, profile) == unfiltered(
            code, choose.choose_mixing(code, profile, Trials())
        )
        assert names(chosen(pattern, profile)) == []


# ---- cost, and that the answer is one ----


@pytest.mark.slow
@pytest.mark.parametrize("make", [table, stereo, x86_code, arm64_code])
def test_trials_are_few_and_short(make) -> None:  # type: ignore[no-untyped-def]
    content = (make(100_000) * 9)[: 1 << 20]
    trials = Trials()
    choose_parts(content, RICH, trials)
    assert trials.bytes <= len(content) // 6  # of which numbers take seven 64ths at most
    trials = Trials()
    choose_parts((content * 4)[:-1], RICH, trials)
    assert trials.bytes <= len(content) * 4 // 9


@settings(deadline=None, max_examples=examples(50))
@given(st.binary(max_size=2000), st.integers(1, 3), st.sampled_from(Profile))
def test_any_content_has_an_answer_and_always_the_same(
    data: bytes, times: int, profile: Profile
) -> None:
    content = data * times
    trials = Trials()
    choice = choose_parts(content, profile, trials)
    assert choice == chosen(content, profile)
    assert joined(choice) == content
    assert len(set(trials.tried)) == len(trials.tried)
    for leaf in leaves(choice):
        assert leaf.mixing is None or leaf.mixing.profile == profile


# ---- with the network or without ----


class Steps:
    """Codes a stream step by step: each KiB of the first twelve takes ``first`` bytes, each one
    behind them ``later``."""

    def __init__(self, first: int, later: int, data: bytes) -> None:
        self.first, self.later, self.data = first, later, data
        self.steps = 0

    def encode(self, steps: int, *, threads: int, progress: Callable[[int], object]) -> None:
        assert self.steps <= steps <= len(self.data) and steps % 128 == 0
        progress(steps - self.steps)
        self.steps = steps

    @property
    def size(self) -> int:
        first = min(self.steps, 12 * KIB)
        return (first * self.first + (self.steps - first) * self.later) // KIB


def begin(
    data: bytes,
    size: int,
    alone: tuple[int, int],
    with_network: tuple[int, int],
    report: Callable[[int], object] = lambda _: None,
) -> Trial:
    """Of a stream that takes so much of each KiB, in its first 12 KiB and later."""

    def start(model: Model | None, data: bytes, lanes: int, mixing: Mixing, prime: Any, /) -> Steps:
        assert lanes == 1 and mixing == MIX and prime is None
        return Steps(*(alone if model is None else with_network), data)

    return trial.begin(data, size, MIX, models.tiny(), start, report)


@pytest.mark.parametrize(
    ("size", "alone", "with_network", "expected"),
    [
        (96, (200, 100), (200, 100), 0),
        # What is saved at the beginning is saved, be it the only thing, and less of a longer one.
        (96, (200, 100), (100, 100), 1200 * 1024 // (2400 + 8400)),
        (960, (200, 100), (100, 100), 1200 * 1024 // (2400 + 94_800)),
        (96, (200, 100), (250, 50), 3600 * 1024 // 10_800),
        (96, (200, 100), (250, 100), -600 * 1024 // 10_800),
        (96, (0, 0), (0, 0), 0),
    ],
)
def test_what_the_network_is_expected_to_save(
    size: int, alone: tuple[int, int], with_network: tuple[int, int], expected: int
) -> None:
    for data in (bytes(size * KIB), bytes(24 * KIB)):
        assert begin(data, size * KIB, alone, with_network).gain == expected


def test_both_ways_code_the_beginning() -> None:
    heard: list[int] = []
    begun = begin(bytes(100_000), 100_000, (1, 1), (1, 1), heard.append)
    for way in (begun.alone, begun.with_network):
        assert isinstance(way, Steps) and way.steps == 24 * KIB
    assert heard == [0, 0, 12 * KIB, 12 * KIB]


def test_what_may_go_on() -> None:
    def may_go_on(size: int, lanes: int) -> bool:
        return Judge(levels.get(5), size, lanes).may_go_on

    assert may_go_on(1 << 20, 1)
    assert not may_go_on((1 << 20) + 1, 1) and not may_go_on(100_000, 2)


def test_what_is_begun_of_lanes_is_from_all_of_the_stream() -> None:
    stream = models.text(300_000)
    assert trial.beginning(stream, 1) == stream[: 24 * KIB]
    for lanes in (2, 8):
        data = trial.beginning(stream, lanes)
        assert len(data) == 24 * KIB and data[: 12 * KIB] == stream[: 12 * KIB]
        quarter = (len(stream) - 12 * KIB) // 4
        for i in range(4):
            piece = data[12 * KIB :][3 * KIB * i :][: 3 * KIB]
            assert piece in stream[12 * KIB + quarter * i :][: quarter + 3]


def test_small_streams_are_coded_in_both_ways() -> None:
    def unexpected() -> int:
        raise AssertionError("a small stream is not tried")

    for level in map(levels.get, range(levels.MIN_LEVEL, levels.MAX_LEVEL + 1)):
        for size in (1, 64 * KIB):
            assert Judge(level, size, 1).is_small
            assert Judge(level, size, 1).choose(unexpected) == Ways.BOTH
        assert not Judge(level, 64 * KIB + 1, 1).is_small


@pytest.mark.parametrize("number", [1, 3, 5, 9])
@pytest.mark.parametrize("lanes", [1, 8, 100])
def test_ways_follow_from_the_gain(number: int, lanes: int) -> None:
    """Lanes cost, and where a gain leaves doubt, thorough levels try both in large streams."""
    level = levels.get(number)
    need = level.min_gain if lanes == 1 else 2 * (level.min_gain + 10 * (lanes.bit_length() - 1))
    for size in (64 * KIB + 1, 1024 * KIB):
        judged = Judge(level, size, lanes)
        large = size >= 1024 * KIB and lanes >= 4
        doubt = Ways.BOTH if large and level.thorough else Ways.NETWORK
        for gain, ways in {
            need - 1: Ways.ALONE,
            need: doubt,
            4 * need - 1: doubt,
            4 * need: Ways.NETWORK,
        }.items():
            assert judged.after_trial(gain) == ways
            assert judged.choose(lambda gain=gain: gain) == ways  # type: ignore[misc]


@pytest.mark.parametrize("number", [3, 5, 9])
def test_ways_follow_from_the_probe(number: int) -> None:
    """The network has to save more than is asked, for the stage goes on learning."""
    level = levels.get(number)
    judged = Judge(level, 1 << 20, 4)
    alone = 1024 * 100
    for saved, ways in {
        level.min_gain + 64: Ways.ALONE,
        level.min_gain + 65: Ways.BOTH,
        level.min_gain + 112: Ways.BOTH,
        level.min_gain + 113: Ways.NETWORK,
    }.items():
        assert judged.after_probe(alone, alone - 100 * saved) == ways


def test_what_is_worth_while() -> None:
    """Less than the stream; and with the network a share less than without, in a large one."""

    def coded(size: int, *stored: int) -> list[Stream]:
        return [
            Stream(size, (bytes(stored_size),), MIX, network)
            for stored_size, network in zip(stored, (False, True), strict=False)
        ]

    level, large = levels.get(5), 1 << 20
    for size in (100, large):
        assert judge.worthwhile(coded(size, size - 1), level) == coded(size, size - 1)
        assert judge.worthwhile(coded(size, size), level) == []
        assert judge.worthwhile(coded(size, size + 1, size - size // 10), level) == [
            Stream(size, (bytes(size - size // 10),), MIX, True)
        ]
    assert judge.worthwhile(coded(100, 50, 49), level) == coded(100, 50, 49)
    enough = 102_400 - 100 * level.min_gain
    assert judge.worthwhile(coded(large, 102_400, enough - 1), level) == coded(
        large, 102_400, enough - 1
    )
    assert judge.worthwhile(coded(large, 102_400, enough), level) == coded(large, 102_400)


# ---- what bytes look like ----


def test_looks_random_knows_structure() -> None:
    size = 1 << 18
    draw = random.Random(1)
    noise = draw.randbytes(size)
    assert choose.looks_random(noise)
    assert not choose.looks_random(models.text(size))
    assert not choose.looks_random(noise[: size // 2] * 2)  # a repeat at a distance
    assert not choose.looks_random(bytes(i & 255 for i in range(size)))  # uniform, yet a counter
    assert not choose.looks_random(noise[: size // 2] + models.text(size // 2))
    assert not choose.looks_random(bytes(b & 0x7F for b in noise))
    assert not choose.looks_random(noise[:60_000])


def test_headers_are_short() -> None:
    """A hundred thousand lines of comment before a picture take no memory, and are no header."""
    header = b"P6\n" + b"# x\n" * 100_000 + b"640 480\n255\n"
    picture = header + bytes(1000)
    found: list[object] = []
    assert peak_of(lambda: found.extend(described(picture))) < 100_000  # and not 23 MB
    assert found == []
    assert list(described(header[:3] + b"# x\n" * 100 + header[-12:])) == [(1920, 3)]
