"""A network's predictions mixed with those of the adaptive stage, as a loss to train with.

A network in a compressor has to help the stage, not to predict alone. Gradients cannot pass through
the stage, but its predictions of a text without the network are fixed. Before each bit, its logits
and the network's are added with learnt weights, as the stage's mixer would do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncomp.engine import native
from nncomp.mixing import Mixing, Profile

CLASSES = 12  # classes of the stage's certainty: its logit in nats, rounded down
_ROWS = 1 << 16  # bytes that are converted at a time, since floats take 64 bytes for each
STEPS = 10  # steps of a stored logit per nat, such that it fits int8
_SMOOTH = 0.05  # share of the mean cost that is added to every byte's when windows are drawn


def record(
    data: npt.NDArray[np.uint8], profile: Profile, block_size: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """The stage's predictions of ``data``, (n,), coded in blocks of ``block_size`` bytes.

    Returns (logits of a 1 at each bit, (n, 8) in 1/``STEPS`` nat; cost of each byte in bits, (n,)).
    """
    parts, costs = [], []
    for start in range(0, len(data), block_size):
        block = data[start : start + block_size]
        found = native.bit_probabilities(block.tobytes(), Mixing(profile))
        for i in range(0, len(block), _ROWS):
            p = found[i : i + _ROWS] * 2.0**-22  # of a 1
            ones = np.unpackbits(block[i : i + _ROWS]).reshape(-1, 8) == 1
            costs.append(-np.log2(np.where(ones, p, 1 - p)).sum(1))
            logits = np.rint(STEPS * np.log(p / (1 - p)))
            parts.append(logits.clip(-127, 127).astype(np.int8))
    return np.concatenate(parts), np.concatenate(costs)


def ones_of(data: Tensor) -> Tensor:
    """(…, 8) bits of bytes (…), highest first, as 0.0 and 1.0."""
    return (data[..., None] >> torch.arange(7, -1, -1, device=data.device) & 1).float()


class Mixer(nn.Module):
    """Learnt weights of the stage's and the network's logits, by bit and the stage's certainty."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Parameter(torch.full((8, CLASSES), 0.15))
        self.stage = nn.Parameter(torch.full((8, CLASSES), 0.95))

    def forward(self, network: Tensor, stage: Tensor, ones: Tensor) -> Tensor:
        """The cost in nats per byte, given the (…, 8) logits of a 1 of the network, those of the
        stage as recorded, and the bits ``ones``."""
        stage = stage.to(network.device).float() / STEPS
        group = stage.abs().clamp_(max=CLASSES - 1).long()
        # Selected by a product with a one-hot: for the gradient of indexing a GPU would sort, which
        # takes half of a step.
        chosen = F.one_hot(group, CLASSES).float()
        mixed = (chosen * self.network).sum(-1) * network.clamp(-12, 12)
        mixed = mixed + (chosen * self.stage).sum(-1) * stage
        cost = F.binary_cross_entropy_with_logits(mixed, ones, reduction="sum")
        return cost / (ones.numel() / 8)


class Recorded:
    """The stage's predictions of a text, and the costs of its bytes."""

    def __init__(self, data: npt.NDArray[np.uint8], profile: Profile, block_size: int) -> None:
        """``data``: (n,) uint8, coded in blocks of ``block_size``.

        Takes 16 bytes for each byte, and 32 for each of a block while it is made.
        """
        self.logits, costs = record(data, profile, block_size)  # (n, 8)
        self._costs = np.cumsum(np.concatenate([np.zeros(1), costs]))  # of the first 0, 1, … n

    def costs(self, length: int) -> npt.NDArray[np.float64]:
        """The bits that the stage takes for each window of ``length`` bytes, plus a little:
        (n − length + 1,). Windows are drawn by them: where the stage predicts well, a network has
        little to learn.
        """
        mean = self._costs[-1] / len(self.logits)
        costs: npt.NDArray[np.float64] = self._costs[length:] - self._costs[:-length]
        costs += _SMOOTH * length * mean
        return costs
