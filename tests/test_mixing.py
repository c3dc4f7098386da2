"""The adaptive stage: every engine and kernel against the reference, with ``==``, and hard cases.

Kernels that this CPU cannot run are skipped. That network and coder agree without the stage is the
subject of ``test_engines.py``.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import test_coder
from conftest import examples, some_quick
from nncomp import _native
from nncomp.engine import native, reference
from nncomp.engine.reference import cells, coder, features, hashes, mixer
from nncomp.engine.reference.arithmetic import Ints
from nncomp.engine.reference.instructions import KINDS, Instruction
from nncomp.engine.reference.lane import (
    HISTORY_COUNT,
    MATCH_COUNT,
    SAMPLE_COUNT,
    SAMPLE_START,
)
from nncomp.engine.reference.samples import TAPS
from nncomp.engine.reference.squares import OF_ROWS, OF_SOUND, SHORT, Forgetting, LeastSquares
from nncomp.errors import FormatError
from nncomp.mixing import Contexts, Mixing, NumberKind, Profile, costliest
from nncomp.mixing_tables import (
    FIRST_RATE,
    NEXT,
    READOUT_RATE,
    RECIPROCAL,
    SECOND_RATE,
    SQUASH,
    START,
    STRETCH,
)
from nncomp.model import Model
from nncomp.plan import MAX_STREAM_SIZE

PAGE = Path(__file__).parents[1] / "docs" / "numerics.md"
LEAN, RICH, MAX = Profile

MIXINGS = {
    "lean": Mixing(LEAN),
    "lean-period": Mixing(LEAN, period=2),
    "general": Mixing(RICH),
    "general-period": Mixing(RICH, period=7),
    "records": Mixing(RICH, Contexts.RECORDS, period=13),
    "records-long": Mixing(RICH, Contexts.RECORDS, period=300),
    "code": Mixing(RICH, Contexts.CODE),
    "x86": Mixing(RICH, Contexts.X86),
    "picture": Mixing(RICH, Contexts.PICTURE, period=30, stride=3),
    "picture-narrow": Mixing(RICH, Contexts.PICTURE, period=9, stride=8),
    "wide": Mixing(RICH, Contexts.WIDE, period=36, stride=6),
    "wide-sound": Mixing(RICH, Contexts.WIDE, period=8, stride=4),
    "floats": Mixing(RICH, Contexts.FLOATS, period=4, stride=NumberKind.FLOAT32),
    "floats-records": Mixing(RICH, Contexts.FLOATS, period=24, stride=NumberKind.FLOAT64),
    "max-general-period": Mixing(MAX, period=7),
    "max-records": Mixing(MAX, Contexts.RECORDS, period=13),
    "max-x86": Mixing(MAX, Contexts.X86),
    "max-picture": Mixing(MAX, Contexts.PICTURE, period=30, stride=3),
    "max-floats-rows": Mixing(MAX, Contexts.FLOATS, period=40, stride=NumberKind.IBM32),
}
WIDEST = Mixing(RICH, Contexts.PICTURE, period=65535, stride=8)


# Inputs

INSTRUCTIONS = [
    bytes.fromhex(line)
    for line in """
    55;c3;c9;90;cc;48 89 e5;48 83 ec 20;48 81 ec 00 01 00 00;e8 10 00 00 00;e9 f0 ff ff ff;eb fe
    74 05;0f 84 10 00 00 00;ff 25 01 02 03 04;ff 14 c5 01 02 03 04;ff d0;f3 0f 1e fa;c2 08 00
    48 8b 05 01 02 03 04;8b 45 fc;8b 85 01 02 03 04;8b 00;8b 04 24;8b 44 24 08;8b 84 24 01 02 03 04
    8b 04 25 01 02 03 04;8b 04 ad 01 02 03 04;8b 45 00;48 8d 7c 02 f8;8b c4;8b c5;67 8b 00
    b8 01 02 03 04;66 b8 01 02;48 b8 01 02 03 04 05 06 07 08;41 b9 01 02 03 04;f7 00 01 02 03 04
    c7 45 fc 01 02 03 04;66 c7 45 fc 01 02;c6 05 01 02 03 04 05;c7 04 24 01 02 03 04;6a 01
    f6 c1 01;f7 c1 01 02 03 04;66 f7 c1 01 02;f6 d8;f7 d8;f7 74 24 04;f6 05 01 02 03 04 05;f7 d1
    69 c0 01 02 03 04;66 69 c0 01 02;6b c0 05;0f af c1;0f b6 c0;0f ba e0 05;0f c8;0f a2;0f 05
    66 0f 1f 84 00 00 00 00 00;0f 1f 44 00 00;66 0f 3a 0f c1 08;66 0f 38 00 c1;0f 38 f0 45 01
    0f 70 c1 1b;0f 77;0f a4 c1 05;0f 80 01 02 03 04;f0 48 0f b1 11;64 48 8b 04 25 28 00 00 00
    c5 f8 57 c0;c5 f8 77;c5 fd 6f 44 24 20;c4 e2 7d 18 05 01 02 03 04;62 f1 7c 48 57 c0
    c8 10 00 01;9a 01 02 03 04 05 06;ea 01 02 03 04 05 06;a1 01 02 03 04;a8 01;a9 01 02 03 04;cd 80
    53;56;56;57;5f;5e;5b;8d 4c 24 10;ff 74 24 14;75 03;eb 11;7f 7f;0f 85 04 00 00 00
    0f 8f 40 00 00 00;66 0f 84 08 00;66 0f 50 c1
    d9 45 fc;e4 60;e2 f0;d4 0a;68 01 02 03 04;98;99;a4;f3 a5;f3 c3;fe c0;ff 75 08;8f 45 fc
    """.replace("\n", ";").split(";")
    if line.strip()
]


def ramps(size: int) -> bytes:
    return bytes(i * (1 + i // 256) & 255 for i in range(size))


def records(size: int) -> bytes:
    """Of 13 bytes: a counter, a constant, slow and fast fields."""
    rows = (b"%04d\0\xff" % i + bytes([i // 3 & 255, i * 37 & 255]) + b"12,ab" for i in range(size))
    return b"".join(row for row, _ in zip(rows, range(size // 13 + 1), strict=False))[:size]


def chained(size: int) -> bytes:
    """Records with a type and a length in front of each: some are empty, one is too long."""
    out = bytearray()
    for i in range(size // 6 + 1):
        length = 9999 if i == 30 else (0, 2, 2, 5)[i % 4]
        out += (i % 4 + 2).to_bytes(2, "little") + length.to_bytes(2, "little")
        out += bytes([i // 4, i * 37 & 255, 3, 4, i % 3])[:length]
    return bytes(out[:size])


def repeats(size: int) -> bytes:
    """A long repeat with a flaw: matches that miss once, end, and cross the ends of pieces."""
    part = models.noise(size // 4, 3)
    flawed = part[:-9] + b"!" + part[-8:]
    return (part + flawed + part + part)[:size].ljust(size, b"r")


def lines(size: int) -> bytes:
    words = b'Name, value; "Quoted Text" <tag> 3.14|x:y\tTAB\r\n'
    rows = (b"%d" % i + words[i % 20 :] + b"\n" * (i % 5 == 0) for i in range(size // 20 + 1))
    return b"".join(rows)[:size]


def numbers(size: int) -> bytes:
    """Lines of a log: numbers that grow, or shrink, have zeros in front, or many digits."""
    rows = (
        b'%04d-%d up_%d: "a, %d;b",%d\tid%d %d.%d\n'
        % (
            7 * i,
            995 + i,
            90 - 4 * i % 97,
            i * i,
            2**32 - 3 + i,
            i % 3,
            123456789 + i * 10**9,
            i // 2,
        )
        + b"open %d, %d\n" % (5 * i, 10**8 - 1 + i) * (i % 3 == 0)
        for i in range(size // 40 + 1)
    )
    return b"".join(rows)[:size]


def high(size: int) -> bytes:
    words = "Привет, größte Überraschung — 東京。\n".encode() + bytes(range(128, 256))
    return (words * (size // len(words) + 1))[:size]


def calls(size: int) -> bytes:
    """Instructions of x86, calls that overlap and one at the very end among them."""
    some = b"".join(
        b"\x55\x89\xe5\xe8" + (1000 - i * 12 & 0xFFFFFFFF).to_bytes(4, "little") + b"\xc3"
        for i in range(size // 24)
    )
    other = bytes((0xE8, 0xE9, 0x00, 0xFF)[v & 3] for v in models.noise(size))
    return (some + other)[: size - 5] + b"\xe9\xff\xff\xff\xff"


def branches(size: int) -> bytes:
    """Instructions of ARM64."""
    words = (0x52800000 | i if i & 1 else 0x97FFFFFF - 3 * i for i in range(size // 4 + 1))
    return b"".join(w.to_bytes(4, "little") for w in words)[:size]


def instructions(size: int) -> bytes:
    """Of x86: each in turn, then as they come, so that jumps, calls and pushes meet."""
    first = b"".join(INSTRUCTIONS)
    some = (INSTRUCTIONS[v % len(INSTRUCTIONS)] for v in models.noise(size))
    return (first + b"".join(some))[:size]


def words(samples: Iterable[int], size: int) -> bytes:
    return b"".join((v & 0xFFFF).to_bytes(2, "little") for v in samples)[:size]


def sound(size: int) -> bytes:
    """Of two channels: waves that go beyond 16 bits, and a little noise."""
    noise = models.noise(size + 2)
    return words((abs(i * 301 % 52429 - 26214) * (2 + i % 2) + noise[i] for i in range(size)), size)


def jumps(size: int) -> bytes:
    """Samples that hardly move, but for jumps of all sizes: what a prediction learns most from."""
    noise, samples, level = models.noise(3 * size), list[int](), 0
    for i in range(0, 3 * size, 3):
        level = noise[i] << 8 | noise[i + 1] if noise[i + 2] < 40 else level
        samples.append(level ^ noise[i + 2] & 64)
    return words(samples, size)


def ends(size: int) -> bytes:
    """Samples that are as low or as high as they can be, however they are read."""
    return bytes(255 * (v & 1) for v in models.noise(size, 5))


INPUTS: dict[str, Callable[[int], bytes]] = {
    "text": models.text,
    "zeros": bytes,
    "noise": models.noise,
    "ramps": ramps,
    "records": records,
    "chained": chained,
    "repeats": repeats,
    "lines": lines,
    "numbers": numbers,
    "high": high,
    "calls": calls,
    "branches": branches,
    "instructions": instructions,
    "sound": sound,
    "jumps": jumps,
    "ends": ends,
}


def some_of_all(size: int) -> bytes:
    return b"".join(make(size // len(INPUTS) + 1) for make in INPUTS.values())[:size]


@cache
def chosen(size: int, likely: bool) -> bytes:
    """The bits that ``hesitant`` thinks likely, or unlikely, now and then interrupted.

    The network is right, or wrong, with so little confidence that weights grow to their ends.
    """
    network, data, noise = reference.network.Network(hesitant(), 1), bytearray(), models.noise(size)
    for t in range(size):
        w = network.step([data[t - 1] if t else reference.network.START]).frequencies[0]
        byte = test_coder.walk(w, lambda p: int((p >= 1 << 21) == likely))
        data.append(byte if noise[t] % 16 else noise[t] ^ 85)
    return bytes(data)


# Models


@cache
def tiny() -> Model:
    return models.tiny()


@cache
def hesitant() -> Model:
    return models.natural(models.TINY, head_m=20_000_000)


@cache
def extreme(name: str) -> Model:
    return models.EXTREMES[name](models.TINY)


# Equality


@cache
def expected(model: Model | None, data: bytes, lanes: int, mixing: Mixing) -> list[bytes]:
    return reference.encode_block(model, data, lanes, mixing)


def same(
    model: Model | None, data: bytes, lanes: int, mixing: Mixing, threads: tuple[int, ...] = (1,)
) -> None:
    """The native engine's payloads are the reference's, and decode to the data."""
    payloads = expected(model, data, lanes, mixing)
    for count in threads:
        assert native.encode_block(model, data, lanes, mixing, threads=count) == payloads
        assert native.decode_block(model, payloads, len(data), mixing, threads=count) == data


@pytest.mark.parametrize(
    "name",
    some_quick(
        MIXINGS,
        *("lean-period", "general", "records", "x86", "picture"),
        *("max-general-period", "max-records", "max-x86", "max-floats-rows"),
    ),
)
def test_all_contexts_alone(kernel: str, name: str) -> None:
    same(None, some_of_all(130), 1, MIXINGS[name])


@pytest.mark.parametrize("name", some_quick(MIXINGS, "lean", "records", "wide-sound"))
def test_all_contexts_beside_the_network(kernel: str, name: str) -> None:
    same(tiny(), some_of_all(100), 2, MIXINGS[name], (1, 2))


@pytest.mark.parametrize("name", some_quick(INPUTS, "repeats", "calls", "sound"))
def test_all_inputs(kernel: str, name: str) -> None:
    same(None, INPUTS[name](120), 1, MIXINGS["general"])


def test_widest_picture(kernel: str) -> None:
    same(None, some_of_all(60), 1, WIDEST)


@pytest.mark.parametrize("lanes", some_quick([1, 2, 5, 7], 5))
@pytest.mark.parametrize("size", [0, 1, 2, 7, 63, 64, 65])
def test_sizes_and_lanes(kernel: str, size: int, lanes: int) -> None:
    same(tiny(), repeats(size), lanes, MIXINGS["lean"], (1, 2, 3))


@pytest.mark.parametrize("size", [0, 1, 2, 7, 63, 64, 65])
def test_sizes_alone(kernel: str, size: int) -> None:
    same(None, lines(size), 1, MIXINGS["lean"])


@pytest.mark.parametrize("name", list(MIXINGS))
@pytest.mark.parametrize("size", [0, 1, 400])
def test_probabilities_are_those_that_are_coded_with(kernel: str, name: str, size: int) -> None:
    mixing, data = MIXINGS[name], some_of_all(size)
    found = native.bit_probabilities(data, mixing)
    assert found.shape == (size, 8)
    encoder = reference.coder.RangeEncoder()
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    for bit, p in zip(bits.tolist(), found.ravel().tolist(), strict=True):
        encoder.encode(bit, p)
    assert [encoder.finish()] == native.encode_block(None, data, 1, mixing)


@pytest.mark.slow
def test_matches_across_lanes(kernel: str) -> None:
    """Long ones, which also end at the end of the block."""
    same(tiny(), repeats(320), 5, MIXINGS["general"], (1, 2, 3))


def test_many_lanes(kernel: str) -> None:
    """Smaller chunks, and lanes that hit the same cells and buckets in one step."""
    same(tiny(), models.text(40) * 5, 40, MIXINGS["lean"], (1, 3))


@pytest.mark.parametrize(
    "row", some_quick([(2, 2), (20, 2), (4, 4), (5, 6), (2, 8), (5, 8)], (5, 6))
)
def test_samples_of_two_bytes(kernel: str, row: tuple[int, int]) -> None:
    """Up to four samples in a row it is sound; lanes begin with odd bytes."""
    samples, stride = row
    mixing = Mixing(RICH, Contexts.WIDE, period=samples * stride, stride=stride)
    same(None, sound(140), 1, mixing)
    same(tiny(), jumps(77), 3, mixing, (1, 2))


@pytest.mark.parametrize(
    "name", some_quick(["picture", "picture-narrow", "wide", "wide-sound"], "wide-sound")
)
@pytest.mark.parametrize("data", [ends, jumps])
def test_samples_that_are_hard_to_predict(
    kernel: str, data: Callable[[int], bytes], name: str
) -> None:
    same(None, data(160), 1, MIXINGS[name])


# Long enough that weights are found, of rows too.
SQUARES = {
    "sound": Mixing(RICH, Contexts.WIDE, period=4, stride=2),
    "rows": Mixing(RICH, Contexts.PICTURE, period=5, stride=1),
    "max": Mixing(MAX, Contexts.WIDE, period=8, stride=4),
}


@pytest.mark.parametrize("name", some_quick(SQUARES, "sound"))
@pytest.mark.parametrize("data", some_quick([sound, jumps, ends, bytes], ends))
def test_least_squares(kernel: str, data: Callable[[int], bytes], name: str) -> None:
    same(None, data(600), 1, SQUARES[name])


@pytest.mark.parametrize("forgetting", [OF_SOUND, OF_ROWS])
@pytest.mark.parametrize("last", [SHORT - 1, TAPS - 1])
def test_least_squares_find_what_there_is(forgetting: Forgetting, last: int) -> None:
    squares = LeastSquares(TAPS, forgetting)
    noise = np.frombuffer(models.noise(TAPS * 600), np.int8).astype(int)
    values = noise.reshape(600, TAPS) * 100
    for x in values.tolist():
        squares.learn(x, (2 * x[0] - x[5] + 3 * x[last]) // 4)
    for weights in squares.weights if last < SHORT else squares.weights[: len(squares.sums)]:
        expected = {0: 1 << 15, 5: -(1 << 14), last: 3 << 14}
        assert all(abs(w - expected.get(i, 0)) < 200 for i, w in enumerate(weights))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_least_squares_stay_in_their_range(data: st.DataObject) -> None:
    """Whatever comes: the reference asserts it."""
    squares = LeastSquares(TAPS, data.draw(st.sampled_from([OF_SOUND, OF_ROWS])))
    some = st.sampled_from(
        [0, 1, -1, 2, -3, 255, -256, 32767, -32768, 65280, -65280, 65535, -65535]
    )
    rows = data.draw(
        st.lists(st.lists(some, min_size=TAPS + 1, max_size=TAPS + 1), min_size=1, max_size=6)
    )
    for i in range(520):
        *x, y = rows[i % len(rows)]
        squares.learn(x, y)


def test_weights_of_predictions_reach_their_ends() -> None:
    mixing = MIXINGS["wide"]
    past, weights = features.Past(jumps(400), mixing), list[int]()
    assert past.samples is not None
    for _ in range(400):
        past.predict()
        past.remember()
        weights += [w for j in range(2) for w in past.samples.weights[j][past.channel]]
    assert min(weights) == -(1 << 18) and max(weights) == 1 << 18


def follower(code: bytes) -> Instruction:
    instruction = Instruction()
    for c in code:
        instruction.take(c)
    return instruction


def test_instructions_end_where_they_end() -> None:
    for code in INSTRUCTIONS:
        hashed = 0
        for c in code:
            hashed = hashes.combine(hashed, c + 1)
        after = follower(code)
        assert after.phase == 0 and after.before == hashed, code.hex(" ")


@pytest.mark.parametrize(
    ("code", "phases"),
    [
        ("c7 45 fc 01 02 03 04", [4, 6, 13, 12, 11, 10, 0]),
        ("48 b8 01 02 03 04 05 06 07 08", [0, 17, 16, 15, 14, 13, 12, 11, 10, 0]),
        ("8b 84 24 01 02 03 04", [4, 5, 9, 8, 7, 6, 0]),
        ("66 0f 3a 0f c1 08", [0, 1, 3, 4, 10, 0]),
        ("0f 38 00 c1", [1, 2, 4, 0]),
        ("c4 e2 7d 18 c1", [19, 18, 1, 4, 0]),
        ("62 f1 7c 48 57 c0", [20, 19, 18, 1, 4, 0]),
        ("9a 01 02 03 04 05 06", [15, 14, 13, 12, 11, 10, 0]),
    ],
)
def test_phases_of_an_instruction(code: str, phases: list[int]) -> None:
    data = bytes.fromhex(code)
    assert [follower(data[: i + 1]).phase for i in range(len(data))] == phases


def in_step(codes: Iterable[bytes]) -> bytes:
    """Instructions, or parts of some, each followed by what makes the next one begin anew."""
    out, instruction = bytearray(), Instruction()
    for code in codes:
        start = len(out)
        out += code
        for c in code:
            instruction.take(c)
        while instruction.phase != 0 or len(out) == start + len(code):
            out.append(0x90)
            instruction.take(0x90)
    return bytes(out)


def opcodes(before: str) -> bytes:
    """All of them behind these bytes, with a mod-r/m of each kind in turn."""
    first = bytes.fromhex(before)
    return in_step(first + bytes([c, c * 73 & 255]) for c in range(256))


@pytest.mark.slow
def test_all_opcodes(kernel: str) -> None:
    same(None, opcodes(""), 1, MIXINGS["x86"])
    same(None, opcodes("0f")[::2], 1, MIXINGS["x86"])  # out of step, too


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [
        *("66", "48", "66 4f", "f0 f2 65 67", "0f", "66 0f", "0f 38", "48 0f 3a"),
        *("c5 f8", "c4 e2 79", "62 f1 7c 48", "66 c5 f8"),
    ],
)
def test_all_opcodes_behind_others(kernel: str, before: str) -> None:
    same(None, opcodes(before), 1, MIXINGS["x86"])


@pytest.mark.slow
@pytest.mark.parametrize("opcode", ["8b", "f6", "66 f7", "48 c7", "0f ba"])
def test_all_operands_in_memory(kernel: str, opcode: str) -> None:
    code = bytes.fromhex(opcode)
    same(None, in_step(code + bytes([m, 0x90 | m % 7]) for m in range(256)), 1, MIXINGS["x86"])


@pytest.mark.parametrize("name", some_quick(["sure", "steep", "zero", "plus"], "sure"))
def test_networks_at_extremes(kernel: str, name: str) -> None:
    same(extreme(name), models.noise(50) + bytes(30), 2, MIXINGS["lean"])


@cache
def saturated(likely: bool) -> tuple[list[bytes], np.ndarray]:
    """The reference's payloads, and the weights it ended with."""
    stages = []

    class Kept(mixer.Stage):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            stages.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "Stage", Kept)
        data = chosen(600, likely)
        payloads = reference.encode_block(hesitant(), data, 1, MIXINGS["lean"])
    return payloads, stages[0].lanes[0].first.weights


@pytest.mark.slow
@pytest.mark.parametrize("likely", [False, True])
def test_saturated_weights(kernel: str, likely: bool) -> None:
    payloads, weights = saturated(likely)
    assert weights.max() == 32767 if likely else weights.min() == -32768
    data = chosen(600, likely)
    assert native.encode_block(hesitant(), data, 1, MIXINGS["lean"]) == payloads
    assert native.decode_block(hesitant(), payloads, len(data), MIXINGS["lean"]) == data


@cache
def contrary(size: int) -> tuple[bytes, Ints]:
    """Each bit is the less likely one, and the gains of what is read of the network then."""
    piece = bytearray()
    stage = mixer.Stage(MIXINGS["lean"], True, [piece], [size], hesitant().config.units)
    network = reference.network.Network(hesitant(), 1)
    for t in range(size):
        said = network.step([piece[-1] if t else reference.network.START])
        walk = partial(coder.probability, coder.cumulative_sums(said.frequencies[0]))
        piece.append(stage.code_byte(0, walk, lambda p: int(p < 1 << 21), said.units[0]))
        stage.update(1)
    readout = stage.lanes[0].readout
    assert readout is not None
    return bytes(piece), readout.gain


def test_what_is_contrary_to_all(kernel: str) -> None:
    """Errors are as large as they get, and what is read loses all its weight."""
    data, gain = contrary(300)
    assert gain.min() < 1 << 12
    same(hesitant(), data, 1, MIXINGS["lean"])


@pytest.mark.slow
def test_cells_near_their_ends(kernel: str) -> None:
    """Histories of up to 41 zeros, 184 times each, and after all of them a zero."""
    data = b"".join(bytes([c, 0]) * 42 for c in range(1, 24))
    same(None, data, 1, MIXINGS["lean"])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(INPUTS))
@pytest.mark.parametrize("mixing", list(MIXINGS))
def test_everything_with_everything(kernel: str, mixing: str, name: str) -> None:
    same(None, INPUTS[name](240), 1, MIXINGS[mixing])
    same(tiny(), INPUTS[name](160), 5, MIXINGS[mixing], (2,))


@pytest.mark.slow
@pytest.mark.parametrize("mixing", list(MIXINGS))
def test_every_mixing_at_length(kernel: str, mixing: str) -> None:
    data = some_of_all(1000)
    same(None, data, 1, MIXINGS[mixing])
    same(tiny(), data, 5, MIXINGS[mixing], (1, 2, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(models.EXTREMES))
def test_all_networks_at_extremes(kernel: str, name: str) -> None:
    same(extreme(name), some_of_all(400), 3, MIXINGS["general"], (1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("likely", [False, True])
@pytest.mark.parametrize("mixing", list(MIXINGS))
def test_saturation_with_all_contexts(kernel: str, mixing: str, likely: bool) -> None:
    same(hesitant(), chosen(500, likely), 1, MIXINGS[mixing])  # saturated after 400


@pytest.mark.slow
def test_full_buckets(kernel: str) -> None:
    """More contexts than the smallest tables have slots, so that slots are replaced."""
    same(None, models.noise(9000), 1, MIXINGS["lean"])


# Beyond what the reference is fast enough for: kernels and threads agree


def long_data(size: int) -> bytes:
    return some_of_all(size // 2) + models.noise(size // 8) + some_of_all(size // 4)


@cache
def long_payloads(name: str, size: int, lanes: int) -> list[bytes]:
    model = tiny() if lanes > 1 else None
    return native.encode_block(model, long_data(size), lanes, MIXINGS[name])


@pytest.mark.parametrize(
    "block",
    some_quick(
        [
            *(("lean", 40_000, 1), ("code", 40_000, 1), ("x86", 9000, 1), ("picture", 9000, 1)),
            *(("wide-sound", 9000, 1), ("lean", 3000, 3), ("general", 3000, 7), ("wide", 2999, 4)),
        ],
        *(("lean", 40_000, 1), ("general", 3000, 7)),
    ),
)
def test_long_blocks(kernel: str, block: tuple[str, int, int]) -> None:
    """Tables beyond their smallest size, and full ones."""
    name, size, lanes = block
    model, data = tiny() if lanes > 1 else None, long_data(size)
    payloads = long_payloads(name, size, lanes)
    assert native.encode_block(model, data, lanes, MIXINGS[name], threads=2) == payloads
    assert native.decode_block(model, payloads, len(data), MIXINGS[name], threads=2) == data


def test_twice_the_same() -> None:
    """No state outlives a block."""
    first = native.encode_block(tiny(), models.text(300), 2, MIXINGS["general"])
    native.encode_block(None, models.noise(300), 1, MIXINGS["records"])
    assert native.encode_block(tiny(), models.text(300), 2, MIXINGS["general"]) == first


# Round trips

DATA = st.one_of(
    st.binary(max_size=300),
    st.binary(min_size=1, max_size=60).map(lambda b: b * 40),
    st.lists(st.sampled_from([0, 1, 0x7F, 0x80, 0xE8, 0xE9, 0xFF, 0x94, 0x97]), max_size=600).map(
        bytes
    ),
    st.text(max_size=900).map(str.encode),
    st.builds(
        lambda a, b, n: a * n + b + a * n,
        st.binary(max_size=100),
        st.binary(max_size=100),
        st.integers(0, 12),
    ),
)


@st.composite
def mixings(draw: st.DrawFn) -> Mixing:
    profile = draw(st.sampled_from([LEAN, RICH]))
    contexts = draw(st.sampled_from(list(Contexts))) if profile == RICH else Contexts.GENERAL
    stride = draw(st.integers(1, 8)) if contexts.has_stride else 1
    least = stride + 1 if contexts.has_stride else 2 if contexts == Contexts.RECORDS else 0
    period = draw(st.one_of(st.integers(least, 40), st.integers(41, 65535)))
    if contexts == Contexts.FLOATS:
        stride = draw(st.sampled_from(NumberKind))
        period = (period // NumberKind(stride).width or 1) * NumberKind(stride).width
    elif contexts == Contexts.WIDE:
        stride = stride + 1 & ~1
        period = max(period & ~1, stride + 2)
    elif period == 1:
        period = 0
    return Mixing(profile, contexts, period, stride)


@settings(max_examples=examples(60), deadline=None)
@given(DATA, mixings(), st.integers(0, 7), st.integers(1, 3))
def test_round_trip(data: bytes, mixing: Mixing, lanes: int, threads: int) -> None:
    """0 lanes: without the network."""
    model = tiny() if lanes else None
    lanes = max(lanes, 1)
    payloads = native.encode_block(model, data, lanes, mixing, threads=threads)
    decoded = native.decode_block(model, payloads, len(data), mixing, threads=4 - threads)
    assert decoded == data


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=120), mixings(), st.integers(0, 4))
def test_any_mixing_is_that_of_the_reference(data: bytes, mixing: Mixing, lanes: int) -> None:
    model = tiny() if lanes else None
    payloads = native.encode_block(model, data, max(lanes, 1), mixing)
    assert payloads == reference.encode_block(model, data, max(lanes, 1), mixing)


# Damage


def outcome(
    engine: Any,
    model: Model | None,
    payloads: list[bytes],
    mixing: Mixing,
    size: int,
    threads: int = 1,
) -> bytes | str:
    try:
        return bytes(engine.decode_block(model, payloads, size, mixing, threads=threads))
    except FormatError as error:
        assert "\n" not in str(error)
        return "FormatError"


def damaged(payload: bytes) -> list[bytes]:
    bad = [payload[:size] for size in range(0, len(payload), 3)]
    bad += [payload + bytes([b]) * n for b in (0, 1, 255) for n in (1, 5)]
    bad += [b"\xff" * 4 + payload, b"\xff" * 60, bytes(60)]
    for i in range(0, len(payload), 7):
        bad.append(payload[:i] + bytes([payload[i] ^ 1 << i % 8]) + payload[i + 1 :])
    return bad


@cache
def damaged_payloads() -> dict[bytes, bytes | str]:
    """Payload → what the reference makes of it, for 30 bytes."""
    (payload,) = expected(None, models.noise(30), 1, MIXINGS["lean"])
    return {bad: outcome(reference, None, [bad], MIXINGS["lean"], 30) for bad in damaged(payload)}


@pytest.mark.slow
def test_damaged_payloads(kernel: str) -> None:
    for bad, what in damaged_payloads().items():
        assert outcome(native, None, [bad], MIXINGS["lean"], 30) == what
    assert outcome(native, None, [b"\0"], MIXINGS["lean"], 0) == "FormatError"


@pytest.mark.parametrize("threads", some_quick([1, 2, 3], 2))
@pytest.mark.parametrize("name", some_quick(["lean", "picture"], "lean"))
def test_damage_in_one_of_many_lanes(name: str, threads: int) -> None:
    """Errors in one thread reach the caller and stop the others, whichever lane they are in."""
    mixing, data = MIXINGS[name], some_of_all(300)
    payloads = native.encode_block(tiny(), data, 5, mixing)
    for lane in range(5):
        for bad in damaged(payloads[lane])[lane::20]:
            altered = [*payloads[:lane], bad, *payloads[lane + 1 :]]
            what = outcome(native, tiny(), altered, mixing, len(data), threads=threads)
            assert what == "FormatError" or (len(what) == len(data) and what != data)
        altered = [*payloads[:lane], payloads[lane] + b"\0", *payloads[lane + 1 :]]
        with pytest.raises(FormatError):
            native.decode_block(tiny(), altered, len(data), mixing, threads=threads)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6), mixings(), st.integers(1, 3))
def test_any_payloads(payloads: list[bytes], mixing: Mixing, threads: int) -> None:
    """Bytes, or an error, and the same with one thread."""
    what = outcome(native, tiny(), payloads, mixing, 500, threads=threads)
    assert what == "FormatError" or len(what) == 500
    assert what == outcome(native, tiny(), payloads, mixing, 500)


# Arguments, progress, interruption


@pytest.mark.parametrize(
    "mixing",
    [
        (0, 0, 0, 1),
        (4, 0, 0, 1),
        (3, 6, 0, 1),
        (3, 5, 31, 2),
        (2, -1, 0, 1),
        (2, 6, 0, 1),
        (2, 5, 0, 1),
        (2, 5, 0, 2),
        (2, 5, 4, 4),
        (2, 5, 30, 3),
        (2, 5, 31, 2),
        (1, 5, 30, 2),
        (1, 1, 5, 1),
        (1, 3, 0, 1),
        (2, 0, 1, 1),
        (2, 0, -2, 1),
        (2, 0, 65536, 1),
        (2, 0, 0, 0),
        (2, 0, 0, 2),
        (2, 1, 0, 1),
        (2, 3, 0, 2),
        (2, 4, 0, 1),
        (2, 4, 3, 3),
        (2, 4, 30, 9),
        (2, 4, 30, 0),
    ],
)
def test_arguments_are_checked(mixing: tuple[int, int, int, int]) -> None:
    """C++ checks again what ``Mixing`` has checked."""
    with pytest.raises(ValueError):
        _native.encode_block(None, b"abc", 1, mixing=mixing)
    with pytest.raises(ValueError):
        _native.decode_block(None, [b"abc"], 3, mixing=mixing)


@pytest.mark.parametrize("engine", [native, reference])
def test_without_a_network_there_is_one_lane(engine: Any) -> None:
    with pytest.raises(ValueError):
        engine.encode_block(None, b"abc", 2, MIXINGS["lean"])
    with pytest.raises(ValueError):
        engine.decode_block(None, [b"a", b"b"], 3, MIXINGS["lean"])


def test_size_is_limited() -> None:
    with pytest.raises(ValueError):
        native.decode_block(tiny(), [b"a"], MAX_STREAM_SIZE + 1, MIXINGS["lean"])


@pytest.mark.parametrize("engine", some_quick([native, reference], native))
@pytest.mark.parametrize("lanes", [0, 3])
def test_progress(engine: Any, lanes: int) -> None:
    model, data, done = tiny() if lanes else None, models.text(100), list[int]()
    lanes = max(lanes, 1)
    payloads = engine.encode_block(
        model, data, lanes, MIXINGS["lean"], threads=2, progress=done.append
    )
    assert sum(done) == len(data)
    done.clear()
    engine.decode_block(
        model, payloads, len(data), MIXINGS["lean"], threads=2, progress=done.append
    )
    assert sum(done) == len(data)


class StopNow(Exception):
    pass


def encode(model: Model | None, lanes: int, threads: int, progress: Callable[[int], Any]) -> None:
    data = bytes(16 << 20)  # more than any test waits for
    native.encode_block(model, data, lanes, MIXINGS["lean"], threads=threads, progress=progress)


def decode(model: Model | None, lanes: int, threads: int, progress: Callable[[int], Any]) -> None:
    """Payloads that stay plausible for long: zeros are what comes of a likely symbol, for ever."""
    payloads = [bytes([1]) + bytes(2 << 20) for _ in range(lanes)]
    native.decode_block(
        model, payloads, 16 << 20, MIXINGS["lean"], threads=threads, progress=progress
    )


@pytest.mark.parametrize("threads", some_quick([1, 3], 3))
@pytest.mark.parametrize("lanes", [0, 4])
@pytest.mark.parametrize("work", [encode, decode])
def test_progress_can_stop_the_work(work: Callable[..., None], lanes: int, threads: int) -> None:
    calls: list[int] = []

    def progress(n: int) -> None:
        assert n > 0 and threading.current_thread() is threading.main_thread()
        calls.append(n)
        if len(calls) == 2:
            raise StopNow

    start = time.perf_counter()
    with pytest.raises(StopNow):
        work(tiny() if lanes else None, max(lanes, 1), threads, progress)
    assert len(calls) == 2
    assert time.perf_counter() - start < 10


# Tables


DIGESTS = {  # BLAKE2b-128, little-endian
    "STRETCH": (STRETCH, "<i2", "ddfc8904607c6e82651de14df781ab08"),
    "SQUASH": (SQUASH, "<u4", "b1fbd5d7ebb54a3caf0be6bc42e29b85"),
    "NEXT": (NEXT, "u1", "9d8800fe2cb0479dd35d3f4b3a5c6538"),
    "START": (START, "<u2", "115932394f7aba53f3f910308666e965"),
    "RECIPROCAL": (RECIPROCAL, "<u2", "92e79aef4c1e70e73b5514125013fb03"),
    "FIRST_RATE": (FIRST_RATE, "<i2", "c4299012a0131e5e6f5125798629796c"),
    "SECOND_RATE": (SECOND_RATE, "<i2", "4c184d0711eb611ef647ff537657bef0"),
    "READOUT_RATE": (READOUT_RATE, "<i2", "8542502ee18334f875de603fcc02255d"),
}


@pytest.mark.parametrize("name", list(DIGESTS))
def test_tables_never_change(name: str) -> None:
    table, kind, digest = DIGESTS[name]
    assert hashlib.blake2b(table.astype(kind).tobytes(), digest_size=16).hexdigest() == digest
    assert digest in PAGE.read_text(encoding="utf-8")


def test_tables_have_sense() -> None:
    assert SQUASH[2048] == 1 << 21 and np.all(np.diff(SQUASH) >= 0)
    assert np.all(SQUASH[1:] + SQUASH[:0:-1] == 1 << 22)
    assert np.all(STRETCH == -STRETCH[::-1])
    octaves = np.log2((2 * np.arange(4096) + 1) / (8191 - 2 * np.arange(4096)))
    assert np.abs(STRETCH - 128 * octaves).max() < 1.1
    assert NEXT.shape == (2, 255) and len(START) == 255
    assert np.all(START[NEXT[1]] >= START[NEXT[0]])


def test_tables_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for i in range(0, 512, 16):
        assert KINDS[i : i + 16] in page


STARTS = {
    "histories": ([int(start) for start in START], HISTORY_COUNT),
    "matches": ([65535 - 65536 // (n + 3) for n in range(24)], MATCH_COUNT),
    "samples": ([SAMPLE_START], SAMPLE_COUNT),
}


@pytest.mark.parametrize("name", list(STARTS))
def test_cells_stay_in_their_range(name: str) -> None:
    """Of every start, the cell that is pulled the same way for ever."""
    starts, count = STARTS[name]
    everywhere = np.arange(len(starts))
    for target in (0, cells.ONE):
        there = cells.Cells(np.array(starts), count)
        for _ in range(600):
            there.learn((everywhere,), target)  # asserts it


@pytest.mark.slow
@pytest.mark.parametrize("name", list(STARTS))
def test_cells_stay_in_their_range_whatever_comes(name: str) -> None:
    """Of every start, the cells after all sequences of bits: (2^22) whether p can be there."""
    starts, count = STARTS[name]
    reached = np.zeros(1 << 22, bool)
    reached[np.array(starts) << 6] = True
    for n in range(count, 256):
        p = np.flatnonzero(reached) if n < 255 else np.arange(1 << 22)  # from then on anywhere
        reached = np.zeros(1 << 22, bool)
        for target in (0, cells.ONE):
            moved = p + ((target - p >> 7) * RECIPROCAL[n] >> 8)
            assert moved.min() >= 0 and moved.max() <= cells.ONE
            reached[moved] = True


def test_tables_of_the_native_engine() -> None:
    stretch, squash, following, start, reciprocal, *rates = _native.mixing_tables()
    assert np.frombuffer(stretch, np.int16).tolist() == STRETCH.tolist()
    assert np.frombuffer(squash, np.uint32).tolist() == SQUASH.tolist()
    histories = len(START)
    rows = np.frombuffer(following, np.uint8).reshape(2, 256)
    assert rows[:, :histories].tolist() == NEXT.tolist()
    assert np.frombuffer(start, np.uint16)[:histories].tolist() == START.tolist()
    assert np.frombuffer(reciprocal, np.uint16).tolist() == RECIPROCAL.tolist()
    for rate, expected in zip(rates, (FIRST_RATE, SECOND_RATE, READOUT_RATE), strict=True):
        assert np.frombuffer(rate, np.int16).tolist() == expected.reshape(-1).tolist()


@pytest.mark.parametrize("lanes", [1, 128])
def test_memory_of_what_reads_the_network_is_promised(lanes: int) -> None:
    """With each lane, the model's promise grows by that and by what its layers remember."""
    config = tiny().config
    args, size = (Profile.RICH, Contexts.GENERAL, 0, 1), 1 << 16
    read = _native.mixing_memory(args, True, config.units, size, lanes)
    read -= _native.mixing_memory(args, True, 0, size, lanes)
    grown = config.memory(lanes + 1) - config.memory(1)
    assert 0 < read <= grown - lanes * sum(layer.state_size for layer in config.layers)


@pytest.mark.parametrize("name", list(MIXINGS))
def test_memory_is_what_is_promised(name: str) -> None:
    """At most, and nearly that where all contexts are in use."""
    mixing = MIXINGS[name]
    args = (int(mixing.profile), int(mixing.contexts), mixing.period, mixing.stride)
    families = [other.family for other in MIXINGS.values() if other.profile == mixing.profile]
    most = max(len(family.contexts) for family in families)
    for size in (0, 1, 1000, 32768, 32769, 1 << 20, (1 << 22) + 1, MAX_STREAM_SIZE):
        for lanes in (1, 3, 128):
            promised = mixing.memory(size, lanes)
            taken = [_native.mixing_memory(args, net, 0, size, lanes) for net in (False, True)]
            assert max(taken) <= promised <= costliest(mixing.profile).memory(size, lanes)
            if len(mixing.family.contexts) == most:
                # no family of the max profile has most contexts and most memories
                nearly = 0.99 if mixing.profile != MAX else 0.95
                assert taken[0] >= promised * nearly
