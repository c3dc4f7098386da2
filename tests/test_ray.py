"""Ray Data on a cluster of processes: lines and pieces of files, files of rows, lost workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nncomp
from nncomp.errors import NNCompError

pytest.importorskip("ray.data", reason="Ray is not installed")
import ray

from nncomp.integrations.ray import NNCompDatasink, NNCompDatasource  # where there is Ray

pytestmark = pytest.mark.slow  # a cluster takes seconds to start

TEXT = b"".join(b"%d %s\n" % (i, b"x" * (i * i % 97)) for i in range(4000)) + b"no end"
LINES = TEXT.decode().splitlines(keepends=True)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=1 << 27)
    yield
    ray.shutdown()


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "a.nnc"
    path.write_bytes(nncomp.compress(TEXT, 1, block_size=1 << 12))
    return str(path)


def contents(folder: Path) -> bytes:
    paths = sorted(folder.glob("[!.]*"))  # one that was killed leaves a passing name
    assert [path.name for path in paths] == [f"{i:06}.nnc" for i in range(len(paths))]
    return b"".join(nncomp.decompress(path.read_bytes()) for path in paths)


def test_lines_and_pieces(source: str, tmp_path: Path) -> None:
    (tmp_path / "b.nnc").write_bytes(nncomp.compress(b"of another\n", 1))
    (tmp_path / "c.nnc").write_bytes(nncomp.compress(b"", 1))
    read = NNCompDatasource(str(tmp_path / "*.nnc"), task_size=10_000)
    assert len(read.get_read_tasks(1)) > 10
    assert read.estimate_inmemory_data_size() == len(TEXT) + 11
    found = ray.data.read_datasource(read).take_all()
    assert [row["text"] for row in found] == [*LINES, "of another\n"]
    read = NNCompDatasource(source, task_size=10_000, encoding=None)
    pieces = [row["bytes"] for row in ray.data.read_datasource(read).take_all()]
    assert len(pieces) > 10 and b"".join(pieces) == TEXT


def test_rows_into_files(source: str, tmp_path: Path) -> None:
    lines = ray.data.read_datasource(NNCompDatasource(source, task_size=10_000))
    lines.write_datasink(NNCompDatasink(tmp_path / "out", level=1))
    assert contents(tmp_path / "out") == TEXT
    assert len(list((tmp_path / "out").iterdir())) > 1
    with pytest.raises(NNCompError, match="out is not empty"):
        lines.write_datasink(NNCompDatasink(tmp_path / "out", level=1))
    pieces = ray.data.from_items([{"bytes": b"one "}, {"bytes": b"two"}]).repartition(1)
    pieces.write_datasink(NNCompDatasink(str(tmp_path / "b"), column="bytes", level=1))
    assert contents(tmp_path / "b") == b"one two"


def test_what_is_wrong_is_said(source: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        NNCompDatasink(tmp_path / "out", level=10)
    (tmp_path / "bad.nnc").write_bytes(b"no frame")
    with pytest.raises(nncomp.FormatError):
        NNCompDatasource([source, str(tmp_path / "bad.nnc")])


def dies_once(marker: Path) -> None:
    """Ends the process, as the kernel does that has no memory left."""
    try:
        marker.open("x").close()
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(NNCompDatasink):
    """A worker is lost while it writes a file."""

    def __init__(self, folder: Path, marker: Path) -> None:
        super().__init__(folder, level=1, block_size=1 << 10)
        self._marker = marker

    def write(self, blocks: Iterable[Any], ctx: Any) -> None:
        def all_of() -> Iterator[Any]:
            yield from blocks
            dies_once(self._marker)

        super().write(all_of(), ctx)


def test_a_worker_is_lost(source: str, tmp_path: Path) -> None:
    """While it reads, and while it writes: nothing is missing, nothing is there twice."""
    marker = tmp_path / "read"

    def pass_on(row: dict[str, Any]) -> dict[str, Any]:
        if row["text"] == LINES[len(LINES) // 2]:
            dies_once(marker)
        return row

    read = NNCompDatasource(source, task_size=10_000)
    ray.data.read_datasource(read).map(pass_on).write_datasink(
        Dying(tmp_path / "out", tmp_path / "written")
    )
    assert marker.exists() and (tmp_path / "written").exists()
    assert contents(tmp_path / "out") == TEXT
