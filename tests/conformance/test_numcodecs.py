"""The checks that numcodecs keeps for its own codecs, on nncomp's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import commandline
import nncomp

common = pytest.importorskip("numcodecs.tests.common", reason="numcodecs comes without its tests")
NNComp = nncomp.integrations.numcodecs.NNComp

FIXTURE = Path(__file__).parent / "fixture"
# Its arrays; others can be put behind them.
STORED = [
    np.arange(300, dtype="i4"),
    np.linspace(1000, 1001, 90, dtype="f8"),
    np.array([b"a", b"bb", b"ccc"] * 40).reshape(4, 5, 6),
    np.asfortranarray(np.arange(120, dtype="u2").reshape(10, 12) % 7),
    np.array([0, 1, -1, np.iinfo("i8").min] * 9, "i8").view("M8[ns]"),
]


@pytest.fixture(autouse=True)
def _models(model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    commandline.use_models(monkeypatch, model_directory)
    yield


@pytest.mark.parametrize(
    ("model", "step"), [("none", 4), pytest.param(None, 1, marks=pytest.mark.slow)]
)
def test_encode_decode(model: str | None, step: int) -> None:
    """Their kinds of arrays: numbers, strings, times, up to three axes, in both orders."""
    from numcodecs.tests.test_gzip import arrays

    for array in arrays[::step]:
        common.check_encode_decode(array, NNComp(level=1, model=model))


def test_config() -> None:
    for codec in (NNComp(), NNComp(3), NNComp(level=np.int64(3)), NNComp(model="none")):
        common.check_config(codec)


def test_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "NNComp", NNComp, raising=False)
    common.check_repr("NNComp(level=3, model='none')")
    common.check_repr("NNComp(level=5, model=None)")


def test_eq() -> None:
    assert NNComp() == NNComp() == NNComp(5)
    assert NNComp(1) != NNComp(9) != NNComp(9, "none") != "foo"


def test_backwards_compatibility(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored is decoded, and encoded to the same bytes."""
    shutil.copytree(FIXTURE, tmp_path / "fixture")
    monkeypatch.chdir(tmp_path)
    codecs = [NNComp(level=1, model="none"), NNComp(level=9, model="none")]
    common.check_backwards_compatibility("nncomp", STORED, codecs)
    for i, array in enumerate(STORED):
        for j, codec in enumerate(codecs):
            stored = FIXTURE / "nncomp" / f"codec.{j:02}" / f"encoded.{i:02}.dat"
            assert codec.encode(array) == stored.read_bytes()


def test_err_decode_object_buffer() -> None:
    common.check_err_decode_object_buffer(NNComp(1, "none"))


def test_err_encode_object_buffer() -> None:
    common.check_err_encode_object_buffer(NNComp(1, "none"))


def test_a_buffer_may_have_any_size() -> None:
    """Where others have a limit, which ``check_max_buffer_size`` looks at, there is none."""
    assert not hasattr(NNComp(), "max_buffer_size")
