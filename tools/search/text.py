"""Text with what the adaptive stage predicts of it, recorded once; windows and pieces of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from network import path_logits

from nncomp import registry
from nncomp.engine import native
from nncomp.fileio import replacing
from nncomp.mixing import Profile
from nncomp.model import Model
from nncomp.train.data import Domain, load, places, windows
from nncomp.train.mixture import STEPS, record

BLOCK = 1 << 18  # bytes that the stage sees in one go
LESSON = 1 << 14  # bytes that a teacher sees in one go
PIECE = 1 << 16  # bytes of a validation text, as of an evaluation file
SHARES = {
    "en_books": 20.0, "en_ency": 15, "en_docs": 10, "wiki": 14, "multi": 5, "code": 17, "html": 3,
    "xml": 2, "json": 3, "yaml": 0.7, "csv": 2, "sql": 1, "logs": 2.5, "bin": 0.6,
}  # fmt: skip
KINDS = {
    "en_books": "text", "en_ency": "text", "en_docs": "text", "wiki": "wiki", "multi": "languages",
    "code": "code", "html": "markup", "xml": "markup", "json": "data", "yaml": "data",
    "csv": "data", "sql": "data", "logs": "logs", "bin": "binary",
}  # fmt: skip
PIECES = {
    "text": 4, "wiki": 2, "languages": 2, "code": 2, "markup": 1, "data": 2, "logs": 1, "binary": 1,
}  # fmt: skip
DEV = {
    "text": "text/alice29.txt text/book2 text/enwik6 text/lcet10.txt text/mars_german.utf8.txt "
    "text/mars_russian.utf8.txt",
    "code": "code/lua-5.4.4.tar code/fields.c",
    "markup": "markup/xml.1M markup/cp.html",
    "data": "data/twitter.json",
    "logs": "logs/Linux_2k.log",
}


@dataclass(frozen=True)
class Piece:
    """A text to measure with, and the stage's logits of a 1 at each bit."""

    kind: str
    name: str
    data: npt.NDArray[np.uint8]  # (PIECE,)
    stage: npt.NDArray[np.int8]  # (PIECE, 8), see nncomp.train.mixture
    stage_bits: float  # bits a byte that it takes alone


class Windows(NamedTuple):
    data: npt.NDArray[np.uint8]  # (rows, T)
    stage: npt.NDArray[np.int8]  # (rows, T, 8)
    teacher: npt.NDArray[np.int8] | None  # (rows, T, 8)


@dataclass(frozen=True)
class Text:
    """What is trained on."""

    domains: list[Domain]
    stage: list[npt.NDArray[np.int8]]  # (n, 8) of each domain
    teacher: list[npt.NDArray[np.int8]] | None = None  # the same, of a trained network

    def draw(self, rows: int, length: int, key: tuple[int, ...]) -> Windows:
        picks, starts = places(self.domains, rows, length, key)
        return Windows(
            windows([d.data for d in self.domains], picks, starts, length),
            windows(self.stage, picks, starts, length),
            windows(self.teacher, picks, starts, length) if self.teacher else None,
        )


def training(shard: Path, work: Path, megabytes: int, teacher: str | None = None) -> Text:
    """About ``megabytes`` of a shard in the shares of ``SHARES``: blocks from all over each domain.

    What the stage predicts of them, and the model called ``teacher``, is kept in ``work``.
    """
    total = sum(SHARES.values())
    domains, stage, taught = [], [], []
    for domain in load([shard / name for name in SHARES], SHARES, validation=0.0).train:
        wanted = megabytes * 1e6 * domain.weight / total
        apart = BLOCK * max(1, int(len(domain.data) / wanted))
        data = np.concatenate(
            [domain.data[i : i + BLOCK] for i in range(0, len(domain.data), apart)]
        )
        domains.append(Domain(domain.name, data, domain.weight, np.arange(0, len(data), BLOCK)))
        kept = work / f"{shard.name}-{megabytes}" / domain.name
        stage.append(_kept(kept, partial(_stage, data)))
        if teacher:
            kept = kept.with_name(f"{domain.name}-{teacher}")
            taught.append(_kept(kept, partial(_lesson, data, registry.find(teacher))))
    return Text(domains, stage, taught or None)


def _kept(path: Path, found: Callable[[], npt.NDArray[np.int8]]) -> npt.NDArray[np.int8]:
    """The array in ``path``.npy, found and written if it is not there."""
    path = path.with_name(f"{path.name}.npy")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(str(path)) as temporary, open(temporary, "wb") as file:
            np.save(file, found())
    array: npt.NDArray[np.int8] = np.load(path, mmap_mode="r")
    return array


def _stage(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    return record(data, Profile.RICH, BLOCK)[0]


def _lesson(data: npt.NDArray[np.uint8], model: Model) -> npt.NDArray[np.int8]:
    """What a model predicts of ``data``, (n,), as ``record`` gives it of the stage: (n, 8)."""
    parts = []
    for start in range(0, len(data), LESSON):
        part = data[start : start + LESSON]
        logits = torch.from_numpy(
            native.frequencies(model, part.tobytes()).astype(np.float32)
        ).log_()
        bits = path_logits(logits[None], part[None])[0].numpy()
        parts.append(np.rint(STEPS * bits).clip(-127, 127).astype(np.int8))
    return np.concatenate(parts)


def validation(shard: Path) -> list[Piece]:
    """Ends of a shard's files, ``PIECES`` of each kind."""
    pieces = []
    for kind, number in PIECES.items():
        files = [
            path
            for domain in SHARES
            for path in sorted((shard / domain).glob("*.dat"))
            if KINDS[domain] == kind and path.stat().st_size > PIECE
        ]
        for i in range(number):
            path = files[(2 * i + 1) * len(files) // (2 * number)]
            pieces.append(_piece(kind, path, np.fromfile(path, np.uint8)[-PIECE:]))
    return pieces


def evaluation(folder: Path) -> list[Piece]:
    """Starts of the files that the figures in the documentation are of: never to choose by."""
    return [
        _piece(kind, folder / name, np.fromfile(folder / name, np.uint8, PIECE))
        for kind, names in DEV.items()
        for name in names.split()
    ]


def _piece(kind: str, path: Path, data: npt.NDArray[np.uint8]) -> Piece:
    stage, bits = record(data, Profile.RICH, PIECE)
    return Piece(kind, path.stem, data, stage, float(bits.mean()))
