"""Measuring: small files, few levels, and peers that are scripts of a line."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import models
import nncomp
from commandline import Run, command, errors, limited
from nncomp import bench
from nncomp.errors import NNCompError

CAT, MKDIR, SLEEP = map(shutil.which, ("cat", "mkdir", "sleep"))
COPY = f"{CAT} content"
FakePeer = Callable[..., None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePeer:
    """Makes a program of a shell's lines for there and back, on a PATH with nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def fake(name: str, there: str = COPY, back: str = COPY) -> None:
        script = folder / name
        script.write_text(f'#!/bin/sh\ncase " $* " in *" -d "*) {back};; *) {there};; esac\n')
        script.chmod(0o755)

    return fake


@pytest.fixture
def file(run: Run) -> Path:
    """A small file below the working folder, in the way of a corpus."""
    Path("corpus/deep").mkdir(parents=True)
    path = Path("corpus/deep/a.txt")
    path.write_bytes(models.chained(3000))
    return path


def rows(place: str) -> list[dict[str, str]]:
    with open(place, newline="") as table:
        return list(csv.DictReader(table))


@pytest.mark.slow
def test_table_and_csv(run: Run, fake: FakePeer, file: Path, model_directory: Path) -> None:
    Path("corpus/b").write_bytes(b"ab" * 50)
    fake("gzip")
    fake("bzip2", there=f"{CAT} content content")
    result = run(
        "bench",
        "--levels",
        "5,3,5",
        "--peers",
        "gzip-9,bzip2",
        "--csv",
        "out.csv",
        "corpus",
        "corpus/b",
    )
    assert not result.stderr
    table = rows("out.csv")
    compressors = ["nncomp-5", "nncomp-3", "gzip-9", "bzip2-9"]
    wanted = [(c, f) for f in ("corpus/b", "corpus/deep/a.txt") for c in compressors]
    assert [(row["compressor"], row["file"]) for row in table] == wanted
    sizes = {(row["compressor"], row["file"]): int(row["packed_bytes"]) for row in table}
    assert sizes["gzip-9", str(file)] == 3000
    assert sizes["bzip2-9", str(file)] == 6000
    assert sizes["nncomp-3", "corpus/b"] < 50
    assert sizes["nncomp-3", str(file)] < 2500
    model_size = (model_directory / "small-2.safetensors").stat().st_size
    model_sizes = {"nncomp-3": model_size, "nncomp-5": model_size}
    for row in table:
        bits = 8 * int(row["packed_bytes"]) / int(row["bytes"])
        assert float(row["bits_per_byte"]) == pytest.approx(bits, abs=1e-5)
        for key in ("compress_seconds", "decompress_seconds"):
            assert 0 < float(row[key]) < 60
        own = row["compressor"] in model_sizes
        assert int(row["model_bytes"]) == model_sizes.get(row["compressor"], 0)
        peak = int(row["compress_peak_bytes"])
        assert peak > 20 << 20 if own else 1 << 18 < peak < 20 << 20

    lines = result.stdout.decode().splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "corpus/b"
    start = lines.index("2 files, 3,100 bytes")
    assert lines[start + 1].split()[0] == "Total"
    totals = {line.split()[0]: line.split() for line in lines[start + 2 :]}
    assert list(totals) == compressors
    assert totals["bzip2-9"][1:4] == ["6,200", "16.0000", "16.0000"]
    assert totals["gzip-9"][-1] == "3,100"
    packed = sum(size for (name, _), size in sizes.items() if name == "nncomp-3")
    assert totals["nncomp-3"][-1] == f"{packed + model_sizes['nncomp-3']:,}"


@pytest.mark.slow
def test_with_a_prime(run: Run, fake: FakePeer) -> None:
    """nncomp reads it first, and so does zstd; whoever cannot is measured as without."""
    prime, content = models.chained(4000), models.chained(3000)[2000:2300]
    Path("a prime").write_bytes(prime)
    Path("a").write_bytes(content)
    fake("zstd", there=f"{CAT} prime content > packed.zst", back=f"{CAT} content > back")
    fake("xz")
    args = ("bench", "--levels=1:none", "--peers=zstd-19,xz-6", "--csv")
    run(*args, "without.csv", "a", status=1)  # of zstd's script, which wants a prime
    run(*args, "with.csv", "a", "--prime", "a prime")
    primed = {row["compressor"]: row for row in rows("with.csv")}
    (plain, xz) = rows("without.csv")
    packed = nncomp.compress(content, 1, model="none", prime=prime)
    assert int(primed["nncomp-1:none"]["packed_bytes"]) == len(packed) < int(plain["packed_bytes"])
    assert primed["zstd-19"]["packed_bytes"] == "4300" and xz["compressor"] == "xz-6"
    sizes = {name: row["model_bytes"] for name, row in primed.items()}
    assert sizes == {"nncomp-1:none": "4000", "zstd-19": "4000", "xz-6": "0"}
    result = run("bench", "a", "--prime", "a prime", "--csv", "a prime", status=1)
    assert errors(result) == ["nncomp: a prime: is the prime"]
    result = run("bench", "a", "--prime", "no-such", status=1)
    assert errors(result) == ["nncomp: no-such: No such file or directory"]


def test_an_output_is_complete_or_as_it_was(run: Run) -> None:
    Path("x").write_bytes(b"short")
    Path("table").write_bytes(b"of others")
    Path("link.csv").symlink_to("table")
    args = ("bench", "-q", "-f", "--levels=1:none", "--peers=none", "--csv=link.csv", "x")
    run(*args)
    assert Path("table").read_bytes() == b"of others"
    assert not Path("link.csv").is_symlink() and len(rows("link.csv")) == 1
    before = Path("link.csv").read_bytes()
    assert errors(run(*args, status=1, **limited(100)))[-1] == "nncomp: link.csv: File too large"
    assert Path("link.csv").read_bytes() == before
    assert sorted(os.listdir()) == ["link.csv", "table", "x"]


@pytest.mark.slow
def test_what_fails_is_left_out(run: Run, fake: FakePeer, file: Path) -> None:
    Path("other").write_bytes(b"other")
    fake("gzip", back="echo wrong")
    fake("bzip2", there="echo some trouble >&2; exit 3")
    fake("lz4")  # writes to stdout and not where it should
    fake("brotli", there=f"{CAT} content >packed.br", back=f"{MKDIR} back")
    fake("bzip3", there=f'[ "$({CAT} content)" = other ] || {COPY}')
    peers = "--peers=gzip-9,bzip2,lz4-12,brotli-11,bzip3"
    args = ("bench", "--levels=1", peers, "--csv", "out.csv", file, "other", "missing")
    result = run(*args, status=1)
    assert errors(result) == [
        "nncomp: missing: No such file or directory",
        f"nncomp: gzip-9 left out: {file}: does not give the content back",
        f"nncomp: bzip2-9 left out: {file}: failed: some trouble",
        f"nncomp: lz4-12 left out: {file}: wrote nothing",
        f"nncomp: brotli-11 left out: {file}: does not give the content back",
        "nncomp: bzip3-16 left out: other: wrote nothing",
    ]
    assert [row["compressor"] for row in rows("out.csv")] == ["nncomp-1"] * 2
    assert b"gzip" not in result.stdout and b"bzip3" not in result.stdout


def test_time_limit(file: Path, fake: FakePeer) -> None:
    fake("gzip", back=f"{SLEEP} 100")
    start = time.monotonic()
    results, (failure,) = bench.run(bench.find_peers(["gzip-9"]), [str(file)], 1.5)
    assert not results
    assert str(failure.error) == "takes more than 1.5 seconds"
    assert time.monotonic() - start < 50


def test_nncomp_itself_may_fail(
    run: Run, fake: FakePeer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("gzip")
    monkeypatch.setenv("NNCOMP_DEVICE", "cuda:99")
    result = run("bench", "--levels=1", file, status=1)
    (line,) = errors(result)
    assert line.startswith(f"nncomp: nncomp-1 left out: {file}: failed: ")
    assert b"gzip-9" in result.stdout and b"nncomp-1" not in result.stdout


@pytest.mark.slow
def test_relative_model_directory(
    run: Run, file: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNCOMP_MODELS", os.path.relpath(model_directory))
    result = run("bench", "--levels=1", "--peers=none", "-q", file)
    assert [line.split()[0] for line in result.stdout.decode().splitlines()[1:]] == [
        "Total",
        "nncomp-1",
    ]


def test_choice_of_peers(fake: FakePeer) -> None:
    for name in ("zstd", "7za", "gzip", "zpaq"):
        fake(name)
    names = [peer.name for peer in bench.find_peers(None)]
    zstd = ["zstd-3", "zstd-19", "zstd-22"]
    assert names == ["gzip-6", "gzip-9", *zstd, "7z-ppmd", "zpaq-m1", "zpaq-m4", "zpaq-m5"]
    chosen = bench.find_peers(["zpaq-m5", "zstd", "7z"])
    assert [peer.name for peer in chosen] == [*zstd, "7z-ppmd", "zpaq-m5"]
    assert os.path.basename(chosen[3].program) == "7za"
    with pytest.raises(NNCompError, match="no peer is called 'zap'; known are gzip-6, "):
        bench.find_peers(["gzip", "zap"])
    with pytest.raises(NNCompError, match="7z-ppmd: 7zz or 7z or 7za is not on PATH"):
        os.unlink(chosen[3].program)
        bench.find_peers(["7z-ppmd"])


def test_every_peer_of_the_table_is_well_formed() -> None:
    names = [peer.name for peer in bench.PEERS]
    assert len(set(names)) == len(names)
    for peer in bench.PEERS:
        there, back = peer.compress.split(), peer.decompress.split()
        assert there[0] == back[0]
        (packed,) = (word for word in there if word.startswith("packed."))
        assert "content" in there and packed in back and "back" in "".join(back)
        assert peer.family == peer.name.split("-")[0]


def test_every_program_has_its_setting_of_every_day() -> None:
    names = {peer.name for peer in bench.PEERS}
    assert names >= {"gzip-6", "xz-6", "lz4-1", "zstd-3", "brotli-5", "zpaq-m1", "bzip2-9"}


@pytest.mark.slow
def test_levels_with_another_model(run: Run, fake: FakePeer, file: Path) -> None:
    """Behind a colon; without a network nothing but the program is needed to decompress."""
    result = run("bench", "--levels", "5,5:none,1:small-2,5", "--peers=none", "--csv=a", file)
    table = {row["compressor"]: row for row in rows("a")}
    assert [*table] == ["nncomp-5", "nncomp-5:none", "nncomp-1:small-2"]
    sizes = {name: int(row["packed_bytes"]) for name, row in table.items()}
    assert sizes["nncomp-5:none"] == len(run("-5", "--model=none", "-c", file).stdout)
    models = {name: row["model_bytes"] for name, row in table.items()}
    assert models["nncomp-5:none"] == "0"
    assert models["nncomp-1:small-2"] == models["nncomp-5"] != "0"
    assert max(map(len, result.stdout.decode().splitlines())) <= 100
    families = [bench.own(*what).family for what in ((5,), (5, "none"), (1, "small-2"))]
    assert families == ["nncomp", "nncomp:none", "nncomp"]


@pytest.mark.parametrize(
    "args, status, message",
    [
        ([], 2, "Missing argument"),
        (["--levels", "0", "x"], 2, "'0' is not a level, 1 to 9"),
        (["--levels", "1,", "x"], 2, "'' is not a level"),
        (["--levels", "none", "x"], 2, "'none' is not a level"),
        (["--levels", "5:", "x"], 2, "'' is not the name of a model"),
        (["--levels", "5:a b", "x"], 2, "'a b' is not the name of a model"),
        (["--levels", "5:smal-1", "x"], 1, "model 'smal-1' was not found in "),
        (["--peers", "nosuch", "x"], 1, "no peer is called 'nosuch'"),
        (["--csv", "no/where.csv", "x"], 1, "there is no directory for no/where.csv"),
        (["empty", "folder"], 1, "there is nothing to measure"),
    ],
)
def test_errors_are_a_line(run: Run, args: list[str], status: int, message: str) -> None:
    Path("x").write_bytes(b"x")
    Path("empty").touch()
    Path("folder").mkdir()
    lines = errors(run("bench", *args, status=status))
    assert message in lines[-1]
    if "empty" in args:
        assert lines[0] == "nncomp: empty: is empty; left out"


def test_totals() -> None:
    (gzip,) = (peer for peer in bench.PEERS if peer.name == "gzip-9")
    results = [
        bench.Result("gzip-9", "a", 1000, 500, 1.0, 0.5, 10, 30),
        bench.Result("other", "a", 1000, 1, 1.0, 1.0, 99, 99),
        bench.Result("gzip-9", "b", 3000, 750, 1.0, 0.5, 20, 10),
    ]
    total = bench.total(gzip, results)
    assert total is not None
    assert (total.files, total.size, total.packed, total.memory) == (2, 4000, 1250, 30)
    assert (total.bits, total.compress_speed, total.decompress_speed) == (2.5, 2000, 4000)
    assert total.mean_bits == pytest.approx((4 * 2) ** 0.5)
    assert bench.total(gzip, results[1:2]) is None


@pytest.mark.slow
def test_a_signal_ends_the_run_at_work(
    run: Run, fake: FakePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("x").write_bytes(b"x")
    Path("tmp").mkdir()
    os.mkfifo("fifo")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    fake("gzip", there=f"exec >{tmp_path}/fifo; echo started; {SLEEP} 100")
    with subprocess.Popen(command("bench", "--levels=1", "x")) as process, open("fifo") as fifo:
        assert fifo.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        start = time.monotonic()
        assert not fifo.read()  # ends with the last process that has it
        assert time.monotonic() - start < 50
    assert not list(Path("tmp").iterdir())


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_plot(run: Run, fake: FakePeer, file: Path) -> None:
    fake("gzip")
    run("bench", "--levels=1,1:none", "--plot", "out.svg", file)
    drawn = Path("out.svg").read_text()  # letters are outlines, what they spell stands beside them
    for text in ("nncomp-1", "nncomp-1:none", "gzip-6", "gzip-9", "compressing", "decompressing"):
        assert f"<!-- {text} -->" in drawn
    run("bench", "--levels=1", "--plot", "out.png", file)
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    (line,) = errors(run("bench", "--levels=1", "--plot", "out.png", file, status=1))
    assert line == "nncomp: out.png: already exists; use -f to overwrite"
    run("bench", "--levels=1", "--plot", "out.png", "-f", file)
    (line,) = errors(run("bench", "--levels=1", "--plot", "out.xyz", file, status=1))
    assert line.startswith("nncomp: out.xyz: a plot's name ends in one of .")
    assert "Traceback" not in line


def test_plot_without_matplotlib(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    (line,) = errors(run("bench", "--plot", "out.png", file, status=1))
    assert line == "nncomp: plots need matplotlib: pip install matplotlib"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_names_in_a_plot_do_not_cover_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    from nncomp import plotting

    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: drawn.append(self))
    totals = [
        bench.Total(f"{family}-{n}", family, 1, 1, 1, 1.2 + n / 99, 1, 1e5 * 3**n, 2e5 * 2**n, 1, 0)
        for family in ("nncomp", "nncomp:none", "xz", "zstd")
        for n in range(4)
    ]
    plotting.draw(io.BytesIO(), "png", totals)
    (figure,) = drawn
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(totals)
        assert sum(a.overlaps(b) for a, b in itertools.combinations(boxes, 2)) == 0
        assert all(axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 for box in boxes)
