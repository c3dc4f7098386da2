"""Helpers of ``nncomp train``: its options and their TOML file, shapes, the bar and the curve."""

from __future__ import annotations

import csv
import dataclasses
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nncomp.cli.parameters import Number, byte_size
from nncomp.cli.report import open_bar, say
from nncomp.errors import ModelError, NNCompError

if TYPE_CHECKING:
    from nncomp.network import ModelConfig
    from nncomp.train.loop import Trainer

__all__ = [
    "MB",
    "PATHS",
    "PLAN",
    "SHAPE",
    "Reporter",
    "config_file",
    "notes",
    "pairs",
    "require_torch",
    "resized",
    "share",
    "write_curve",
]

MB = 1_000_000
PATHS = "paths"  # key of the configuration file for the training files, which have no option
LINE_EVERY = 10.0  # seconds between two lines if there is no terminal
BAR_EVERY = 0.2  # seconds between two updates of the bar


def require_torch(what: str) -> None:
    """Raise ``NNCompError`` where there is no torch."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise NNCompError(f"{what} needs torch: pip install torch safetensors") from None


def share(text: str) -> float:
    """A share, relative to others: 0 or more. Raises ``ValueError``."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def pairs(convert: Callable[[str], Any]) -> Callable[..., dict[str, Any]]:
    """A callback for a repeated option NAME=VALUE."""

    def callback(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> Any:
        found = {}
        for item in value:
            name, equals, text = item.partition("=")
            try:
                found[name] = convert(text)
            except ValueError:
                equals = ""
            if not (name and equals):
                raise click.BadParameter(f"{item!r} is not {param.make_metavar(ctx)}")
        return found

    return callback


def notes(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> dict[str, str]:
    """A callback for notes: their keys become those of a model file."""
    from nncomp.model import NOTE

    return {NOTE + key: text for key, text in pairs(str)(ctx, param, value).items()}


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(":")]


def _layers(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    from nncomp.network.layers import from_numbers

    try:
        words = [word.partition(":") for word in value.split(",")]
        return tuple(from_numbers(kind, _numbers(rest) if rest else []) for kind, _, rest in words)
    except (ValueError, ModelError) as error:
        like = "layers look like attention:4:32:128,feed_forward:384"
        message = f"{like}: {error}" if isinstance(error, ModelError) else like
        raise click.BadParameter(message) from None


def _tables(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> Any:
    from nncomp.network import Table

    if list(value) == ["none"]:
        return ()
    try:
        tables = []
        for item in value:
            context, _, rest = item.partition(":")
            log2_rows, width, first, ways = _numbers(rest)
            tables.append(Table(context, log2_rows, width, first, ways))
        return tuple(tables) or None
    except ValueError:
        raise click.BadParameter("tables look like 3:13:32:32:0, or none") from None


def _lengths(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> Any:
    try:
        items = [item.split(":") for item in value]
        return tuple((float(until), int(length)) for until, length in items)
    except ValueError:
        raise click.BadParameter("lengths look like 0.5:128") from None


_SHARE = Number(0, 1)
_POSITIVE = Number(0)

SHAPE = [
    click.option("--d-model", type=int, help="Width of the residual stream."),
    click.option("--layers", metavar="KIND:N:...,...", callback=_layers,
                 help="All layers, in their order: attention:HEADS:WIDTH:WINDOW or "
                 "feed_forward:WIDTH."),
    click.option("--table", "tables", multiple=True, callback=_tables,
                 metavar="CONTEXT:LOG2ROWS:WIDTH:FIRST:WAYS",
                 help="A table of contexts, WIDTH channels from FIRST; WAYS is 0 where rows are "
                 "hashed, 8 where contexts are known. Repeatable, or none."),
]  # fmt: skip

PLAN = [
    click.option("--megabytes", type=Number(0, 1e12), default=50.0, show_default=True,
                 help="Training text to see, in MB."),
    click.option("--batch", type=byte_size, default="4KiB", show_default=True,
                 metavar="SIZE", help="Bytes a step."),
    click.option("--part", type=byte_size, default="2KiB", show_default=True, metavar="SIZE",
                 help="Bytes at a time, and a step of the tables."),
    click.option("--rate", type=_POSITIVE, default=1.0, show_default=True,
                 help="Factor on the learning rates."),
    click.option("--warmup", type=_SHARE, default=0.02, show_default=True,
                 help="Share of the run in which the rate rises."),
    click.option("--decay", type=_SHARE, default=0.7, show_default=True,
                 help="Share of the run in which it falls."),
    click.option("--quantise-at", type=_SHARE, default=0.75, show_default=True,
                 help="Share of the run from which the network is rounded."),
    click.option("--mixed", type=_SHARE, default=0.5, show_default=True,
                 help="With --stage: share of the cost beside the stage in what is minimised."),
    click.option("--mixed-from", type=_SHARE, default=0.5, show_default=True,
                 help="Share of the run from which it counts."),
    click.option("--length", "lengths", multiple=True, callback=_lengths, metavar="UNTIL:BYTES",
                 help="Sequences until that share of the run; repeatable. Default: 128, 256, then "
                 "512 bytes or twice the widest window."),
    click.option("--weight-decay", type=_POSITIVE, default=0.01, show_default=True,
                 help="Of the matrices in layers."),
    click.option("--clip", type=_POSITIVE, default=0.1, show_default=True,
                 help="Largest norm of the gradient; 0 for any."),
    click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True),
    click.option("--validate-every", type=click.IntRange(0), default=0, metavar="STEPS",
                 help="Validate while training."),
    click.option("--patience", type=click.IntRange(0), default=0, metavar="N",
                 help="Stop after N validations without a better one, and keep the best."),
]  # fmt: skip


def config_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    """Take what the command line does not say from a TOML file: keys are the options' names."""
    if value is None:
        return
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        entries = tomllib.loads(value.read_text("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{value}: {error}") from None
    known = {
        name.lstrip("-"): option
        for option in ctx.command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
    found: dict[str, Any] = {}
    for key, entry in entries.items():
        option = known.get(key.replace("_", "-"))
        if key == PATHS and isinstance(entry, list):
            ctx.meta[PATHS] = tuple(Path(str(path)) for path in entry)
        elif option is None or option.name is None or option.name == param.name:
            raise click.BadParameter(f"{value}: there is no option --{key}")
        elif isinstance(entry, dict) and not option.multiple:
            raise click.BadParameter(f"{value}: {key} is no table")
        else:
            found[option.name] = _words(entry, option.multiple)
    ctx.default_map = found


def _words(entry: Any, multiple: bool) -> Any:
    """An entry of the configuration file as it would be written on the command line."""
    if isinstance(entry, dict):
        return [f"{key}={value}" for key, value in entry.items()]
    if isinstance(entry, list):
        words = [str(item) for item in entry]
        return words if multiple else ",".join(words)
    return [str(entry)] if multiple else entry if isinstance(entry, bool) else str(entry)


def resized(config: ModelConfig, values: dict[str, Any]) -> ModelConfig:
    """``config`` with the dimensions that options ask for. Raises ``ModelError``."""
    names = [field.name for field in dataclasses.fields(config)]
    return dataclasses.replace(config, **{n: values[n] for n in names if values.get(n) is not None})


def write_curve(place: str, trainer: Trainer) -> None:
    """The curve so far as CSV: a row for each point."""
    with Path(place).open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow("step bytes train_bpb validation_bpb rate mode seconds".split())
        for p in trainer.curve:
            validation = "" if p.validation_bpb != p.validation_bpb else f"{p.validation_bpb:.6f}"
            rows.writerow([p.step, p.bytes, f"{p.train_bpb:.6f}", validation, f"{p.rate:.6f}",
                           p.mode, f"{p.seconds:.2f}"])  # fmt: skip


class Reporter:
    """Shows the progress of training, as a bar on a terminal or else as lines, and writes the
    curve."""

    def __init__(self, trainer: Trainer, table: str | None, quiet: bool) -> None:
        self.table, self.quiet = table, quiet
        self.begin, self.first = time.monotonic(), trainer.step
        self.shown = 0.0
        self.points = 0
        self.bar = open_bar(
            not quiet,
            leave=True,
            total=trainer.plan.steps * trainer.plan.batch,
            initial=trainer.step * trainer.plan.batch,
            unit="B",
            unit_scale=True,
        )

    def __call__(self, trainer: Trainer) -> None:
        now = time.monotonic()
        wait = LINE_EVERY if self.bar is None else BAR_EVERY
        if now - self.shown >= wait or trainer.done:
            self.shown = now
            self._show(trainer, now)
        if self.table and len(trainer.curve) > self.points:
            self.points = len(trainer.curve)
            write_curve(self.table, trainer)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()

    def _show(self, trainer: Trainer, now: float) -> None:
        if self.quiet:
            return
        plan, phase = trainer.plan, trainer.phase()
        measured = [p.validation_bpb for p in trainer.curve if p.validation_bpb == p.validation_bpb]
        text = f"{trainer.loss:.4f} bits/byte"
        text += f", validation {measured[-1]:.4f}" if measured else ""
        text += f", T={phase.length} {phase.mode.name.lower()}"
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(trainer.step * plan.batch - self.bar.n)
            return
        speed = (trainer.step - self.first) * plan.batch / max(now - self.begin, 1e-9)
        left = (plan.steps - trainer.step) * plan.batch / max(speed, 1e-9)
        say(f"step {trainer.step}/{plan.steps}  {text}  {speed / 1000:.1f} KB/s  "
            f"ETA {left / 60:.0f} min")  # fmt: skip
