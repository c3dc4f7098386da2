"""Fixtures shared by the tests."""

from __future__ import annotations

import io
import os
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import commandline
import models
from nncomp import _native, model

TORCH = {"test_cli_train.py", "test_cuda_kernels.py", "test_cuda_stage.py", "test_train.py"}
TORCH |= {
    "test_search.py",
    "test_adapt.py",
    "test_train_functions.py",
}  # whose every test needs torch


_share = 1.0  # of the examples that hypothesis tries in a full run


def pytest_configure(config: pytest.Config) -> None:
    global _share
    _share = 0.25 if "not slow" in config.getoption("markexpr") else 1.0


def examples(count: int) -> int:
    """How many examples of a property are tried: ``count``, or a part where tests are quick."""
    return max(int(count * _share), 5)


def some_quick(values: Iterable[Any], *quick: Any) -> list[Any]:
    """``values`` as parameters of a test, of which all but ``quick`` ones are slow tests."""
    values = list(values)
    assert all(value in values for value in quick), "a quick one that there is not"
    return [pytest.param(v, marks=() if v in quick else pytest.mark.slow) for v in values]


def assert_linear(call: Callable[[bytes], object], make: Callable[[int], bytes], n: int) -> None:
    """The time of ``call`` does not grow with the square of its input: for ``make(4 * n)`` it takes
    at most 8 times as long as for ``make(n)``, or as 10 ms."""

    def seconds(data: bytes) -> float:
        start = time.process_time()
        call(data)
        return time.process_time() - start

    small, large = (min(seconds(make(k)) for _ in range(3)) for k in (n, 4 * n))
    assert large <= 8 * max(small, 0.01)


def peak_of(call: Callable[[], object]) -> int:
    """Bytes of memory that ``call`` takes at most, native memory aside."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Counted(io.BytesIO):
    """Counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without torch's tests (``-m 'not torch'``) it is not imported, which takes seconds."""
    unwanted = "not torch" in config.getoption("markexpr")
    return True if unwanted and collection_path.name in TORCH else None


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.path.name in TORCH:
        item.add_marker("torch")


FASTEST = _native.kernels()[0]


@pytest.fixture(params=some_quick(_native.kernels(all=True), FASTEST))
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the native engine with this kernel; quick tests have the fastest one alone."""
    if request.param not in _native.kernels():
        pytest.skip(f"no {request.param} here")
    monkeypatch.setenv("NNCOMP_KERNEL", request.param)
    return str(request.param)


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search path where the released names belong to models for tests."""
    directory = tmp_path_factory.mktemp("models")
    for name, seed in (("nano-1", 1), ("nano-2", 4), ("small-2", 3), ("base-2", 1)):
        data = model.dumps(models.chain_model(name, seed))
        (directory / f"{name}.safetensors").write_bytes(data)
    return directory


@pytest.fixture
def run(model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> commandline.Run:
    """Runs nncomp in ``tmp_path``, with models for tests and nothing else in its environment."""
    for name in [n for n in os.environ if n.startswith("NNCOMP_")]:
        monkeypatch.delenv(name)
    commandline.use_models(monkeypatch, model_directory)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no-such-home"))
    monkeypatch.chdir(tmp_path)
    return commandline.run


@pytest.fixture
def terminal() -> Iterator[commandline.Terminal]:
    """A pseudo-terminal."""
    terminal = commandline.Terminal()
    yield terminal
    terminal.close()


@pytest.fixture(scope="session")
def foreign_model() -> model.Model:
    """A model that is as good and in no directory."""
    return models.chain_model("foreign", 2)
