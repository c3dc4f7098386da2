"""``--keep-going``: what is whole of a damaged file, and what is missing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import models
from commandline import Run, errors
from nncomp import compress, container

BLOCK = 1 << 12
CONTENT = models.text(9 * BLOCK + 100)
HALF = 5 * BLOCK
FILE = b"".join(
    compress(part, model="none", block_size=BLOCK, reach=0)
    for part in (CONTENT[:HALF], CONTENT[HALF:])
)
BLOCKS = [
    entry for frame in container.read_index(io.BytesIO(FILE), 1 << 30) for entry in frame.entries
]


def damaged(*places: int, data: bytes = FILE) -> bytes:
    file = bytearray(data)
    for place in places:
        file[place] ^= 1
    return bytes(file)


def inside(number: int) -> int:
    """A place in a block's payload."""
    return BLOCKS[number].offset + BLOCKS[number].stored_size - 20


def rescued(run: Run, file: bytes, *options: str, status: int = 1) -> tuple[bytes, list[str]]:
    """What is written, and what is said to be missing."""
    Path("a.nnc").write_bytes(file)
    result = run("decompress", "--keep-going", "-f", *options, "a.nnc", status=status)
    said = [line for line in errors(result) if "missing" in line]
    return Path("a").read_bytes(), [line.split(": ")[2] for line in said]


def without(*gaps: tuple[int, int]) -> bytes:
    content = bytearray(CONTENT)
    for start, stop in reversed(gaps):
        del content[start:stop]
    return bytes(content)


def test_a_whole_file(run: Run) -> None:
    assert rescued(run, FILE, status=0) == (CONTENT, [])


@pytest.mark.parametrize("number", [0, 2, 4, 5, 9])
def test_a_block(run: Run, number: int) -> None:
    start, stop = number * BLOCK, min((number + 1) * BLOCK, len(CONTENT))
    found = rescued(run, damaged(inside(number)))
    assert found == (without((start, stop)), [f"bytes {start} to {stop - 1} are missing"])


def test_zeros(run: Run) -> None:
    content, said = rescued(run, damaged(inside(3)), "--zeros")
    assert content == CONTENT[: 3 * BLOCK] + bytes(BLOCK) + CONTENT[4 * BLOCK :]
    assert len(said) == 1


def test_several_blocks(run: Run) -> None:
    found = rescued(run, damaged(inside(1), inside(2), inside(7)))
    gaps = (BLOCK, 3 * BLOCK), (7 * BLOCK, 8 * BLOCK)
    assert found == (without(*gaps), [f"bytes {a} to {b - 1} are missing" for a, b in gaps])


def test_the_end_is_cut_off(run: Run) -> None:
    file = damaged(inside(2), data=FILE[: inside(8)])
    content, said = rescued(run, file)
    assert content == without((2 * BLOCK, 3 * BLOCK), (8 * BLOCK, len(CONTENT)))
    assert said == [
        f"bytes {2 * BLOCK} to {3 * BLOCK - 1} are missing",
        f"bytes {8 * BLOCK} to the end are missing",
    ]


@pytest.mark.parametrize("instead", [b"", b"xx"])
def test_bytes_are_lost_or_slip_in(run: Run, instead: bytes) -> None:
    """What comes behind them is not looked for, as docs/trust.md says."""
    file = FILE[: inside(3)] + instead + FILE[inside(3) + 1 :]
    content, said = rescued(run, file)
    assert content == CONTENT[: 3 * BLOCK] and said[-1].endswith("to the end are missing")


def test_the_head_of_a_frame_is_damaged(run: Run) -> None:
    second = len(compress(CONTENT[:HALF], model="none", block_size=BLOCK, reach=0))
    for head, whole in ((0, 0), (second, HALF)):
        content, said = rescued(run, damaged(head + 3))
        assert content == CONTENT[:whole] and said == [f"bytes {whole} to the end are missing"]


def test_the_index_is_damaged(run: Run) -> None:
    content, said = rescued(run, damaged(len(FILE) - 8))
    assert content == CONTENT
    assert said == [f"bytes {len(CONTENT)} to the end are missing"]


def test_a_source_is_damaged(run: Run) -> None:
    """What copies from it is lost, too, and nothing else."""
    noise = models.noise(BLOCK)
    content = noise + CONTENT[:BLOCK] + noise + CONTENT[BLOCK : 2 * BLOCK]
    file = compress(content, model="none", block_size=BLOCK)
    found, said = rescued(run, damaged(100, data=file))
    assert found == CONTENT[: 2 * BLOCK]
    assert len(said) == 2


def test_the_block_with_the_model_is_damaged(run: Run, tmp_path: Path) -> None:
    """Its model is found all the same."""
    file = compress(CONTENT, 3, block_size=BLOCK, reach=0)
    frame = container.read_index(io.BytesIO(file), 1 << 30)[0]
    first = frame.entries[0]
    found, said = rescued(run, damaged(first.offset + first.stored_size - 20, data=file))
    assert found == CONTENT[BLOCK:] and len(said) == 1


def test_nothing_is_left(run: Run) -> None:
    content, said = rescued(run, bytes(1000))
    assert content == b"" and said == ["bytes 0 to the end are missing"]


def test_every_byte(run: Run) -> None:
    """Wherever it is damaged, what is written is a part of the content, block by block."""
    from nncomp.options import Options
    from nncomp.rescue import rescue

    blocks = [CONTENT[i : i + BLOCK] for i in range(0, 3 * BLOCK, BLOCK)]
    file = compress(b"".join(blocks), model="none", block_size=BLOCK, reach=0)
    for place in range(0, len(file), 37):
        out = io.BytesIO()
        _, gaps = rescue(io.BytesIO(damaged(place, data=file)), out, Options())
        kept = out.getvalue()
        assert gaps
        for block in blocks:
            kept = kept.removeprefix(block)
        assert kept == b""


def test_wrong_usage(run: Run) -> None:
    for words in (["--keep-going"], ["-d", "--keep-going", "--rm"], ["-d", "--zeros"]):
        assert b"keep-going" in run(*words, "a.nnc", status=2).stderr


def test_a_pipe_cannot_seek(run: Run) -> None:
    result = run("decompress", "--keep-going", input=FILE, status=1, process=True)
    assert "can seek, which --keep-going needs" in errors(result)[0]
