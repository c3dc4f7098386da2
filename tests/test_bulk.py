"""Many files: what a worker is given, the manifest, and a Dask cluster of processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
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
    surveyed = bulk.survey(source, options)
    before = surveyed.before
    assert len(before) == blocks
    parts = [
        bulk.code_blocks(source, options, i, before[i : i + count]) for i in range(0, blocks, count)
    ]
    assert parts[0] == bulk.code_first_blocks(source, options, count)
    done = bulk.assemble_frame(source, str(tmp_path / "x.nnc"), options, surveyed.state, parts)
    expected = nncomp.compress(CONTENT, level, block_size=4 * KIB)
    assert (tmp_path / "x.nnc").read_bytes() == expected
    assert done == bulk.compress(source, str(tmp_path / "x.nnc"), options)


def test_parts_begin_inside_of_a_stream(tmp_path: Path) -> None:
    """What is deflated goes on in the next blocks: each part knows from where."""
    content = zlib.compress(models.text(90 * KIB)) + NOISE + zlib.compress(models.text(30 * KIB), 9)
    path = tmp_path / "x"
    path.write_bytes(content)
    surveyed = bulk.survey(str(path), SMALL)
    before = surveyed.before
    assert len({one.first for one in before}) > 2
    parts = [
        bulk.code_blocks(str(path), SMALL, i, before[i : i + 2]) for i in range(0, len(before), 2)
    ]
    bulk.assemble_frame(str(path), str(tmp_path / "x.nnc"), SMALL, surveyed.state, parts)
    assert (tmp_path / "x.nnc").read_bytes() == nncomp.compress(content, 1, block_size=4 * KIB)


def test_what_fails_leaves_nothing(source: str, tmp_path: Path) -> None:
    surveyed = bulk.survey(source, SMALL)
    parts = [bulk.code_first_blocks(source, SMALL, 2)]  # not all of it
    with pytest.raises(OSError, match="was changed while it was read"):
        bulk.assemble_frame(source, str(tmp_path / "x.nnc"), SMALL, surveyed.state, parts)
    parts.append(bulk.code_blocks(source, SMALL, 2, surveyed.before[2:]))
    Path(source).write_bytes(bytes(len(CONTENT)))
    with pytest.raises(OSError, match="was changed while it was read"):
        bulk.assemble_frame(source, str(tmp_path / "x.nnc"), SMALL, surveyed.state, parts)
    (tmp_path / "bad.nnc").write_bytes(b"no frame")
    with pytest.raises(nncomp.FormatError):
        bulk.decompress(str(tmp_path / "bad.nnc"), str(tmp_path / "x"), Options())
    assert sorted(os.listdir(tmp_path)) == ["bad.nnc", "source"]


def test_one_that_fails_leaves_the_others(source: str, tmp_path: Path) -> None:
    pairs = [(f"{tmp_path}/none", f"{tmp_path}/1"), (source, f"{tmp_path}/2")]
    wrong, done = bulk.try_each(bulk.compress, pairs, SMALL)
    assert isinstance(wrong, str) and "No such file" in wrong
    assert done == bulk.compress(source, f"{tmp_path}/2", SMALL)
    assert sorted(os.listdir(tmp_path)) == ["2", "source"]


def test_places_that_are_no_paths() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://bulk/a", "wb") as file:
        file.write(CONTENT)
    bulk.compress("memory://bulk/a", "memory://bulk/a.nnc", SMALL)
    assert bulk.read("memory://bulk/a.nnc", 5000, 9000) == CONTENT[5000:9000]


def test_a_target_grows_in_its_folder(tmp_path: Path) -> None:
    """Never on another disk, from which it could not be renamed; and everybody may read it."""
    seen = []

    def contents() -> Iterator[bytes]:
        yield from (CONTENT, b"")
        seen.extend(os.listdir(tmp_path / "out"))
        yield b"!"

    bulk.write(str(tmp_path / "out" / "x.nnc"), contents(), SMALL)
    assert len(seen) == 1 and seen[0].startswith(".")
    assert os.listdir(tmp_path / "out") == ["x.nnc"]
    path = tmp_path / "out" / "x.nnc"
    assert path.read_bytes() == nncomp.compress(CONTENT + b"!", 1, block_size=4 * KIB)
    (tmp_path / "like").touch()
    assert path.stat().st_mode == (tmp_path / "like").stat().st_mode


def test_pieces_and_lines(tmp_path: Path) -> None:
    lines = [f"{i} {'x' * (i * i % 97)}\n" for i in range(2000)] + ["no end"]
    text = "".join(lines).encode()
    path = tmp_path / "x.nnc"
    path.write_bytes(nncomp.compress(text, 1, block_size=4 * KIB) + nncomp.compress(b"", 1))
    pieces = bulk.split_content(str(path), 10_000, Options())
    assert len(pieces) > 5 and all(stop - start >= 10_000 for start, stop in pieces[:-1])
    assert b"".join(bulk.read(str(path), *piece) for piece in pieces) == text
    found = [bulk.read_lines(str(path), *piece, "utf-8", "strict") for piece in pieces]
    assert [line for part in found for line in part] == lines
    path.write_bytes(nncomp.compress(b""))
    assert bulk.split_content(str(path), 10_000, Options()) == []


def test_a_content_that_has_become_shorter(tmp_path: Path) -> None:
    path = tmp_path / "x.nnc"
    path.write_bytes(nncomp.compress(b"a\nb\n"))
    assert bulk.read_lines(str(path), 1, 4, "utf-8", "strict") == ["b\n"]
    with pytest.raises(NNCompError, match="shorter"):
        bulk.read_lines(str(path), 1, 5, "utf-8", "strict")
    with pytest.raises(NNCompError, match="shorter"):
        bulk.read(str(path), 1, 5)


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


def test_a_manifest_that_cannot_be_written_is_found_first(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bulk.Manifest(tmp_path / "no" / "manifest")
    with pytest.raises(IsADirectoryError):
        bulk.Manifest(tmp_path)


def test_names_of_all_kinds(tmp_path: Path) -> None:
    """Each is found again by what the manifest says of it."""
    manifest = bulk.Manifest(tmp_path / "manifest")
    names = ["été", "語 文", "line\nend", 'quo"te', "per%20cent", "[1]*?", "back\\slash"]
    done = []
    for name in names:
        (tmp_path / name).write_bytes(b"content")
        target = str(tmp_path / f"{name}.nnc")
        assert list(bulk.expand_paths(tmp_path / name)) == [bulk.file_of(str(tmp_path / name))]
        done.append(bulk.compress(str(tmp_path / name), target, SMALL))
        manifest.add(done[-1])
    again = bulk.Manifest(tmp_path / "manifest")
    for entry in done:
        assert again.find(entry.source, entry.target, packed=True) == entry


def test_names_that_fsspec_takes_for_others(tmp_path: Path) -> None:
    for name in ("x", "x::y"):
        (tmp_path / name).write_bytes(name.encode())
    for place in (tmp_path / "x::*", tmp_path / "*", f"zip://*::{tmp_path}/z.zip"):
        with pytest.raises((NNCompError, FileNotFoundError), match=r"::|z\.zip"):
            bulk.expand_paths(place)
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    places = [str(tmp_path / "x"), f"{tmp_path}/in/../x", f"{tmp_path}/link/in/../x"]
    assert list(bulk.expand_paths(places)) == [bulk.file_of(str(tmp_path / "x"))]
    assert bulk.file_of(f"{tmp_path}/link/x") == bulk.file_of(f"{tmp_path}//in/../x")
    assert bulk.below("memory://", "x") == "memory://x" and bulk.below("/a", "x") == "/a/x"


def test_targets_of_files(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    pairs = nncomp.integrations.dask.pairs_of
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for name in ("x", "x.nnc", "deep/y"):
        (tmp_path / "in" / name).write_bytes(b"")
    places = [f"{tmp_path}/in/x", f"{tmp_path}/in/../in//deep/y"]
    found = pairs(places, f"{tmp_path}/out/", lambda name: f"{name}.nnc")
    assert [target for _, target in found] == [f"{tmp_path}/out/{n}.nnc" for n in ("x", "deep/y")]
    for folder in ("link", "in/../in", "/in"):
        with pytest.raises(NNCompError, match="is a source or the target of another"):
            pairs(f"{tmp_path}/in/x*", f"{tmp_path}/{folder}", lambda name: f"{name}.nnc")


def test_a_line_longer_than_pieces_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nnc"
    path.write_bytes(nncomp.compress(bytes(100) + b"\nend", 1))
    read = []
    readline = nncomp.NNCompFile.readline

    def counted(file: nncomp.NNCompFile, size: int | None = -1, /) -> bytes:
        read.append(readline(file, size))
        return read[-1]

    monkeypatch.setattr(nncomp.NNCompFile, "readline", counted)
    assert bulk.read_lines(str(path), 40, 50, "utf-8", "strict") == []
    assert list(map(len, read)) == [11]
    assert bulk.read_lines(str(path), 91, 101, "utf-8", "strict") == []
    assert bulk.read_lines(str(path), 91, 102, "utf-8", "strict") == ["end"]


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


@pytest.mark.slow
def test_what_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    dask = nncomp.integrations.dask
    for name in ("x", "x.nnc", "y.txt"):
        (tmp_path / name).write_bytes(nncomp.compress(b"content", 1))
    before = (tmp_path / "x.nnc").read_bytes()
    with cluster(1):
        with pytest.raises(NNCompError, match=r"x\.nnc, for .*x, is a source"):
            dask.compress_files(str(tmp_path / "*"), str(tmp_path), level=1)
        with pytest.raises(FileNotFoundError):
            dask.compress_files(str(tmp_path / "x"), str(tmp_path), manifest=tmp_path / "a" / "b")
        assert (tmp_path / "x.nnc").read_bytes() == before and not (tmp_path / "out").exists()
        # No files are no fault; and one of another name is one, which the others do not mind.
        assert dask.compress_files(str(tmp_path / "*.none"), str(tmp_path / "out")) == []
        with pytest.raises(NNCompError, match=r"^1 of 2 files failed; .*y\.txt: name does not end"):
            names = [str(tmp_path / "y.txt"), str(tmp_path / "x.nnc")]
            dask.decompress_files(names, str(tmp_path / "out"))
        assert (tmp_path / "out" / "x").read_bytes() == b"content"


CALL = """if True:
    import sys
    import distributed, nncomp.integrations.dask
    if __name__ == "__main__":
        folder = sys.argv[1]
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None
        ) as local, distributed.Client(local):
            nncomp.integrations.dask.compress_files(
                folder + "/in/*", folder + "/out", manifest=folder + "/manifest", level=1)
"""


@pytest.mark.slow
def test_calls_that_are_killed_or_at_the_same_time(tmp_path: Path) -> None:
    """The one resumes, the others share the manifest and leave what one would."""
    contents = {f"{i:02}": models.text(40_000, i + 1) for i in range(30)}
    (tmp_path / "in").mkdir()
    for name, content in contents.items():
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "call.py").write_text(CALL)
    command = [sys.executable, str(tmp_path / "call.py"), str(tmp_path)]
    manifest = tmp_path / "manifest"

    def begun() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)

    def lines() -> int:
        return manifest.read_bytes().count(b"\n") if manifest.exists() else 0

    with begun() as process:
        while lines() < 4 and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nnc")}
    known = lines()
    assert 3 <= known < len(contents), "it was done before"
    with begun() as first, begun() as second:
        assert first.wait() == second.wait() == 0
    for name, content in contents.items():
        assert (tmp_path / "out" / f"{name}.nnc").read_bytes() == nncomp.compress(content, 1)
    found = bulk.Manifest(manifest)
    kept = 0
    for name in contents:
        source, target = bulk.file_of(str(tmp_path / "in" / name)), f"{tmp_path}/out/{name}.nnc"
        assert found.find(source, target, packed=True) is not None
        kept += done.get(Path(target)) == Path(target).stat().st_mtime_ns
    assert kept >= known - 1  # the first line is empty


@pytest.mark.slow
def test_the_tool_that_measures(tmp_path: Path) -> None:
    """Both times are there, and the files are those of one machine."""
    (tmp_path / "x").write_bytes(models.noise(1_200_000) + models.text(30_000))
    arguments = ["--large", "1.2", "--files", "3", "--size", "9", "--task-size", "1", "--check"]
    command = [sys.executable, str(Path(__file__).parents[1] / "tools" / "cluster.py")]
    said = subprocess.run(
        [*command, str(tmp_path / "x"), *arguments, "--alone", "0.1"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall(r"workers: (\d)", said) == ["1", "2"] and "times as fast" in said
