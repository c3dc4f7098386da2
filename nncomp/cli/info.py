"""``nncomp info``: shows sizes, blocks and models of files without decoding them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from nncomp.cli import inputs
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode, input_options
from nncomp.cli.parameters import PrimeFile, byte_size, prime_option
from nncomp.cli.report import Report, blocks_text, message_of, shown_name, size_text
from nncomp.errors import MemoryLimitError

if TYPE_CHECKING:
    from nncomp.info import FrameInfo
    from nncomp.prime import Prime

__all__ = ["info", "show_files"]

_FRAME_COST = 4096  # bytes of memory that a frame takes while it is kept to be shown, at most
_NAMES = 8  # names of models that a row shows at most


@click.command()
@input_options
@click.option("--json", "as_json", is_flag=True, help="A JSON array, one object a file.")
@click.option(
    "--memory", type=byte_size, metavar="SIZE", default="1GiB", show_default=True, help="Limit."
)
@prime_option("What files are primed with: so it can say how much memory they need.")
@click.option("-q", "--quiet", count=True, help="Twice: no errors.")
@click.option("-v", "--verbose", count=True, help="Show every frame.")
def info(
    files: tuple[str, ...],
    files_from: str | None,
    files_from0: str | None,
    recursive: bool,
    suffix: str,
    as_json: bool,
    memory: int,
    prime: PrimeFile | None,
    quiet: int,
    verbose: int,
) -> int:
    """Show sizes, blocks and model of FILES. Checks everything but the content."""
    report = Report(quiet)
    names = inputs.names(files, files_from, files_from0)
    found = inputs.find(Mode.LIST, names, recursive=recursive, suffix=suffix)
    show_files(found, memory, report, verbose=verbose > 0, as_json=as_json, prime=prime)
    return report.status


@dataclasses.dataclass
class _Listing:
    """A file, or the total of several: sums over frames, and if wanted the frames themselves."""

    name: str
    problem: str | None = None
    frames: int = 0
    blocks: int = 0
    content_size: int = 0  # bytes
    stored_size: int = 0  # bytes
    models: set[str] = dataclasses.field(default_factory=set)  # at most _NAMES of them
    details: list[FrameInfo] = dataclasses.field(default_factory=list)

    def add(self, other: _Listing) -> None:
        self.frames += other.frames
        self.blocks += other.blocks
        self.content_size += other.content_size
        self.stored_size += other.stored_size
        self.models |= set(sorted(other.models - self.models)[: _NAMES - len(self.models)])


def show_files(
    files: Iterable[Input],
    memory_limit: int,
    report: Report,
    *,
    verbose: bool,
    as_json: bool,
    prime: PrimeFile | None = None,
) -> None:
    """Print a table, or JSON.

    Frames are only kept where each is shown, and not more of them than ``memory_limit`` allows: a
    file of a few MB may have hundreds of thousands.
    """
    found = []
    room = memory_limit // _FRAME_COST
    for file in files:
        try:
            if file.problem is not None:
                raise file.problem
            wanted = room if verbose or as_json else None
            listing = _read(file.name, memory_limit, wanted, None if prime is None else prime.prime)
            room -= len(listing.details)
            found.append(listing)
        except Exception as error:
            report.complain(file.name, error)
            found.append(_Listing(file.name, message_of(error)))
    if as_json:
        click.echo(json.dumps([_as_json(listing) for listing in found], indent=2))
    elif good := [listing for listing in found if listing.problem is None]:
        _print_table(good)


def _read(name: str, memory_limit: int, room: int | None, prime: Prime | None) -> _Listing:
    """Read a file's frames. Keeps them in ``details``, at most ``room`` of them, unless that is
    None."""
    from nncomp.info import read_frame_infos

    listing = _Listing(name)
    with inputs.open_packed(name) as source:
        for frame in read_frame_infos(source, memory_limit, prime):
            listing.add(_listed(frame))
            if room is not None:
                if len(listing.details) >= room:
                    raise MemoryLimitError("listing so many frames needs more than --memory")
                listing.details.append(frame)
    return listing


def _listed(frame: FrameInfo) -> _Listing:
    blocks = sum(frame.blocks.values())
    models = set() if frame.model is None else {frame.model}
    return _Listing("", None, 1, blocks, frame.content_size, frame.stored_size, models)


def _as_json(listing: _Listing) -> dict[str, Any]:
    if listing.problem is not None:
        return {"name": listing.name, "ok": False, "error": listing.problem}
    return {
        "name": listing.name,
        "ok": True,
        "content_size": listing.content_size,
        "stored_size": listing.stored_size,
        "frames": [_frame_as_json(frame) for frame in listing.details],
    }


def _frame_as_json(frame: FrameInfo) -> dict[str, Any]:
    entry = dataclasses.asdict(frame)
    name, model_id = entry.pop("model"), entry.pop("model_id")
    embedding = {key: entry.pop(f"model_{key}") for key in ("embedded", "size", "base")}
    entry["model"] = {"name": name, "id": model_id, **embedding} if name else None
    entry["memory"] = entry.pop("memory_needed")
    return entry


_ROW = "{:>6} {:>7} {:>10} {:>10} {:>7}  {:<16} {}"


def _print_table(files: list[_Listing]) -> None:
    click.echo(_ROW.format("Frames", "Blocks", "Stored", "Content", "Ratio", "Model", "Name"))
    total = _Listing(f"{len(files)} files")
    for file in files:
        click.echo(_row(str(file.frames), file, shown_name(file.name)))
        for number, frame in enumerate(file.details, 1):
            click.echo(_row(f"#{number}", _listed(frame), _details(frame)))
        total.add(file)
    if len(files) > 1:
        click.echo(_row(str(total.frames), total, total.name))


def _row(number: str, listing: _Listing, text: str) -> str:
    content, stored = listing.content_size, listing.stored_size
    ratio = f"{100 * stored / content:.2f}%" if content else "-"
    models = ",".join(sorted(listing.models)) or "-"
    sizes = size_text(stored), size_text(content)
    return _ROW.format(number, listing.blocks, *sizes, ratio, models, text)


def _embedding(frame: FrameInfo) -> str:
    """How the model is embedded, if it is: ', embedded in 5120 bytes as a change of nano-1'."""
    if not frame.model_embedded:
        return ""
    text = f", embedded in {frame.model_size} bytes"
    if frame.model_base is not None:
        text += f" as a change of {frame.model_base}"
    return text


def _details(frame: FrameInfo) -> str:
    parts = [
        blocks_text(frame.blocks, frame.mixings),
        f"profile {frame.profile}",
        f"blocks up to {size_text(frame.block_size)} in {frame.lanes} lanes",
    ]
    if frame.sources:
        parts.append(f"copies from up to {frame.sources} earlier blocks, which reading it takes")
    if frame.memory_needed is not None:
        parts.append(f"needs {size_text(frame.memory_needed)}")
    if frame.prime:
        parts.append(f"primed with {frame.prime}")
    if frame.model:
        parts.append(f"model id {frame.model_id}{_embedding(frame)}")
    return "; ".join(parts)
