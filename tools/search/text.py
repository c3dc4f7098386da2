"""Training text for candidates, and pieces to score them on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nncomp.mixing import Profile
from nncomp.train.data import Domain, load
from nncomp.train.mixture import record

BLOCK = 1 << 18  # bytes in one go, of a domain of which not all is taken
PIECE = 1 << 16  # bytes of a text to score on
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
    data: npt.NDArray[np.uint8]  # (n,)
    stage: npt.NDArray[np.int8]  # (n, 8), see nncomp.train.mixture
    stage_bits: float  # bits a byte that it takes alone


def training(shard: Path, megabytes: int) -> list[Domain]:
    """About ``megabytes`` of a shard in the shares of ``SHARES``: blocks from all over it."""
    total = sum(SHARES.values())
    domains = []
    for domain in load([shard / name for name in SHARES], SHARES, validation=0.0).train:
        wanted = megabytes * 1e6 * domain.weight / total
        apart = BLOCK * max(1, int(len(domain.data) / wanted))
        data = np.concatenate(
            [domain.data[i : i + BLOCK] for i in range(0, len(domain.data), apart)]
        )
        domains.append(Domain(domain.name, data, domain.weight, np.arange(0, len(data), BLOCK)))
    return domains


def held_back(shard: Path, work: Path) -> list[Piece]:
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
            pieces.append(_piece(kind, path, np.fromfile(path, np.uint8)[-PIECE:], work))
    return pieces


def evaluation(folder: Path, work: Path, size: int = PIECE) -> list[Piece]:
    """Starts of the files that the figures in the documentation are of: never to choose by."""
    return [
        _piece(kind, folder / name, np.fromfile(folder / name, np.uint8, size), work)
        for kind, names in DEV.items()
        for name in names.split()
    ]


def _piece(kind: str, path: Path, data: npt.NDArray[np.uint8], work: Path) -> Piece:
    """With what the stage predicts of it, which is kept in ``work``."""
    digest = hashlib.blake2b(data.tobytes(), digest_size=8).hexdigest()
    kept = work / "pieces" / f"{path.stem}-{digest}.npz"
    if not kept.exists():
        stage, bits = record(data, Profile.RICH, len(data))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, stage=stage, bits=bits.mean())
    found = np.load(kept)
    return Piece(kind, path.stem, data, found["stage"], float(found["bits"]))
