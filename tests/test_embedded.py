"""An embedded model is unpacked once, however often its frame is sought, and kept within memory."""

from __future__ import annotations

import gc
import io
import weakref
from pathlib import Path

import pytest

from nncomp import NNCompFile, compress, decompress, get_frame_info, packing
from nncomp.container import Packed
from nncomp.model import Model
from nncomp.options import Options
from nncomp.rescue import rescue

BLOCK = 1 << 10
BOOK = Path(__file__).with_name("data").joinpath("book.md").read_bytes()[: 4 * BLOCK]
FILE = compress(BOOK, 1, model="nano-1", embed_model=True, block_size=BLOCK, reach=0)
PLAIN = compress(BOOK, 1, model="none")


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Model]]:
    """The models that are unpacked from now on."""
    found: list[weakref.ref[Model]] = []
    unpack = packing.unpack

    def noted(packed: Packed, base: Model | None) -> Model:
        model = unpack(packed, base)
        found.append(weakref.ref(model))
        return model

    monkeypatch.setattr(packing, "unpack", noted)
    return found


def test_blocks_that_are_sought(unpacked: list[weakref.ref[Model]]) -> None:
    with NNCompFile(io.BytesIO(FILE)) as file:
        for at in (3, 1, 2, 0):
            file.seek(at * BLOCK + 5)
            assert file.read(9) == BOOK[at * BLOCK + 5 :][:9]
    assert len(unpacked) == 1


def test_blocks_that_are_rescued(unpacked: list[weakref.ref[Model]]) -> None:
    damage = bytearray(FILE)
    damage[-60] ^= 1  # in the last block
    out = io.BytesIO()
    rescue(io.BytesIO(damage), out, Options())
    assert out.getvalue() == BOOK[: 3 * BLOCK]
    assert len(unpacked) == 1


def test_frames_in_a_row(unpacked: list[weakref.ref[Model]]) -> None:
    """Each brings its model along; another one is not taken for it."""
    assert decompress(FILE + PLAIN + FILE) == BOOK * 3
    assert len(unpacked) == 1


def test_a_model_is_kept_where_there_is_room(unpacked: list[weakref.ref[Model]]) -> None:
    """Beside a block that does not use it, and within the limit."""
    need = get_frame_info(FILE + PLAIN).memory_needed
    assert need is not None
    for limit, kept in ((need, False), (2 * need, True)):
        unpacked.clear()
        with NNCompFile(io.BytesIO(FILE + PLAIN), memory_limit=limit) as file:
            assert file.read(len(BOOK)) == BOOK
            file.seek(len(BOOK))
            assert file.read() == BOOK
            gc.collect()
            assert (unpacked[0]() is not None) == kept
            file.seek(0)
            assert file.read(9) == BOOK[:9]
        assert len(unpacked) == 2 - kept
