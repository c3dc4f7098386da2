"""The tools that assemble training text and look for evaluation files in it."""

from __future__ import annotations

import csv
import gzip
import io
import os
import shlex
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from nncomp import _native, bench

TOOLS = Path(__file__).parent.parent / "tools"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


def git(where: Path, *args: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    result = subprocess.run(["git", *who, *args], cwd=where, check=True, capture_output=True)
    return result.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A source: a repository at its first commit."""
    place = tmp_path / "repository"
    (place / "docs").mkdir(parents=True)
    for n in range(5):
        (place / "docs" / f"{n}.md").write_bytes(b"page %d\n" % n * 50_000)
    (place / "docs" / "copy.md").write_bytes(b"page 0\n" * 50_000)
    (place / "code.c").write_text("int x;\n")
    git(place, "init", "-q")
    git(place, "add", ".")
    git(place, "commit", "-qm", "one")
    commit = git(place, "rev-parse", "HEAD")[:12]
    (place / "docs" / "0.md").unlink()
    git(place, "commit", "-qam", "two")
    return f"git:{place}@{commit}"


def build(tmp_path: Path, rows: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run tools/corpus.py with this table."""
    table = tmp_path / "table.csv"
    table.write_text("domain,name,megabytes,licence,sources,select\n" + rows)
    code = f"import corpus, pathlib; corpus.TABLE = pathlib.Path({str(table)!r}); "
    code += "raise SystemExit(corpus.main())"
    command = [sys.executable, "-c", code, str(tmp_path / "out"), *options]
    return subprocess.run(command, cwd=TOOLS, capture_output=True, text=True)


def test_corpus(tools: None, repository: str, tmp_path: Path) -> None:
    rows = f"docs,pages,99,free,{repository},*.md\ndocs,some,0.5,free,{repository},*.md\n"
    result = build(tmp_path, rows)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "out/docs/pages.dat").read_bytes()
    lines = (tmp_path / "out/docs/pages.idx").read_text().splitlines()
    spans = [tuple(map(int, line.split())) for line in lines]
    assert len(spans) == 10 and max(length for _, length in spans) == 1 << 18
    assert [start for start, _ in spans] == list(np.cumsum([0, *(n for _, n in spans[:-1])]))
    assert len(text) == sum(n for _, n in spans) == 5 * 350_000  # the copy counts once
    assert 500_000 <= (tmp_path / "out/docs/some.dat").stat().st_size < 500_000 + (1 << 18)
    assert build(tmp_path, rows).stdout == ""  # all is there


def test_corpus_lists_what_is_missing(tools: None, repository: str, tmp_path: Path) -> None:
    rows = (
        f"a,gone,1,free,git:{tmp_path}/nowhere@123456,*.md\n"
        f"b,empty,1,free,{repository},*.html\n"
        f"c,here,1,free,{repository},*.c\n"
    )
    result = build(tmp_path, rows)
    assert result.returncode == 1 and "missing: a/gone\n" in result.stderr
    assert not (tmp_path / "out").exists()
    result = build(tmp_path, rows, "--keep-going")
    assert result.returncode == 1 and "missing: a/gone, b/empty\n" in result.stderr
    assert (tmp_path / "out/c/here.dat").read_text() == "int x;\n"
    again = build(tmp_path, rows, "--only", "c")
    assert again.returncode == 0


@pytest.mark.slow
def test_corpus_leaves_evaluation_files_out(tools: None, repository: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, 1 << 18, np.uint8).tobytes()
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "noise").write_bytes(b"x" + noise)
    archive = tmp_path / "repository"
    (archive / "noise.md").write_bytes(noise)
    git(archive, "add", ".")
    git(archive, "commit", "-qm", "three")
    source = f"git:{archive}@{git(archive, 'rev-parse', 'HEAD')}"
    for options, size in (([], 1 << 18), (["--exclude", str(tmp_path / "evaluation")], 0)):
        result = build(tmp_path, f"a,all{size},9,free,{source},*.md\n", *options)
        assert result.returncode == 0, result.stderr
        assert (noise in (tmp_path / f"out/a/all{size}.dat").read_bytes()) == bool(size)


def test_corpus_reads_packages(tools: None, tmp_path: Path) -> None:
    import corpus

    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        for name, text in (("package/a.js", b"a"), ("package/b.txt", b"b")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    assert list(corpus.documents(tmp_path, ["*.js"])) == [b"a"]


def test_every_source_is_of_a_known_kind() -> None:
    rows = list(csv.DictReader((TOOLS / "corpus.csv").open()))
    assert len(rows) > 100
    for row in rows:
        assert float(row["megabytes"]) >= 0 and row["select"] and row["licence"]
        for source in row["sources"].split():
            assert source.split(":")[0] in {"apt", "src", "pip", "npm", "git"}, row
            assert not source.startswith("git:") or "@" in source


def test_overlap(tools: None, tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    text = draw.integers(0, 256, 200_000, np.uint8).tobytes()
    (tmp_path / "train" / "x").mkdir(parents=True)
    (tmp_path / "train" / "x" / "a.dat").write_bytes(b"?" * 1001 + text[:50_000] + b"?" * 5000)
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "text").write_bytes(text + b"?" * 1000)
    (tmp_path / "eval" / "none").write_bytes(draw.integers(0, 256, 9999, np.uint8).tobytes())
    command = [sys.executable, "overlap.py", str(tmp_path / "train"), str(tmp_path / "eval")]
    result = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=True)
    shares = {line.split()[0]: line.split()[-1] for line in result.stdout.splitlines()}
    assert shares["none"] == "0.0000%"
    assert float(shares["text"][:-1]) == pytest.approx(25, abs=1)


@pytest.mark.slow
def test_overlap_sees_across_chunks(tools: None, tmp_path: Path) -> None:
    import overlap

    data = np.random.default_rng(3).integers(0, 256, 5 << 20, np.uint8)
    (tmp_path / "x").write_bytes(data.tobytes())
    whole = {*overlap.windows(data, 64)[0].tolist()}
    pieces = [overlap.windows(c, 64)[0].tolist() for c in overlap.chunks(tmp_path / "x", 64)]
    assert len(pieces) == 2 and {h for piece in pieces for h in piece} == whole


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    """Every row has its seconds, and the last line is what to type next."""
    text = tmp_path / "notes.txt"
    text.write_text("A note that says much the same as the one before it.\n" * 40)
    command = [sys.executable, str(TOOLS / "demo.py"), str(text)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    heads, *rows = [line.split() for line in lines[1 : lines.index("")]][:-1]
    assert heads == ["bytes", "bits/byte", "s", "in", "s", "out"]
    assert {"xz", "nncomp"} <= {row[0] for row in rows}
    for row in rows:
        assert int(row[2]) > 0 and float(row[4]) >= 0 and float(row[5]) >= 0
    typed = shlex.split(lines[-1].replace("FILE", str(text)))
    subprocess.run(typed, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "notes.txt.nnc").stat().st_size < text.stat().st_size


def test_the_readme_shows_how_long_1_gb_takes(tools: None) -> None:
    import gigabyte

    page = gigabyte.README.read_text("utf-8")
    assert gigabyte.show(gigabyte.read(), page) == page


def test_how_long_1_gb_takes(tools: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured anew replaces what there was, and the table is drawn from all of it."""
    import gigabyte

    def run(wanted: list[bench.Compressor], files: list[str], limit: float) -> Any:
        size = Path(files[0]).stat().st_size
        used = [os.environ["NNCOMP_KERNEL"], Path(files[0]).read_bytes()[:1]]
        asked.append((*used, [compressor.name for compressor in wanted]))
        return [bench.Result(c.name, "", size, 1, 0.5, 90.0, 3 << 20, 9) for c in wanted], []

    for folder in ("text", "code", "data", "media"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_bytes(folder[:1].encode() * 600_000)
    (tmp_path / "README").write_text(f"before\n{gigabyte.MARKS[0]}old{gigabyte.MARKS[1]}after\n")
    monkeypatch.setattr(gigabyte, "TABLE", tmp_path / "table.csv")
    monkeypatch.setattr(gigabyte, "README", tmp_path / "README")
    monkeypatch.setattr(bench, "run", run)
    monkeypatch.setattr(bench, "find_peers", lambda names: [bench.Compressor("xz-6", "", "")])
    monkeypatch.setattr(_native, "kernels", lambda: ["avx2", "portable"])
    monkeypatch.setenv("NNCOMP_KERNEL", "")
    words = f"x {tmp_path} --levels 1,5:none --sample 1 --threads 2"
    monkeypatch.setattr(sys, "argv", words.split())
    asked: list[tuple[str, bytes, list[str]]] = []
    gigabyte.main()
    gigabyte.main()
    own = ["nncomp-1", "nncomp-5:none"]
    wanted = [("auto", first, ["xz-6"]) for first in (b"t", b"d", b"m")]
    wanted += [("avx2", first, own) for first in (b"t", b"t", b"d", b"m")]
    assert asked == [*wanted, ("portable", b"t", own)] * 2
    rows = gigabyte.read()
    assert len(rows) == 3 + 5 * 2
    assert [row.size for row in rows[:3]] == [1 << 20, 600_000, 600_000]
    lines = (tmp_path / "README").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after") and "old" not in lines
    assert "| 1 GB of | kernel | threads | -1 | -5 --model none |" in lines
    for kernel, threads in (("AVX2", 1), ("AVX2", 2), ("plain C++", 2)):
        row = f"| text and code | {kernel} | {threads} | 7.9 min / 24 h | 7.9 min / 24 h |"
        assert row in lines
    assert "| memory, at most | | 2 | 3 MiB | 3 MiB |" in lines
    assert "| programs, pictures, sound | 14 min / 42 h |" in lines


def test_what_is_measured_on_a_gpu(tools: None) -> None:
    """Every layout has a network."""
    import gpu_check

    layouts = list(gpu_check.layouts(models.text(100_000)))
    assert len(layouts) == 9
    for layout in layouts:
        assert layout.model is not None and all(layout.blocks) and layout.lanes > 1


def test_figures_table(tools: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import figures

    rows = ["compressor,file,bytes,packed_bytes", "nncomp-1,x/text/a,1000,500"]
    rows += ["xz-9e,x/text/a,1000,600", "zpaq-m5,x/text/a,1000,1", "other,x/text/a,1000,1"]
    rows += ["nncomp-1,x/logs/b,2000,700", "xz-9e,x/logs/b,2000,900"]
    (tmp_path / "a.csv").write_text("\n".join([*rows, ""]))
    figures.table(str(tmp_path / "a.csv"))
    assert capsys.readouterr().out.splitlines() == [
        "| files | bytes | nncomp -1 | xz -9e |",
        "|---|---:|---:|---:|",
        "| text (1) | 1,000 | 500 | 600 |",
        "| logs (1) | 2,000 | 700 | 900 |",
    ]


def test_how_much_of_streams_is_redone(
    tools: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What files say of their streams, and what was found of them."""
    import redone

    text = models.text(9000)
    (tmp_path / "a.png").write_bytes(zlib.compress(text))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("text", text)
    plain, packed = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    for data in (plain, packed, gzip.compress(text)):
        taken, side, held, seconds = redone.redone(data)
        assert held == len(text) and 0 < seconds < 1
        assert taken >= redone.streams_of(data) - 20 > 0 and side < 20
    redone.tell("all", [plain, packed])
    redone.sizes([tmp_path / "b.zip"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("| all | 2 | ") and "| 100.0% | " in said[0]
    assert said[-1].startswith("| all | ") and said[-1].endswith("% |")
