"""Streams in one way or two, and the order in which lanes take their bytes."""

from __future__ import annotations

import pytest

import models
from nncomp import levels
from nncomp.container import LEAD_SIZE, Header
from nncomp.engine import native
from nncomp.mixing import Mixing, Profile
from nncomp.options import Options
from nncomp.places import Places
from nncomp.plan import Stream, judge, order
from nncomp.plan.judge import Judge, Ways
from nncomp.ways import StreamCoder

LEAN = Mixing(Profile.LEAN)
MIB = 1 << 20


# ---- order ----


@pytest.mark.parametrize("lanes", [1, 2, 3, 100, 128])
@pytest.mark.parametrize("size", [0, 1, 1000, LEAD_SIZE, LEAD_SIZE + 1, 100_000])
def test_spread_bytes_are_gathered(size: int, lanes: int) -> None:
    stream = models.noise(size)
    coded = order.spread(stream, lanes)
    assert order.gather(coded, lanes) == stream
    assert (coded == stream) == (lanes == 1 or size <= LEAD_SIZE)
    if size > LEAD_SIZE:
        steps = order.lead_steps(lanes)
        lead = order.lead(lambda start, length: coded[start : start + length], size, lanes)
        assert lead == stream[:LEAD_SIZE]
        assert steps == -(-LEAD_SIZE // lanes)


def test_steps_of_lanes() -> None:
    coded = models.noise(100_003)
    for lanes in (1, 3, 128):
        # Of sizes that differ by one, the larger ones come first.
        more = len(coded) % lanes
        starts = [lane * (len(coded) // lanes) + min(lane, more) for lane in range(lanes)]
        expected = b"".join(coded[start + 128 : start + 640] for start in starts)
        assert order.steps(coded, lanes, 128, 640) == expected


# ---- two ways ----


@pytest.mark.parametrize("ways", [Ways.ALONE, Ways.BOTH, Ways.NETWORK])
def test_a_large_stream_in_doubt(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the network to an eighth, and on if that pays; without it, unless that is sure."""
    level, lanes, model = levels.get(5), 8, models.tiny()
    monkeypatch.setattr(Judge, "after_trial", lambda *_: Ways.BOTH)
    monkeypatch.setattr(Judge, "after_probe", lambda *_: ways)
    monkeypatch.setattr(judge, "worthwhile", lambda coded, _: coded)
    stream = (models.text(9000) + models.noise(90)) * (MIB // 9090 + 1)
    stream = stream[:MIB]
    done: list[int] = []
    coder = StreamCoder(Header(MIB, lanes, 1), level, model, Places(Options(), MIB).place)
    coded = coder.code(stream, LEAN, 1, done.append)
    assert sum(done) == (MIB if Ways.NETWORK in ways else MIB // 8)
    if Ways.ALONE in ways:
        (payload,) = native.encode_block(None, stream, 1, LEAN)
        assert coded.pop(0) == Stream(MIB, (payload,), LEAN)
    if Ways.NETWORK in ways:
        payloads = native.encode_block(model, order.spread(stream, lanes), lanes, LEAN)
        assert coded == [Stream(MIB, tuple(payloads), LEAN, network=True)]
    else:
        assert coded == []


@pytest.mark.parametrize("pays", [False, True])
@pytest.mark.parametrize("lanes", [1, 2])
def test_one_way_is_coded_to_its_end(
    lanes: int, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is begun goes on where it has one lane; the bytes are those of a stream that was not."""
    level, model = levels.get(3), models.tiny()
    monkeypatch.setattr(Judge, "after_trial", lambda *_: Ways.NETWORK if pays else Ways.ALONE)
    stream = models.text(100_000)
    done: list[int] = []
    coder = StreamCoder(Header(1 << 17, lanes, 1), level, model, Places(Options(), MIB).place)
    (coded,) = coder.code(stream, LEAN, 1, done.append)
    assert sum(done) == len(stream)
    if pays:
        payloads = native.encode_block(model, order.spread(stream, lanes), lanes, LEAN)
    else:
        payloads = native.encode_block(None, stream, 1, LEAN)
    assert coded == Stream(len(stream), tuple(payloads), LEAN, network=pays)
