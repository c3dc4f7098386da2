"""``nncomp models``: lists, describes and adds models."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nncomp import levels
from nncomp.cli import completion
from nncomp.cli.report import complain, printable, say, size_text
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.registry import Entry

__all__ = ["models"]

# Classes of speed, by the number of weights in products up to which they apply; base-2, which is
# medium, has 1.1 million. On two CPU cores, fast is 200 to 400 KB/s, medium about 100, slow less.
_SPEEDS = ((600_000, "fast"), (3_200_000, "medium"))

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Show the files, too.")


@click.group(invoke_without_command=True)
@_JSON
@_VERBOSE
@click.pass_context
def models(ctx: click.Context, as_json: bool, verbose: bool) -> int | None:
    """List, describe and add models. Alone, lists them."""
    if ctx.invoked_subcommand is None:
        return int(ctx.invoke(show_list, as_json=as_json, verbose=verbose))
    if as_json or verbose:
        raise click.UsageError(f"Options of {ctx.invoked_subcommand} stand behind it.")
    return None


@models.command("list")
@_JSON
@_VERBOSE
def show_list(as_json: bool, verbose: bool) -> int:
    """List all models that can be found, in the order of the search."""
    from nncomp import model, registry

    entries = list(registry.available())
    if as_json:
        click.echo(json.dumps([_summary(entry) for entry in entries], indent=2))
        return 0
    row = "{:<16} {:>6} {:>9} {:>11} {:>7}  {:<32}  {}"  # what a narrow terminal cuts is last
    titles = ("Name", "Levels", "Size", "Weights", "Speed", "Id", "Trained on")
    click.echo(_fitting(row.format(*titles)))
    for entry in entries:
        numbers = _levels(entry.name)
        line = row.format(
            entry.name,
            "-".join(map(str, dict.fromkeys((numbers[0], numbers[-1])))) if numbers else "-",
            size_text(entry.size),
            f"{entry.config.product_weights:,}",
            _speed(entry),
            entry.id.hex(),
            printable(entry.notes.get(model.CORPUS, "-")),
        )
        click.echo(_fitting(line))
        if verbose:
            click.echo(f"    {printable(str(entry.path))}")
    return 0


@models.command()
@click.argument(
    "names",
    metavar="NAME|ID|FILE...",
    nargs=-1,
    required=True,
    shell_complete=completion.model_names,
)
@_JSON
def show(names: tuple[str, ...], as_json: bool) -> int:
    """Verify models and show all about them."""
    from nncomp import model, registry

    status = 0
    found = []
    for name in names:
        try:
            entry = registry.entry(registry.lookup(name))
            loaded = model.load(entry.path)  # verifies the id
            notes = {key.removeprefix(model.NOTE): loaded.notes[key] for key in loaded.notes}
            config = entry.config
            shape = {
                "width": config.d_model,
                "layers": [str(layer) for layer in config.layers],
                "memory": loaded.memory(1),  # bytes to decode a lane
            }
            found.append({**_summary(entry), **shape, "notes": notes})
        except (NNCompError, OSError) as error:
            complain(name, error)
            status = 1
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return status
    for about in found:
        texts = {**about, "levels": ", ".join(map(str, about["levels"])) or "-"}
        texts["layers"] = " ".join(about["layers"])
        texts |= {key: text for key, text in texts.pop("notes").items() if key not in texts}
        texts["corpus"] = texts["corpus"] or "-"
        for key, value in texts.items():
            click.echo(f"{key + ':':<12} {printable(str(value))}")
    return status


@models.command()
@click.argument("name", metavar="[NAME|ID]", required=False, shell_complete=completion.model_names)
def path(name: str | None) -> int:
    """Print the file of a model, or the directories in which models are looked for."""
    from nncomp import registry

    places = registry.search_path() if name is None else [registry.lookup(name)]
    for place in places:
        click.echo(os.fsencode(place))  # as the system spells it
    return 0


@models.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(readable=False, path_type=Path),
    shell_complete=completion.model_files,
)
def add(files: tuple[Path, ...]) -> int:
    """Verify model FILES and copy them to the user's data directory."""
    from nncomp import registry

    status = 0
    for file in files:
        try:
            model, place = registry.add(file)
            say(printable(f"{file} : {model.name}, id {model.id.hex()}, {place}"))
        except (NNCompError, OSError) as error:
            complain(str(file), error)
            status = 1
    return status


def _summary(entry: Entry) -> dict[str, Any]:
    from nncomp import model

    return {
        "name": entry.name,
        "id": entry.id.hex(),
        "size": entry.size,
        "product_weights": entry.config.product_weights,
        "speed": _speed(entry),
        "levels": _levels(entry.name),
        "corpus": entry.notes.get(model.CORPUS),
        "path": str(entry.path),
    }


def _speed(entry: Entry) -> str:
    """The class of speed, by the number of weights: products take nearly all of the time."""
    weights = entry.config.product_weights
    return next((name for limit, name in _SPEEDS if weights <= limit), "slow")


def _fitting(line: str) -> str:
    """``line`` cut to the width of a terminal; the whole line if the output is none."""
    if not sys.stdout.isatty():
        return line
    width = max(shutil.get_terminal_size().columns, 20)
    return line if len(line) <= width else line[: width - 3] + "..."


def _levels(name: str) -> list[int]:
    every = range(levels.MIN_LEVEL, levels.MAX_LEVEL + 1)
    return [level for level in every if levels.get(level).model == name]
