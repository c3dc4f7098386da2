"""``nncomp inspect``: odd lines, where bits are, and the page of it."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
import nncomp
from commandline import Run, Terminal, command, errors
from nncomp import counting
from nncomp.cli import following
from nncomp.insight import shades
from nncomp.insight.lines import HEAD, Line, Lines
from nncomp.insight.map import render as draw
from nncomp.insight.page import render
from nncomp.insight.survey import FORETOLD, KINDS, Survey
from nncomp.options import Options

ROOT = Path(__file__).parent.parent
EVENTS = ("accepted connection from 10.0.{}.{}", "closed session {} after {} s", "cache {}% {}")


def log(lines: int = 600) -> list[str]:
    """Events that recur, with numbers of their own."""
    values = models.noise(3 * lines)
    return [
        f"12:{i // 60 % 60:02}:{i % 60:02} node "
        + EVENTS[values[3 * i] % 3].format(values[3 * i + 1], values[3 * i + 2])
        for i in range(lines)
    ]


def odd_log() -> bytes:
    lines = log()
    lines[400] = lines[400][:14] + "accepted intruder from 10.0.3.4"
    lines[500] += "00000000"
    return "\n".join(lines).encode() + b"\n"


def surveyed(data: bytes, **options: Any) -> Survey:
    survey = Survey()
    for block in counting.read(io.BytesIO(data), Options(model="none", **options)):
        survey.add(block)
    return survey


def test_odd_lines(run: Run) -> None:
    Path("x.log").write_bytes(odd_log())
    found = json.loads(run("inspect", "--lines", "--json", "x.log").stdout)
    assert len(found) == 20 and [e["score"] for e in found] == sorted(
        (e["score"] for e in found), reverse=True
    )
    first, second = (next(e for e in found if e["line"] == n) for n in (401, 501))
    assert found.index(first) < 3 and found.index(second) < 6
    assert first["word"] == "intruder" and first["word_bits"] > 20 > first["word_usual"]
    assert second["text"].endswith(second["word"]) and second["word"].endswith("00000000")
    assert first["offset"] == odd_log().index(first["text"].encode())
    shown = run("inspect", "-L", "-n", "3", input=odd_log()).stdout.decode().splitlines()
    assert shown[0].split() == ["Line", "Score", "Bits", "Usual", "Text"] and len(shown) == 4
    assert any("»intruder«" in line for line in shown)


def test_lines_in_pieces() -> None:
    """However they are cut; the last one needs no end, and a long one is cut."""
    data = odd_log() + b"\n\r\n" + b"x" * (3 * HEAD) + b"\nthe end"
    costs = nncomp.costs(data, model="none")

    def found(size: int) -> list[Line]:
        lines, ended = Lines(), []
        for start in range(0, len(data), size):
            ended += lines.add(data[start : start + size], costs[start : start + size])
        return [*ended, *lines.cut()]

    whole = found(len(data))
    assert found(1000) == whole or [
        (line.number, line.text, line.start, round(line.bits, 6)) for line in found(1000)
    ] == [(line.number, line.text, line.start, round(line.bits, 6)) for line in whole]
    assert {line.number for line in whole} == {*range(1, 601), 603, 604}  # 601, 602: no words
    by_number = {line.number: line for line in whole}
    assert by_number[603].text == b"x" * HEAD and by_number[604].text == b"the end"
    assert by_number[604].offset == len(data) - 7
    assert sum(line.bits for line in whole) == pytest.approx(costs.sum(), rel=0.02)


def entry_of(result: Any) -> Any:
    (entry,) = json.loads(result.stdout)
    return entry


def test_several_files(run: Run) -> None:
    """Each is for itself, and named; what is wrong with one concerns no other."""
    Path("a.log").write_bytes(odd_log())
    Path("b.log").write_bytes(odd_log()[:3000])
    one = run("inspect", "-L", "-n3", "a.log").stdout.decode().splitlines()
    result = run("inspect", "-L", "-n3", "a.log", "no-such", "b.log", status=1)
    assert errors(result) == ["nncomp: no-such: No such file or directory"]
    head, *rows = result.stdout.decode().splitlines()
    assert head.split() == one[0].split() and len(rows) == 6
    assert [row.split() for row in rows[:3]] == [f"a.log:{row.strip()}".split() for row in one[1:]]
    assert [row.split(":")[0].strip() for row in rows] == ["a.log"] * 3 + ["b.log"] * 3
    found = json.loads(run("inspect", "-L", "-n3", "--json", "a.log", "b.log").stdout)
    assert [entry["name"] for entry in found] == ["a.log"] * 3 + ["b.log"] * 3
    alone = json.loads(run("inspect", "-L", "-n3", "--json", "b.log").stdout)
    assert found[3:] == alone
    both = json.loads(run("inspect", "-1", "--json", "a.log", "b.log").stdout)
    assert [entry["name"] for entry in both] == ["a.log", "b.log"]
    assert both[1:] == json.loads(run("inspect", "-1", "--json", "b.log").stdout)
    shown = [run("inspect", "-1", name).stdout for name in ("a.log", "b.log")]
    assert run("inspect", "-1", "a.log", "b.log").stdout == b"\n".join(shown)


def test_reports_of_several_files(run: Run) -> None:
    Path("a").write_bytes(odd_log())
    Path("b").write_bytes(bytes(range(256)) * 3)
    result = run("inspect", "-1", "--output-dir", "d/e", "a", "no-such", "b", status=1)
    assert len(errors(result)) == 1 and sorted(os.listdir("d/e")) == ["a.html", "b.html"]
    assert Path("d/e/b.html").read_bytes() == run("inspect", "-1", "-o", "-", "b").stdout
    run("inspect", "-1", "--png", "--output-dir", "d/e", "a", "b")
    assert sorted(os.listdir("d/e")) == ["a.html", "a.png", "b.html", "b.png"]
    assert "already exists" in errors(run("inspect", "--output-dir", "d/e", "a", status=1))[0]
    Path("a.html").write_bytes(b"text")
    result = run("inspect", "-f", "--output-dir", ".", "a", "a.html", status=1)
    assert errors(result) == ["nncomp: a: its output would overwrite the input a.html"]
    assert Path("a.html").read_bytes() == b"text" and Path("a.html.html").exists()


def test_what_is_no_text(run: Run) -> None:
    Path("x").write_bytes(b"a\0b\n" * 100)
    assert errors(run("inspect", "--lines", "x", status=1)) == [
        "nncomp: x: there are NUL bytes in it, so it is no text; -a takes it as lines"
    ]
    assert json.loads(run("inspect", "-La", "--json", "x").stdout)[0]["word"]
    hostile = b"\x1b[2J\xff\xfe</script>\n" * 50
    shown = run("inspect", "--lines", input=hostile).stdout
    assert b"\x1b" not in shown and rb"\x1b" in shown


def test_nothing(run: Run) -> None:
    Path("empty").write_bytes(b"")
    assert run("inspect", "--lines", "empty").stdout == b""
    assert json.loads(run("inspect", "--lines", "--json", "empty").stdout) == []
    assert run("inspect", "empty").stdout == b"empty: is empty\n"
    assert entry_of(run("inspect", "--json", "empty"))["size"] == 0
    run("inspect", "empty", "-o", "empty.html")
    assert data_of(Path("empty.html").read_text("utf-8"))["curve"] == ""
    run("inspect", "empty", "-o", "empty.png")
    assert (points_of(Path("empty.png").read_bytes()) == BEHIND).all()
    for size in (1, 2, 15, 17):
        run("inspect", "--lines", input=b"\n" * size)
        assert entry_of(run("inspect", "--json", input=b"a" * size))["size"] == size


def test_wrong_usage_and_input(run: Run) -> None:
    Path("x").write_bytes(b"some text\n")
    for words in (
        *(["-L", "-o", "y"], ["-o", "y", "--json"], ["-n", "0"], ["--block-size", "3"]),
        *(["x", "-o", "y"], ["-o", "y", "--output-dir", "d"], ["--png"], ["-", "-"]),
        *(["--output-dir", "d", "-"], ["-F", "y"], ["--output-dir", "-"]),
        *(["-n", "5"], ["-F", "-n", "5"], ["-a"]),
    ):
        run("inspect", "x", *words, status=2)
    Path("y").write_bytes(b"kept")
    Path("d").mkdir()
    packed = nncomp.compress(b"text" * 100)
    for args, said in (
        (["no-such-file"], "nncomp: no-such-file: No such file or directory"),
        (["d"], "nncomp: d: is a directory"),
        (["x", "-o", "y"], "nncomp: y: already exists; use -f to overwrite"),
        (["x", "-fo", "./x"], "nncomp: ./x: the report would overwrite its file"),
        (["-"], "nncomp: (stdin): is compressed: nncomp -dc FILE.nnc | nncomp inspect"),
    ):
        assert errors(run("inspect", *args, input=packed, status=1)) == [said]
    assert Path("y").read_bytes() == b"kept"
    assert "no-such" in errors(run("inspect", "x", "--model", "no-such", status=1))[0]
    run("inspect", "x", "-fo", "y")
    assert Path("y").read_bytes().startswith(b"<!DOCTYPE html>")


def test_view(run: Run) -> None:
    Path("x.txt").write_bytes(models.text(30_000))
    shown = run("inspect", "x.txt").stdout.decode()
    assert shown.startswith("x.txt: 29.3 KiB => ") and "words" in shown and "█" in shown
    entries = entry_of(run("inspect", "--json", "x.txt"))
    assert entries["name"] == "x.txt"
    costs = nncomp.costs(models.text(30_000))
    assert entries["bits"] == pytest.approx(costs.sum(), abs=0.01)
    assert sum(kind["bytes"] for kind in entries["kinds"].values()) == 30_000
    assert sum(part["bits"] for part in entries["parts"]) == pytest.approx(costs.sum(), abs=0.1)
    assert "Said before" in shown and "match, right" in shown
    (block,) = entries["blocks"]
    assert (block["offset"], block["size"]) == (0, 30_000) and isinstance(block["network"], bool)


def test_survey() -> None:
    """Sums are what they are of, whatever the blocks."""
    data = odd_log() + b"<a href='x'>12</a>" + models.noise(3000) + bytes(70_000)
    for options in ({}, {"block_size": 1 << 14}):
        survey = surveyed(data, **options)
        assert survey.size == len(data) == survey.bytes_of.sum() and survey.head == data
        assert survey.bits_of.sum() == pytest.approx(survey.bits, rel=1e-5)
        sizes = np.diff([*range(0, len(data), survey.step), len(data)])
        assert (survey.curve * sizes).sum() == pytest.approx(survey.bits, rel=1e-5)
        assert [p.bits for p in survey.passages] == sorted(
            (p.bits for p in survey.passages), reverse=True
        )
        assert all(data[p.offset : p.offset + len(p.content)] == p.content for p in survey.passages)
        assert sum(block.size for block in survey.blocks) == len(data)
    text = surveyed(b"word 12, <b>word</b>\n")
    assert [*text.bytes_of] == [8, 2, 3, 1, 7, 0, 0] and len(KINDS) == 7
    repeats = surveyed(b"say it again\n" * 2000)
    assert repeats.bytes_of[KINDS.index("repeats")] > 20_000


def test_what_parts_bring() -> None:
    """Sums of ``costs``, wherever anything is predicted; the network's where it was asked."""
    data = models.text(1 << 15) * 2 + models.noise(1 << 16)
    survey = Survey()
    options = Options(model=models.tiny(), block_size=1 << 16)
    for block in counting.read(io.BytesIO(data), options, parts=True):
        survey.add(block)
    split = nncomp.costs(data[: 1 << 16], model=models.tiny(), split=True)
    assert [block.mixing for block in survey.blocks] == ["general", "stored"]
    assert split.network is not None
    parts = survey.parts
    assert [part.said for part in parts] == [*FORETOLD] and sum(p.size for p in parts) == 1 << 16
    assert sum(part.bits for part in parts) == pytest.approx(split.final.sum())
    assert sum(part.bits_of_stage for part in parts) == pytest.approx(split.stage.sum())
    network = [part.bits_of_network for part in parts if part.bits_of_network is not None]
    assert sum(network) == pytest.approx(split.network.sum())
    assert parts[2].bits / parts[2].size < 0.2 < parts[0].bits / parts[0].size
    survey.add(next(counting.read(io.BytesIO(data), Options(model="none"), parts=True)))
    assert {part.bits_of_network for part in survey.parts} == {None}
    assert Survey().parts == [] == surveyed(data).parts
    assert data_of(render("x", survey, "0").decode())["parts"][0][4] is None


@pytest.mark.slow
def test_what_parts_bring_in_a_large_block() -> None:
    """The stage alone reads no more of it than shows that; costs are of all."""
    model, size = models.chain_model("own", 7), (1 << 20) + 100_000
    data = models.chained(size)
    (block,) = counting.read(io.BytesIO(data), Options(level=6, model=model), parts=True)
    assert block.network and block.parts is not None and block.parts.network is not None
    shapes = {(len(a)) for a in (block.parts.network, block.parts.stage, block.parts.foretold)}
    assert shapes == {1 << 20} and len(block.costs) == size
    survey = Survey()
    survey.add(block)
    assert sum(part.size for part in survey.parts) == 1 << 20 < survey.size == size
    bits = float(block.costs[: 1 << 20].sum(dtype=np.uint64)) * counting.UNIT
    assert sum(part.bits for part in survey.parts) == pytest.approx(bits)
    split = nncomp.costs(data[: 3 << 19], 6, model=model, split=True)
    assert split.network is not None and len(split.stage) == len(split.network) == size


def data_of(page: str) -> Any:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_page() -> None:
    survey = surveyed(models.text(5000) + b"</script><script>alert(1)</script>")
    page = render("</script><b>name", survey, "0").decode()
    data = data_of(page)
    assert data["name"] == "</script><b>name" and data["size"] == survey.size
    assert base64.b64decode(data["text"]) == survey.head and len(data["costs"]) == survey.size
    assert not re.search(r"https?:|src=|@import|url\(", page) and "alert" not in page


BEHIND = 6  # the colour of what is behind the last byte


def points_of(picture: bytes) -> Any:
    """The indexes into the colours: (height, 256)."""
    chunks, at = {}, 8
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(picture):
        (size,) = struct.unpack_from(">I", picture, at)
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", picture, at + 8 + size) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        at += size + 12
    assert [*chunks] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, *how = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, how) == (256, [4, 3, 0, 0, 0]) and len(chunks[b"PLTE"]) == 7 * 3
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 129)
    assert not rows[:, 0].any()
    return np.stack([rows[:, 1:] >> 4, rows[:, 1:] & 15], axis=2).reshape(height, 256)


def test_map(run: Run) -> None:
    """A point for each byte, in the colours of the page; the same from every way to ask for it."""
    data = bytes(1000) + models.noise(1000) + b"a"
    Path("x").write_bytes(data)
    run("inspect", "x", "-o", "x.PNG", "-1")
    picture = Path("x.PNG").read_bytes()
    assert run("inspect", "--png", "-o", "-", "-1", input=data).stdout == picture
    points = points_of(picture)
    assert points.shape == (8, 256) and (points.reshape(-1)[len(data) :] == BEHIND).all()
    costs = nncomp.costs(data, 1)
    expected = np.minimum(np.floor(np.log2(1 + costs) * shades.PER_DOUBLING), 5)
    assert np.array_equal(points.reshape(-1)[: len(data)], expected)
    assert points[0].sum() < 20 and points[5].mean() > 3
    data_and = data_of(render("x", surveyed(data), "0").decode())
    assert data_and["shades"] == [*shades.OPACITIES] and len(shades.colours()) == BEHIND
    assert shades.colours()[0] == shades.PAPER


def test_map_of_a_large_file() -> None:
    """A point is of as many bytes as it has to be."""
    data = models.noise(1 << 16) * 16 + bytes((1 << 20) + 1)
    survey = surveyed(data, level=1)
    assert survey.point == 4 and len(survey.points) == (1 << 19) + 1
    points = points_of(draw(survey))
    assert points.shape == (2049, 256) and points[:16].mean() > 3 > 0.1 > points[1100:2048].mean()
    assert survey.curve.sum() * survey.step == pytest.approx(survey.bits, rel=1e-4)


def test_map_to_a_terminal(run: Run, terminal: Terminal) -> None:
    Path("x").write_bytes(b"text")
    result = run("inspect", "--png", "-o", "-", "x", status=1, stdout=terminal.slave)
    assert errors(result) == [
        "nncomp: x: a picture is not written to a terminal; use -f to force it"
    ]
    run("inspect", "-f", "--png", "-o", "-", "x", stdout=terminal.slave)
    assert "PNG" in terminal.text()


def test_page_of_a_large_file() -> None:
    """Its size is bounded, and so is what the survey holds."""
    data = models.noise(1 << 16) * 80
    survey = surveyed(data, level=1)
    assert len(render("x", survey, "0")) < 2_600_000 and len(survey.curve) <= 8192
    assert survey.head == data[: 1 << 20] and len(survey.passages) == 20


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no browser")
def test_in_a_browser(run: Run) -> None:
    """It runs without an error, and shows what there is."""
    Path("x.log").write_bytes(odd_log())
    run("inspect", "x.log", "-o", "x.html")
    words = "chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr --dump-dom"
    url = Path("x.html").resolve().as_uri()
    result = subprocess.run([*words.split(), url], capture_output=True, check=True, timeout=100)
    assert b"CONSOLE" not in result.stderr
    shown = result.stdout.decode()
    assert "x.log" in shown and f"{len(odd_log()):,} bytes take" in shown
    text = re.findall(r'<pre id="text".*?</pre>', shown, re.S)[0]
    assert re.sub("<[^>]*>", "", text)[:2000] == odd_log().decode()[:2000]


# ---- a growing file ----


@pytest.fixture
def follow(run: Run) -> Iterator[Callable[..., Followed]]:
    """Starts following, where ``run`` does; ends all that was started."""
    begun: list[Followed] = []

    def start(*args: str) -> Followed:
        begun.append(Followed(*args))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


class Followed:
    """``nncomp inspect --follow`` at work, and what it has printed."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            command("inspect", *args),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def said(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def append(name: str, data: bytes) -> None:
    with open(name, "ab") as file:
        file.write(data)


def test_following(follow: Callable[..., Followed]) -> None:
    """Each line once it is complete, and of what was there nothing; another file, a shorter one."""
    before = "\n".join(log()).encode() + b"\n"
    Path("x.log").write_bytes(before)
    one = follow("-f", "x.log")
    assert one.line().split() == ["Line", "Score", "Bits", "Usual", "Text"]
    append(
        "x.log", b"12:01:01 node accepted connection from 10.0.3.4\n12:01:02 node accepted intru"
    )
    assert one.line().split()[0] == "601"
    append("x.log", b"der from 10.0.3.4\n")
    number, score, *_ = found = one.line().split()
    assert number == "602" and float(score) > 5 and "»intruder«" in found
    os.replace("x.log", "old.log")
    assert one.said().startswith("nncomp: x.log: cannot be read any more")
    os.mkfifo("fifo")
    os.replace("fifo", "x.log")  # which nobody writes to: it is not waited for
    Path("next").write_bytes(b"12:01:03 node closed session 3 after 4 s\n")
    time.sleep(1)  # it looks at the name meanwhile
    os.replace("next", "x.log")
    assert one.said() == "nncomp: x.log: has been replaced; following the new file\n"
    assert one.line().split()[0] == "1"
    Path("x.log").write_bytes(b"12:01\n")
    assert one.said() == "nncomp: x.log: has become shorter; reading it from its beginning\n"
    assert one.line().split()[0] == "1"
    assert one.end() == -signal.SIGINT


def test_following_ends_when_nobody_reads(follow: Callable[..., Followed]) -> None:
    """Even if nothing comes: as tail -f does"""
    Path("x.log").write_bytes(b"a line\n")
    one = follow("-F", "x.log")
    one.line()
    assert one.process.stdout is not None
    one.process.stdout.close()
    assert one.process.wait(60) == -signal.SIGPIPE


def test_what_is_appended_before_a_file_is_replaced_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(tmp_path / "x.log")
    append(name, b"old\n")
    with open(name, "rb") as source:
        pieces = following.Tail(name, source, lambda count: None).pieces()
        assert next(pieces) == b"old\n"
        append(name, b"last\n")
        os.replace(name, tmp_path / "old.log")
        append(name, b"new\n")
        monkeypatch.setattr(following.rawio, "read", _nothing_once(following.rawio.read))
        assert [next(pieces) for _ in range(3)] == [b"last\n", None, b"new\n"]
        pieces.close()


def _nothing_once(read: Callable[..., bytes]) -> Callable[..., bytes]:
    """It returns nothing the first time: as if what is there had been appended after that."""
    first = [b""]
    return lambda *args: first.pop() if first else read(*args)


def test_lines_have_the_places_that_they_have_in_the_file() -> None:
    lines = Lines()
    lines.skip(100, 7)
    first, second = lines.add(b"one\nanother\nthe", np.ones(15))
    assert (first.number, first.offset, second.number, second.offset) == (8, 100, 9, 104)
    (cut,) = lines.restart()
    assert (cut.number, cut.offset) == (10, 112)
    (line,) = lines.add(b"of another file\n", np.ones(16))
    assert (line.number, line.offset) == (1, 0)


def test_a_long_line_keeps_its_head_alone() -> None:
    lines, piece = Lines(), b"x" * (1 << 20)
    tracemalloc.start()
    try:
        for _ in range(5):
            assert not list(lines.add(piece, np.ones(len(piece))))
        assert tracemalloc.get_traced_memory()[0] < 1 << 20  # 8 MiB a piece, if all is kept
    finally:
        tracemalloc.stop()


def test_following_costs_what_reading_does(run: Run) -> None:
    """A pipe ends, and its lines have what they have in one piece."""
    data = odd_log()
    piped = run("inspect", "--follow", "--json", input=data).stdout
    found = [json.loads(line) for line in piped.splitlines()]
    costs = counting.Growing(Options(model="none"), b"").add(data) * counting.UNIT
    lines = Lines()
    kept = [*lines.add(data, costs), *lines.cut()]
    assert [entry["line"] for entry in found] == [line.number for line in kept]
    assert [entry["bits"] for entry in found] == [round(line.bits, 2) for line in kept]
    least = run("inspect", "-F", "--json", "--least", "8", input=data).stdout.splitlines()
    assert [json.loads(line) for line in least] == [e for e in found if e["score"] >= 8]
    assert len(least) < 5
    listed = json.loads(run("inspect", "-L", "--least", "8", "--json", input=data).stdout)
    assert 0 < len(listed) < 5 and min(entry["score"] for entry in listed) >= 8
    assert run("inspect", "-F", input=b"").stdout.count(b"\n") == 1
    assert run("inspect", "-F", "--json", input=b"no end").stdout.count(b"\n") == 1


def test_growing() -> None:
    """Pieces of any size; and blocks, of which each begins with the end of the one before."""
    data = models.text(200_000)
    options = Options(level=1, block_size=1 << 16)
    whole = counting.Growing(options, data[:5000]).add(data)
    growing, at, found = counting.Growing(options, data[:5000]), 0, []
    for size in (1, 0, 70_000, 10, 65_000, 64_989):
        found.append(growing.add(data[at : at + size]))
        at += size
    assert at == len(data) and np.array_equal(np.concatenate(found), whole)
    second = whole[(1 << 16) - 1 :][:2000].sum()
    assert second < whole[:2000].sum() and whole.shape == (len(data),)


def test_what_cannot_be_followed(run: Run) -> None:
    Path("x").write_bytes(b"a\0b\n")
    Path("x.nnc").write_bytes(nncomp.compress(b"text"))
    for args, said in (
        (["no-such"], "nncomp: no-such: No such file or directory"),
        (["."], "nncomp: .: is a directory"),
        (["x"], "nncomp: x: there are NUL bytes in it, so it is no text; -a takes it as lines"),
        (["x.nnc"], "nncomp: x.nnc: is compressed: nncomp -dc FILE.nnc | nncomp inspect"),
    ):
        assert errors(run("inspect", "-f", *args, status=1)) == [said]
    for args in (["-F", "-o", "y"], ["-F", "--model", "nano-1"], ["--least", "3"]):
        run("inspect", *args, status=2)
