"""``nncomp info``: what a file says about itself, without decoding it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from nncomp import fileio
from nncomp.cli import inputs
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode, byte_size, input_options
from nncomp.cli.report import Report, blocks_text, message_of, shown_name, size_text
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.info import FrameInfo

__all__ = ["info", "show_files"]


@click.command()
@input_options
@click.option("--json", "as_json", is_flag=True, help="A JSON array, one object a file.")
@click.option(
    "--memory", type=byte_size, metavar="SIZE", default="1GiB", show_default=True, help="Limit."
)
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
    quiet: int,
    verbose: int,
) -> int:
    """Show sizes, blocks and model of FILES. Checks everything but the content."""
    report = Report(quiet)
    names = inputs.names(files, files_from, files_from0)
    found = inputs.find(Mode.LIST, names, recursive=recursive, suffix=suffix)
    show_files(found, memory, report, verbose=verbose > 0, as_json=as_json)
    return report.status


def show_files(
    files: Iterable[Input], memory_limit: int, report: Report, *, verbose: bool, as_json: bool
) -> None:
    """Print a table, or JSON."""
    found = []
    for file in files:
        try:
            if file.problem is not None:
                raise file.problem
            found.append(_describe(file.name, memory_limit))
        except (NNCompError, OSError, MemoryError) as error:
            report.complain(file.name, error)
            found.append({"name": file.name, "ok": False, "error": message_of(error)})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif good := [about for about in found if about["ok"]]:
        _print_table(good, verbose=verbose)


def _describe(name: str, memory_limit: int) -> dict[str, Any]:
    from nncomp.info import read_frame_infos

    with _open(name) as source:
        frames = [_as_json(frame) for frame in read_frame_infos(source, memory_limit)]
    return {
        "name": name,
        "ok": True,
        "content_size": sum(frame["content_size"] for frame in frames),
        "stored_size": sum(frame["stored_size"] for frame in frames),
        "frames": frames,
    }


def _open(name: str) -> BinaryIO:
    if name == "-":
        if os.isatty(0):
            raise NNCompError("compressed data not read from a terminal")
        return fileio.standard_input()
    return fileio.open_input(name, special=fileio.is_descriptor(name))


def _as_json(frame: FrameInfo) -> dict[str, Any]:
    entry = dataclasses.asdict(frame)
    name, model_id = entry.pop("model"), entry.pop("model_id")
    embedding = {key: entry.pop(f"model_{key}") for key in ("embedded", "size", "base")}
    entry["model"] = {"name": name, "id": model_id, **embedding} if name else None
    entry["memory"] = entry.pop("memory_needed")
    return entry


def _print_table(files: list[dict[str, Any]], *, verbose: bool) -> None:
    row = "{:>6} {:>7} {:>10} {:>10} {:>7}  {:<16} {}"
    click.echo(row.format("Frames", "Blocks", "Stored", "Content", "Ratio", "Model", "Name"))
    for file in files:
        frames = file["frames"]
        click.echo(_row(row, str(len(frames)), file, frames, shown_name(file["name"])))
        if verbose:
            for number, frame in enumerate(frames, 1):
                click.echo(_row(row, f"#{number}", frame, [frame], _details(frame)))
    if len(files) > 1:
        frames = [frame for file in files for frame in file["frames"]]
        totals = {key: sum(file[key] for file in files) for key in ("content_size", "stored_size")}
        click.echo(_row(row, str(len(frames)), totals, frames, f"{len(files)} files"))


def _row(
    row: str, number: str, sizes: dict[str, Any], frames: list[dict[str, Any]], text: str
) -> str:
    content, stored = sizes["content_size"], sizes["stored_size"]
    ratio = f"{100 * stored / content:.2f}%" if content else "-"
    blocks = sum(sum(frame["blocks"].values()) for frame in frames)
    names = sorted({frame["model"]["name"] for frame in frames if frame["model"]})
    return row.format(
        number, blocks, size_text(stored), size_text(content), ratio, ",".join(names) or "-", text
    )


def _embedding(model: dict[str, Any]) -> str:
    """How the file brings its model along: ', embedded in 5120 bytes as a change of nano-1 …'."""
    if not model["embedded"]:
        return ""
    text = f", embedded in {model['size']} bytes"
    if model["base"] is not None:
        text += f" as a change of {model['base']}"
    return text


def _details(frame: dict[str, Any]) -> str:
    parts = [
        blocks_text(frame["blocks"], frame["mixings"]),
        f"profile {frame['profile'] or 'none'}",
        f"blocks up to {size_text(frame['block_size'])} in {frame['lanes']} lanes",
    ]
    if frame["memory"] is not None:
        parts.append(f"needs {size_text(frame['memory'])}")
    if frame["model"]:
        parts.append(f"model id {frame['model']['id']}{_embedding(frame['model'])}")
    return "; ".join(parts)
