"""``nncomp compress``, ``decompress`` and ``test``: one file after another."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from nncomp import fileio
from nncomp.cli import inputs
from nncomp.cli.inputs import Input
from nncomp.cli.many import process_all
from nncomp.cli.options import (
    OF_COMPRESSING,
    OF_WRITING,
    FileCommand,
    Mode,
    Options,
    file_options,
    options_of,
)
from nncomp.cli.parameters import STREAM
from nncomp.cli.report import (
    Report,
    duration_text,
    message_of,
    printable,
    say,
    shown_name,
    size_text,
)
from nncomp.cli.work import Result
from nncomp.errors import NNCompError
from nncomp.levels import NO_MODEL

__all__ = ["check_usage", "compress", "decompress", "test"]

_NO_FILES = (None, NO_MODEL, STREAM)

_MODES = (
    (Mode.COMPRESS, ("-z", "--compress"), "Compress (default)."),
    (Mode.DECOMPRESS, ("-d", "--decompress"), "Decompress."),
    (Mode.TEST, ("-t", "--test"), "Verify, write nothing."),
    (Mode.LIST, ("-l", "--list"), "Show what files contain."),
)


def _filter_options(command: Any) -> Any:
    """Add options that choose the mode; the last one counts, since 'tar -I' appends -d to the
    options that it was given."""
    for mode, names, text in reversed(_MODES):
        command = click.option(
            *names, "wanted", flag_value=mode, type=click.UNPROCESSED, default=None, help=text
        )(command)
    return file_options(command)


@click.command(cls=FileCommand)
@_filter_options
@click.pass_context
def compress(ctx: click.Context, /, **values: Any) -> int:
    """Compress FILES to FILE.nnc, or stdin to stdout.

    \b
    Level      Microseconds a byte of one core   Memory
               with AVX-512 VNNI     with AVX2
    -1                       0.8           0.8    44 MiB
    -2                       1.6           1.6   136 MiB
    -3                       2.4           3.3   199 MiB
    -4 to -6                 3.4           6.0   401 MiB
    -7 to -8                 6.6           9.8  1019 MiB
    -9                       8.7          15.3  1012 MiB
    """
    return _run(Mode.COMPRESS, ctx, **values)


@click.command(cls=FileCommand, ignored=OF_COMPRESSING)
@_filter_options
@click.pass_context
def decompress(ctx: click.Context, /, **values: Any) -> int:
    """Decompress FILE.nnc to FILE, or stdin to stdout. Options of compress are ignored."""
    return _run(Mode.DECOMPRESS, ctx, **values)


@click.command(cls=FileCommand, ignored=OF_WRITING)
@_filter_options
@click.pass_context
def test(ctx: click.Context, /, **values: Any) -> int:
    """Decompress FILES to nowhere: are they intact?"""
    return _run(Mode.TEST, ctx, **values)


def _run(
    mode: Mode,
    ctx: click.Context,
    files: tuple[str, ...],
    files_from: str | None,
    files_from0: str | None,
    wanted: Mode | None,
    **values: Any,
) -> int:
    """Do ``mode``, or what an option says instead, to each file; returns the exit status."""
    options = options_of(ctx, **values)
    mode = wanted or mode
    names = inputs.names(files, files_from, files_from0)
    check_usage(mode, names, options)
    report = Report(options.quiet)
    prime = None if options.prime is None else options.prime.name
    needed = [name for name in (_path_of_model(options), prime) if name not in _NO_FILES]
    lists = [name for name in (files_from, files_from0) if name not in _NO_FILES]
    found = inputs.find(
        mode,
        names,
        recursive=options.recursive,
        suffix=options.suffix,
        output_dir=options.output_dir,
        target_of=_target_of(mode, options),
        others=[*needed, *lists],
    )
    if options.output is not None and len(found) != 1:
        raise click.UsageError("-o is for one input")
    if options.remove:
        found = [_unless_needed(item, needed) for item in found]
    if options.progress is None:
        options = dataclasses.replace(options, progress=not _meets_output(mode, found))
    if mode == Mode.LIST:
        from nncomp.cli.info import show_files

        verbose = options.verbose > 0
        show_files(
            found,
            options.memory,
            report,
            verbose=verbose,
            as_json=options.as_json,
            prime=options.prime,
        )
    else:
        _do_all(mode, found, options, report)
    return report.status


def _path_of_model(options: Options) -> str | None:
    """The path of the model, unless it is given by name."""
    model = options.model
    if model is None or model == NO_MODEL or model.endswith(fileio.SUFFIX):
        return model
    from nncomp import registry

    return model if registry.is_path(model) else None


def _unless_needed(item: Input, needed: Sequence[str]) -> Input:
    """``item`` with a problem if it is the model or prime that the outputs need: --rm would remove
    it."""
    if item.problem is not None or not inputs.same(item.name, needed):
        return item
    problem = NNCompError("what is compressed with it needs it: --rm would remove it")
    return dataclasses.replace(item, problem=problem)


def _target_of(mode: Mode, options: Options) -> Callable[[str], str | None] | None:
    """A function from an input's name to its output's; None if there are no output files."""
    if mode not in (Mode.COMPRESS, Mode.DECOMPRESS):
        return None
    if options.to_stdout or options.output == STREAM:
        return None

    def target_of(place: str) -> str | None:
        if options.output is not None:
            return options.output
        if place == STREAM:
            return None
        if mode == Mode.COMPRESS:
            return fileio.compressed_name(place, options.suffix, force=options.force)
        return fileio.content_name(place, options.suffix)

    return target_of


def _meets_output(mode: Mode, found: list[Input]) -> bool:
    """Whether a bar might be drawn over the output: on a terminal, or in a pager behind a pipe."""
    if mode == Mode.TEST or all(item.target is not None for item in found):
        return False
    kind = os.fstat(1).st_mode
    return os.isatty(1) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


def check_usage(mode: Mode, names: tuple[str, ...], options: Options) -> None:
    """Raise ``click.UsageError`` for options that do not go with ``mode`` or with each other."""
    stdout = options.to_stdout or options.output == STREAM
    if options.to_stdout and options.output not in (None, STREAM):
        raise click.UsageError("-c and -o exclude each other")
    if options.output_dir is not None and (stdout or options.output or STREAM in names):
        raise click.UsageError("--output-dir needs named inputs, and no -c or -o")
    if options.remove and (stdout or STREAM in names):
        raise click.UsageError("--rm needs named inputs and outputs")
    if options.remove and mode in (Mode.TEST, Mode.LIST):
        raise click.UsageError("--rm does not go with test and list")
    unnamed = stdout or (STREAM in names and options.output is None)
    if options.keep_going and (options.remove or mode not in (Mode.DECOMPRESS, Mode.TEST)):
        raise click.UsageError("--keep-going is for decompress and test, without --rm")
    if options.zeros and not options.keep_going:
        raise click.UsageError("--zeros goes with --keep-going")
    if options.verify and mode == Mode.COMPRESS and unnamed:
        raise click.UsageError("--verify needs a named output: a pipe cannot be read again")
    if options.embed_model and mode == Mode.COMPRESS and _is_without_model(options):
        raise click.UsageError("--embed-model needs a model")
    if options.train and mode == Mode.COMPRESS:
        if options.embed_model:
            raise click.UsageError("--train puts in what it learns: no --embed-model")
        if not options.from_scratch and _is_without_model(options):
            raise click.UsageError("--train needs a model to start from, or --from-scratch")
    elif options.from_scratch and mode == Mode.COMPRESS:
        raise click.UsageError("--from-scratch goes with --train")
    elif _is_given("train_time") and mode == Mode.COMPRESS:
        raise click.UsageError("--train-time goes with --train")
    if options.as_json and mode in (Mode.COMPRESS, Mode.DECOMPRESS):
        raise click.UsageError("--json goes with test and list")


def _is_given(option: str) -> bool:
    """Whether the option is on the command line, even with its default value."""
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


def _is_without_model(options: Options) -> bool:
    return options.of_call().wanted_model == NO_MODEL


def _do_all(mode: Mode, found: list[Input], options: Options, report: Report) -> None:
    if mode == Mode.COMPRESS and options.train:
        from nncomp.cli import training

        training.require_torch("--train")
    if mode == Mode.COMPRESS and options.model not in (None, NO_MODEL):
        from nncomp import resolve

        assert options.model is not None
        resolve.find(options.model)  # a wrong name fails now, whatever the inputs need
    started = time.perf_counter()
    results = []
    told = 0
    with contextlib.closing(process_all(mode, found, options)) as each:
        for result in each:
            results.append(result)
            if result.problem is not None:
                report.complain(result.name, result.problem)
            for text in result.missing:
                report.complain(result.name, NNCompError(text))
            if result.remark and not options.quiet:
                say(f"nncomp: {shown_name(result.name)}: {result.remark}")
            if result.problem is None and _is_told(mode, result, options):
                told += not result.missing
                _tell(mode, result, options)
    if options.as_json:
        click.echo(json.dumps([_as_json(result) for result in results], indent=2))
    elif told and len(found) > 1:
        some = "" if told == len(found) else f"{told} of "
        speed = _speed(results, time.perf_counter() - started)
        say(f"{some}{len(found)} files : {_sizes(mode, results)}{speed}")


def _tell(mode: Mode, result: Result, options: Options) -> None:
    sizes = _sizes(mode, [result], result.target or fileio.STDOUT)
    fine = ", OK" if mode == Mode.TEST and options.verbose and not result.missing else ""
    say(f"{shown_name(result.name)} : {sizes}{_speed([result], result.seconds)}{fine}")
    if result.training:
        say(f"    {result.training}")
    if options.verbose and result.blocks:
        say(f"    {result.blocks}")


def _is_told(mode: Mode, result: Result, options: Options) -> bool:
    """Whether a summary line is printed: not when the content goes to standard output."""
    quiet = options.quiet or options.as_json
    return not quiet and (mode == Mode.TEST or result.target is not None or options.verbose > 0)


def _sizes(mode: Mode, results: list[Result], target: str | None = None) -> str:
    """The sizes in the style of zstd: '24.49% (106 KiB => 26.0 KiB, a.nnc)'."""
    content = sum(result.content_size for result in results)
    stored = sum(result.stored_size for result in results)
    if mode != Mode.COMPRESS:
        return f"{content} bytes"
    ratio = f"{100 * stored / content:.2f}% " if content else ""
    where = "" if target is None else f", {printable(target)}"
    return f"{ratio}({size_text(content)} => {size_text(stored)}{where})"


def _speed(results: list[Result], seconds: float) -> str:
    """Time and speed, ', 0.41 s, 259 KiB/s'. Speed counts content bytes in either direction."""
    content = sum(result.content_size for result in results)
    rate = f", {size_text(round(content / seconds))}/s" if content and seconds else ""
    return f", {duration_text(seconds)}{rate}"


def _as_json(result: Result) -> dict[str, Any]:
    if result.problem is not None:
        return {"name": result.name, "ok": False, "error": message_of(result.problem)}
    sizes = {"content_size": result.content_size, "stored_size": result.stored_size}
    if result.missing:
        return {"name": result.name, "ok": False, "error": "; ".join(result.missing), **sizes}
    return {"name": result.name, "ok": True, **sizes}
