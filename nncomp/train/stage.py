"""Records the adaptive stage's predictions of the training text.

A folder has a file for each domain, with 8 bytes for each byte of text, which is mapped into
memory. Its name contains a hash of the text, so that changed text is recorded anew.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from nncomp.fileio import replacing
from nncomp.mixing import Profile
from nncomp.train.data import Domain
from nncomp.train.mixture import record

BLOCK = 1 << 18  # bytes that the stage sees in one go
PROFILE = Profile.RICH


@dataclass(frozen=True)
class Recording:
    """Text, and the stage's predictions of it."""

    domains: list[Domain]
    logits: list[npt.NDArray[np.int8]]  # for each domain (n, 8): see nncomp.train.mixture


def recording(domains: list[Domain], folder: Path, share: float = 1.0) -> Recording:
    """Take blocks of ``domains``, about ``share`` of each, with the stage's predictions, which are
    read from ``folder`` or else recorded there. Recording takes two microseconds of a core per
    byte."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_part(domain, max(1, round(1 / share))) for domain in domains]
    return Recording(parts, [_kept(folder, part) for part in parts])


def _part(domain: Domain, apart: int) -> Domain:
    """Every ``apart``-th block of a domain. Blocks begin documents, so windows lie within one."""
    size = len(domain.data)
    blocks = np.arange(0, size, BLOCK * apart)
    data = np.concatenate([domain.data[b : b + BLOCK] for b in blocks])
    block, place = np.divmod(domain.starts, BLOCK)
    inside = (block % apart == 0) & (domain.starts < size)
    starts = (block // apart * BLOCK + place)[inside]
    starts = np.union1d(starts, np.arange(0, len(data), BLOCK))
    return Domain(domain.name, data, domain.weight, starts)


def _kept(folder: Path, part: Domain) -> npt.NDArray[np.int8]:
    digest = hashlib.blake2b(part.data.tobytes(), digest_size=8, salt=PROFILE.name.encode())
    path = folder / f"{part.name.replace('/', '-')}-{digest.hexdigest()}.npy"
    if not path.exists():
        with replacing(str(path)) as temporary:
            shape = (len(part.data), 8)
            out = np.lib.format.open_memmap(temporary, "w+", np.int8, shape)

            def block(start: int) -> None:
                end = start + BLOCK
                out[start:end] = record(part.data[start:end], PROFILE, BLOCK)[0]

            with ThreadPoolExecutor(torch.get_num_threads()) as pool:
                list(pool.map(block, range(0, len(part.data), BLOCK)))
            out.flush()
    logits: npt.NDArray[np.int8] = np.load(path, mmap_mode="r")
    return logits
