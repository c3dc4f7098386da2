"""``nncomp train``: from files to a model."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.train.loop import Trainer

MB = 1_000_000


def _weights(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, float]:
    weights = {}
    for item in value:
        name, _, number = item.partition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            raise click.BadParameter(f"{item!r} is not NAME=NUMBER") from None
    return weights


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The model.")
@click.option(
    "--preset", default="nano", type=click.Choice(["tiny", "nano", "small"]), show_default=True
)
@click.option("--name", help="Name inside the model file; default: its stem.")
@click.option("--megabytes", default=50.0, show_default=True, help="Training text to see, in MB.")
@click.option("--batch", default=16384, show_default=True, help="Bytes a step.")
@click.option("--weight", "weights", multiple=True, callback=_weights, metavar="DOMAIN=W",
              help="Share of a domain (a folder's name, or folder/file).")  # fmt: skip
@click.option(
    "--init", type=click.Path(exists=True, path_type=Path), help="Master weights to continue."
)
@click.option("--rate", default=1.0, show_default=True, help="Factor on the learning rates.")
@click.option("--seed", default=1, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="A torch device.")
@click.option("-T", "--threads", default=0, help="CPU threads; 0 = all.")
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="Resume from here, and save here."
)
@click.option(
    "--master", type=click.Path(path_type=Path), help="Also write half-precision weights."
)
@click.option("-q", "--quiet", is_flag=True)
def train(
    paths: tuple[Path, ...],
    output: Path,
    preset: str,
    name: str | None,
    megabytes: float,
    batch: int,
    weights: dict[str, float],
    init: Path | None,
    rate: float,
    seed: int,
    device: str,
    threads: int,
    checkpoint: Path | None,
    master: Path | None,
    quiet: bool,
) -> None:
    """Train a model on FILES or folders, and write it for the integer engine."""
    try:
        import torch
    except ImportError:
        raise NNCompError("training needs torch: pip install 'nncomp[torch]'") from None
    from nncomp import model as models
    from nncomp.train import data, export, loop
    from nncomp.train.network import Mode, Network
    from nncomp.train.presets import PRESETS

    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    domains, held = data.load(paths, weights)
    network = export.load_master(init) if init else Network(PRESETS[preset])
    plan = loop.Plan(total=int(megabytes * MB), batch=batch, seed=seed, rate=rate)
    trainer = loop.Trainer(network, plan, domains, device)
    if checkpoint and checkpoint.exists():
        trainer.restore(checkpoint)
    if not quiet:
        seen = sum(len(d.data) for d in domains)
        click.echo(
            f"{network.config.parameters:,} weights in products, {seen / MB:.1f} MB of text, "
            f"{plan.steps} steps from {trainer.step}", err=True,
        )  # fmt: skip

    reporter = None if quiet else _Reporter(output.with_suffix(".csv"))
    trainer.run(checkpoint, report=reporter)

    # Two gaps: what rounding costs the twin, and whether the integers are the twin's.
    length = 2 * max(network.config.windows)
    twin = network.to("cpu")
    twin.compute = torch.float32
    twin.fit()
    plain = loop.evaluate(twin, held, Mode.FLOAT, length)
    fake = loop.evaluate(twin, held, Mode.FAKE, length)
    exact = loop.evaluate(twin.double(), held, Mode.EXACT, length)
    model = export.to_model(twin.float(), name or output.stem)
    output.write_bytes(models.dumps(model))
    if master:
        export.save_master(twin, master)
    if not quiet:
        click.echo("held-out bits/byte        float     fake  integer", err=True)
        for key in plain:
            click.echo(f"{key:24} {plain[key]:7.4f}  {fake[key]:7.4f}  {exact[key]:7.4f}", err=True)
        click.echo(
            f"{output}: {model.stored_size:,} bytes, id {model.id.hex()}; rounding "
            f"{fake['all'] - plain['all']:+.4f}, integers {exact['all'] - fake['all']:+.4f}",
            err=True,
        )


class _Reporter:
    """A line now and then on stderr, and the curve as CSV beside the model."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a", newline="")
        self.rows: Any = csv.writer(self.file)
        self.start: tuple[float, int] | None = None
        self.shown = 0.0

    def __call__(self, trainer: Trainer) -> None:
        now = time.monotonic()
        if self.start is None:
            self.start = (now, trainer.step)
        if now - self.shown < 10 and trainer.step < trainer.plan.steps:
            return
        self.shown = now
        done = (trainer.step - self.start[1]) * trainer.plan.batch
        speed = done / max(now - self.start[0], 1e-9)
        left = (trainer.plan.steps - trainer.step) * trainer.plan.batch / max(speed, 1e-9)
        self.rows.writerow([trainer.step * trainer.plan.batch, f"{trainer.loss:.4f}"])
        self.file.flush()
        phase = trainer.phase()
        print(
            f"step {trainer.step}/{trainer.plan.steps}  {trainer.loss:.4f} bits/byte  "
            f"T={phase.length} {phase.mode.name.lower()}  {speed / 1000:.1f} KB/s  "
            f"ETA {left / 60:.0f} min",
            file=sys.stderr,
            flush=True,
        )
