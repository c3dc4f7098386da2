"""Plans: their bytes, the rules 7 and 10 to 12 of docs/format.md, what they say of memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from nncomp.container import REACHES, Block, Header
from nncomp.errors import FormatError
from nncomp.filters import FILTERS
from nncomp.mixing import Contexts, Mixing, NumberKind, Profile
from nncomp.plan import (
    MAX_BACK,
    MAX_SOURCES,
    MAX_STREAM_SIZE,
    MAX_STREAMS,
    Copies,
    Joined,
    Part,
    Plan,
    Stream,
    layout,
    memory,
    most_coded,
)

HEADER = Header(1 << 10, 4, 1, reach=REACHES[1])
WHOLE = bytes(range(24))  # a stream of as many bytes as its content
FOUR = (b"a", b"bc", b"d", b"e")  # payloads of a stream of 800 bytes
LEAN_HEADER = Header(1 << 10, 4, 1, Profile.LEAN)
GENERAL = Mixing(Profile.RICH)
PICTURE = Mixing(Profile.RICH, Contexts.PICTURE, period=65535, stride=8)


def read(plan: bytes, payload: bytes, size: int = 32, header: Header = HEADER) -> Plan:
    """The plan of a block that says itself whether it needs the network."""
    try:
        return layout.loads(Block(size, False, plan, payload, 0), header)
    except FormatError as error:
        if "differ about the network" not in str(error):
            raise
        return layout.loads(Block(size, True, plan, payload, 0), header)


@pytest.fixture(autouse=True, scope="module")
def _filters() -> Iterator[None]:
    """Filters that take any streams: what each allows is its own matter (test_filters.py)."""

    class Anything:
        NAME = "anything"

        @staticmethod
        def check(sizes: object, side: bytes, size: int) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "FILTERS", (Anything,) * len(FILTERS))
        yield


# ---- bytes ----


@pytest.mark.parametrize(
    ("plan", "written", "payload"),
    [
        (Plan((Stream(24, (WHOLE,)),)), "00 00", WHOLE),
        (Plan((Stream(24, (b"a",), GENERAL),)), "00 10 00", b"a"),
        (Plan((Stream(24, (b"",), PICTURE),)), "00 14 FFFF03 08", b""),
        (Plan((Stream(24, (b"a",), GENERAL, True),)), "00 20 00", b"a"),
        (Plan((Stream(2, (b"ab",)),), 1), "01 80 02", b"ab"),
        (Plan((Stream(24, (b"a",), GENERAL),), 2, b"xyz"), "82 03 78797A 10 00", b"a"),
        (
            Plan((Stream(0, (b"",)), Stream(9, (b"de",), GENERAL), Stream(24, (WHOLE,)))),
            "00 80 00 90 09 00 02 00",
            b"de" + WHOLE,
        ),
        (
            Plan((Stream(800, FOUR, GENERAL, True), Stream(24, (b"f",), GENERAL))),
            "00 A0 A006 00 01 02 01 01 10 00",
            b"abcdef",
        ),
        (Plan((Stream(800, FOUR, GENERAL, True),)), "00 A0 A006 00 01 02 01", b"abcde"),
        (
            Plan((Stream(1, (b"x",)),), copies=Copies((1, 3), 1, Stream(2, (b"ab",)))),
            "40 01 00 01 01 80 02 00",
            b"abx",
        ),
        (
            Plan(
                (Stream(2, (b"x",), GENERAL),),
                2,
                b"s",
                Copies((300,), 2, Stream(1, (b"",), GENERAL)),
            ),
            "C2 00 AB02 02 90 01 00 00 01 73 10 00",
            b"x",
        ),
        (
            Plan(
                (
                    Joined(24, (Stream(24, (WHOLE,)),), 3, b"s"),
                    Joined(9, (Joined(9, (Stream(3, (b"a",), GENERAL),), 2),), 4),
                ),
                5,
            ),
            "05 30 83 01 73 00 00 B0 09 04 00 30 02 00 90 03 00",
            WHOLE + b"a",
        ),
    ],
)
def test_bytes(plan: Plan, written: str, payload: bytes) -> None:
    block = layout.dumps(plan, 24, 7)
    assert block == Block(24, plan.network, bytes.fromhex(written), payload, 7)
    assert layout.loads(block, HEADER) == plan


@st.composite
def plans(draw: st.DrawFn) -> tuple[Header, int, Plan]:
    """(header, content size, plan)"""
    header = draw(st.sampled_from([HEADER, LEAN_HEADER, Header(1 << 20, 128, 1)]))
    streams = []
    size = draw(st.integers(1, 1 << 10))
    left = most_coded(size)
    for _ in range(draw(st.integers(1, 5))):
        stream_size = draw(st.sampled_from([size, draw(st.integers(0, 5000))]))
        if stream_size == 0 or left == 0 or draw(st.booleans()):
            streams.append(Stream(stream_size, (bytes(stream_size),)))
            continue
        left -= 1
        network = draw(st.booleans())
        lanes = header.lanes_of(stream_size) if network else 1
        payloads = [draw(st.binary(max_size=3)) for _ in range(lanes)]
        while sum(map(len, payloads)) >= stream_size:
            payloads = [payload[:-1] for payload in payloads]
        streams.append(Stream(stream_size, tuple(payloads), draw(mixings(header)), network))
    side = draw(st.binary(max_size=200))
    parts: list[Part] = list(streams)
    total = sum(stream.size for stream in streams)
    number = draw(st.integers(0, len(FILTERS) - 1))
    while number and total < size and draw(st.booleans()):
        below = draw(st.integers(0, size - total))
        count = draw(st.integers(1, len(parts)))
        other = draw(st.integers(1, len(FILTERS) - 1))
        parts[:count] = [Joined(below, tuple(parts[:count]), other, draw(st.binary(max_size=3)))]
        total += below
        if len(parts) == 1:
            break
    copies = None
    # The stream of copies is smaller than the content. A few bytes that are left have no room for
    # streams of filters beside what is copied.
    joined = any(isinstance(part, Joined) for part in parts)
    if header.reach and size > (64 if joined else 9) and draw(st.booleans()):
        sources = draw(st.sets(st.integers(1, MAX_BACK), min_size=1, max_size=MAX_SOURCES))
        lists = [Stream(3, (b"abc",)), Stream(9, (b"a",), GENERAL)]
        stream = draw(st.sampled_from(lists if left else lists[:1]))
        literals = size - 1 if joined else draw(st.integers(0, size - 1))
        copies = Copies(tuple(sorted(sources)), literals, stream)
    return header, size, Plan(tuple(parts), number, side, copies)


def mixings(header: Header) -> st.SearchStrategy[Mixing]:
    general = Mixing(header.profile, period=300)
    rich = [Mixing(Profile.RICH, c, period=60, stride=2 if c.has_stride else 1) for c in Contexts]
    return st.sampled_from([general, *(rich if header.profile == Profile.RICH else [])])


@given(plans())
def test_plans_are_read_as_written(given: tuple[Header, int, Plan]) -> None:
    header, size, plan = given
    block = layout.dumps(plan, size, 0)
    assert layout.loads(block, header) == plan
    for cut in range(len(block.plan)):
        shorter = dataclasses.replace(block, plan=block.plan[:cut])
        try:
            assert layout.loads(shorter, header) != plan
        except FormatError:
            pass


@given(st.binary(max_size=60), st.binary(max_size=60), st.booleans())
def test_whatever_the_bytes_are(plan: bytes, payload: bytes, network: bool) -> None:
    """They are a plan, which is written the same way again, or an error."""
    block = Block(32, network, plan, payload, 0)
    for header in (HEADER, LEAN_HEADER):
        try:
            found = layout.loads(block, header)
        except FormatError:
            continue
        assert layout.dumps(found, 32, 0) == block


# ---- rules, by number ----


@pytest.mark.parametrize(
    ("plan", "payload", "message"),
    [
        # 6: numbers
        ("00 80 83 00", 3, "shortest form"),
        ("00 90 FF FF FF FF FF FF FF FF FF 01 00", 3, "too long"),
        # 7: what is defined
        ("64 00", 32, "filter 36 is not supported"),
        ("7F 00", 32, "filter 63 is not supported"),
        ("00 17 00", 1, "contexts 7 are not supported"),
        ("00 1F 00", 1, "contexts 15 are not supported"),
        ("00 31 00", 1, "coding 0x31 of a stream"),
        ("02 30 0D 00 00", 32, "filter 13 of a stream"),
        ("02 30 42 00 00", 32, "filter 66 of a stream"),
        ("00 40", 32, "coding 0x40 of a stream"),
        ("00 50 00", 1, "names no prime"),
        ("00 70 00", 1, "coding 0x70 of a stream"),
        ("00 70 00", 1, "coding 0x70 of a stream"),
        # 10: a plan
        ("00", 0, "does not fit"),
        ("00 10", 1, "does not fit"),
        ("80 00 00", 32, "they are none"),
        ("80 05 00 00", 32, "does not fit"),
        ("00 80 20", 32, "shortest form"),
        ("00 80 81 80 80 80 01", 32, "too large"),
        ("00 90 80 80 80 40 00 01 90 81 80 80 40 00", 2, "too large"),
        ("00" + "80 01" * 257, 257, "too many streams"),
        ("00 30 02 00 00", 32, "in each other"),
        ("02" + "30 02 00" * 6 + "00", 32, "in each other"),
        ("02 30 02 80 02" + "80 00" * 257, 0, "too many streams"),
        ("02 30 02 FF 01" + "80 00" * 256, 0, "too many streams"),
        ("02 B0 20 02 00 00", 32, "shortest form"),
        ("02 B0 81 80 80 80 01 02 00 00", 32, "too large"),
        ("02 30 82 00 00 00", 32, "they are none"),
        ("02 30 02 01 00", 32, "does not fit"),
        ("02 30 02 00", 32, "does not fit"),
        ("02 B0 A0 1F 02 00 10 00", 1, "for what it is joined of"),
        ("02 B0 90 10 02 00 90 91 10 00", 1, "for what it is joined of"),
        ("00 00", 31, "does not fit"),
        ("00 00", 33, "longer than its streams"),
        ("01 80 02", 3, "longer than its streams"),
        ("00 90 0A 00 03 00", 2, "does not fit"),
        ("00 10 00 05", 5, "size of its last payload"),
        ("00 00 90 0A 00 03", 35, "size of its last payload"),
        ("40 00 00 20 80 04 00", 36, "copies nothing"),
        ("40 10" + "00" * 17 + "01 00 00", 33, "too many others"),
        ("40 00 80 80 01 01 80 04 00", 5, "too many blocks back"),
        ("40 00 FF FF FF FF FF FF FF FF 7F 01 80 04 00", 5, "too many blocks back"),
        ("40 01 FF 7F 00 01 80 04 00", 5, "too many blocks back"),
        ("40 00 00 01 80 04", 5, "does not fit"),
        ("40 00 00 01 80 20 00", 33, "stream of copies is not smaller"),
        ("40 00 00 01 10 00 00", 1, "size of its last payload"),
        # 11: contexts, period and stride
        ("00 01", 32, "coding 0x01 of a stream"),
        ("00 81 02", 2, "coding 0x01 of a stream"),
        ("00 10 01", 1, "period 1 is not"),
        ("00 10 80 80 04", 1, "period 65536 is not"),
        ("00 11 00", 1, "records need a period"),
        ("00 14 00 01", 1, "period above the stride"),
        ("00 14 04 04", 1, "period above the stride"),
        ("00 14 07 00", 1, "stride 0 is not"),
        ("00 14 20 09", 1, "stride 9 is not"),
        ("00 15 0D 02", 1, "even period"),
        ("00 15 0C 03", 1, "even period"),
        ("00 16 04 00", 1, "stride 0 is not"),
        ("00 16 08 06", 1, "floats of kind 6 are not defined"),
        ("00 16 00 01", 1, "a period of whole numbers"),
        ("00 16 06 02", 1, "a period of whole numbers"),
        ("00 16 0C 03", 1, "a period of whole numbers"),
        ("00 16 08 04", 1, "a period of whole numbers"),
        # 12: payloads
        ("00 10 00", 32, "not smaller"),
        ("00 20 00", 32, "not smaller"),
        ("00 90 03 00 03 10 00", 4, "not smaller"),
        ("00 A0 80 08 00 80 05 80 02 81 01", 1024, "not smaller"),
        ("00 A0 80 08 00 FF FF FF 7F 01 01", 900, "not smaller"),
    ],
)
def test_rules_6_to_12(plan: str, payload: int, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(bytes.fromhex(plan), bytes(payload))


@pytest.mark.parametrize("size", [1, 7, 8, 23, 24, 39, 40, 1000])
def test_rule_10_coded_streams(size: int) -> None:
    """One for each 16 bytes of content, wherever they are; as many as there may be are stored."""
    most = (size + 8) // 16
    stored, coded = Stream(2, (b"ab",)), Stream(2, (b"a",), GENERAL)
    network = Stream(2, (b"a",), GENERAL, True)

    def plans(count: int) -> Iterator[Plan]:
        yield Plan((coded,) * count + (stored,) * 9, 2)
        if count > 1:
            yield Plan((stored, network, Joined(50, (coded,) * (count - 1), 2)), 2)
        if count and size > 3:
            yield Plan((*(coded,) * (count - 1), stored), 2, b"", Copies((1,), 3, coded))

    for plan in plans(most):
        assert layout.loads(layout.dumps(plan, size, 0), HEADER) == plan
    for plan in plans(most + 1):
        with pytest.raises(FormatError, match="more coded streams than its size allows"):
            layout.loads(layout.dumps(plan, size, 0), HEADER)


def test_rule_10_copies_need_a_reach() -> None:
    plan, payload = bytes.fromhex("40 00 00 01 80 04 00"), bytes(5)
    assert read(plan, payload).copies == Copies((1,), 1, Stream(4, (bytes(4),)))
    furthest = bytes.fromhex("40 00 FF 7F 01 80 04 00")
    assert read(furthest, payload).copies == Copies((MAX_BACK,), 1, Stream(4, (bytes(4),)))
    with pytest.raises(FormatError, match="stand alone"):
        read(plan, payload, header=dataclasses.replace(HEADER, reach=0))


def test_rule_10_the_network() -> None:
    for plan, network in (("00 10 00", True), ("00 20 00", False), ("00 00", True)):
        payload = bytes(32 if plan == "00 00" else 1)
        with pytest.raises(FormatError, match="differ about the network"):
            layout.loads(Block(32, network, bytes.fromhex(plan), payload, 0), HEADER)


@pytest.mark.parametrize("mixing", ["11 02", "12 00", "13 00", "14 02 01", "15 04 02", "16 04 01"])
def test_rule_11_the_lean_profile_is_general(mixing: str) -> None:
    plan = bytes.fromhex("00" + mixing)
    assert read(plan, b"a")
    with pytest.raises(FormatError, match="general contexts only"):
        read(plan, b"a", header=LEAN_HEADER)


@pytest.mark.parametrize("period", [0, 2, 127, 128, 65535])
def test_what_rule_11_allows(period: int) -> None:
    for contexts in Contexts:
        if contexts == Contexts.PICTURE and period:
            strides = [s for s in range(1, 9) if s < period]
        elif contexts == Contexts.FLOATS:
            strides = [s for s in NumberKind if period and period % s.width == 0]
        elif contexts == Contexts.WIDE:
            strides = [s for s in (2, 4, 6, 8) if s < period and period % 2 == 0]
        else:
            strides = [] if contexts in (Contexts.RECORDS, Contexts.PICTURE) and not period else [1]
        for stride in strides:
            mixing = Mixing(Profile.RICH, contexts, period=period, stride=stride)
            plan = Plan((Stream(50, (b"a",), mixing),))
            assert layout.loads(layout.dumps(plan, 50, 0), HEADER) == plan


def test_limits() -> None:
    streams = (Stream(0, (b"",)),) * MAX_STREAMS
    assert layout.loads(layout.dumps(Plan(streams), 9, 0), HEADER) == Plan(streams)
    largest = Plan((Stream(MAX_STREAM_SIZE, (b"a",), GENERAL),))
    assert layout.loads(layout.dumps(largest, 9, 0), HEADER) == largest


# ---- memory ----


def test_memory_follows_from_the_streams() -> None:
    model = models.tiny()
    small, large = Stream(1 << 10, (b"a",), GENERAL), Stream(1 << 20, (b"a",), GENERAL)
    as_it_is = memory.of_block(Plan((Stream(500, (bytes(500),)),)), 500, None, None)
    assert as_it_is == 1000
    alone = memory.of_block(Plan((small,)), 1 << 10, None, None)
    assert alone == 2 * (1 << 10) + GENERAL.memory(1 << 10, 1)
    both = memory.of_block(Plan((small, large), 2), 1 << 10, None, None)
    assert both == (3 << 10) + (1 << 10) + (1 << 20) + GENERAL.memory(1 << 20, 1)
    lanes = Stream(1 << 10, (b"a",) * 4, GENERAL, True)
    joined = memory.of_block(Plan((lanes,)), 1 << 10, model, None)
    assert joined == 2 * (1 << 10) + GENERAL.memory(1 << 10, 4) + model.memory(4)


def test_memory_of_streams_that_are_joined() -> None:
    """All of them, and what the most expensive filter needs."""
    inner = Joined(1 << 12, (Stream(1 << 12, (b"a",), GENERAL),), 2)
    plan = Plan((inner, Stream(1 << 11, (b"a",), GENERAL)), 2)
    need = 2 * 1000 + 2 * (1 << 12) + (1 << 11)
    assert memory.of_block(plan, 1000, None, None) == need + (1 << 12) + GENERAL.memory(1 << 12, 1)


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_any_block_of_a_frame_is_within_what_its_header_says(number: int) -> None:
    model = models.tiny()
    for header in (Header(1 << 20, 4, 1), Header(1 << 12, 128, 1, Profile.LEAN)):
        for used in (None, model):
            lanes = 1 if used is None else header.lanes
            mixing = Mixing(header.profile)
            stream = Stream(header.block_size, (b"a",) * lanes, mixing, used is not None)
            need = memory.of_block(Plan((stream,), number), header.block_size, used, None)
            assert need <= memory.of_frame(header, used, None)


def test_labels() -> None:
    mixed = Stream(9, (b"a",), GENERAL)
    joined = Stream(9, (b"a",), GENERAL, True)
    assert Plan((Stream(3, (b"abc",)),)).label == "stored"
    assert Plan((mixed, mixed)).label == "mix"
    assert Plan((joined,), 2).label == "x86+network+mix"
    nested = Plan((mixed, Joined(9, (joined, Joined(9, (mixed,), 2)), 4)), 7)
    assert nested.label == "base64+deflate+x86+mix+network+mix"
