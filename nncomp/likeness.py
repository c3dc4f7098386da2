"""Distances of files from each other: how many bits one takes once another has been read.

C(x) is the number of bits that the adaptive stage, without a network, takes for x, and C(x | y) the
number that it takes for x after reading y. The distance of x and y is

    max(C(x | y), C(y | x)) / max(C(x), C(y))

which is near 0 where each determines the other, and about 1 where they have nothing in common. It
is the normalised information distance of Li, Chen, Li, Ma and Vitanyi (2004) with a compressor in
the place of Kolmogorov complexity. The usual approximation of C(x | y), C(yx) - C(y), is a
difference of two large numbers; here the stage can simply read y first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nncomp import arguments, engine, levels
from nncomp.mixing import Mixing
from nncomp.schedule import Progress, Task, in_order

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Node", "distances", "joined"]


def distances(
    texts: Sequence[Buffer], *, level: int | None = None, sample: int = 1 << 16, threads: int = 1
) -> npt.NDArray[np.float64]:
    """The distances of texts from each other: (texts, texts), symmetric, 0 on the diagonal.

    Only the first ``sample`` bytes of a text count, 1..2^24. ``level`` as in ``compress``: only its
    profile matters. Equal texts have distance 0; an empty one is as far as can be from all others.
    The result is the same on every machine and for every number of threads. Raises ``TypeError``
    and ``ValueError`` for wrong options.
    """
    sample = arguments.sample(sample)
    threads = arguments.integer("threads", threads, least=1)
    mixing = Mixing(levels.get(level).profile)
    cut = [bytes(arguments.contiguous(text)[:sample]) for text in texts]
    room = 1 << (2 * max(map(len, cut), default=0) + 1).bit_length()  # the stage depends on it

    def behind_text(known: bytes) -> Task[list[int]]:
        def bits(_: int, report: Progress) -> Iterator[list[int]]:
            primed = engine.counting().Primed(known, room, mixing)
            found = []
            for text in cut:
                report(0)  # here it may be aborted
                found.append(int(primed.costs(text).sum(dtype=np.uint64)))
            yield found

        return bits

    def width(there: int) -> int:
        return threads

    rows = in_order(map(behind_text, [b"", *cut]), width, width, threads, None)
    with contextlib.closing(rows):
        alone, *behind = rows
    found = np.zeros((len(cut), len(cut)))
    for i, x in enumerate(cut):
        for j, y in enumerate(cut[:i]):
            if x != y:
                most = max(behind[i][j], behind[j][i])
                found[i, j] = found[j, i] = most / max(alone[i], alone[j])
    return found


@dataclass(frozen=True)
class Node:
    """A node of a tree of texts: a text, or two nodes that are alike."""

    texts: tuple[int, ...]  # numbers of all texts below, or of the text itself
    height: float  # mean distance between the texts of both parts; 0 if this is a text
    parts: tuple[Node, ...] = ()  # none or two


def joined(table: npt.NDArray[np.float64]) -> Node:
    """Cluster texts by average linkage (UPGMA): join the two nodes whose texts have the smallest
    mean distance, the first ones if several are equal, until one is left. Raises ``ValueError``
    where there is no text."""
    nodes = [Node((i,), 0.0) for i in range(len(table))]
    if not nodes:
        raise ValueError("there is nothing to join")
    means = table.astype(np.float64)
    np.fill_diagonal(means, np.inf)
    while len(nodes) > 1:
        i, j = sorted(int(n) for n in np.unravel_index(int(means.argmin()), means.shape))
        a, b = nodes[i], nodes[j]
        nodes[i] = Node(a.texts + b.texts, float(means[i, j]), (a, b))
        del nodes[j]
        sizes = len(a.texts), len(b.texts)
        row = (means[i] * sizes[0] + means[j] * sizes[1]) / sum(sizes)
        means[i], means[:, i] = row, row
        means[i, i] = np.inf
        means = np.delete(np.delete(means, j, 0), j, 1)
    return nodes[0]
