"""The device form of the adaptive stage and the coder, on the CPU: its bytes are native's.

The same source is compiled by g++ with threads emulated (``emulated``), and by NVRTC for a GPU.
The network's distributions are native's, so that nothing but the stage is tried.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="the CUDA engine needs triton")

import emulated
import models
import test_mixing as mixing_tests
from models import LEAN
from nncomp.engine import native
from nncomp.engine.cuda import batch, device
from nncomp.engine.cuda.batch import Request
from nncomp.errors import FormatError, NNCompError
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model

MIXINGS = mixing_tests.MIXINGS


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emulated.build(tmp_path_factory.mktemp("emulated"))


@pytest.fixture
def program(library: Path, monkeypatch: pytest.MonkeyPatch) -> emulated.EmulatedProgram:
    monkeypatch.setattr(batch, "Run", emulated.ForeseenRun)
    return emulated.EmulatedProgram(library, threads=64)


Block = tuple[bytes, int, Mixing]  # content, lanes, mixing


def same(program: device.Program, model: Model, blocks: list[Block]) -> None:
    """Blocks coded together give native's payloads, and decode to what they were."""
    contents = [data for data, _, _ in blocks]
    expected = [native.encode_block(model, *block) for block in blocks]
    requests = [Request(model, len(data), lanes, mixing, data) for data, lanes, mixing in blocks]
    emulated.code(program, requests, contents, model)
    assert [(r.error, r.result) for r in requests] == [(None, payloads) for payloads in expected]
    requests = [
        Request(model, len(data), lanes, mixing, payloads=payloads)
        for (data, lanes, mixing), payloads in zip(blocks, expected, strict=True)
    ]
    emulated.code(program, requests, contents, model)
    assert [(r.error, r.result) for r in requests] == [(None, data) for data in contents]


@pytest.mark.parametrize("name", list(MIXINGS))
def test_all_contexts(program: emulated.EmulatedProgram, name: str) -> None:
    data = mixing_tests.some_of_all(600)
    same(program, models.tiny(), [(data, 3, MIXINGS[name])])


@pytest.mark.parametrize("lanes", [1, 31, 32, 33, 64])
def test_lanes_that_meet(program: emulated.EmulatedProgram, lanes: int) -> None:
    """Lanes alike, which hit the same cells and buckets in one step; ragged at the end."""
    same(program, models.tiny(), [(models.text(37) * lanes + b"end", lanes, MIXINGS["general"])])


@pytest.mark.slow
@pytest.mark.parametrize("threads", [128, 256])
def test_more_lanes_than_a_warp_has(program: emulated.EmulatedProgram, threads: int) -> None:
    program.threads = threads
    for name in ("lean", "general"):
        same(program, models.tiny(), [(models.text(30) * 128 + b"end", 128, MIXINGS[name])])


def test_blocks_of_all_kinds_together(program: emulated.EmulatedProgram) -> None:
    blocks: list[Block] = [
        (models.text(200), 7, Mixing(Profile.RICH, Contexts.CODE)),
        (models.noise(90), 2, Mixing(Profile.LEAN)),
        (models.text(120), 3, Mixing(Profile.MAX)),
        (models.text(60), 2, Mixing(Profile.MAX, Contexts.X86)),
        (b"x", 3, Mixing(Profile.RICH)),
        (mixing_tests.calls(300), 4, MIXINGS["x86"]),
        (bytes(150), 1, LEAN),
    ]
    same(program, models.tiny(), blocks)


@pytest.mark.parametrize("name", ["plus", "signs", "sure", "zero"])
def test_extreme_distributions(
    program: emulated.EmulatedProgram, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for the worst that can come."""
    monkeypatch.setattr(batch, "payload_room", lambda size: 24 * size + 64)
    model = models.EXTREMES[name](models.TINY)
    data = models.text(60) + models.noise(60)
    same(program, model, [(data, 2, Mixing(Profile.RICH)), (data, 2, LEAN)])


def test_payloads_that_no_encoder_writes(program: emulated.EmulatedProgram) -> None:
    """The errors are native's, and a block's error is its own."""
    model, data = models.tiny(), models.text(60)
    mixing = Mixing(Profile.LEAN)
    good = native.encode_block(model, data, 2, mixing)
    bad = [
        ([good[0], good[1] + b"\0"], "lane 1 has bytes left over"),
        ([good[0], good[1][:-6]], "lane 1 ends too early"),
        ([good[0], good[1][:6]], "lane 1 ends too early"),  # and then lane 0, misled, does, too
        ([b"\xff" * 40, good[1]], "lane 0 has a malformed payload"),
    ]
    for payloads, message in bad:
        with pytest.raises(FormatError, match=message):
            native.decode_block(model, payloads, len(data), mixing)
        requests = [
            Request(model, len(data), 2, mixing, payloads=p) for p in (good, payloads)
        ]  # fmt: skip
        emulated.code(program, requests, [data, data], model)
        assert (requests[0].error, requests[0].result) == (None, data)
        assert isinstance(requests[1].error, FormatError) and str(requests[1].error) == message
    empty = Request(
        model, 1, 2, mixing, payloads=[*native.encode_block(model, b"x", 1, LEAN), b"\0"]
    )
    emulated.code(program, [empty], [b"x"], model)
    assert str(empty.error) == "lane 1 has a payload but no bytes"


def test_payloads_without_room(
    program: emulated.EmulatedProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What grows too much has no result, and is for another engine."""
    monkeypatch.setattr(batch, "payload_room", lambda size: size)
    model, data = models.tiny(), models.noise(600)
    assert len(native.encode_block(model, data, 1, LEAN)[0]) > len(data)
    request = Request(model, len(data), 1, LEAN, data)
    emulated.code(program, [request], [data], model)
    assert (request.error, request.result) == (None, None)


def test_launches_by_the_driver(
    library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Through the driver's functions, of a library that is not the driver's."""
    monkeypatch.setattr(batch, "Run", emulated.ForeseenRun)
    monkeypatch.setattr(device, "load_driver", lambda: ctypes.CDLL(str(library)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled: list[str] = []

    def compile_cubin(architecture: str) -> bytes:
        compiled.append(architecture)
        return b"cubin\0"

    monkeypatch.setattr(device, "compile_cubin", compile_cubin)
    assert device.count() == 1
    for _ in range(2):
        program = device.StageProgram(0)
    assert compiled == ["sm_90"], "and kept"
    program.make_current()
    same(program, models.tiny(), [(models.text(40), 3, Mixing(Profile.LEAN))])
    with pytest.raises(NNCompError, match="cuDeviceGet returned 101"):
        device.StageProgram(1)


def test_it_compiles_for_devices() -> None:
    """By NVRTC, which takes a few seconds; no device is needed."""
    try:
        cubin = device.compile_cubin("sm_90")
    except (NNCompError, OSError) as error:
        if isinstance(error, NNCompError) and "needs NVRTC" not in str(error):
            raise
        pytest.skip("no NVRTC here")
    assert cubin[:4] == b"\x7fELF"
