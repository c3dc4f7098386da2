"""``--keep-going``: what is whole of a damaged file, and what is missing."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import Any

import pytest

import models
from commandline import Run, errors
from conftest import Counted
from nncomp import Prime, compress, container, resolve, varint
from nncomp.model import Model
from nncomp.options import Options
from nncomp.rescue import rescue

BLOCK = 1 << 12
CONTENT = models.text(9 * BLOCK + 100)
HALF = 5 * BLOCK
NOISE = models.noise(2 << 10)
BOOK = Path(__file__).with_name("data").joinpath("book.md").read_bytes()[: 3 << 10]
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
    Path("a").write_bytes(b"as it was")
    result = run("decompress", "--keep-going", "-f", *options, "a.nnc", status=status)
    said = [line for line in errors(result) if "missing" in line]
    return Path("a").read_bytes(), [line.split(": ")[2] for line in said]


def without(*gaps: tuple[int, int]) -> bytes:
    content = bytearray(CONTENT)
    for start, stop in reversed(gaps):
        del content[start:stop]
    return bytes(content)


def entries_of(file: bytes) -> tuple[container.IndexEntry, ...]:
    """The blocks of a file of one frame."""
    return container.read_index(io.BytesIO(file), 1 << 30)[0].entries


def rescued_by(file: bytes) -> tuple[bytes, list[tuple[int, int | None]]]:
    """What is rescued, and the ranges that are missing."""
    out = io.BytesIO()
    found = rescue(io.BytesIO(file), out, Options())
    return out.getvalue(), [(gap.start, gap.stop) for gap in found.gaps]


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


def test_what_is_cut_off_ends_as_if_with_a_large_index(run: Run) -> None:
    """A file that ends anywhere may end in bytes that say that there are millions of blocks."""
    content, said = rescued(run, FILE[: inside(8)] + bytes.fromhex("40808080") + bytes(4))
    assert content == CONTENT[: 8 * BLOCK]
    assert said == [f"bytes {8 * BLOCK} to the end are missing"]


@pytest.mark.parametrize("instead", [b"", b"xx"])
def test_bytes_are_lost_or_slip_in(run: Run, instead: bytes) -> None:
    """What comes behind them in their frame is not looked for, as docs/trust.md says."""
    file = FILE[: inside(3)] + instead + FILE[inside(3) + 1 :]
    content, said = rescued(run, file)
    assert content == CONTENT[: 3 * BLOCK] + CONTENT[HALF:]
    assert said[-1].startswith("bytes are missing in front of byte ")


def test_the_head_of_a_frame_is_damaged(run: Run) -> None:
    """What it begins with is known; what its methods are is not, and no other frame minds."""
    second = len(compress(CONTENT[:HALF], model="none", block_size=BLOCK, reach=0))
    for head in (0, second):
        assert rescued(run, damaged(head + 3)) == (CONTENT, [])
        assert f"the head of the frame at byte {head} is read as it has" in errors_of(run)
    for place, left in ((6, CONTENT[HALF:]), (second + 6, CONTENT[:HALF])):
        content, said = rescued(run, damaged(place))
        assert content == left and len(said) == 1 and said[0].startswith("bytes are missing")
    content, said = rescued(run, damaged(second + 3, len(FILE) - 2))
    assert content == CONTENT[:HALF] and said == [f"bytes {HALF} to the end are missing"]


def errors_of(run: Run, *options: str) -> str:
    return "\n".join(errors(run("decompress", "--keep-going", "-f", *options, "a.nnc", status=1)))


PRIME = Prime(models.text(2000, 7))
RECORDS = [models.text(150 + i, i + 1) for i in range(9)]
SMALL = [compress(record, 1, prime=PRIME) for record in RECORDS]


def of_records(run: Run, file: bytes, *options: str, status: int = 1) -> tuple[bytes, list[str]]:
    Path("prime").write_bytes(PRIME.data)
    return rescued(run, file, "--prime", "prime", *options, status=status)


def place_of(number: int) -> int:
    """Where a small frame begins."""
    return len(b"".join(SMALL[:number]))


@pytest.mark.parametrize("number", [0, 4, 8])
def test_a_digest_is_damaged(run: Run, number: int) -> None:
    """The prime that is given is tried, and checks say that it was right."""
    file = b"".join(SMALL)
    assert of_records(run, file, status=0) == (b"".join(RECORDS), [])
    assert of_records(run, damaged(place_of(number) + 6, data=file)) == (b"".join(RECORDS), [])
    said = errors_of(run, "--prime", "prime")
    assert "it was written with another prime: " in said and "; it was right" in said
    large = compress(CONTENT, 1, prime=PRIME, block_size=BLOCK, reach=0)
    assert of_records(run, damaged(9 + number, data=large)) == (CONTENT, [])


def test_another_prime_is_given(run: Run) -> None:
    """Nothing that comes out with it is taken for the content."""
    for content in (RECORDS[0], CONTENT):
        Path("a.nnc").write_bytes(compress(content, 1, prime=PRIME, block_size=BLOCK))
        Path("prime").write_bytes(PRIME.data + b"!")
        assert "it was written with another prime: " in errors_of(run, "--prime", "prime")
        assert "needs it: use --prime" in errors_of(run)
        assert not Path("a").exists()
    noise = models.noise(BLOCK)  # is stored
    Path("a.nnc").write_bytes(compress(CONTENT[:BLOCK] + noise, 1, prime=PRIME, block_size=BLOCK))
    assert "it was right" not in errors_of(run, "--prime", "prime")
    assert Path("a").read_bytes() == noise
    Path("a").unlink()
    plain = compress(CONTENT, 1)
    Path("a.nnc").write_bytes(compress(RECORDS[0], 1, prime=PRIME) + plain)
    for options in ([], ["--prime", "prime"]):
        assert " are missing: " in errors_of(run, *options)
        assert Path("a").read_bytes() == CONTENT
        Path("a").unlink()


def test_small_frames_are_damaged(run: Run) -> None:
    """Their first bytes, their method, a size, an end; two of them; and what is cut off."""
    file, whole = b"".join(SMALL), b"".join(RECORDS)
    for magic in (0, 1, 2):
        assert of_records(run, damaged(place_of(3) + magic, data=file)) == (whole, [])
    others = b"".join(RECORDS[:3] + RECORDS[4:])
    for place in (place_of(3) + 3, place_of(3) + 4, place_of(3) + 9, place_of(4) - 5):
        content, said = of_records(run, damaged(place, data=file))
        assert (content, len(said)) == (others, 1)
    content, said = of_records(run, damaged(place_of(2) + 3, place_of(5) - 5, data=file))
    assert content == b"".join(RECORDS[:2] + RECORDS[5:])
    content, said = of_records(run, damaged(place_of(6) + 1, place_of(6) + 9, data=file))
    assert content == b"".join(RECORDS[:6] + RECORDS[7:])


def test_frames_behind_one_whose_both_ends_are_damaged(run: Run) -> None:
    """Sought by what they begin with, where nothing leads there from the end of the file."""
    file = b"".join(SMALL) + FILE
    places = place_of(2) + 1, place_of(3) - 5, len(file) - 8
    content, said = of_records(run, damaged(*places, data=file))
    assert content == b"".join(RECORDS[:2] + RECORDS[3:]) + CONTENT and len(said) == 2


def heads_of_one_chain(heads: int, blocks: int) -> bytes:
    """Beginnings of frames, each with a block whose payload reaches to the same blocks behind all
    of them."""
    head = compress(CONTENT, model="none", block_size=1 << 16, reach=0)[:9]
    unit, before_payload = len(head) + 14, b"\x02\0\0"
    parts = []
    for left in range(heads - 1, -1, -1):
        size, payload = varint.dumps(65000), varint.dumps(left * unit + 30000)
        parts.append(head + b"\x01" + size + before_payload + payload + b"CCCC")
    block = b"\x01\x08" + before_payload + b"\0" + bytes(4) + b"KKKK"
    return b"".join([*parts, bytes(30000), b"KKKK", block * blocks])


@pytest.mark.parametrize("end", [b"no end", b"\0"])
@pytest.mark.parametrize("made", [heads_of_one_chain(200, 300), b"\x89NP" * 4000])
def test_a_file_that_is_made_to_take_time(made: bytes, end: bytes) -> None:
    """It is read a few times and not once for each place where a frame may begin."""
    file = Counted(made + end)
    found = rescue(file, io.BytesIO(), Options())
    assert found.size == 0 and found.gaps
    assert file.count < 20 * len(made)


def test_frames_behind_a_piece_of_one(run: Run) -> None:
    """The search goes on behind what looks like a frame and does not end, across its pieces."""
    lost = FILE[: inside(3)]
    file = lost + models.noise(1 << 20) + lost + bytes(9) + FILE[:-8] + b"\0" + FILE[-7:] + FILE
    content, said = rescued(run, file)
    assert content.endswith(CONTENT) and content.startswith(CONTENT[: 3 * BLOCK])
    assert len(said) > 1


def test_a_file_that_is_content_is_none(run: Run) -> None:
    """Frames in a stored block are no frames of a file that is damaged."""
    inner = compress(models.noise(900), model="none")
    outer = compress(models.noise(9000, 3) + inner + models.noise(100, 4), model="none")
    assert inner in outer
    for places in ((7,), (3, 10), (10,), (3, len(outer) - 2), (10, len(outer) - 2)):
        content, _ = rescued(run, damaged(*places, data=outer))
        assert content == b"as it was"


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


@functools.cache
def with_network(before: bytes = b"", *, embed: bool = False) -> bytes:
    """A file of ``before``, which is stored, and BOOK: one network block for each KiB of it."""
    content = before + BOOK
    return compress(content, 1, model="nano-1", embed_model=embed, block_size=1 << 10, reach=0)


@pytest.mark.parametrize(
    ("kind", "embed"), [(0, False), (1, False), (3, False), (0x82, False), (3, True)]
)
def test_the_type_of_the_block_with_the_model_is_damaged(kind: int, embed: bool) -> None:
    file = bytearray(with_network(embed=embed))
    assert [file[entry.offset] for entry in entries_of(file)] == [2, 2, 2]
    file[entries_of(file)[0].offset] = kind
    assert rescued_by(file) == (BOOK[1024:], [(0, 1024)])


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_what_is_around_the_name_of_the_model_is_damaged(mask: int) -> None:
    """Its block is lost, and none of the others: the place of the name follows from the index."""
    file = with_network()
    begin = entries_of(file)[0].offset
    name = begin + 3  # behind type and content size
    plan = name + 1 + len("nano-1") + 16
    for place in (*range(begin, name), *range(plan, plan + 7)):
        damage = bytearray(file)
        damage[place] ^= mask
        assert rescued_by(damage) == (BOOK[1024:], [(0, 1024)])


@pytest.mark.parametrize("number", [0, 1])
def test_the_type_of_a_block_before_the_model_is_damaged(number: int) -> None:
    file = bytearray(with_network(NOISE))
    file[entries_of(file)[number].offset] ^= 3
    start, stop = number * 1024, (number + 1) * 1024
    content = NOISE + BOOK
    assert rescued_by(file) == (content[:start] + content[stop:], [(start, stop)])


def test_the_name_of_the_model_is_damaged() -> None:
    """What needs the model is lost, and nothing else."""
    file = bytearray(with_network(NOISE))
    file[file.index(b"nano-1")] ^= 32
    assert rescued_by(file)[0] == NOISE


def test_what_needs_too_much_memory_is_missing_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a model that is refused is not unpacked again for each block that needs it."""
    file, out = with_network(NOISE, embed=True), io.BytesIO()
    unpacked = []
    find = resolve.for_frame

    def for_frame(*args: Any, **options: Any) -> Model:
        unpacked.append(args)
        return find(*args, **options)

    monkeypatch.setattr(resolve, "for_frame", for_frame)
    found = rescue(io.BytesIO(file), out, Options(memory_limit=1 << 21))
    assert out.getvalue() == NOISE
    ((start, stop, reason),) = [(gap.start, gap.stop, gap.reason) for gap in found.gaps]
    assert (start, stop) == (len(NOISE), len(NOISE + BOOK)) and "the embedded model" in reason
    assert len(unpacked) == 1


def test_nothing_is_left(run: Run) -> None:
    content, said = rescued(run, bytes(1000))
    assert content == b"as it was" and said == ["bytes 0 to the end are missing"]


def test_what_is_damaged_is_not_said_to_be_whole(run: Run) -> None:
    Path("a.nnc").write_bytes(damaged(inside(3)))
    Path("b.nnc").write_bytes(FILE)
    damage, whole = json.loads(
        run("-t", "--keep-going", "--json", "a.nnc", "b.nnc", status=1).stdout
    )
    assert damage["ok"] is False and damage["content_size"] == len(CONTENT) - BLOCK
    assert f"bytes {3 * BLOCK} to {4 * BLOCK - 1} are missing" in damage["error"]
    assert whole["ok"] is True and "error" not in whole
    said = run("-tv", "--keep-going", "a.nnc", "b.nnc", status=1).stderr.decode().splitlines()
    assert [line.split(" : ")[0] for line in said if line.endswith("OK")] == ["b.nnc"]
    assert said[-1].startswith("1 of 2 files")
    assert all(line.strip() for line in said)


def test_a_range_has_no_gaps(run: Run) -> None:
    Path("a.nnc").write_bytes(FILE)
    for option in ("--keep-going", "--zeros"):
        assert b"all of a file" in run("cat", option, "--bytes", ":9", "a.nnc", status=2).stderr


def test_every_byte(run: Run) -> None:
    """Wherever it is damaged, what is written is a part of the content, block by block."""
    blocks = [CONTENT[i : i + BLOCK] for i in range(0, 3 * BLOCK, BLOCK)]
    file = compress(b"".join(blocks), model="none", block_size=BLOCK, reach=0)
    for place in range(0, len(file), 37):
        out = io.BytesIO()
        found = rescue(io.BytesIO(damaged(place, data=file)), out, Options())
        kept = out.getvalue()
        assert found.gaps or found.notes
        for block in blocks:
            kept = kept.removeprefix(block)
        assert kept == b""


def test_wrong_usage(run: Run) -> None:
    for words in (["--keep-going"], ["-d", "--keep-going", "--rm"], ["-d", "--zeros"]):
        assert b"keep-going" in run(*words, "a.nnc", status=2).stderr


def test_a_pipe_cannot_seek(run: Run) -> None:
    result = run("decompress", "--keep-going", input=FILE, status=1, process=True)
    assert "can seek, which --keep-going needs" in errors(result)[0]


def test_no_more_than_allowed(run: Run) -> None:
    limit = len(CONTENT) - 1
    Path("a.nnc").write_bytes(FILE)
    result = run("-dc", "--keep-going", f"--max-size={limit}", "a.nnc", status=1)
    assert len(result.stdout) <= limit
    assert errors(result)[-1] == f"nncomp: a.nnc: the content is larger than {limit} bytes"
    Path("a.nnc").write_bytes(damaged(inside(0)))
    run("-dc", "--keep-going", "--zeros", f"--max-size={limit}", "a.nnc", status=1)


def test_from_where_the_input_stands(run: Run) -> None:
    Path("two.nnc").write_bytes(compress(b"first") + FILE)
    with Path("two.nnc").open("rb", buffering=0) as file:
        file.seek(len(compress(b"first")))
        assert run("-dc", "--keep-going", stdin=file).stdout == CONTENT
