"""``nncomp cat``: ranges of a file's content, from the blocks that they are in and no others."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from commandline import Run, errors
from conftest import examples
from nncomp import compress, container
from nncomp.cli.lines import lines
from nncomp.errors import MemoryLimitError

BLOCK = 1 << 10
LINES = [b"%d %s\n" % (i, bytes(97 + (i * k) % 26 for k in range(i % 60))) for i in range(300)]
CONTENT = b"".join(LINES) + b"no end"
ALL = [*LINES, b"no end"]
# Two frames, and blocks that copy from none.
FILE = compress(CONTENT[:5000], model="none", block_size=BLOCK, reach=0) + compress(
    CONTENT[5000:], model="none", block_size=BLOCK, reach=0
)
BLOCKS = [
    entry for frame in container.read_index(io.BytesIO(FILE), 1 << 30) for entry in frame.entries
]
STARTS = [sum(entry.content_size for entry in BLOCKS[:i]) for i in range(len(BLOCKS) + 1)]


def read_as(text: str) -> slice:
    """The slice that Python makes of it."""
    start, stop = (int(n) if n else None for n in text.split(":"))
    return slice(start, stop)


def cat(run: Run, option: str, wanted: str, file: bytes = FILE) -> bytes:
    Path("a.nnc").write_bytes(file)
    stdout = run("cat", option, wanted, "a.nnc").stdout
    assert isinstance(stdout, bytes)
    return stdout


RANGES = [":", "0:10", "1000:1100", "1023:1025", "4990:", ":-1", "-10:", "-2000:-1000", "7:3"]


@pytest.mark.parametrize("wanted", [*RANGES, "5:99999", "-99999:5", "99999:"])
def test_bytes(run: Run, wanted: str) -> None:
    assert cat(run, "--bytes", wanted) == CONTENT[read_as(wanted)]


@pytest.mark.parametrize(
    "wanted", [*RANGES, "3:7", "250:260", "3:-3", "-20:290", "-301:", "-302:2", "-1:", "300:-5"]
)
def test_lines(run: Run, wanted: str) -> None:
    assert cat(run, "--lines", wanted) == b"".join(ALL[read_as(wanted)])


@pytest.mark.parametrize("wanted", [":", "0:1", "3:5", "-1:", "-3:-1", "4:6", "5:2", "50:"])
def test_blocks(run: Run, wanted: str) -> None:
    contents = [CONTENT[a:b] for a, b in itertools.pairwise(STARTS)]
    assert cat(run, "--blocks", wanted) == b"".join(contents[read_as(wanted)])


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n", b"a", b"a\n", b"a\nb"])
@pytest.mark.parametrize("wanted", [":", "0:1", "1:", "-1:", ":-1", "-2:-1"])
def test_lines_of_little(run: Run, content: bytes, wanted: str) -> None:
    every = content.splitlines(keepends=True)
    assert cat(run, "--lines", wanted, compress(content)) == b"".join(every[read_as(wanted)])


def only(*numbers: int) -> bytes:
    """The file, of whose blocks all others are zeros: whoever reads one, says so."""
    file = bytearray(FILE)
    for i, entry in enumerate(BLOCKS):
        if i not in numbers:
            # Its check is the beginning of what the next block's covers.
            file[entry.offset : entry.offset + entry.stored_size - 4] = bytes(entry.stored_size - 4)
    return bytes(file)


@pytest.mark.parametrize(
    ("option", "wanted", "needed"),
    [
        ("--bytes", "2100:2200", [2]),
        ("--bytes", "2048:3072", [2]),
        ("--bytes", "2047:3073", [1, 2, 3]),
        ("--bytes", "-3:", [-1]),
        ("--blocks", "6:7", [6]),
        ("--lines", "0:3", [0]),
        ("--lines", "-2:", [-1]),
        ("--lines", "-2:-1", [-1]),
    ],
)
def test_other_blocks_are_not_read(run: Run, option: str, wanted: str, needed: list[int]) -> None:
    file = only(*(i % len(BLOCKS) for i in needed))
    assert cat(run, option, wanted, file) == cat(run, option, wanted)


def test_sources_are_read(run: Run) -> None:
    """Of what a block copies."""
    noise = models.noise(10_000)
    content = noise + 5 * CONTENT + noise
    file = compress(content, model="none", block_size=1 << 14)
    assert len(file) < 1.8 * len(noise)
    assert cat(run, "--bytes", "-9000:-100", file) == content[-9000:-100]


def test_without_a_range(run: Run) -> None:
    Path("a.nnc").write_bytes(FILE)
    assert run("cat", "a.nnc", "a.nnc").stdout == 2 * CONTENT
    assert run("cat", input=FILE).stdout == CONTENT


def test_several_files(run: Run) -> None:
    for name in "ac":
        Path(f"{name}.nnc").write_bytes(FILE)
    result = run("cat", "--bytes", ":3", "a.nnc", "b.nnc", "c.nnc", status=1)
    assert result.stdout == 2 * CONTENT[:3]
    assert errors(result) == ["nncomp: b.nnc: No such file or directory"]


def test_damage(run: Run) -> None:
    """What comes before it is written."""
    Path("a.nnc").write_bytes(only(0, 1, 3))
    result = run("cat", "--bytes", "100:3000", "a.nnc", "-T1", status=1)
    assert result.stdout == CONTENT[100:2048]
    assert len(errors(result)) == 1


def test_the_output_is_no_input(run: Run) -> None:
    Path("a.nnc").write_bytes(FILE)
    for words in (["a.nnc"], ["a.nnc", "--bytes", ":3"]):
        with open("a.nnc", "ab") as output:
            result = run("cat", *words, stdout=output, status=1)
        assert errors(result) == ["nncomp: a.nnc: input and output are the same file"]
    assert Path("a.nnc").read_bytes() == FILE


def test_names_like_options(run: Run) -> None:
    """Behind --, nothing is an option."""
    for name in ("--lines", "b.nnc"):
        Path(name).write_bytes(FILE)
    assert run("cat", "--", "--lines", "b.nnc").stdout == 2 * CONTENT
    assert run("cat", "--bytes", ":3", "--", "--lines", "b.nnc").stdout == 2 * CONTENT[:3]


def test_a_range_is_no_json(run: Run) -> None:
    result = run("cat", "--lines", ":1", "--json", "a.nnc", status=2)
    assert b"--json goes with test and list" in result.stderr


def test_a_pipe_cannot_seek(run: Run) -> None:
    result = run("cat", "--bytes", ":3", input=FILE, status=1, process=True)
    assert errors(result) == ["nncomp: (stdin): is not a file that can seek, which a range needs"]


@pytest.mark.parametrize(
    "words", [["--bytes", "3"], ["--bytes", "a:b"], ["--bytes", ":1", "--lines", ":1"]]
)
def test_wrong_usage(run: Run, words: list[str]) -> None:
    assert re.search(b"range|exclude", run("cat", *words, "a.nnc", status=2).stderr)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"bc\n", b"\n", b"d\n\ne"]), max_size=9),
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-9, 9),
)
def test_lines_of_parts(parts: list[bytes], start: int | None, stop: int | None) -> None:
    """However the content is cut."""
    text, starts = b"".join(parts), [0, *itertools.accumulate(map(len, parts))]
    wanted = slice(start, stop)
    found = lines(lambda a, b: [text[a:b]], starts, wanted, 1000)
    assert b"".join(found) == b"".join(io.BytesIO(text).readlines()[wanted])


def test_lines_are_not_held() -> None:
    """One line may be larger than the memory; the last ones may take what there is."""
    blocks = [b"x" * 1000] * 1000 + [b"a\nb\n"]
    starts = [0, *itertools.accumulate(map(len, blocks))]

    def content(start: int, stop: int) -> Iterator[bytes]:
        for block, place in zip(blocks, starts, strict=False):
            if start <= place < stop:
                yield block[: stop - place]

    for wanted, size in ((slice(0, 1), 1_000_002), (slice(0, -1), 1_000_002), (slice(1, None), 2)):
        parts = [*lines(content, starts, wanted, 2000)]
        assert sum(map(len, parts)) == size and max(map(len, parts)) <= 1000
    assert b"".join(lines(content, starts, slice(-1, None), 2000)) == b"b\n"
    with pytest.raises(MemoryLimitError, match="lines need more"):
        list(lines(content, starts, slice(-2, None), 2000))


def test_from_where_the_input_stands(run: Run) -> None:
    Path("two.nnc").write_bytes(compress(b"first") + FILE)
    with Path("two.nnc").open("rb", buffering=0) as file:
        file.seek(len(compress(b"first")))
        assert run("cat", "--bytes", "1000:1100", stdin=file).stdout == CONTENT[1000:1100]
