"""Processes all inputs of a command, several at a time where that is faster, with one bar for all.

A file gets as many threads as it has blocks; a file that can use all threads is done alone. Results
and standard output come in the order of the inputs, whichever is finished first, and the bytes are
the same as if each file were processed alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
import os
import stat
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from nncomp import fileio, rawio
from nncomp.cli import parallel, report
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode, Options
from nncomp.cli.parallel import Cost
from nncomp.cli.parameters import STREAM
from nncomp.cli.work import Result, Watch, process
from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.container import Header
    from nncomp.model import Model, ModelConfig

__all__ = ["process_all"]

_Add = Callable[[float], None]  # called with the bytes of input done since the last call


def process_all(
    mode: Mode, items: Sequence[Input], options: Options
) -> Generator[Result, None, None]:
    """Process all inputs, and yield the result of each, or its problem, in order.

    The bar is cleared while the caller handles a result. To leave early, as after an exception,
    close the generator: it waits until everything that was begun has been cleaned up.
    """
    names = [fileio.STDIN if item.name == STREAM else os.path.basename(item.name) for item in items]
    if len(items) > 1:
        names = [f"[{i}/{len(items)}] {name}" for i, name in enumerate(names, 1)]
    if len(items) < 2 or (options.train and mode == Mode.COMPRESS):
        for item, name in zip(items, names, strict=True):
            yield _result(mode, item, options, name)
        return
    sizes = list(map(_size, items))
    passes = 2 if mode == Mode.COMPRESS and (options.verify or options.remove) else 1
    frame = functools.cache(_frame)

    def cost_of(number: int) -> Cost | None:
        return _cost(mode, items[number], sizes[number], options, frame)

    def do(number: int, cost: Cost | None, add: _Add) -> tuple[Result, bytes]:
        share = _Share(sizes[number], passes, add)
        stdout, given = None, options
        if cost is not None:
            stdout = io.BytesIO()
            # Only a file that is done alone may use a GPU.
            given = dataclasses.replace(options, threads=cost.threads, device="cpu")
        result = _result(mode, items[number], given, names[number], share.watch, stdout)
        share.end()
        return result, b"" if stdout is None else stdout.getvalue()

    with report.total_bar(
        names[0], sum(size or 0 for size in sizes), show=options.shows_bar
    ) as bar:
        results = parallel.in_order(
            range(len(items)),
            do,
            cost_of,
            threads=options.threads,
            memory=options.in_flight,
            progress=bar.add,
        )
        with contextlib.closing(results):
            for name, (result, data) in zip([*names[1:], ""], results, strict=True):
                bar.clear()
                yield _written(result, data)
                bar.name(name)


def _result(
    mode: Mode,
    item: Input,
    options: Options,
    label: str,
    watch: Watch | None = None,
    stdout: io.BytesIO | None = None,
) -> Result:
    try:
        return process(mode, item, options, label, watch, stdout)
    except Exception as error:
        return Result(item.name, problem=error)


def _written(result: Result, data: bytes) -> Result:
    """Write ``data`` to standard output and return ``result``, with the error of writing if it has
    no other problem."""
    if data:
        try:
            with fileio.standard_output() as file:
                rawio.write_all(file, data)
        except OSError as error:
            return dataclasses.replace(result, problem=result.problem or error)
    return result


def _size(item: Input) -> int | None:
    """The size of a regular file in bytes; None if it is not regular, 0 if it does not exist."""
    if item.name == STREAM:
        return None
    try:
        status = os.stat(item.name)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class _Share:
    """Turns progress on one input into bytes of the input: exactly its size in all, even if it
    fails."""

    def __init__(self, size: int | None, passes: int, add: _Add) -> None:
        self._left = float(size or 0)
        self._pass = self._left / passes
        self._add = add

    def watch(
        self, what: str, total: int | None
    ) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """A ``Watch`` for ``process``: counts a pass over the file's ``total`` bytes of content."""

        def report(count: int) -> None:
            self._count(self._pass * count / total if total else 0.0)

        return contextlib.nullcontext(report)

    def end(self) -> None:
        """Count the rest; if the file has failed, that may be all of it."""
        self._count(self._left)

    def _count(self, size: float) -> None:
        size = min(size, self._left)
        self._left -= size
        self._add(size)


def _cost(
    mode: Mode,
    item: Input,
    size: int | None,
    options: Options,
    frame_of: Callable[[Options], tuple[Header, Model | None]],
) -> Cost | None:
    """The threads and memory that a file takes; None: it is done alone.

    That is so if it can use all threads, if a GPU is wanted, if there is no room for what goes to
    standard output, if its output may be that of an earlier one, which has to be there then, or if
    input or output is no regular file: reading a pipe may block, and a signal only interrupts the
    main thread.
    """
    if item.problem is not None:
        return Cost(1, 0)
    to_stdout = item.target is None and mode != Mode.TEST
    if size is None or options.device.startswith("cuda") or _is_special(item.target):
        return None
    if item.alike is not None:
        return None
    if to_stdout and mode == Mode.COMPRESS and os.isatty(1):  # which is an error, mostly
        return None
    model: Model | ModelConfig | None
    try:
        from nncomp.plan import memory

        if mode == Mode.COMPRESS:
            (header, model), content = frame_of(options), size
            count, largest = -(-size // header.block_size), min(size, header.block_size)
        else:
            header, model, blocks = _blocks(item.name, options.memory)
            content, count, largest = sum(blocks), len(blocks), max(blocks, default=0)
    except Exception:  # it will be raised again when the file is processed
        return Cost(1, 0)
    threads = min(max(1, count), options.threads)
    if threads == options.threads:
        return None
    block_size = min(1 << max(10, (largest - 1).bit_length()), header.block_size)
    lanes = header.lanes_of(block_size)
    prime = None if options.prime is None else options.prime.prime
    like = dataclasses.replace(header, block_size=block_size, lanes=lanes)
    # While the buffer for standard output grows, there may be two copies of it.
    result = 2 * content if to_stdout else 0
    need = threads * memory.of_frame(like, model, prime)
    return None if result and result + need > options.in_flight else Cost(threads, need, result)


def _is_special(name: str | None) -> bool:
    try:
        return name is not None and not stat.S_ISREG(os.stat(name).st_mode)
    except OSError:
        return False


def _frame(options: Options) -> tuple[Header, Model | None]:
    """The header and the model of the frames that files are compressed to."""
    from nncomp import encode, resolve

    call = options.of_call()
    return encode.header_of(call), resolve.for_writing(call)[0]


def _blocks(name: str, memory_limit: int) -> tuple[Header, ModelConfig | None, list[int]]:
    """(the first frame's header, what its first block says of its model, bytes of content of every
    block)"""
    from nncomp import container, resolve

    with open(name, "rb") as file:
        frames = container.read_index(file, memory_limit)
        file.seek(0)
        header, first = itertools.islice(container.read(file, memory_limit), 2)
    assert isinstance(header, container.Header)
    model = None
    if isinstance(first, container.ModelRef):
        with contextlib.suppress(NNCompError):  # it may be offered
            model = resolve.config_of(first)
    return header, model, [entry.content_size for frame in frames for entry in frame.entries]
