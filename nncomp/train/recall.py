"""What the adaptive stage is likely to know of a file: predictions from its own past.

A network is trained to help that stage, not to predict alone: what a repetition gives away needs no
weights. The stage itself cannot be differentiated through; the last byte that followed the same few
bytes, and how often that was right of late, stand for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

ORDERS = (3, 5, 8, 16)  # bytes that have to recur
CLASSES = 8  # 0: they do not; then by how many predictions in a row were right

_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Recall(nn.Module):
    """Adds to a network's logits what follows from recurrence, each class with its own weight."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        """``data``: (n,) uint8. Takes about 8 bytes for each of it, and 40 while it is made."""
        super().__init__()
        found = [_predictions(data, order) for order in ORDERS]
        wrong = found[2][0] != data  # by order 8; where there is no prediction it is 0
        self._surprises = np.concatenate([[0], np.cumsum(wrong, dtype=np.int64)])
        self._bytes = np.stack([predicted for predicted, _ in found])  # (orders, n) uint8
        self._classes = np.stack([classes for _, classes in found])  # (orders, n) uint8
        self.weights = nn.Parameter(torch.ones(len(ORDERS), CLASSES))
        self.share = nn.Parameter(torch.ones(()))  # of the network's logits

    def surprises(self, length: int) -> npt.NDArray[np.int64]:
        """How many bytes of each window of ``length`` are not predicted: (n − length + 1,)."""
        counts: npt.NDArray[np.int64] = self._surprises[length:] - self._surprises[:-length]
        return counts

    def forward(self, logits: Tensor, starts: npt.NDArray[np.int64]) -> Tensor:
        """(B, T, 256) logits in nats of windows of ``data`` that begin at ``starts``, (B,)."""
        places = starts[:, None] + np.arange(logits.shape[1])  # (B, T)
        logits = logits * self.share
        for order in range(len(ORDERS)):
            predicted = torch.from_numpy(self._bytes[order][places]).long().to(logits.device)
            classes = torch.from_numpy(self._classes[order][places]).long().to(logits.device)
            weight = torch.where(classes > 0, self.weights[order][classes], 0.0)
            logits = logits.scatter_add(2, predicted[..., None], weight[..., None])
        return logits


def _predictions(
    data: npt.NDArray[np.uint8], order: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """For each byte: what followed the ``order`` bytes before it when they occurred last, and the
    class of that prediction. (n,) uint8 both."""
    size = len(data)
    context = np.zeros(size, np.uint64)  # a hash
    for back in range(order, 0, -1):
        context[order:] = (context[order:] ^ data[order - back : size - back]) * _PRIME
        context[order:] ^= context[order:] >> np.uint64(29)
    places = np.argsort(context, kind="stable")
    again = context[places[1:]] == context[places[:-1]]
    last = np.full(size, -1)
    last[places[1:][again]] = places[:-1][again]
    last[:order] = -1
    predicted = np.where(last >= 0, data[last], np.uint8(0))
    right = (last >= 0) & (predicted == data)
    index = np.arange(size)
    wrong_before = np.maximum.accumulate(np.where(right, -1, index))
    run = np.concatenate([[0], (index - wrong_before)[:-1]])  # right ones in a row before this
    length = np.floor(np.log2(run + 1)).astype(np.int64)
    classes = np.where(last < 0, 0, 1 + np.minimum(length, CLASSES - 2))
    return predicted, classes.astype(np.uint8)
