"""Fits a model to one input, for a file that embeds it: ``compress --train``.

What counts is the size of model and data together: bits(program) + bits(data | program). So a
released model gets a low-rank change, which costs a few KB; a model that is trained from scratch is
tiny and has weights of four bits. Training ends after a given time, so its result is not
reproducible; decompression is exact all the same, because the file holds the model's integers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from nncomp import packing
from nncomp.container import Packed
from nncomp.mixing import Profile
from nncomp.model import Model
from nncomp.network import Role
from nncomp.train import export, optim
from nncomp.train.arithmetic import Mode
from nncomp.train.factored import FactoredNetwork, changed
from nncomp.train.functions import path_logits
from nncomp.train.loop import product_dtype
from nncomp.train.mixture import Mixer, Recorded, ones_of
from nncomp.train.network import Network
from nncomp.train.presets import PRESETS

LENGTH = 256  # bytes of a training sequence
ROWS = 8  # sequences of a step
RATE = 0.2  # learning rate of factors, whose products are in steps of int8 weights
SHRINK = 0.05  # weight decay of factors: the share lost per step, times the rate
WARMUP = 20  # steps in which the rate rises
CHECKS = 4  # how often the size of model and data is measured
FLOAT = 0.5  # share of the time before a network from scratch is rounded
NUMBER = 0.14  # bytes that a number of a factor takes in a file, about
SHARE = 0.003  # share of the plain file's size that chooses the rank of the change
MAX_RANK = 6
MAX_TEXT = 16 << 20  # bytes to train on at most; of a longer input, pieces
PIECE = 1 << 18  # bytes of a piece

Measure = Callable[[Packed], int]  # bytes, perhaps estimated, of the file with this model in it
Report = Callable[[float, str], None]  # (share of the time that is over, message)


@dataclass(frozen=True)
class Budget:
    """Time and device of training, and the adaptive stage that the model is trained beside."""

    seconds: float
    device: str = "cpu"  # of torch
    threads: int = 1
    profile: Profile = Profile.RICH
    block_size: int = 1 << 22


def adapt(
    data: bytes, base: Model, plain_size: int, measure: Measure, budget: Budget, report: Report
) -> Packed | None:
    """Train a change of ``base``, and return the one with the smallest ``measure``; None if none is
    below ``plain_size``, the size of the file with ``base`` itself."""
    torch.set_num_threads(budget.threads)
    torch.manual_seed(1)
    matrices = (row for row in base.config.tensors.values() if row.role is Role.MATRIX)
    per_rank = sum(sum(row.shape) for row in matrices)
    rank = round(plain_size * SHARE / (per_rank * NUMBER))
    network = FactoredNetwork(base, min(max(rank, 1), MAX_RANK))
    group = {"params": [*network.left.values(), *network.right.values()], "lr": RATE, "peak": RATE}
    # Weight decay keeps useless factors at zero, which cost nothing; without it a change takes a
    # third more.
    optimizer = torch.optim.AdamW([group], betas=(0.9, 0.98), foreach=True, weight_decay=SHRINK)
    name = f"{base.name[:58]}-tuned"

    def candidate() -> Packed:
        factors = network.factors()
        return packing.pack(changed(base, factors, name), base, factors)

    return _train(data, network, [optimizer], plain_size, measure, candidate, budget, report)


def from_scratch(
    data: bytes, plain_size: int, measure: Measure, budget: Budget, report: Report
) -> Packed | None:
    """Train a tiny model on ``data`` alone; the result is chosen as in ``adapt``."""
    torch.set_num_threads(budget.threads)
    torch.manual_seed(1)
    network = Network(PRESETS["tiny"])
    network.set_weight_bits(dict.fromkeys(network.weight_bits, 4))

    def candidate() -> Packed:
        return packing.pack(export.to_model(network, "scratch"))

    network.compute = product_dtype(torch.device(budget.device))
    optimizers = optim.build(network)
    return _train(data, network, optimizers, plain_size, measure, candidate, budget, report, FLOAT)


def _train(
    data: bytes,
    network: Network,
    optimizers: list[torch.optim.Optimizer],
    best_size: int,
    measure: Measure,
    candidate: Callable[[], Packed],
    budget: Budget,
    report: Report,
    float_until: float = 0.0,
) -> Packed | None:
    """Train until the time is over, and return the candidate with the smallest measure on the way;
    None if none was below ``best_size``.

    Up to the share ``float_until`` of the time nothing is rounded, and nothing measured.
    """
    text = _text(data)
    recorded = Recorded(text, budget.profile, budget.block_size)
    mixer = Mixer().to(budget.device)
    network = network.to(budget.device)
    network.compute = product_dtype(torch.device(budget.device))
    peak = {"lr": 0.01, "peak": 0.01}
    optimizers = [*optimizers, torch.optim.Adam([{"params": list(mixer.parameters()), **peak}])]
    rng = np.random.default_rng(1)
    shares = np.cumsum(recorded.costs(LENGTH))
    mode = Mode.FLOAT if float_until else Mode.FAKE
    best: Packed | None = None
    started, paused, done, steps, loss = time.monotonic(), 0.0, 0.0, 0, math.nan
    for check in range(1, CHECKS + 1):
        while True:  # one step at least, however slow
            factor = max(0.0, min((steps + 1) / WARMUP, 1 - done))
            starts = np.searchsorted(shares, shares[-1] * rng.random(ROWS), side="right")
            places = starts[:, None] + np.arange(LENGTH)
            seen, stage = text[places], torch.from_numpy(recorded.logits[places])
            if mode is Mode.FLOAT and done >= float_until:
                network.calibrate(seen)
                mode = Mode.FAKE
            rows = network.rows(seen)
            x = network.sum(rows, mode).requires_grad_()
            wanted = torch.from_numpy(seen).long().to(budget.device)
            bits = path_logits(network(x, mode), wanted)
            cost = mixer(bits, stage, ones_of(wanted))
            cost.backward()
            assert x.grad is not None
            network.update(rows, x.grad, seen.size, factor, mode)
            optim.step(optimizers, factor)
            now = cost.item() / math.log(2)
            loss = now if math.isnan(loss) else 0.95 * loss + 0.05 * now
            steps += 1
            done = (time.monotonic() - started - paused) / budget.seconds
            report(min(done, 1.0), f"{loss:.3f} bits/byte")
            if done >= check / CHECKS:
                break
        if mode is Mode.FLOAT:
            continue
        before = time.monotonic()
        packed = candidate()
        size = measure(packed)
        report(min(done, 1.0), f"{size} bytes")
        if size < best_size:
            best, best_size = packed, size
        paused += time.monotonic() - before
    return best


def _text(data: bytes) -> npt.NDArray[np.uint8]:
    """The bytes to train on: all of ``data``, or evenly spread pieces of it."""
    array = np.frombuffer(data, np.uint8)
    if len(array) <= MAX_TEXT:
        return array
    starts = np.linspace(0, len(array) - PIECE, MAX_TEXT // PIECE).astype(np.int64)
    return np.concatenate([array[start : start + PIECE] for start in starts])
