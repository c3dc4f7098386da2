"""What a network is worth: bits a byte alone, and mixed with what the adaptive stage predicts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from text import Piece
from torch import Tensor

from nncomp.train.arithmetic import Mode
from nncomp.train.functions import path_logits
from nncomp.train.mixture import Mixer, ones_of
from nncomp.train.network import Network

SPAN, BEFORE = 1024, 256  # bytes of a window, and how many of them the one before has judged
ROWS = 8  # windows at a time
CHUNK = 1024  # bytes from one change of the mixture's weights to the next
PASSES = 2  # over a piece: the first finds weights, the last is measured
RATE = 0.02


class Score(NamedTuple):
    """Bits a byte."""

    alone: float
    mixed: float
    stage: float


def score(
    network: Network, pieces: list[Piece], mode: Mode = Mode.FLOAT
) -> dict[str, dict[str, Score]]:
    """By kind, the scores of its pieces."""
    found: dict[str, dict[str, Score]] = {}
    for piece in pieces:
        logits = predict(network, piece.data, mode)
        alone = F.binary_cross_entropy_with_logits(
            logits, ones_of(torch.from_numpy(piece.data)), reduction="sum"
        )
        bits = alone.item() / math.log(2) / len(piece.data)
        scores = found.setdefault(piece.kind, {})
        scores[piece.name] = Score(bits, mix(logits, piece), piece.stage_bits)
    return found


@torch.no_grad()
def predict(network: Network, data: np.ndarray, mode: Mode) -> Tensor:
    """(n, 8) logits of a 1 at each bit of ``data``, (n,)."""
    starts = np.minimum(np.arange(0, len(data), SPAN - BEFORE), len(data) - SPAN)
    places = np.unique(starts)[:, None] + np.arange(SPAN)
    rows = network.rows(data[None])
    bits = torch.empty(len(data), 8)
    for some in np.split(places, range(ROWS, len(places), ROWS)):
        x = network.sum([r[0, some] for r in rows], mode)
        found = path_logits(network(x, mode).float(), torch.from_numpy(data[some]).long())
        for window, first in zip(found, some[:, 0], strict=True):
            new = BEFORE if first else 0
            bits[first + new : first + SPAN] = window[new:]
    return bits


def mix(logits: Tensor, piece: Piece) -> float:
    """Bits a byte when the mixture's weights are learnt on the way."""
    mixer = Mixer()
    optimizer = torch.optim.Adam(mixer.parameters(), lr=RATE)
    bits, stage = ones_of(torch.from_numpy(piece.data)), torch.from_numpy(piece.stage)
    for _ in range(PASSES):
        total = 0.0
        for start in range(0, len(piece.data), CHUNK):
            part = slice(start, start + CHUNK)
            cost = mixer(logits[part], stage[part], bits[part])
            total += cost.item() * len(logits[part])
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
    return total / math.log(2) / len(piece.data)
