"""What the targets of ``native`` begin with: what encoders write of small contents.

    python -m fuzz.seeds FOLDER

writes a folder for each target, for ``python tests/fuzz/native --minimize FOLDER``, which keeps of
them what reaches more code. To be run again after a change of the format.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import models
import nncomp
from fuzz import mutate, targets
from nncomp import _native, model, packing
from nncomp.container import Packed
from nncomp.engine import native
from nncomp.filters import FILTERS, Split
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model

TESTS = Path(__file__).parents[1]
BLOCK = targets.BLOCK
KERNELS = b"\0\1"  # of a case: the fastest and the next


def parts(*some: bytes) -> bytes:
    """As ``parts.cpp`` reads them."""
    return b"".join(len(part).to_bytes(2, "little") + part for part in some)


def two(number: int) -> bytes:
    return number.to_bytes(2, "big")


def mixings() -> list[tuple[Mixing, bytes]]:
    """Some of all kinds, and how ``mixing_of`` reads them."""
    found = []
    for profile in Profile:
        for contexts in Contexts:
            for period, stride in ((0, 1), (60, 3), (8, 2), (7, 1)):
                try:
                    mixing = Mixing(profile, contexts, period, stride)
                except ValueError:
                    continue
                head = bytes([profile - 1, contexts]) + two(period) + bytes([stride - 1])
                found.append((mixing, head))
    return found


def sparse() -> Model:
    """A small model that packs to little, because most of its weights are zero."""
    whole = models.natural(targets.SMALL)
    kept = {
        name: np.where(models.integers(3, tensor.size, 0, 40).reshape(tensor.shape) == 0, tensor, 0)
        if tensor.dtype == np.int8
        else tensor
        for name, tensor in whole.tensors.items()
    }
    return Model.build(
        whole.config, {k: v.astype(whole.tensors[k].dtype) for k, v in kept.items()}, "sparse"
    )


def data() -> list[bytes]:
    return [path.read_bytes()[:3000] for path in sorted((TESTS / "data").iterdir())]


def deflated() -> list[bytes]:
    return [
        *(path.read_bytes()[:6000] for path in sorted((TESTS / "deflate").iterdir())),
        *(zlib.compress(content[:1500], level) for level, content in enumerate(data()[:9], 1)),
    ]


def stage() -> Iterator[bytes]:
    content = models.contextual(60)
    for mixing, head in mixings():
        (payload,) = native.encode_block(None, content, 1, mixing)
        yield parts(bytes([len(content)]) + head + KERNELS, payload)


def packed() -> Iterator[bytes]:
    found = sparse()
    stored = packing.pack(found).data
    content = models.text(40)
    for lanes, (mixing, head) in zip((1, 2, 3, 1), mixings()[::5], strict=False):
        payloads = native.encode_block(found, content, lanes, mixing)
        yield parts(bytes([len(content)]) + head, stored, *payloads)


def safetensors() -> Iterator[bytes]:
    file = model.dumps(sparse())
    size = int.from_bytes(file[:8], "little")
    for pattern in (b"", b"\1" + bytes(7)):
        yield parts(file[8 : 8 + size], pattern)


def deflate_join() -> Iterator[bytes]:
    for content in deflated():
        split = _native.deflate_split(content, 1 << 20)
        if split is not None:
            rest, side, contents, _ = split
            yield parts(two(len(content)), rest, side, *contents)


def far_blocks() -> list[bytes]:
    text = models.text(900)
    return [models.noise(800, 1) + text[:300], models.noise(800, 2), text]


def far_split() -> Iterator[bytes]:
    blocks = far_blocks()
    mixed = blocks[0][200:700] + b"between" + blocks[1][:400] + blocks[2][300:]
    for limits in (
        bytes([20, 15, 19, 3]),
        bytes([10, 63, 4, 0]),
        bytes([20, 15, 19, 3, 0, 1, 0, 100, 0, 200, 2, 0, 150, 0, 250]),
    ):
        yield parts(limits, *blocks, mixed)


def far_join() -> Iterator[bytes]:
    blocks = far_blocks()
    finder = _native.FarFinder(reach=1 << 20, least=16, share=1 << 19, sources=4, blocks=3)
    for block in blocks:
        finder.add(block)
    for mixed in (blocks[0][200:700] + b"between" + blocks[1][:400], blocks[1] + blocks[0][9:]):
        split = finder.split(mixed, [])
        assert split is not None
        literals, sources, copies = split
        yield parts(two(len(mixed)), literals, copies, *(blocks[-back] for back in sources))


def pictures() -> list[bytes]:
    return [path.read_bytes() for path in sorted((TESTS / "jpeg").glob("*.jpg"))]


def jpeg_split() -> Iterator[bytes]:
    for picture in pictures():
        yield picture
        yield picture + KERNELS + two(2000)


def jpeg_join() -> Iterator[bytes]:
    for picture in pictures():
        cases = [(picture, None)]
        followed = _native.jpeg_follow(picture[:2000], 0)
        if followed is not None:
            end, inside = followed
            cases.append((picture[end:], inside))
        for content, start in cases:
            split = _native.jpeg_split(content, 1 << 12, start)
            if split is not None:
                rest, coded, blocks, _ = split
                yield parts(two(len(content)) + two(blocks) + b"\1", rest, coded)


def drawings() -> list[bytes]:
    return [path.read_bytes() for path in sorted((TESTS / "gif").glob("*.gif"))]


def gif_join() -> Iterator[bytes]:
    for picture in drawings():
        split = _native.gif_split(picture, 1 << 16)
        if split is not None:
            rest, side, pixels, _ = split
            if all(len(group) < 1 << 13 for group in pixels):
                yield parts(two(len(picture)), rest, side, *pixels)


def filters() -> Iterator[bytes]:
    contents = [*data(), *deflated(), *pictures(), *drawings(), models.text(300) * 3, b"ab" * 99]
    contents += [b"mail: " + targets.base64.letters(content[:500]) for content in data()[:3]]
    contents += [b"\xe8\1\2\3\0 call " * 40, b"\1\2\3\x97 b, " * 40]
    contents.append(models.noise(1500) + b"between" + models.noise(1200))
    for number, filter in enumerate(FILTERS):
        for content in contents:
            split: Split | None = filter.split(content)
            if split is not None and all(len(stream) < 1 << 13 for stream in split.streams):
                head = bytes([number]) + two(len(content) - 1)
                yield parts(head, split.side, *split.streams)


def integers() -> Iterator[bytes]:
    for code, dtype in enumerate((np.int8, np.int16, np.int32, np.int64)):
        most = min(1 << 60, np.iinfo(dtype).max)
        for size, (rows, columns) in ((9, (8, 16)), (most, (3, 5)), (most >> 3, (1, 9))):
            encoder = _native.IntegerEncoder()
            values = models.integers(size % 97, rows * columns, -size, size).reshape(rows, columns)
            values[::2] &= -8  # rows of another step
            shaped = values.astype(dtype)
            encoder.put(code, shaped, np.zeros_like(shaped))
            head = bytes([code, code, rows - 1, columns - 1, 0, 0])
            yield parts(head, encoder.finish())


def container() -> Iterator[bytes]:
    """Files of few blocks, because a fuzzer is faster with them; golden files come beside them."""
    whole = targets.frames()
    head, (*blocks, _) = mutate.records(whole[0])
    for block in blocks[1:]:
        if block[0] == 1:  # it needs no model
            yield mutate.mended(head, [block, mutate.index_of(head, [block])])
    yield from (whole[1], whole[2], whole[5])
    yield from targets.short()
    yield from targets.primed()
    embedded = Packed("sparse", packing.pack(sparse()).data)
    yield nncomp.compress(models.text(600), model=embedded, block_size=BLOCK)
    text = models.noise(700) + models.text(300)
    for level in (3, 5, 8):  # with copies of earlier blocks
        yield nncomp.compress(text * 3, level, model="none", block_size=BLOCK)


TARGETS = {
    "container": container,
    "deflate_join": deflate_join,
    "deflate_split": deflated,
    "far_join": far_join,
    "far_split": far_split,
    "filters": filters,
    "gif_join": gif_join,
    "gif_split": drawings,
    "integers": integers,
    "jpeg_join": jpeg_join,
    "jpeg_split": jpeg_split,
    "packed": packed,
    "safetensors": safetensors,
    "stage": stage,
}


def main(folder: Path) -> None:
    targets.install()
    for name, make in TARGETS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, case in enumerate(make()):
            (folder / name / f"{number:03}").write_bytes(case)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
