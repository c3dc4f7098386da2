"""``nncomp classify``: finds the class of a file, whose predictor codes it in the fewest bits."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from nncomp.cli import inputs
from nncomp.cli.parameters import FILE, STREAM, level_flags, level_of, sample_size
from nncomp.cli.report import Report, shown_name
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.learn import CompressionClassifier, Evaluation

__all__ = ["classify"]


def _classes(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Parse NAME=PATH options to (class, path) pairs; there must be two classes at least."""
    found = []
    for word in value:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise click.BadParameter(f"{word!r} is not NAME=PATH")
        found.append((name, path))
    if len({name for name, _ in found}) < 2:
        raise click.BadParameter("two classes are needed at least")
    return found


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "--class",
    "classes",
    multiple=True,
    required=True,
    callback=_classes,
    metavar="NAME=PATH",
    help="A file of that class, or a directory of them; again for more.",
)
@click.option(
    "--evaluate",
    "folds",
    type=click.IntRange(2, 1000),
    metavar="FOLDS",
    help="Instead: how well the files of the classes themselves are told apart.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the folds.")
@click.option(
    "--sample",
    type=sample_size,
    default="64KiB",
    show_default=True,
    metavar="SIZE",
    help="How much of a class is read; at most 16MiB.",
)
@level_flags
@click.option("--json", "as_json", is_flag=True, help="JSON, with the bits for each class.")
@click.pass_context
def classify(
    ctx: click.Context,
    files: tuple[str, ...],
    classes: list[tuple[str, str]],
    folds: int | None,
    seed: int,
    sample: int,
    as_json: bool,
) -> int:
    """Say of which class each FILE is, or standard input.

    A file is of the class whose program takes the fewest bits for it: the adaptive stage when it
    has read a sample of that class. The margin is how many bits a byte the next class takes more.
    Of a file, the first 64 KiB count.
    """
    from nncomp.learn import JUDGED, CompressionClassifier, evaluate

    if folds is not None and files:
        raise click.UsageError("--evaluate takes no FILES: it judges those of the classes")
    if folds is None:
        files = files or (STREAM,)
    inputs.check_once((*files, *(path for _, path in classes)))
    labels, texts = [], []
    for name, path in classes:
        for content in _contents(path, max(sample, JUDGED)):
            labels.append(name)
            texts.append(content)
        if name not in labels:
            raise NNCompError(f"{shown_name(path)}: there is no file in it that is not empty")
    classifier = CompressionClassifier(level=level_of(ctx), sample=sample)
    if folds is not None:
        try:
            found = evaluate(classifier, texts, labels, folds, seed)
        except ValueError as error:
            raise NNCompError(str(error)) from None
        click.echo(_evaluation(found, as_json), nl=False)
        return 0
    return _judge(classifier.fit(texts, labels), files, as_json)


def _judge(classifier: CompressionClassifier, files: tuple[str, ...], as_json: bool) -> int:
    from nncomp.learn import JUDGED

    report = Report(0)
    names = [str(name) for name in classifier.classes_]
    entries = []
    if not as_json:
        click.echo(f"{'Margin':>7}  {'Class':<16} Name")
    for file in files:
        try:
            content = _content(file, JUDGED)
        except (NNCompError, OSError) as error:
            report.complain(file, error)
            continue
        bits = classifier.bits([content])[0]
        first, second = sorted(bits)[:2]
        size = max(1, min(len(content), JUDGED))
        name = names[int(bits.argmin())] if content else None
        margin = (second - first) / size
        if as_json:
            each = {one: round(float(its), 2) for one, its in zip(names, bits, strict=True)}
            entry = {"name": file, "class": name, "margin": round(float(margin), 4), "bits": each}
            entries.append(entry)
        else:
            click.echo(f"{margin:>7.3f}  {name or '-':<16} {shown_name(file)}")
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    return report.status


def _evaluation(found: Evaluation, as_json: bool) -> str:
    confusion = found.confusion.tolist()
    if as_json:
        entry = {
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "classes": found.classes,
            "confusion": confusion,
        }
        return json.dumps(entry, indent=2) + "\n"
    rows = [f"accuracy {found.accuracy:.4f}, macro F1 {found.macro_f1:.4f}"]
    width = max(7, *(len(name) + 1 for name in found.classes))
    rows.append(f"{'is, said':<16}" + "".join(f"{name:>{width}}" for name in found.classes))
    for name, counts in zip(found.classes, confusion, strict=True):
        rows.append(f"{name:<16}" + "".join(f"{count:>{width}}" for count in counts))
    return "\n".join(rows) + "\n"


def _contents(path: str, size: int) -> list[bytes]:
    """The first ``size`` bytes of the file, or of each file in the directory in order, without
    empty ones."""
    if not os.path.isdir(path):
        return [content] if (content := _content(path, size)) else []
    found = []
    for parent, directories, files in os.walk(path, onerror=_refuse):
        directories.sort()
        for name in sorted(files):
            place = os.path.join(parent, name)
            if os.path.isfile(place) and (content := _content(place, size)):
                found.append(content)
    return found


def _refuse(error: OSError) -> None:
    raise error


def _content(name: str, size: int) -> bytes:
    """The first ``size`` bytes of a file."""
    why_not = "there is no file to classify, and standard input is a terminal"
    return inputs.read_text(name, why_not, size)
