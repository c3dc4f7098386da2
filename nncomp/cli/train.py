"""``nncomp train``: trains a model on files."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nncomp import fileio
from nncomp.arguments import MAX_THREADS
from nncomp.cli import inputs, signals, training
from nncomp.cli.parameters import Number, Output, device_option, in_order
from nncomp.cli.report import printable, say
from nncomp.cli.training import MB
from nncomp.errors import NNCompError
from nncomp.folder import exists

if TYPE_CHECKING:
    from nncomp.train.data import Domain, Split
    from nncomp.train.loop import Trainer
    from nncomp.train.network import Network
    from nncomp.train.plan import Plan
    from nncomp.train.stage import Recording

__all__ = ["train"]

_FILE = Output(dir_okay=False, path_type=Path)


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1,
                type=click.Path(readable=False, path_type=Path))  # fmt: skip
@click.option("-o", "--output", required=True, type=_FILE, help="The model to write.")
@click.option("-f", "--force", is_flag=True, help="Overwrite.")
@click.option("--config", type=click.Path(readable=False, path_type=Path),
              is_eager=True, expose_value=False, callback=training.config_file,
              help="TOML file with any of these options; the command line goes first.")  # fmt: skip
@click.option("--name", help="Name inside the model file; default: its stem.")
@click.option("--note", "notes", multiple=True, metavar="KEY=TEXT", callback=training.notes,
              help="Text to keep in the model file; repeatable.")  # fmt: skip
@click.option("--weight", "weights", multiple=True, metavar="DOMAIN=W",
              callback=training.pairs(training.share),
              help="Share of a domain (a folder's name, or folder/file); repeatable.")  # fmt: skip
@click.option("--validation", type=Number(0, 0.5), default=0.02, show_default=True,
              help="Share of the text to validate with.")  # fmt: skip
@click.option("--test", type=Number(0, 0.5), default=0.0, show_default=True,
              help="Share of the text to test with at the end.")  # fmt: skip
@click.option("--preset",
              type=click.Choice("tiny nano small base large nano-2 small-2 base-2".split()),
              help="Shape of the network; nano by default, or that of --init.")  # fmt: skip
@click.option("--init", metavar="MODEL|FILE",
              help="Continue from a model or from master weights, in another shape where --preset, "
              "--layers or --table say so.")  # fmt: skip
@click.option("--weight-bits", "bits", multiple=True, metavar="PART=BITS",
              callback=training.pairs(int),
              help="Of integer weights in layers, head, embed or tables, 4 to 8: 8 by default; "
              "repeatable."
              )  # fmt: skip
@click.option("--coarse", "uses", type=Number(0), default=0.0, metavar="USES",
              help="Round rows of tables as coarsely as pays, in the end: where the packed model "
              "saves more than coding the training text so often costs; 0 (default): not at all."
              )  # fmt: skip
@click.option("--stage", type=Output(file_okay=False, path_type=Path), metavar="DIR",
              help="Train beside the adaptive stage: what it predicts of the text is recorded "
              "there, 8 bytes a byte.")  # fmt: skip
@click.option("--stage-share", type=Number(0, 1, min_open=True), default=1.0,
              show_default=True, help="Share of the text that is recorded.")  # fmt: skip
@in_order(training.SHAPE, training.PLAN)
@device_option("Where to train.", show_default=True)
@click.option("-T", "--threads", type=click.IntRange(0, MAX_THREADS), default=0,
              help="CPU threads; 0 (default) = all.")  # fmt: skip
@click.option("--precision", type=click.Choice(["auto", "bf16", "fp32"]), default="auto",
              show_default=True, help="Of products; auto: what is fastest (see docs/training.md)."
              )  # fmt: skip
@click.option("--checkpoint", type=_FILE,
              help="Resume from here, save here, and keep it. Default: the output's name with "
              ".ckpt, removed at the end.")  # fmt: skip
@click.option("--checkpoint-every", type=Number(0), default=120.0, show_default=True,
              metavar="SECONDS")  # fmt: skip
@click.option("--extend", is_flag=True, help="Resume although plan or text have changed.")
@click.option("--master", type=_FILE, help="Also write half-precision weights, for --init.")
@click.option("--csv", "table", type=_FILE, help="Write the curve there.")
@click.option("--plot", type=_FILE, help="Draw the curve there.")
@click.option("-q", "--quiet", is_flag=True, help="No bar, no figures.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    output: Path,
    force: bool,
    name: str | None,
    notes: dict[str, str],
    weights: dict[str, float],
    validation: float,
    test: float,
    preset: str | None,
    init: str | None,
    bits: dict[str, int],
    uses: float,
    stage: Path | None,
    stage_share: float,
    device: str,
    threads: int,
    precision: str,
    checkpoint: Path | None,
    checkpoint_every: float,
    extend: bool,
    master: Path | None,
    table: Path | None,
    plot: Path | None,
    quiet: bool,
    **shape_and_plan: Any,
) -> int:
    """Train a model on files and folders, and write it for the integer engine.

    Interrupted, it leaves a checkpoint, and the same command continues. Under torchrun, all
    processes share the work.
    """
    paths = paths or ctx.meta.get(training.PATHS, ())
    if not paths:
        raise click.UsageError("Missing argument 'FILE|DIR...'.", ctx)
    name = name or output.stem
    saved = checkpoint or output.with_suffix(".ckpt")
    outputs = _Outputs(output, master, saved, table, plot)
    _check_outputs(name, notes, outputs, force)
    training.require_torch("training")
    import torch

    from nncomp.train import data, distributed, loop, memory

    memory.keep_freed()
    device = _start(device, threads)
    leads = distributed.rank() == 0
    quiet = quiet or not leads
    try:
        _check_inputs(paths, data.files_of(paths), outputs)
        text = data.load(paths, weights, validation, test)
        plan = _plan(shape_and_plan)
        torch.manual_seed(plan.seed)
        network = _network(preset, init, shape_and_plan, text.train)
        network.set_weight_bits(bits)
        recording = _recording(text.train, stage if plan.mixed else None, stage_share, device)
        trainer = loop.Trainer(
            network, plan, text.train, device, text.validation, precision, recording
        )
    except ValueError as error:
        raise NNCompError(str(error)) from None
    _resume(trainer, text.train, saved, extend, grown=init is not None)
    if not quiet:
        size = sum(len(domain.data) for domain in text.train)
        say(
            f"{network.config.product_weights:,} weights in products, {size / MB:.1f} MB of text, "
            f"{plan.steps} steps from {trainer.step}"
        )

    reporter = training.Reporter(trainer, str(table) if table and leads else None, quiet)
    if not _run(trainer, saved, checkpoint_every, reporter):
        return 1
    if leads:
        _finish(trainer, text, output, force, name, notes, master, uses, quiet)
        _keep_curve(trainer, table, plot)
        if checkpoint is None:
            saved.unlink(missing_ok=True)
    return 0


class _Outputs(NamedTuple):
    """The files that are written."""

    model: Path
    master: Path | None
    checkpoint: Path
    table: Path | None
    plot: Path | None


def _check_outputs(name: str, notes: dict[str, str], outputs: _Outputs, force: bool) -> None:
    """Raise errors of outputs now, rather than after hours of training."""
    from nncomp import model, plotting

    model.check_name(name)
    model.check_notes(notes)
    if outputs.plot:
        plotting.check(str(outputs.plot))
    for place in filter(None, outputs):
        if not place.parent.is_dir():
            raise NNCompError(f"there is no directory for {place}")
    for place in filter(None, (outputs.master, outputs.checkpoint)):  # which are replaced
        if place.exists() and not place.is_file():
            raise NNCompError(f"{place}: is not a regular file")
    if outputs.model.exists() and not force:
        raise exists(str(outputs.model))
    for one, other in itertools.combinations(filter(None, outputs), 2):
        if inputs.same(str(one), [str(other)]):
            raise NNCompError(f"{one}: is to be written twice")


def _check_inputs(paths: tuple[Path, ...], files: list[Path], outputs: _Outputs) -> None:
    """Raise ``NNCompError`` if an output is one of the training ``files``, or would become one when
    the same command continues: ``paths`` are what they were found at."""
    for place in filter(None, outputs):
        if inputs.same(str(place), map(str, files)):
            raise NNCompError(f"{place}: is training text")
        for path in paths:
            if path.is_dir() and place.resolve().is_relative_to(path.resolve()):
                raise NNCompError(f"{place}: would be training text, in {path}")


def _start(device: str, threads: int) -> str:
    """Prepare torch, and say on which device this process trains."""
    import torch

    from nncomp.train import distributed

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu" and not torch.cuda.is_available():
        raise NNCompError("torch finds no CUDA device here")
    device = distributed.start(device)
    if threads:
        torch.set_num_threads(threads)
    return device


def _resume(
    trainer: Trainer, domains: list[Domain], saved: Path, extend: bool, grown: bool
) -> None:
    """Go on from the checkpoint ``saved``, or begin; ``grown``: with a network that was trained."""
    from nncomp.train import distributed, moments

    if saved.exists():
        for change in trainer.restore(saved, extend):
            if distributed.rank() == 0:
                say(f"from here on, {change}")
    elif grown:
        moments.by_use(trainer.network, domains, trainer.plan.total)


def _run(trainer: Trainer, saved: Path, every: float, reporter: training.Reporter) -> bool:
    """Train to the end, or until a signal comes, to this process or to another one that trains with
    it. Returns whether it is the end."""
    from nncomp.train import distributed

    leads = distributed.rank() == 0
    try:
        with signals.deferred() as signalled:
            done = trainer.run(saved, every, reporter, signalled)
            if leads and (signalled() or not done):
                say(f"stopped after step {trainer.step}; the same command continues from {saved}")
            return done
    finally:
        reporter.close()
        distributed.end()


def _plan(values: dict[str, Any]) -> Plan:
    """The plan that the options ask for. Raises ``ValueError``."""
    from nncomp.train.plan import Plan

    names = {field.name for field in dataclasses.fields(Plan)} & values.keys()
    return Plan(total=int(values["megabytes"] * MB), **{name: values[name] for name in names})


def _network(
    preset: str | None, init: str | None, values: dict[str, Any], text: list[Domain]
) -> Network:
    """A new network, or that of ``init``, in another shape where options ask for it; ``text`` says
    which contexts are frequent."""
    from nncomp import registry
    from nncomp.train import distributed, export, grow
    from nncomp.train.network import Network
    from nncomp.train.presets import PRESETS

    if init is None:
        return Network(training.resized(PRESETS[preset or "nano"], values))
    network = export.load_network(registry.lookup(init))
    config = training.resized(PRESETS[preset] if preset else network.config, values)
    if config == network.config:
        return network
    grown = grow.grow(network, config, text)
    dropped = grow.cropped(network.config.layers, config.layers)
    if dropped and distributed.rank() == 0:
        windows = ", ".join(f"{old} to {new}" for old, new in dropped)
        say(f"windows of attention get shorter, {windows}: biases of what is farther are dropped")
    return grown


def _recording(
    domains: list[Domain], folder: Path | None, share: float, device: str
) -> Recording | None:
    """Load the stage's predictions of the text, if there is a folder for them; the first process
    records them if need be."""
    import torch

    from nncomp.train import distributed, stage

    if folder is None:
        return None
    if distributed.rank() == 0:
        stage.recording(domains, folder, share)
    distributed.first(0.0, torch.device(device))  # the others wait
    return stage.recording(domains, folder, share)


def _finish(
    trainer: Trainer,
    text: Split,
    output: Path,
    force: bool,
    name: str,
    notes: dict[str, str],
    master: Path | None,
    uses: float,
    quiet: bool,
) -> None:
    """Export the trained model, and print how well it compresses."""
    from nncomp import model as models
    from nncomp import packing
    from nncomp.train import export, loop
    from nncomp.train.arithmetic import Mode

    network = trainer.result()
    if master:  # of the rows as they were trained
        with fileio.replacing(str(master)) as temporary:
            export.save_master(network, Path(temporary))
    if uses:
        network.coarsen(uses)
    notes = {models.CORPUS: _corpus_note(trainer, text.train), **notes}
    model = export.to_model(network, name, notes)
    with fileio.create(str(output), force=force) as file:
        file.write(models.dumps(model))
    if quiet:
        return
    length = 2 * max(network.config.windows, default=256)  # bytes of a sequence
    for title, domains in (("validation", text.validation), ("test", text.test)):
        if domains:
            _print_table(title, network, domains, length)
    whole = [dataclasses.replace(d, weight=float(len(d.data))) for d in text.train]
    bpb = loop.evaluate(network, whole, Mode.FAKE, length)["all"]
    size = sum(len(domain.data) for domain in whole)
    program = 8 * len(packing.pack(model).data)  # bits of the model in a file that embeds it
    coded = bpb * size  # bits of the text
    say(
        f"ledger: {program / 8:,.0f} bytes of program + {coded / 8:,.0f} of data "
        f"= {(program + coded) / 8:,.0f} for {size:,} bytes of text, "
        f"{(program + coded) / size:.4f} bits/byte (data estimated from samples)"
    )
    say(printable(f"{output}: {model.stored_size:,} bytes, id {model.id.hex()}"))


def _keep_curve(trainer: Trainer, table: Path | None, plot: Path | None) -> None:
    """Write and draw it, where that is wanted."""
    if table:
        training.write_curve(str(table), trainer)
    if plot:
        from nncomp import plotting

        plotting.draw_curve(str(plot), trainer.curve)


def _corpus_note(trainer: Trainer, domains: list[Domain]) -> str:
    """A line that says what text a model was trained on."""
    size = sum(len(domain.data) for domain in domains)
    total = sum(domain.weight for domain in domains)
    shares = [(domain.weight / total, domain.name) for domain in domains]
    listed = ", ".join(f"{n} {s:.1%}" for s, n in sorted(shares, key=lambda x: (-x[0], x[1])))
    seen = trainer.step * trainer.plan.batch
    return f"{seen / MB:.1f} MB drawn from {size / MB:.1f}: {listed}"


def _print_table(title: str, network: Network, domains: list[Domain], length: int) -> None:
    """Print bits per byte of sequences of ``length``: in floating point, rounded, and in the
    engine's integers."""
    import copy

    from nncomp.train import loop
    from nncomp.train.arithmetic import Mode

    plain = loop.evaluate(network, domains, Mode.FLOAT, length)
    fake = loop.evaluate(network, domains, Mode.FAKE, length)
    exact = loop.evaluate(copy.deepcopy(network).double(), domains, Mode.EXACT, length)
    row = "{:<32} {:>8} {:>8} {:>8}"
    say(row.format(f"{title}, bits/byte", "float", "rounded", "integer"))
    for key in plain:
        say(row.format(printable(key), *(f"{s[key]:.4f}" for s in (plain, fake, exact))))
