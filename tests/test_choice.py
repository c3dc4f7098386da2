"""What is tried for which content, and what is chosen: by a cheap engine, which takes differences
and runs zlib. Sizes with the real one are what ``nncomp bench`` shows."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from conftest import examples
from nncomp import choice
from nncomp.mixing import Contexts, Mixing, Profile, Transform
from nncomp.model import Model

KIB = 1 << 10
RICH, LEAN = Profile.RICH, Profile.LEAN
MIX = Mixing(RICH)


class Trials:
    """An engine that keeps account. A network saves ``gain``/1024 of each payload."""

    def __init__(self, gain: int = 0) -> None:
        self.tried: list[Mixing] = []
        self.bytes = 0
        self.gain = gain

    def __call__(
        self, model: Model | None, data: bytes, lanes: int, mixing: Mixing, /
    ) -> list[bytes]:
        assert lanes == 1
        self.tried.append(mixing)
        self.bytes += len(data)
        x = np.frombuffer(data, np.uint8).copy()
        period, stride = mixing.period, mixing.stride
        if mixing.contexts == Contexts.PICTURE:
            x[stride:] -= x[:-stride].copy()
        if mixing.transform == Transform.X86:
            calls = np.flatnonzero((x[:-4] == 0xE8) & (x[4:] == 0))
            x[calls + 1] += calls.astype(np.uint8)  # no transform that could be undone
            x[calls + 2] = x[calls + 3] = 0
        if mixing.transform == Transform.ARM64:
            words = x[: len(x) & ~3].view("<u4")
            calls = words >> 26 == 0x25
            words[calls] = (words + np.arange(len(words), dtype=np.uint32))[calls]
        if period:
            x[period:] -= x[:-period].copy()
        payload = zlib.compress(x.tobytes(), 9)
        return [payload if model is None else payload[len(payload) * self.gain // 1024 :]]


def chosen(content: bytes, profile: Profile = RICH) -> Mixing:
    return choice.choose_mixing(content, profile, Trials())


def tried(content: bytes, profile: Profile = RICH) -> list[str]:
    trials = Trials()
    choice.choose_mixing(content, profile, trials)
    return [mixing.label for mixing in trials.tried]


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


def x86(count: int) -> bytes:
    """Opcodes, and calls of a few functions."""
    out = bytearray()
    noise = models.noise(2 * count)
    for i in range(count):
        out += b"\x48\x8b" + noise[2 * i : 2 * i + 1] + b"\x89\xd8"[: 1 + noise[2 * i] % 2]
        target = 0x1000 * (1 + noise[2 * i + 1] % 16) + 0x100_0000 // 2
        out += b"\xe8" + ((target - len(out)) & 0xFFFFFF).to_bytes(3, "little") + b"\0"
    return bytes(out)


def arm64(count: int) -> bytes:
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
    assert choice.choose_mixing(text, profile, trials) == Mixing(profile)
    assert trials.tried == []


@pytest.mark.parametrize("content", [b"a", b"\0\1\2", bytes(range(256)), models.noise(511)])
def test_next_to_nothing_costs_no_trial(content: bytes) -> None:
    assert tried(content) == [] and chosen(content) == Mixing(RICH)


def test_records_of_text_without_ends_of_lines_are_tried() -> None:
    content = b"".join(b"%-20d%-20s%07d" % (i, b"name", i * i % 999_983) for i in range(3000))
    for profile in Profile:
        assert tried(content, profile) == ["general", "general 47"]


# ---- everything else ----


def test_records() -> None:
    content = table(20_000)
    assert chosen(content) == Mixing(RICH, Contexts.RECORDS, period=13)
    assert chosen(content, LEAN) == Mixing(LEAN, period=13)


def test_long_records() -> None:
    noise = models.noise(400_000)
    content = b"".join(noise[:900] + noise[i : i + 100] for i in range(1000, 300_000, 1000))
    assert "records 1000" in tried(content)
    assert "general 1000" in tried(content, LEAN)


def test_picture_without_a_header() -> None:
    content = picture(width=500, height=400)
    assert chosen(content) == Mixing(RICH, Contexts.PICTURE, period=1500, stride=3)


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


def test_calls() -> None:
    assert chosen(x86(9000)) == Mixing(RICH, Contexts.CODE, Transform.X86)
    assert chosen(arm64(20_000)) == Mixing(RICH, Contexts.CODE, Transform.ARM64)
    assert "general x86" in tried(x86(9000), LEAN)
    for other in (models.noise(100_000), table(5000), stereo(20_000), bytes(9000), b"\xff" * 9000):
        assert not any("x86" in label or "arm64" in label for label in tried(other))


# ---- cost, and that the answer is one ----


@pytest.mark.slow
@pytest.mark.parametrize("make", [table, stereo, x86, arm64])
def test_trials_are_few_and_short(make) -> None:  # type: ignore[no-untyped-def]
    content = (make(100_000) * 9)[: 1 << 20]
    trials = Trials()
    choice.choose_mixing(content, RICH, trials)
    assert len(trials.tried) <= 4 and trials.bytes <= len(content) // 16
    trials = Trials()
    choice.choose_mixing((content * 4)[:-1], RICH, trials)
    assert trials.bytes <= len(content) * 4 // 20


@settings(deadline=None, max_examples=examples(50))
@given(st.binary(max_size=2000), st.integers(1, 3), st.sampled_from(Profile))
def test_any_content_has_an_answer_and_always_the_same(
    data: bytes, times: int, profile: Profile
) -> None:
    content = data * times
    trials = Trials()
    mixing = choice.choose_mixing(content, profile, trials)
    assert mixing.profile == profile and mixing == chosen(content, profile)
    assert len(set(trials.tried)) == len(trials.tried)


# ---- with the network or without ----


@pytest.mark.parametrize("content", [models.text(100_000), models.noise(100_000), b"abc"])
def test_what_the_network_saves(content: bytes) -> None:
    for gain in (0, 20, 400):
        found = choice.network_gain(content, models.tiny(), MIX, Trials(gain))
        assert gain - 40 <= found <= gain + (40 if len(content) > 3 else 1024)


def test_network_is_judged_by_all_parts() -> None:
    """Of four parts, the second and the last count; the others are to learn from."""
    quarter = 64 * KIB

    class Knowing(Trials):
        def __call__(self, model, data, lanes, mixing, /):  # type: ignore[no-untyped-def]
            (payload,) = super().__call__(None, data, lanes, mixing)
            return [payload if model is None else payload[data.count(b" ") :]]

    for number in range(4):
        parts = [models.noise(quarter, i) for i in range(4)]
        parts[number] = models.text(quarter)
        gain = choice.network_gain(b"".join(parts), models.tiny(), MIX, Knowing())
        assert (gain >= 80) == (number in (1, 3))


@pytest.mark.slow
def test_network_is_judged_by_the_second_half_of_a_sample() -> None:
    trials = Trials()
    choice.network_gain(models.text(4 << 20), models.tiny(), MIX, trials)
    assert len(trials.tried) == 4
    assert trials.bytes == 3 * (4096 * KIB // 96 // 4 * 4)


def test_headers_are_short() -> None:
    """A hundred thousand lines of comment before a picture take no memory, and are no header."""
    header = b"P6\n" + b"# x\n" * 100_000 + b"640 480\n255\n"
    picture = header + bytes(1000)
    tracemalloc.start()
    try:
        assert list(choice._described(picture)) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000  # and not 23 MB
    finally:
        tracemalloc.stop()
    assert list(choice._described(header[:3] + b"# x\n" * 100 + header[-12:])) == [(1920, 3)]
