"""A training run of a candidate: state, steps, checkpoints."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from network import Network, Tables
from score import ones
from shapes import Shape
from text import Text, Windows
from torch import Tensor

from nncomp.fileio import replacing
from nncomp.train.loop import product_dtype
from nncomp.train.mixture import STEPS, Mixer
from nncomp.train.optim import Muon

PART = 2048  # bytes at a time, and a step of the tables: it touches used rows only
LENGTHS = ((0.5, 128), (0.85, 256), (1.0, 512))  # bytes of a sequence until that share of the run
WARMUP = 40  # steps
DECAY_FROM = 0.3
MIXED_FROM = 0.5  # of a run: before, the network alone has too much to learn
LAST_RATE = 0.01  # of the peak
SAMPLE = 4096, 1024  # windows that known contexts are counted in
SAVE_EVERY = 60.0  # seconds
REPORT_EVERY = 100  # steps


@dataclass(frozen=True)
class Plan:
    total: int  # bytes
    seed: int = 1
    batch: int = 8192  # bytes a step
    rate: float = 0.2  # of tables
    taught: float = 0.0  # share of the teacher's probabilities in what is aimed at
    mixed: float = 0.5  # share of the mixture's cost in the loss, from MIXED_FROM on

    def label(self) -> str:
        """What differs from the defaults, but for the total."""
        return "".join(
            f"-{f.name}{getattr(self, f.name):g}"
            for f in fields(self)[1:]
            if getattr(self, f.name) != f.default
        )


class Run:
    """A run is fixed by its arguments; interrupted and continued, it ends with the same weights."""

    def __init__(self, shape: Shape, text: Text, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.text, self.plan = text, plan
        self.tables = Tables(shape, plan.rate)
        self.tables.learn_known(text.draw(*SAMPLE, (0,)).data)
        self.network, self.mixer = Network(shape), Mixer()
        named = dict(self.network.named_parameters())
        head = [named.pop("head")]
        small = [named.pop(n) for n in list(named) if n.endswith((".bias", ".place"))]
        adam = [{"params": head, "lr": 0.003}, {"params": small, "lr": 0.01}]
        adam += [{"params": list(self.mixer.parameters()), "lr": 0.003}]
        self.optimizers = [
            Muon(list(named.values()), lr=0.02, compute=product_dtype(torch.device("cpu"))),
            torch.optim.AdamW(adam, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0, foreach=True),
        ]
        self.peaks = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.step, self.steps, self.seconds = 0, plan.total // plan.batch, 0.0
        self.bits = math.nan  # a byte of the training text, smoothed

    @property
    def done(self) -> int:
        """Bytes seen."""
        return self.step * self.plan.batch

    def train(self, checkpoint: Path, pause: Path | None = None) -> None:
        """Go on from ``checkpoint``, if there is one, until the run is done."""
        if checkpoint.exists():
            self.restore(checkpoint)
        saved = time.monotonic()
        while self.step < self.steps:
            while pause and pause.exists():
                time.sleep(1)
            begin = time.process_time()
            self.train_step()
            self.seconds += time.process_time() - begin
            if self.step % REPORT_EVERY == 0:
                speed = self.done / self.seconds / 1e3
                print(
                    f"{checkpoint.stem} {self.step}/{self.steps} {self.bits:.4f} {speed:.1f} KB/s",
                    flush=True,
                )
            if time.monotonic() - saved > SAVE_EVERY or self.step == self.steps:
                self.save(checkpoint)
                saved = time.monotonic()

    def train_step(self) -> None:
        progress = self.step / self.steps
        length = next(length for until, length in LENGTHS if progress < until)
        batch = self.plan.batch
        seen = self.text.draw(batch // length, length, (self.plan.seed, self.step))
        factor = min(1.0, (self.step + 1) / WARMUP) * min(1.0, (1 - progress) / (1 - DECAY_FROM))
        factor = max(factor, LAST_RATE)
        total = 0.0
        rows = self.tables.rows(seen.data)
        for part in np.split(np.arange(len(seen.data)), batch // PART):
            used = [r[part] for r in rows]
            x = self.tables.sum(used).requires_grad_()
            some = Windows(*(a if a is None else a[part] for a in seen))
            alone, cost = self.loss(x, some)
            (cost * (PART / batch)).backward()
            assert x.grad is not None
            self.tables.update(used, x.grad, factor)
            total += alone.item() * (PART / batch)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 0.1)
        for optimizer, peaks in zip(self.optimizers, self.peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            optimizer.step()
            optimizer.zero_grad()
        bits = total / math.log(2)
        self.bits = (
            bits
            if self.step == 0
            else self.bits + max(0.02, 1 / (self.step + 1)) * (bits - self.bits)
        )
        self.step += 1

    def loss(self, x: Tensor, seen: Windows) -> tuple[Tensor, Tensor]:
        """Nats a byte of the network alone, and what is minimised."""
        logits, bits = self.network(x, seen.data), ones(seen.data)
        if seen.teacher is not None and self.plan.taught:
            lesson = (torch.from_numpy(seen.teacher).float() / STEPS).sigmoid()
            bits = bits.lerp(lesson, self.plan.taught)
        alone = F.binary_cross_entropy_with_logits(logits, bits, reduction="sum") / seen.data.size
        if self.step < MIXED_FROM * self.steps or not self.plan.mixed:
            return alone, alone
        mixed = self.mixer.cost(logits, torch.from_numpy(seen.stage), bits)
        return alone, alone.lerp(mixed, self.plan.mixed)

    def save(self, path: Path) -> None:
        state = {
            "tables": (self.tables.weights, self.tables.moments),
            "network": self.network.state_dict(),
            "mixer": self.mixer.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": (self.step, self.seconds, self.bits),
        }
        with replacing(str(path)) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.tables.weights, self.tables.moments = state["tables"]
        self.network.load_state_dict(state["network"])
        self.mixer.load_state_dict(state["mixer"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds, self.bits = state["step"]
