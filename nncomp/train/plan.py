"""The plan of a training run: its length, and the schedules of rate, mode and sequence length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nncomp.train.arithmetic import Mode

STEP = 64  # sequence lengths are multiples of this, as windows are


@dataclass(frozen=True)
class Phase:
    """The settings of one step."""

    length: int  # bytes of a sequence
    mode: Mode
    mixed: float = 0.0  # share in the loss of the cost together with the adaptive stage


@dataclass(frozen=True)
class Plan:
    """The plan of a run: together with the text, the threads and the device it fixes the result.

    Short sequences and floating point come first; in the last quarter the network is rounded
    (``Mode.FAKE``), and it sees long sequences at the end. If the adaptive stage's predictions of
    the text are recorded, half of the loss in the second half is the cost of network and stage
    together; by then the network alone has less to learn. Raises ``ValueError``.
    """

    total: int  # bytes to train on
    batch: int = 4096  # bytes a step
    part: int = 2048  # bytes of a part, per process; tables are updated after each part
    seed: int = 1
    rate: float = 1.0  # factor on every learning rate
    warmup: float = 0.02  # share of all bytes over which the rate rises
    decay: float = 0.7  # share of all bytes over which the rate falls to nothing
    quantise_at: float = 0.75  # share of all bytes after which the network is rounded
    mixed: float = 0.5  # share in the loss of the cost together with the stage
    mixed_from: float = 0.5  # share of all bytes after which that cost counts
    lengths: tuple[tuple[float, int], ...] = ()  # (until this share, bytes); () for the usual ones
    weight_decay: float = 0.01  # of matrices in layers, at a rate of 1: see Muon
    clip: float = 0.1  # largest norm of the gradient; 0 for any
    validate_every: int = 0  # steps; 0 for never
    patience: int = 0  # validations without a better one after which to stop; 0 for never

    def __post_init__(self) -> None:
        for name in ("warmup", "decay", "quantise_at", "mixed", "mixed_from"):
            _require(0 <= getattr(self, name) <= 1, f"{name} is not between 0 and 1")
        for name in ("total", "rate", "weight_decay", "clip"):
            _require(getattr(self, name) >= 0, f"{name} is negative")
        for name in ("batch", "part"):
            _require(getattr(self, name) >= STEP, f"a {name} is at least {STEP} bytes")
        _require(not self.patience or self.validate_every > 0, "patience needs validate_every")
        shares = [share for share, _ in self.lengths]
        _require(all(0 <= share <= 1 for share in shares), "a share is not between 0 and 1")
        _require(shares == sorted(shares), "the shares of lengths do not rise")
        _require(all(length >= 1 for _, length in self.lengths), "a length is not positive")

    @property
    def steps(self) -> int:
        """Steps of the whole run, at least one."""
        return max(1, self.total // self.batch)

    def phase(self, step: int, windows: Sequence[int]) -> Phase:
        """The settings of step number ``step``, from 0, for a network with these windows."""
        lengths = self._lengths(windows)
        done = step / self.steps
        length = next((length for until, length in lengths if done < until), lengths[-1][1])
        mode = Mode.FLOAT if done < self.quantise_at else Mode.FAKE
        mixed = self.mixed if done >= self.mixed_from else 0.0
        return Phase(fitting(length, windows), mode, mixed)

    def longest(self, windows: Sequence[int]) -> int:
        """The bytes of the longest sequence in any phase."""
        return max(fitting(length, windows) for _, length in self._lengths(windows))

    def _lengths(self, windows: Sequence[int]) -> tuple[tuple[float, int], ...]:
        longest = max(512, 2 * max(windows, default=0))
        return self.lengths or ((0.5, 128), (0.85, 256), (1.0, longest))

    def factor(self, step: int) -> float:
        """Learning rate at ``step`` as a share of its peak: up, flat, down to zero."""
        done, one = step / self.steps, 1 / self.steps
        up, down = (done + one) / max(self.warmup, one), (1 - done) / max(self.decay, one)
        return self.rate * min(1.0, up, down)


def fitting(length: int, windows: Sequence[int]) -> int:
    """The longest sequence of at most ``length`` ≥ 1 bytes that every window divides or covers.

    Raises ``ValueError`` for windows that do not divide the widest of them: only the shortest
    sequences would fit these.
    """
    if not windows:
        return length
    if any(max(windows) % window for window in windows):
        raise ValueError("to be trained, every window has to divide the widest one")
    if length <= min(windows):
        return length
    lengths = range(length - length % STEP, 0, -STEP)
    return next(n for n in lengths if all(n <= window or n % window == 0 for window in windows))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
