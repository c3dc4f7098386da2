"""Processes one input, from opening to removing it: here options become calls of the library.

The order keeps data safe: the output is complete, verified and synced before it gets its name, and
it has its name before the input may be removed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from nncomp import fileio
from nncomp.cli.holes import with_holes
from nncomp.cli.inputs import Input, same
from nncomp.cli.options import Mode, Options
from nncomp.cli.parameters import STREAM
from nncomp.cli.report import blocks_text, progress_bar
from nncomp.cli.streams import Piped
from nncomp.cli.verify import Nowhere, digest_of, hashed
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.options import Options as CallOptions
    from nncomp.rawio import Readable, Writable
    from nncomp.schedule import Progress
    from nncomp.summary import Summary

__all__ = ["Result", "Watch", "process"]

# (description of the step, bytes of content if known) → context with a function to call with bytes
# done.
Watch = Callable[[str, int | None], contextlib.AbstractContextManager["Progress | None"]]


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of processing one input."""

    name: str
    target: str | None = None  # the file written, if any
    content_size: int = 0  # bytes
    stored_size: int = 0  # bytes
    blocks: str = ""  # kinds of blocks, for people
    training: str = ""  # gain by training, for people
    remark: str = ""  # something that the user may not expect
    seconds: float = 0.0  # time taken
    problem: Exception | None = None  # the error, if it failed
    missing: tuple[str, ...] = ()  # gaps and other damage of a rescued file, for people


def process(
    mode: Mode,
    item: Input,
    options: Options,
    label: str,
    watch: Watch | None,
    stdout: Writable | None,
) -> Result:
    """Do everything for one input: open, transform, verify, publish, remove.

    There is a bar for each step, beginning with ``label``, unless ``watch`` is given. Standard
    output goes to ``stdout`` if that is given. Raises ``NNCompError``, ``OSError`` or
    ``MemoryError``; no output is left then.
    """
    if watch is None:
        watch = _bars(label, options)
    if item.problem is not None:
        raise item.problem
    if options.remove:
        fileio.check_removable(item.name)
    started = time.perf_counter()
    training = ""
    with _open_source(mode, item.name, options) as source:
        _load(mode, options)
        with _open_sink(mode, item, source, options, stdout) as sink:
            if options.keep_going:
                return _rescue(item, source, sink, options, watch, started)
            if mode != Mode.COMPRESS:
                size = _content_size(source, options)
                with watch("", size) as progress:
                    summary = _decompress(source, sink, options.of_call(), size, progress)
            elif options.verify or options.remove:
                reader = hashed(source)
                summary, training = _compress(source, reader, sink, options, label, watch)
                _verify(reader.hexdigest(), sink, summary, options, watch)
                if options.remove and digest_of(source) != reader.hexdigest():
                    raise NNCompError("the file changes while it is read; kept, and no output")
            else:
                summary, training = _compress(source, source, sink, options, label, watch)
        if options.remove:
            fileio.remove(item.name, source)
    return Result(
        item.name,
        item.target,
        summary.content_size,
        summary.stored_size,
        blocks_text(summary.plans, summary.mixings),
        training,
        _remark(summary) if mode == Mode.COMPRESS and options.embed_model else "",
        time.perf_counter() - started,
    )


def _rescue(
    item: Input,
    source: BinaryIO,
    sink: Writable,
    options: Options,
    watch: Watch,
    started: float,
) -> Result:
    """Write the intact content of a file that may be damaged."""
    from nncomp import rescue

    if not source.seekable():
        raise NNCompError("is not a file that can seek, which --keep-going needs")
    with watch("", _content_size(source, options)) as progress:
        rescued = rescue.rescue(
            source, sink, options.of_call(), zeros=options.zeros, progress=progress
        )
    missing = (*map(str, rescued.gaps), *rescued.notes)
    if rescued.gaps and not rescued.size:
        raise NNCompError("; ".join(missing))  # nothing is whole: no output
    return Result(
        item.name,
        item.target,
        rescued.size,
        os.fstat(source.fileno()).st_size,
        seconds=time.perf_counter() - started,
        missing=missing,
    )


def _load(mode: Mode, options: Options) -> None:
    """Import everything before the output is opened: a library that gets no memory may end the
    process, and then no unfinished output is left."""
    from nncomp import api, places  # noqa: F401

    places.prepare(options.device)
    if mode == Mode.COMPRESS and options.train:
        from nncomp.cli import adapt

        adapt.load()


def _remark(summary: Summary) -> str:
    if summary.networks:
        return ""
    return "no block is smaller with the model, so it is not in the output"


@contextlib.contextmanager
def _open_source(mode: Mode, name: str, options: Options) -> Iterator[BinaryIO]:
    if name != STREAM:
        with fileio.open_input(name, special=_takes_special(mode, name, options)) as file:
            yield file
        return
    if mode != Mode.COMPRESS and os.isatty(0) and not options.force:
        raise NNCompError("compressed data not read from a terminal; use -f to force it")
    with fileio.standard_input() as file:
        yield file


def _takes_special(mode: Mode, name: str, options: Options) -> bool:
    """Whether pipes and devices may be read: only if the output is not named after the input, and
    the user probably means them, so that a FIFO among many files does not block."""
    if mode in (Mode.COMPRESS, Mode.DECOMPRESS):
        return options.to_stdout or options.output is not None
    return options.to_stdout or fileio.is_descriptor(name)


@contextlib.contextmanager
def _open_sink(
    mode: Mode, item: Input, source: BinaryIO, options: Options, stdout: Writable | None
) -> Iterator[Writable]:
    target = item.target
    if target is None and mode != Mode.TEST:
        fileio.check_not_output(source)
    if mode == Mode.TEST:
        yield Nowhere()
    elif target is not None:
        if options.output_dir is not None:
            fileio.make_directory(os.path.dirname(target))
        with fileio.create(target, force=options.force, source=source) as file:
            again = options.remove or (options.verify and mode == Mode.COMPRESS)
            if again and not (_is_regular(file) and file.readable()):
                text = "is not a regular file, or cannot be read: no --rm, no --verify"
                raise NNCompError(f"{target} {text}")
            _check_terminal(mode, file, options)
            is_new = _is_regular(file) and not fileio.is_descriptor(target)
            sparse = mode == Mode.DECOMPRESS and options.sparse and is_new
            with with_holes(file) if sparse else contextlib.nullcontext(file) as sink:
                yield sink
            if item.alike is not None and same(target, [item.alike]):
                raise NNCompError(f"{target} is {item.alike} here, another input's output")
    elif stdout is not None:
        yield stdout
    else:
        with fileio.standard_output() as file:
            _check_terminal(mode, file, options)
            yield Piped(file) if mode == Mode.DECOMPRESS else file


def _check_terminal(mode: Mode, sink: BinaryIO, options: Options) -> None:
    if mode == Mode.COMPRESS and sink.isatty() and not options.force:
        raise NNCompError("compressed data not written to a terminal; use -f to force it")


def _is_regular(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _compress(
    source: BinaryIO,
    reader: Readable,
    sink: Writable,
    options: Options,
    label: str,
    watch: Watch,
) -> tuple[Summary, str]:
    """Compress the bytes of ``reader``, which are those of ``source``; returns (summary, the gain
    by training in words)."""
    if options.train:
        from nncomp.cli import adapt

        return adapt.compress(label, reader, sink, options)
    from nncomp import api

    known = _is_regular(source) and not source.tell()
    total = os.fstat(source.fileno()).st_size if known else None
    with watch("", total) as progress:
        summary = api.compress_stream(
            reader, sink, options.of_call(), content_size=total, progress=progress
        )
    return summary, ""


def _content_size(source: BinaryIO, options: Options) -> int | None:
    """The size of the content in bytes if it is known beforehand, else None."""
    if not _is_regular(source) or source.tell():
        return None
    from nncomp import container

    try:
        frames = container.read_index(source, options.memory)
        return sum(entry.content_size for frame in frames for entry in frame.entries)
    except NNCompError:
        return None  # decompression will say what is wrong
    finally:
        source.seek(0)


def _decompress(
    source: BinaryIO,
    sink: Writable,
    call: CallOptions,
    content_size: int | None,
    progress: Progress | None,
) -> Summary:
    from nncomp import api

    if isinstance(sink, Piped):
        progress = sink.watched(progress)
    return api.decompress_stream(source, sink, call, content_size=content_size, progress=progress)


def _verify(digest: str, written: Any, summary: Summary, options: Options, watch: Watch) -> None:
    """Decompress the output, read back from the system, and compare it with the input."""
    written.flush()
    written.seek(0)
    again = hashed(Nowhere())
    with watch(" (verify)", summary.content_size) as progress:
        call = dataclasses.replace(options.of_call(), max_size=None)
        _decompress(written, again, call, summary.content_size, progress)
    if again.hexdigest() != digest:
        raise NNCompError("verification failed: kept, and no output")


def _bars(label: str, options: Options) -> Watch:
    return lambda what, total: progress_bar(label + what, total, show=options.shows_bar)
