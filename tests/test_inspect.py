"""``nncomp inspect``: odd lines, where bits are, and the page of it."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
import nncomp
from commandline import Run, errors
from nncomp import counting
from nncomp.insight.lines import HEAD, Line, Lines
from nncomp.insight.page import render
from nncomp.insight.survey import KINDS, Survey
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
        lines = Lines(10_000)
        for start in range(0, len(data), size):
            lines.add(data[start : start + size], costs[start : start + size])
        return lines.end()

    whole = found(len(data))
    assert found(1000) == whole or [
        (line.number, line.text, line.start, round(line.bits, 6)) for line in found(1000)
    ] == [(line.number, line.text, line.start, round(line.bits, 6)) for line in whole]
    assert {line.number for line in whole} == {*range(1, 601), 603, 604}  # 601, 602: no words
    by_number = {line.number: line for line in whole}
    assert by_number[603].text == b"x" * HEAD and by_number[604].text == b"the end"
    assert by_number[604].offset == len(data) - 7
    assert sum(line.bits for line in whole) == pytest.approx(costs.sum(), rel=0.02)


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
    assert json.loads(run("inspect", "--json", "empty").stdout)["size"] == 0
    run("inspect", "empty", "-o", "empty.html")
    assert data_of(Path("empty.html").read_text("utf-8"))["curve"] == ""
    for size in (1, 2, 15, 17):
        run("inspect", "--lines", input=b"\n" * size)
        assert json.loads(run("inspect", "--json", input=b"a" * size).stdout)["size"] == size


def test_wrong_usage_and_input(run: Run) -> None:
    Path("x").write_bytes(b"some text\n")
    for words in (["-L", "-o", "y"], ["-o", "y", "--json"], ["-n", "0"], ["--block-size", "3"]):
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
    entries = json.loads(run("inspect", "--json", "x.txt").stdout)
    costs = nncomp.costs(models.text(30_000))
    assert entries["bits"] == pytest.approx(costs.sum(), abs=0.01)
    assert sum(kind["bytes"] for kind in entries["kinds"].values()) == 30_000
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
