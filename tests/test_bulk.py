"""Many files: what a worker is given, the manifest, and a Dask cluster of processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
import nncomp
from nncomp.errors import NNCompError
from nncomp.options import Options

pytest.importorskip("fsspec")
from nncomp.integrations import bulk  # where there is fsspec

KIB = 1 << 10
SMALL = Options(level=1, block_size=4 * KIB)
NOISE = models.noise(6 * KIB)
# Repeats of blocks far before, and a last block that is not full.
CONTENT = NOISE + models.text(20 * KIB) + NOISE + b"the end"


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "source").write_bytes(CONTENT)
    return str(tmp_path / "source")


# ---- one call ----


def test_a_file_there_and_back(source: str, tmp_path: Path) -> None:
    packed = str(tmp_path / "new" / "folder" / "x.nnc")
    done = bulk.compress(source, packed, SMALL)
    stored = Path(packed).read_bytes()
    assert stored == nncomp.compress(CONTENT, 1, block_size=4 * KIB)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (done.content_size, done.stored_size, done.sha256) == (len(CONTENT), len(stored), digest)
    back = bulk.decompress(packed, str(tmp_path / "back"), Options())
    assert (tmp_path / "back").read_bytes() == CONTENT
    assert (back.content_size, back.stored_size, back.sha256) == (len(CONTENT), len(stored), digest)


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("level", [1, 5])
def test_parts_of_a_file_make_one_frame(
    source: str, tmp_path: Path, count: int, level: int
) -> None:
    """Bytes of one machine: copies from earlier blocks, and the model before its first use"""
    options = Options(level=level, block_size=4 * KIB)
    blocks = -(-len(CONTENT) // options.block_size) if options.block_size else 0
    parts = [bulk.code(source, options, i, count) for i in range(0, blocks, count)]
    done = bulk.join(source, str(tmp_path / "x.nnc"), options, parts)
    expected = nncomp.compress(CONTENT, level, block_size=4 * KIB)
    assert (tmp_path / "x.nnc").read_bytes() == expected
    assert done == bulk.compress(source, str(tmp_path / "x.nnc"), options)


def test_what_fails_leaves_nothing(source: str, tmp_path: Path) -> None:
    parts = [bulk.code(source, SMALL, 0, 2)]  # not all of it
    with pytest.raises(OSError, match="was changed while it was read"):
        bulk.join(source, str(tmp_path / "x.nnc"), SMALL, parts)
    (tmp_path / "bad.nnc").write_bytes(b"no frame")
    with pytest.raises(nncomp.FormatError):
        bulk.decompress(str(tmp_path / "bad.nnc"), str(tmp_path / "x"), Options())
    assert sorted(os.listdir(tmp_path)) == ["bad.nnc", "source"]


def test_places_that_are_no_paths() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://bulk/a", "wb") as file:
        file.write(CONTENT)
    bulk.compress("memory://bulk/a", "memory://bulk/a.nnc", SMALL)
    assert bulk.read("memory://bulk/a.nnc", 5000, 9000) == CONTENT[5000:9000]


def test_pieces_and_lines(tmp_path: Path) -> None:
    lines = [f"{i} {'x' * (i * i % 97)}\n" for i in range(2000)] + ["no end"]
    text = "".join(lines).encode()
    path = tmp_path / "x.nnc"
    path.write_bytes(nncomp.compress(text, 1, block_size=4 * KIB) + nncomp.compress(b"", 1))
    pieces = bulk.pieces(str(path), 10_000, Options())
    assert len(pieces) > 5 and all(stop - start >= 10_000 for start, stop in pieces[:-1])
    assert b"".join(bulk.read(str(path), *piece) for piece in pieces) == text
    found = [bulk.read_lines(str(path), *piece, "utf-8", "strict") for piece in pieces]
    assert [line for part in found for line in part] == lines
    path.write_bytes(nncomp.compress(b""))
    assert bulk.pieces(str(path), 10_000, Options()) == []


# ---- the manifest ----


def test_what_is_done_is_known(source: str, tmp_path: Path) -> None:
    target, path = str(tmp_path / "x.nnc"), tmp_path / "manifest"
    done = bulk.compress(source, target, SMALL)
    bulk.Manifest(path).add(done)
    path.write_bytes(path.read_bytes() + b'{"source": "cut o')
    manifest = bulk.Manifest(path)
    assert manifest.find(source, target, packed=True) == done
    assert manifest.find(source, target + "x", packed=True) is None
    manifest.add(done)
    assert bulk.Manifest(path).find(source, target, packed=True) == done
    Path(target).write_bytes(b"")
    assert manifest.find(source, target, packed=True) is None
    bulk.compress(source, target, SMALL)
    assert manifest.find(source, target, packed=True) == done
    Path(source).write_bytes(CONTENT + b"changed")
    assert manifest.find(source, target, packed=True) is None


# ---- a cluster ----


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.mark.slow
def test_files_on_a_cluster(tmp_path: Path) -> None:
    """Small ones and a large one, again, with one that fails, and with one that has changed"""
    dask = nncomp.integrations.dask
    folder, out = tmp_path / "in", tmp_path / "out"
    contents = {f"{i % 2}/{i}.txt": models.text(900 + i) for i in range(20)}
    contents["large"] = CONTENT
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    sources = [str(folder / "*" / "*.txt"), str(folder / "large")]
    manifest = tmp_path / "manifest"
    options = {"level": 1, "block_size": 4 * KIB}
    more = {"manifest": manifest, "task_size": 8 * KIB, **options}
    with cluster(2) as client:
        done = dask.compress_files(sources, str(out), client=client, **more)
        assert [entry.content_size for entry in done] == [
            len(contents[name]) for name in sorted(contents)
        ]
        for name, content in contents.items():
            stored = (out / f"{name}.nnc").read_bytes()
            assert stored == nncomp.compress(content, **options)
        times = {path: path.stat().st_mtime_ns for path in out.rglob("*.nnc")}
        (folder / "0" / "2.txt").write_bytes(b"changed")
        again = dask.compress_files(sources, str(out), **more)  # the client in use
        assert [old == new for old, new in zip(done, again, strict=True)].count(False) == 1
        changed = [path for path, then in times.items() if path.stat().st_mtime_ns != then]
        assert changed == [out / "0" / "2.txt.nnc"]
        (out / "large.nnc").write_bytes(b"damaged")
        contents["0/2.txt"] = b"changed"
        packed = str(out / "**" / "*.nnc")
        with pytest.raises(NNCompError, match=r"^1 of 21 files failed; .*large\.nnc: "):
            dask.decompress_files(packed, str(tmp_path / "back"), retries=0)
        for name, content in contents.items():
            assert (tmp_path / "back" / name).exists() == (name != "large")
            if name != "large":
                assert (tmp_path / "back" / name).read_bytes() == content


@pytest.mark.slow
def test_a_worker_is_lost(tmp_path: Path) -> None:
    """In the middle: its tasks go elsewhere, and all is done."""
    content = models.noise(3 << 20)  # which takes a while, as it is coded in vain
    text = models.text(1 << 20)
    (tmp_path / "x").write_bytes(text + content)
    with cluster(2) as client:
        pid = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        killer.start()
        begun = time.monotonic()
        nncomp.integrations.dask.compress_files(
            str(tmp_path / "x"), str(tmp_path), task_size=1 << 18, level=1, block_size=1 << 16
        )
        assert time.monotonic() - begun > 0.5, "it was done before"
        killer.join()
    expected = nncomp.compress(text + content, 1, block_size=1 << 16)
    assert (tmp_path / "x.nnc").read_bytes() == expected


@pytest.mark.slow
def test_a_content_in_pieces(tmp_path: Path) -> None:
    dask = nncomp.integrations.dask
    text = models.text(50_000).decode("utf-8", "replace")
    path = tmp_path / "x.nnc"
    path.write_bytes(nncomp.compress(text.encode(), 1, block_size=4 * KIB))
    with cluster(2) as client:
        parts = dask.read_bytes(str(path), 10_000)
        assert len(parts) >= 5
        assert b"".join(client.gather(client.compute(parts))) == text.encode()
        assert dask.read_text(str(path), 10_000).compute() == text.splitlines(keepends=True)
