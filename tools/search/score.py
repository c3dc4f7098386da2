"""What a network is worth: bits a byte alone, and mixed with what the adaptive stage predicts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from network import Network, Tables
from text import Piece
from torch import Tensor

from nncomp.train.mixture import Mixer

SPAN, BEFORE = 1024, 256  # bytes of a window, and how many of them the one before has judged
CHUNK = 1024  # bytes from one change of the mixture's weights to the next
PASSES = 2  # over a piece: the first finds weights, the last is measured
RATE = 0.02


class Score(NamedTuple):
    """Bits a byte."""

    alone: float
    mixed: float
    stage: float


def ones(data: np.ndarray) -> Tensor:
    """(…, 8) bits of (…) bytes."""
    return torch.from_numpy(np.unpackbits(data[..., None], axis=-1).astype(np.float32))


def score(network: Network, tables: Tables, pieces: list[Piece]) -> dict[str, Score]:
    """By kind, the mean of its pieces."""
    found: dict[str, list[Score]] = {}
    for piece in pieces:
        logits = predict(network, tables, piece.data)
        alone = F.binary_cross_entropy_with_logits(logits, ones(piece.data), reduction="sum")
        alone = alone.item() / math.log(2) / len(piece.data)
        found.setdefault(piece.kind, []).append(Score(alone, mix(logits, piece), piece.stage_bits))
    return {kind: Score(*np.mean(scores, axis=0).tolist()) for kind, scores in found.items()}


@torch.no_grad()
def predict(network: Network, tables: Tables, data: np.ndarray) -> Tensor:
    """(n, 8) logits of a 1 at each bit of ``data``, (n,)."""
    rows = tables.rows(data[None])
    found = []
    for start in range(0, len(data), SPAN - BEFORE):
        low = max(0, start - BEFORE)
        part = slice(low, low + SPAN if start else SPAN - BEFORE)
        x = tables.sum([r[:, part] for r in rows])
        found.append(network(x, data[None, part])[0, start - low :])
    return torch.cat(found)


def mix(logits: Tensor, piece: Piece) -> float:
    """Bits a byte when the mixture's weights are learnt on the way."""
    mixer = Mixer()
    optimizer = torch.optim.Adam(mixer.parameters(), lr=RATE)
    bits, stage = ones(piece.data), torch.from_numpy(piece.stage)
    for _ in range(PASSES):
        total = 0.0
        for start in range(0, len(piece.data), CHUNK):
            part = slice(start, start + CHUNK)
            cost = mixer.cost(logits[part], stage[part], bits[part])
            total += cost.item() * len(logits[part])
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
    return total / math.log(2) / len(piece.data)
