"""The training loop: steps, validation, checkpoints.

A run is fixed by its network, its plan and its text; ``Trainer`` holds its whole state, so a run
that was interrupted anywhere and restored from a checkpoint ends with the same weights (on a CPU,
with the same number of threads). Nothing is printed here: callers ask for reports.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import platform
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from nncomp import fileio
from nncomp.errors import NNCompError
from nncomp.train import data as corpus
from nncomp.train import distributed, known, optim
from nncomp.train.arithmetic import Mode
from nncomp.train.functions import path_logits
from nncomp.train.mixture import Mixer, ones_of
from nncomp.train.network import Network
from nncomp.train.plan import Phase, Plan, fitting
from nncomp.train.stage import Recording

LN2 = math.log(2)
POINTS = 200  # points of a curve, about
SAMPLE = 1 << 16  # bytes of text to calibrate with


class Point(NamedTuple):
    """A point of the curve: a row of the CSV file."""

    step: int
    bytes: int
    train_bpb: float  # smoothed bits per byte
    validation_bpb: float  # NaN where none was measured
    rate: float  # share of the peak rate
    mode: str
    seconds: float  # of training, over all sittings


class Batch(NamedTuple):
    """The text of a step."""

    data: np.ndarray  # (rows, T) uint8
    stage: np.ndarray | None  # (rows, T, 8) int8: the stage's predictions of it


class Best(NamedTuple):
    """The best validation so far, and the weights that it was measured with."""

    bpb: float
    misses: int  # validations since then
    weights: dict[str, torch.Tensor]


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
        data = corpus.batch([domain], rows, T, (0, i))
        logits = network.logits(data, mode).flatten(0, 1)
        wanted = torch.from_numpy(data.ravel()).to(device).long()
        scores[domain.name] = F.cross_entropy(logits, wanted).item() / LN2
    total = sum(domain.weight for domain in domains)
    mean = sum(scores[d.name] * d.weight for d in domains) / total if total else math.nan
    return {"all": mean, **scores}


class Trainer:
    """The state of a run at some step. In a distributed run, every process has its own ``Trainer``.

    ``network`` is trained in place, on ``device``. ``validation`` is text to validate with.
    ``precision`` of products is ``fp32``, ``bf16``, or ``auto``: see ``product_dtype``.
    ``recording`` is text with recorded predictions of the stage, for the loss beside the stage.
    Raises ``ValueError`` where plan, network and text do not fit together.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        domains: list[corpus.Domain],
        device: str = "cpu",
        validation: Sequence[corpus.Domain] = (),
        precision: str = "auto",
        recording: Recording | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.network, self.plan = network.to(self.device), plan
        self.domains, self.validation = domains, list(validation)
        self.recording = recording
        network.compute = product_dtype(self.device, precision)
        self.mixer = Mixer().to(self.device)
        self.optimizers = optim.build(network, self.mixer, decay=plan.weight_decay)
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
        """The sequence length, mode and loss of the next step."""
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
                try:
                    report(self)
                except OSError:  # a full disk must not cost what was learnt
                    if checkpoint:
                        self.save(checkpoint)
                    raise
            if checkpoint and time.monotonic() - saved > every:
                self.save(checkpoint)
                saved = time.monotonic()
        if checkpoint:
            self.save(checkpoint)
        return self.done

    def train_step(self) -> None:
        """One step of the plan."""
        network, plan, phase = self.network, self.plan, self.phase()
        if not network.chosen:
            known.choose(network, self.domains)
        batch = self._batch(phase)
        if phase.mode is Mode.FAKE and not network.calibrated:
            network.calibrate(self._sample())
            self.best = None  # validations before rounding do not compare with later ones
        elif phase.mode is Mode.FLOAT:
            network.calibrated = False

        factor, bits = plan.factor(self.step), torch.zeros((), device=self.device)
        rows = max(1, plan.part // phase.length) * distributed.world()
        for first in range(0, len(batch.data), rows):
            bits += self._part(batch, slice(first, first + rows), phase, factor)
        trained = [p for o in self.optimizers for g in o.param_groups for p in g["params"]]
        trained = [p for p in trained if p.grad is not None]
        distributed.add([*(p.grad for p in trained if p.grad is not None), bits])
        if plan.clip:
            torch.nn.utils.clip_grad_norm_(trained, plan.clip)
        optim.step(self.optimizers, factor)
        if phase.mode is Mode.FAKE:
            network.hold()
        self._smooth.lerp_(bits, max(0.02, 1 / (self.step + 1)))
        self.step += 1
        self._record(factor, phase.mode)

    def _part(self, batch: Batch, rows: slice, phase: Phase, factor: float) -> torch.Tensor:
        """Compute the gradients of some rows of a batch, and step the tables. Returns the share of
        this process in the batch's bits per byte."""
        network, size = self.network, batch.data.size
        mine = slice(rows.start + distributed.rank(), rows.stop, distributed.world())
        data = batch.data[mine]
        used = network.rows(data)
        x = network.sum(used, phase.mode).requires_grad_()
        logits, wanted = network(x, phase.mode), torch.from_numpy(data).to(self.device).long()
        if batch.stage is None:
            cost = alone = F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        else:
            ones = ones_of(wanted)
            bits = path_logits(logits, wanted)
            alone = F.binary_cross_entropy_with_logits(bits, ones, reduction="sum") / data.size
            mixed = self.mixer(bits, torch.from_numpy(batch.stage[mine]), ones)
            cost = alone.lerp(mixed, phase.mixed)
        (cost * (data.size / size)).backward()
        assert x.grad is not None
        count = len(batch.data[rows])
        used, gradient = distributed.joined(used, x.grad, count)
        network.update(used, gradient, size, factor, phase.mode)
        return alone.detach() * (data.size / size / LN2)

    def _batch(self, phase: Phase) -> Batch:
        """The text of this step, the same in all processes."""
        rows, key = max(1, self.plan.batch // phase.length), (self.plan.seed, self.step)
        if self.recording is None or not phase.mixed:
            return Batch(corpus.batch(self.domains, rows, phase.length, key), None)
        text = self.recording
        picks, starts = corpus.places(text.domains, rows, phase.length, key)
        data = corpus.windows([d.data for d in text.domains], picks, starts, phase.length)
        return Batch(data, corpus.windows(text.logits, picks, starts, phase.length))

    def _sample(self) -> np.ndarray:
        """The text to calibrate with: (rows, length) uint8."""
        length = self.phase().length
        return corpus.batch(self.domains, max(1, SAMPLE // length), length, (self.plan.seed,))

    def _record(self, factor: float, mode: Mode) -> None:
        """Add a point to the curve now and then, and validate when it is due."""
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
        """The trained network, ready to be exported; with the best weights if patience kept them.

        It is on the CPU, in float32. A network that was never rounded is calibrated here.
        """
        network = copy.deepcopy(self.network)
        if self.best is not None:
            network.load_state_dict(self.best.weights)
        network = network.cpu()
        network.compute = torch.float32
        if not network.calibrated:
            network.calibrate(self._sample())
        network.hold()
        return network

    # -- checkpoints ----------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write a checkpoint, never leaving half of one; the first process does."""
        state = {
            "config": self.network.config.to_json(),
            "plan": dataclasses.asdict(self.plan),
            "text": self._text,
            "network": self.network.state_dict(),
            "residual_unit": self.network.residual_unit,
            "weight_bits": self.network.weight_bits,
            "calibrated": self.network.calibrated,
            "chosen": self.network.chosen,
            "mixer": self.mixer.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
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
            if state["config"] != self.network.config.to_json():
                raise NNCompError(f"{path} is a checkpoint of a network of another shape")
            if changes and not extend:
                raise NNCompError(f"{path} is a checkpoint of another run: {'; '.join(changes)}")
            self._take(state, changes)
        except (OSError, MemoryError, NNCompError):
            raise
        except Exception as error:  # torch and pickle raise anything
            raise NNCompError(f"{path} is not a checkpoint: {error}".splitlines()[0]) from None
        return changes

    def _take(self, state: dict[str, Any], changes: list[str]) -> None:
        """Continue from what ``save`` wrote."""
        self.network.load_state_dict(state["network"])
        self.network.residual_unit = state["residual_unit"]
        self.network.calibrated, self.network.chosen = state["calibrated"], state["chosen"]
        self.mixer.load_state_dict(state["mixer"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        # What was best by another plan, or of another text, is not to be compared with what comes.
        self.best = None if changes or not state["best"] else Best(*state["best"])
        self.step, self.seconds = state["step"], state["seconds"]
        self._smooth = state["smooth"]
        self.curve = [Point(*point) for point in state["curve"]]

    @functools.cached_property
    def _text(self) -> list[tuple[str, int, float, int]]:
        """The name, size, weight and checksum of each domain."""
        recorded = self.recording.domains if self.recording else []
        every = (*self.domains, *recorded)
        return [(d.name, len(d.data), d.weight, zlib.crc32(d.data.data)) for d in every]

    def _changes(self, state: dict[str, Any]) -> list[str]:
        """How this run differs from that of a checkpoint, as messages."""
        ours, theirs = dataclasses.asdict(self.plan), state["plan"]
        keys = [key for key in ours if ours[key] != theirs.get(key, ours[key])]
        changes = [f"{key} is {ours[key]}, was {theirs[key]}" for key in keys]
        if self.network.weight_bits != state["weight_bits"]:
            changes.append("weights have other bits")
        return changes + (["the text has changed"] if self._text != state["text"] else [])


def product_dtype(device: torch.device, precision: str = "auto") -> torch.dtype:
    """The type of products for ``precision``: ``fp32``, ``bf16`` or ``auto``.

    With ``auto``, a GPU multiplies float32 with ten bits of mantissa (TF32), from now on and
    everywhere. Products are bound by memory there, so bfloat16 would gain nothing, and would lose
    the low bits of a rounded network's sums.
    """
    if precision == "auto" and device.type != "cpu":
        torch.set_float32_matmul_precision("high")
        return torch.float32
    if precision == "auto":
        precision = "bf16" if _has_bf16() else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 faster than float32.

    Intel's CPUs do so only with AMX tiles (without, 84 against 140 GFLOPS on a core of the fourth
    Xeon generation), AMD's with AVX-512. Emulated, bfloat16 is slower everywhere.
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
