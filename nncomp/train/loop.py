"""The training loop: steps, validation, checkpoints.

A run is fixed by its network, its plan and its text; ``Trainer`` holds its whole state, so a run
that was interrupted anywhere and restored from a checkpoint ends with the same weights (on a CPU,
with the same number of threads). Nothing is printed here: callers ask for reports.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from nncomp import fileio
from nncomp.errors import NNCompError
from nncomp.train import data as corpus
from nncomp.train import distributed, optim
from nncomp.train.arithmetic import Mode
from nncomp.train.network import Network
from nncomp.train.plan import Phase, Plan, fitting

LN2 = math.log(2)
POINTS = 200  # of a curve
COMPILE_FROM = 16_000_000  # bytes of a run: below, compiling takes longer than it saves


class Point(NamedTuple):
    """A point of the curve: a row of the CSV file."""

    step: int
    bytes: int
    train_bpb: float  # smoothed bits per byte
    validation_bpb: float  # NaN where none was measured
    rate: float  # share of the peak rate
    mode: str
    seconds: float  # of training, over all sittings


class Best(NamedTuple):
    """The best validation so far, and the weights that it was measured with."""

    bpb: float
    misses: int  # validations since then
    weights: dict[str, torch.Tensor]


def loss_of(network: Network, windows: torch.Tensor, mode: Mode) -> torch.Tensor:
    """Mean cross-entropy in nats a byte of (B, T) int64 windows."""
    logits = network(network.rows(windows), mode)
    return F.cross_entropy(logits.reshape(-1, 256), windows.reshape(-1))


@torch.no_grad()
def evaluate(
    network: Network, domains: list[corpus.Domain], mode: Mode, length: int, size: int = 8192
) -> dict[str, float]:
    """Bits per byte of text, by domain, and their weighted mean under ``all`` (NaN if no text).

    ``size`` bytes of each domain, always the same ones, are read in sequences of ``length``, or as
    long as the domain allows.
    """
    device = network.head.device
    scores = {}
    for i, domain in enumerate(domains):
        T = fitting(min(length, len(domain.data)), network.config.windows)
        rows = max(1, min(size, len(domain.data)) // T)
        windows = torch.from_numpy(corpus.batch([domain], rows, T, (0, i)))
        scores[domain.name] = loss_of(network, windows.to(device).long(), mode).item() / LN2
    total = sum(domain.weight for domain in domains)
    mean = sum(scores[d.name] * d.weight for d in domains) / total if total else math.nan
    return {"all": mean, **scores}


class Trainer:
    """A run at some step. In a distributed one, every process has a ``Trainer`` of its own.

    ``network`` is trained in place, on ``device``. ``validation`` is text to validate with;
    ``precision`` of products is ``fp32``, ``bf16``, or ``auto``: bf16 where that is faster;
    ``compiled``: whether torch compiles the step, by default where a run is long enough for it.
    ``calibrated`` says that the network's activation clips are good, as those of trained ones are.
    Raises ``ValueError`` where plan, network and text do not fit.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        domains: list[corpus.Domain],
        device: str = "cpu",
        validation: Sequence[corpus.Domain] = (),
        precision: str = "auto",
        compiled: bool | None = None,
        calibrated: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.network, self.plan = network.to(self.device), plan
        self.domains, self.validation = domains, list(validation)
        network.compute = product_dtype(self.device, precision)
        self.optimizers = optim.build(network)
        self.calibrated = calibrated
        self.step = 0  # steps done
        self.seconds = 0.0  # of training
        self.curve: list[Point] = []
        self.best: Best | None = None
        self._smooth = torch.zeros((), device=self.device)
        longest = plan.longest(network.config.windows)
        if max(len(domain.data) for domain in domains) < longest:
            raise ValueError(f"there is too little text: no domain has {longest} bytes in a row")
        if plan.batch // longest < distributed.world():
            raise ValueError(f"a batch of {plan.batch} bytes has too few sequences of {longest}")
        if plan.validate_every and not self.validation:
            raise ValueError("there is no text to validate with")
        self._loss: Callable[..., torch.Tensor] = loss_of
        if compiled or (compiled is None and plan.total >= COMPILE_FROM):
            torch._dynamo.config.cache_size_limit = 64
            self._loss = torch.compile(loss_of, dynamic=False)

    @property
    def loss(self) -> float:
        """Smoothed bits per byte of the training text; raises ``NNCompError`` if not finite."""
        bits = self._smooth.item()
        if not math.isfinite(bits):
            raise NNCompError(f"training diverged before step {self.step}: try a lower rate")
        return bits

    @property
    def done(self) -> bool:
        """Whether the plan is fulfilled, or patience at its end."""
        out_of_patience = self.best is not None and self.best.misses >= self.plan.patience > 0
        return self.step >= self.plan.steps or out_of_patience

    def phase(self) -> Phase:
        """What the next step is like."""
        return self.plan.phase(self.step, self.network.config.windows)

    # -- training -------------------------------------------------------------------------------

    def run(
        self,
        checkpoint: Path | None = None,
        every: float = 120.0,
        report: Callable[[Trainer], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train until the plan is done, or ``stop()``: it is asked between steps.

        ``report`` is called after each step; a checkpoint is written every ``every`` seconds and at
        the end. Returns whether the plan is done.
        """
        saved = time.monotonic()
        while not self.done and not distributed.any_of(stop(), self.device):
            begin = time.monotonic()
            self.train_step()
            self.seconds += time.monotonic() - begin
            if report:
                report(self)
            if checkpoint and time.monotonic() - saved > every:
                self.save(checkpoint)
                saved = time.monotonic()
        if checkpoint:
            self.save(checkpoint)
        return self.done

    def train_step(self) -> None:
        """One step of the plan."""
        network, plan, phase = self.network, self.plan, self.phase()
        windows = self._windows(phase.length)
        if phase.mode is Mode.FAKE and not self.calibrated:
            network.calibrate(windows.long())
            self.calibrated, self.best = True, None  # a new network, in a way

        mine = windows[distributed.rank() :: distributed.world()]
        share = len(mine) / len(windows)
        loss = self._loss(network, mine.long(), phase.mode)
        (loss * share).backward()
        if phase.mode is Mode.FLOAT:
            self.calibrated = False
            network.drop_clip_gradients()
        bits = loss.detach().float() * (share / LN2)
        trained = [p for p in network.parameters() if p.grad is not None]
        distributed.add([*(p.grad for p in trained if p.grad is not None), bits])
        if plan.clip:
            torch.nn.utils.clip_grad_norm_(trained, plan.clip)

        factor = plan.factor(self.step)
        optim.step(self.optimizers, factor)
        if phase.mode is Mode.FAKE:
            network.hold()
        self._smooth.lerp_(bits, max(0.02, 1 / (self.step + 1)))
        self.step += 1
        self._record(factor, phase.mode)

    def _windows(self, length: int) -> torch.Tensor:
        """The whole batch of this step: (rows, length) uint8."""
        rows = max(1, self.plan.batch // length)
        batch = corpus.batch(self.domains, rows, length, (self.plan.seed, self.step))
        return torch.from_numpy(batch).to(self.device)

    def _record(self, factor: float, mode: Mode) -> None:
        """A point of the curve now and then, and a validation when it is due."""
        plan, bpb = self.plan, math.nan
        last = self.step == plan.steps
        if plan.validate_every and (self.step % plan.validate_every == 0 or last):
            bpb = self._validate(mode)
        if not math.isnan(bpb) or last or self.step % max(1, plan.steps // POINTS) == 0:
            done = self.step * plan.batch
            point = Point(self.step, done, self.loss, bpb, factor, mode.name.lower(), self.seconds)
            self.curve.append(point)

    def _validate(self, mode: Mode) -> float:
        """Bits per byte of the validation text; keeps what early stopping needs."""
        bpb = math.nan
        if distributed.rank() == 0:
            bpb = evaluate(self.network, self.validation, mode, self.phase().length)["all"]
        bpb = distributed.first(bpb, self.device)
        if self.plan.patience:
            if self.best is None or bpb < self.best.bpb:
                self.best = Best(bpb, 0, copy.deepcopy(self.network.state_dict()))
            else:
                self.best = self.best._replace(misses=self.best.misses + 1)
        return bpb

    # -- results --------------------------------------------------------------------------------

    def result(self) -> Network:
        """What the run has found, ready to be exported: the best weights where patience kept them.

        On the CPU, in float32. A network that was never rounded is calibrated here.
        """
        network = copy.deepcopy(self.network)
        if self.best is not None:
            network.load_state_dict(self.best.weights)
        network = network.cpu()
        network.compute = torch.float32
        if not self.calibrated:
            network.calibrate(self._windows(self.phase().length).cpu().long())
        network.hold()
        return network

    # -- checkpoints ----------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write a checkpoint, never leaving half of one; the first process does."""
        state = {
            "config": self.network.config.to_json(),
            "plan": dataclasses.asdict(self.plan),
            "text": [(d.name, len(d.data), d.weight) for d in self.domains],
            "network": self.network.state_dict(),
            "residual_unit": self.network.residual_unit,
            "weight_bits": self.network.weight_bits,
            "optimizers": [o.state_dict() for o in self.optimizers],
            "calibrated": self.calibrated,
            "best": self.best and tuple(self.best),
            "step": self.step,
            "seconds": self.seconds,
            "smooth": self._smooth,
            "curve": [tuple(point) for point in self.curve],
        }
        assert math.isfinite(self.loss)  # or it raises: nobody wants to continue from there
        if distributed.rank() == 0:
            with fileio.replacing(str(path)) as temporary:
                torch.save(state, temporary)

    def restore(self, path: Path, extend: bool = False) -> list[str]:
        """Continue from a checkpoint of the same network, plan and text.

        With ``extend``, plan and text may be others from here on; what has changed is returned, in
        words. Raises ``NNCompError`` where something differs, and for what is no checkpoint.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            changes = self._changes(state)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # torch and pickle raise anything
            raise NNCompError(f"{path} is not a checkpoint: {error}".splitlines()[0]) from None
        if state["config"] != self.network.config.to_json():
            raise NNCompError(f"{path} is a checkpoint of a network of another shape")
        if changes and not extend:
            raise NNCompError(f"{path} is a checkpoint of another run: {'; '.join(changes)}")
        self.network.load_state_dict(state["network"])
        self.network.residual_unit = state["residual_unit"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.calibrated = state["calibrated"]
        self.best = state["best"] and Best(*state["best"])
        self.step, self.seconds = state["step"], state["seconds"]
        self._smooth = state["smooth"]
        self.curve = [Point(*point) for point in state["curve"]]
        return changes

    def _changes(self, state: dict[str, Any]) -> list[str]:
        """How this run differs from that of a checkpoint."""
        ours, theirs = dataclasses.asdict(self.plan), state["plan"]
        keys = [key for key in ours if ours[key] != theirs[key]]
        changes = [f"{key} is {ours[key]}, was {theirs[key]}" for key in keys]
        if self.network.weight_bits != state["weight_bits"]:
            changes.append("weights have other bits")
        text = [(d.name, len(d.data), d.weight) for d in self.domains]
        return changes + (["the text has changed"] if text != state["text"] else [])


def product_dtype(device: torch.device, precision: str = "auto") -> torch.dtype:
    """What products are computed in for ``fp32``, ``bf16``, or ``auto``, as ``Trainer`` has it."""
    if precision == "auto":
        precision = "bf16" if device.type != "cpu" or _has_bf16() else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 faster than float32.

    Intel's do with tiles alone (without, 84 against 140 GFLOPS on a core of the fourth Xeon
    generation), AMD's with AVX-512; emulated it is slower everywhere.
    """
    try:
        if torch.cpu._is_amx_tile_supported():
            return True
        return bool(torch.cpu._is_avx512_bf16_supported()) and not _is_intel()
    except AttributeError:
        return False


def _is_intel() -> bool:
    try:
        vendor = Path("/proc/cpuinfo").read_text().partition("model name")[0]
    except OSError:
        vendor = platform.processor()
    return "GenuineIntel" in vendor
