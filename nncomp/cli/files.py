"""``nncomp compress``, ``decompress`` and ``test``: one file after another."""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from nncomp import fileio
from nncomp.cli.options import Options, file_options, options_of
from nncomp.cli.report import complain, printable, progress_bar, say, size_text
from nncomp.cli.signals import Signalled
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp import codec
    from nncomp.container import Writable

__all__ = ["compress", "decompress", "test"]

STDIN = "(stdin)"


class Mode(enum.Enum):
    """What to do with each file."""

    COMPRESS = enum.auto()
    DECOMPRESS = enum.auto()
    TEST = enum.auto()
    LIST = enum.auto()


def _filter_options(command: Any) -> Any:
    """The mode as an option: 'tar -I' appends -d to whatever it was given."""
    for option in reversed(
        [
            click.option("-d", "--decompress", "decode", is_flag=True, help="Decompress."),
            click.option("-t", "--test", "verify", is_flag=True, help="Verify, write nothing."),
            click.option("-l", "--list", "show", is_flag=True, help="Show what files contain."),
        ]
    ):
        command = option(command)
    return file_options(command)


@click.command()
@_filter_options
@click.pass_context
def compress(ctx: click.Context, /, **values: Any) -> int:
    """Compress FILES to FILE.nnc, or stdin to stdout."""
    return _run(Mode.COMPRESS, ctx, **values)


@click.command()
@_filter_options
@click.pass_context
def decompress(ctx: click.Context, /, **values: Any) -> int:
    """Decompress FILE.nnc to FILE, or stdin to stdout. Options of compress are ignored."""
    return _run(Mode.DECOMPRESS, ctx, **values)


@click.command()
@_filter_options
@click.pass_context
def test(ctx: click.Context, /, **values: Any) -> int:
    """Decompress FILES to nowhere: are they intact?"""
    return _run(Mode.TEST, ctx, **values)


def _run(
    mode: Mode,
    ctx: click.Context,
    files: tuple[str, ...],
    decode: bool,
    verify: bool,
    show: bool,
    **values: Any,
) -> int:
    """Do ``mode``, or what a flag says instead, to each file; returns the exit status."""
    options = options_of(ctx, **values)
    if decode and mode == Mode.COMPRESS:
        mode = Mode.DECOMPRESS
    if verify:
        mode = Mode.TEST
    if show:
        mode = Mode.LIST
    names = files or ("-",)
    if mode == Mode.LIST:
        from nncomp.cli.info import show_files

        return show_files(names, options.memory, verbose=options.verbose > 0)
    _check_usage(mode, names, options)
    if mode == Mode.COMPRESS and options.model is not None:
        from nncomp import registry

        registry.resolve(options.model)  # a wrong name fails now, whatever the inputs need
    status = 0
    for name in names:
        try:
            _process(mode, name, options)
        except BrokenPipeError:
            raise Signalled(signal.SIGPIPE) from None  # nobody reads any more: end as a filter does
        except (NNCompError, OSError, MemoryError) as error:
            if options.quiet < 2:
                complain(STDIN if name == "-" else name, error)
            status = 1
    return status


def _check_usage(mode: Mode, names: tuple[str, ...], options: Options) -> None:
    if options.to_stdout and options.output not in (None, "-"):
        raise click.UsageError("-c and -o exclude each other")
    if options.output is not None and len(names) > 1:
        raise click.UsageError("-o is for one input")
    if options.remove and (options.to_stdout or "-" in (*names, options.output)):
        raise click.UsageError("--rm needs named inputs and outputs")
    if options.remove and mode == Mode.TEST:
        raise click.UsageError("--rm does not go with a test")


def _process(mode: Mode, name: str, options: Options) -> None:
    """Everything for one input; raises what went wrong."""
    if options.remove:
        fileio.check_removable(name)
    with _open_source(mode, name, options) as source:
        target = _target(mode, name, source, options)
        with _open_sink(mode, target, source, options) as sink:
            summary = _transform(mode, name, source, sink, options)
            if options.remove and mode == Mode.COMPRESS:
                _compare(name, source, sink, options)
        if options.remove:
            fileio.remove(name, source)
    if options.quiet == 0 and (target is not None or mode == Mode.TEST or options.verbose):
        say(_summary_line(mode, name, target, summary))


@contextlib.contextmanager
def _open_source(mode: Mode, name: str, options: Options) -> Iterator[BinaryIO]:
    if name != "-":
        with open(name, "rb") as file:
            yield file
        return
    if mode != Mode.COMPRESS and os.isatty(0) and not options.force:
        raise NNCompError("compressed data not read from a terminal; use -f to force it")
    with fileio.standard_input() as file:
        yield file


def _target(mode: Mode, name: str, source: BinaryIO, options: Options) -> str | None:
    """The file to write; None stands for stdout, and for a test."""
    if mode == Mode.TEST or options.to_stdout or options.output == "-":
        return None
    if options.output is not None:
        return options.output
    if name == "-":
        return None
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        raise NNCompError("is not a regular file; use -c or -o")
    if mode == Mode.COMPRESS:
        return fileio.compressed_name(name, force=options.force)
    return fileio.content_name(name)


@contextlib.contextmanager
def _open_sink(
    mode: Mode, target: str | None, source: BinaryIO, options: Options
) -> Iterator[Writable]:
    if mode == Mode.TEST:
        yield _Nowhere()
    elif target is not None:
        with fileio.create(target, force=options.force, source=source) as file:
            yield file
    else:
        if mode == Mode.COMPRESS and os.isatty(1) and not options.force:
            raise NNCompError("compressed data not written to a terminal; use -f to force it")
        with fileio.standard_output() as file:
            yield file


def _transform(
    mode: Mode, name: str, source: BinaryIO, sink: Writable, options: Options
) -> codec.Summary:
    from nncomp import codec

    with _bar(name, _content_size(mode, source, options), options) as progress:
        if mode != Mode.COMPRESS:
            return _decompress(source, sink, options, progress)
        return codec.compress_stream(
            source,
            sink,
            level=options.level,
            model=options.model,
            embed_model=options.embed_model,
            block_size=options.block_size,
            device=options.device,
            threads=options.threads,
            progress=progress,
        )


def _content_size(mode: Mode, source: BinaryIO, options: Options) -> int | None:
    """What a bar counts up to, where that is known beforehand."""
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode) or source.tell():
        return None
    if mode == Mode.COMPRESS:
        return status.st_size
    from nncomp import container

    try:
        frames = container.read_index(source, options.memory)
        return sum(entry.content_size for frame in frames for entry in frame.entries)
    except NNCompError:
        return None  # decompression will say what is wrong
    finally:
        source.seek(0)


def _decompress(
    source: BinaryIO, sink: Writable, options: Options, progress: codec.Progress | None
) -> codec.Summary:
    from nncomp import codec

    return codec.decompress_stream(
        source,
        sink,
        model=options.model,
        memory_limit=options.memory,
        device=options.device,
        threads=options.threads,
        progress=progress,
    )


def _compare(name: str, source: BinaryIO, written: Any, options: Options) -> None:
    """Decompress what was written and compare it with the input, before that is removed."""
    written.flush()
    written.seek(0)
    source.seek(0)
    expected = _Expect(source)
    with _bar(f"{name} (verify)", os.fstat(source.fileno()).st_size, options) as progress:
        _decompress(written, expected, options, progress)
    expected.end()


def _bar(
    label: str, total: int | None, options: Options
) -> contextlib.AbstractContextManager[Callable[[int], None] | None]:
    label = STDIN if label == "-" else os.path.basename(label)
    return progress_bar(label, total, show=options.progress and not options.quiet)


class _Nowhere:
    """Takes everything."""

    def write(self, data: bytes, /) -> int:
        return len(data)


class _Expect:
    """Takes what ``source`` contains, and nothing else."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def write(self, data: bytes, /) -> int:
        if self._source.read(len(data)) != data:
            self._fail()
        return len(data)

    def end(self) -> None:
        if self._source.read(1):
            self._fail()

    def _fail(self) -> None:
        raise NNCompError("verification failed, or the file has changed: input kept, no output")


def _summary_line(mode: Mode, name: str, target: str | None, summary: codec.Summary) -> str:
    shown = printable(STDIN if name == "-" else name)
    if mode != Mode.COMPRESS:
        return f"{shown} : {summary.content_size} bytes"
    content, stored = summary.content_size, summary.stored_size
    ratio = f"{100 * stored / content:.2f}% " if content else ""
    where = printable("(stdout)" if target is None else target)
    return f"{shown} : {ratio}({size_text(content)} => {size_text(stored)}, {where})"
