"""The training loop: phases, schedule, checkpoints, validation.

Short sequences and floating point first; the network is quantised (``Mode.FAKE``) for the last
quarter, and sees sequences of twice its widest window at the end.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from nncomp.train import data as corpus
from nncomp.train import optim
from nncomp.train.network import Mode, Network

LN2 = math.log(2)


@dataclass(frozen=True)
class Phase:
    """A stretch of training: until this share of all bytes, at this sequence length and mode."""

    until: float
    length: int
    mode: Mode


@dataclass(frozen=True)
class Plan:
    """What a run does; everything but the threads and the device fixes its result."""

    total: int  # bytes to train on
    batch: int = 16384  # bytes a step
    seed: int = 1
    warmup: float = 0.02  # share of all bytes
    decay: float = 0.55  # share of all bytes over which the rate falls to nothing
    quantise_at: float = 0.75
    rate: float = 1.0  # factor on every learning rate

    def phases(self, widest: int) -> list[Phase]:
        """T grows from 128 to twice the widest window."""
        return [
            Phase(0.45, min(128, widest), Mode.FLOAT),
            Phase(self.quantise_at, min(256, widest), Mode.FLOAT),
            Phase(0.93, widest, Mode.FAKE),
            Phase(1.0, 2 * widest, Mode.FAKE),
        ]

    @property
    def steps(self) -> int:
        return max(1, self.total // self.batch)

    def factor(self, step: int) -> float:
        """Learning rate at ``step`` as a share of its peak: up, flat, down to zero."""
        done = step / self.steps
        return self.rate * min(
            1.0, (done + 1 / self.steps) / self.warmup, (1.0 - done) / self.decay
        )


def loss_of(network: Network, windows: torch.Tensor, mode: Mode) -> torch.Tensor:
    """Mean cross-entropy in nats a byte of (B, T) int64 windows."""
    logits = network(network.rows(windows), mode)
    return F.cross_entropy(logits.reshape(-1, 256), windows.reshape(-1))


@torch.no_grad()
def evaluate(
    network: Network, domains: list[corpus.Domain], mode: Mode, length: int, rows: int = 8
) -> dict[str, float]:
    """Bits per byte of held-out text, by domain, and their weighted mean under ``all``."""
    scores, total = {}, 0.0
    for i, domain in enumerate(domains):
        if len(domain.data) < length:
            continue
        windows = torch.from_numpy(corpus.batch([domain], rows, length, (0, i))).long()
        windows = windows.to(next(network.parameters()).device)
        scores[domain.name] = loss_of(network, windows, mode).item() / LN2
        total += domain.weight
    weights = {d.name: d.weight for d in domains}
    mean = sum(scores[n] * weights[n] for n in scores) / total if total else math.nan
    return {"all": mean, **scores}


class Trainer:
    """State of a run. ``step`` is the number of steps done; a checkpoint holds all of it."""

    def __init__(
        self, network: Network, plan: Plan, domains: list[corpus.Domain], device: str = "cpu"
    ) -> None:
        self.network, self.plan, self.domains = network.to(device), plan, domains
        self.device = torch.device(device)
        self.optimizers = optim.build(network)
        self.step = 0
        self.calibrated = False
        self.loss = math.nan  # smoothed bits per byte
        self.phases = plan.phases(max(network.config.windows))
        fast = self.device.type != "cpu" or _has_bf16()
        network.compute = torch.bfloat16 if fast else torch.float32
        self.compiled: Callable[..., torch.Tensor] = loss_of
        if os.environ.get("NNCOMP_COMPILE", "1") != "0":
            torch._dynamo.config.cache_size_limit = 64
            self.compiled = torch.compile(loss_of, dynamic=False)

    def phase(self) -> Phase:
        done = self.step / self.plan.steps
        return next((p for p in self.phases if done < p.until), self.phases[-1])

    def train_step(self) -> None:
        plan, phase = self.plan, self.phase()
        rows = max(1, plan.batch // phase.length)
        key = (plan.seed, self.step)
        windows = torch.from_numpy(corpus.batch(self.domains, rows, phase.length, key)).long()
        windows = windows.to(self.device)
        if phase.mode is Mode.FAKE and not self.calibrated:
            self.network.calibrate(windows)
            self.calibrated = True
        loss = self.compiled(self.network, windows, phase.mode)
        loss.backward()
        if phase.mode is Mode.FLOAT:  # clips do nothing yet, and Adam would amplify their noise
            for layer in self.network.layers:
                for clip in layer.clips.values():
                    clip.grad = None
        factor = plan.factor(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        bits = loss.item() / LN2
        if not math.isfinite(bits):
            raise FloatingPointError(f"the loss is not finite at step {self.step}")
        self.loss = bits if math.isnan(self.loss) else self.loss * 0.98 + bits * 0.02
        self.step += 1

    def save(self, path: Path) -> None:
        """Write a checkpoint, never leaving half of one."""
        state = {
            "network": self.network.state_dict(),
            "config": self.network.config.to_json(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "plan": vars(self.plan),
            "step": self.step,
            "calibrated": self.calibrated,
            "residual_unit": self.network.residual_unit,
            "loss": self.loss,
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.loss = state["step"], state["loss"]
        self.calibrated = state["calibrated"]
        self.network.residual_unit = state["residual_unit"]

    def run(
        self,
        checkpoint: Path | None = None,
        every: float = 120.0,
        report: Callable[[Trainer], None] | None = None,
    ) -> None:
        """Train to the end of the plan; checkpoints every ``every`` seconds and at the end."""
        saved = time.monotonic()
        while self.step < self.plan.steps:
            self.train_step()
            if report:
                report(self)
            if checkpoint and time.monotonic() - saved > every:
                self.save(checkpoint)
                saved = time.monotonic()
        if checkpoint:
            self.save(checkpoint)


def _has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware; emulated it is slower than float32."""
    try:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    except AttributeError:
        return False
