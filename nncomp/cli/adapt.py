"""``compress --train``: fits a model to the input, and embeds it if that makes the file smaller.

The input is compressed both without and with the trained model, and the smaller file is written.
Nothing is written before that, so that an interruption leaves no file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nncomp import rawio
from nncomp.cli.options import Options
from nncomp.cli.report import printable, progress_bar, size_text, terminal_bar
from nncomp.errors import NNCompError
from nncomp.rawio import Readable, Writable

if TYPE_CHECKING:
    from nncomp.container import Packed
    from nncomp.model import Model
    from nncomp.summary import Summary

__all__ = ["MAX_INPUT", "compress", "load"]

MAX_INPUT = 256 << 20  # bytes: the input is held in memory
MIN_INPUT = 1 << 14  # bytes: below, there is nothing to train on
SAMPLE = 1 << 21  # bytes by which gains are judged; 512 KiB overestimated them threefold


def load() -> None:
    """Import the modules that training needs, so that their lack shows at once."""
    from nncomp.train import adapt, memory  # noqa: F401


def compress(label: str, reader: Readable, sink: Writable, options: Options) -> tuple[Summary, str]:
    """Compress all of ``reader`` to ``sink``; returns (summary, the gain by training in words)."""
    data = _read(reader)
    run = _Run(data, options)
    plain, summary = run.compress(label, None)
    remark = "training: not on so little"
    packed = run.train(label, len(plain)) if len(data) >= MIN_INPUT else None
    if len(data) >= MIN_INPUT:
        remark = f"training: nothing that would pay; without it {len(plain)} bytes"
    if packed is not None:
        adapted, its_summary = run.compress(f"{label} (trained)", packed)
        gain = len(plain) - len(adapted)
        if gain > 0:
            share = 100 * gain / len(plain)
            remark = (
                f"training: {len(plain)} => {len(adapted)} bytes, {share:.2f}% less; "
                f"{len(packed.data)} of them are what was learnt"
            )
            plain, summary = adapted, its_summary
    rawio.write_all(sink, plain)
    return summary, remark


def _read(reader: Readable) -> bytes:
    parts, size = [], 0
    while part := rawio.read(reader, 1 << 20):
        parts.append(part)
        size += len(part)
        if size > MAX_INPUT:
            raise NNCompError(f"--train takes at most {size_text(MAX_INPUT)}")
    return b"".join(parts)


class _Run:
    """An input and the options with which it is compressed."""

    def __init__(self, data: bytes, options: Options) -> None:
        self._data = data
        self._options = options

    def compress(self, label: str, packed: Packed | None) -> tuple[bytes, Summary]:
        """Compress the whole input with its own model, ``packed``, or as without --train."""
        with progress_bar(label, len(self._data), show=self._options.shows_bar) as progress:
            return self._coded(self._data, packed, progress)

    def _coded(
        self, data: bytes, packed: Packed | None, progress: Callable[[int], Any] | None = None
    ) -> tuple[bytes, Summary]:
        from nncomp import api

        options, dst = self._options.of_call(), io.BytesIO()
        if packed is not None:
            options = dataclasses.replace(options, model=packed)
        summary = api.compress_stream(io.BytesIO(data), dst, options, progress=progress)
        return dst.getvalue(), summary

    def train(self, label: str, plain_size: int) -> Packed | None:
        """Train a model; None if none makes the sample smaller. ``plain_size`` is the size of the
        whole input compressed without it."""
        from nncomp import levels
        from nncomp.plan import choose
        from nncomp.train import adapt, memory

        memory.keep_freed()
        options = self._options
        sample = choose.pieces(self._data, (0, 1, 2, 3), SAMPLE)

        def measure(packed: Packed) -> int:
            size = len(packed.data)
            return round((len(self._coded(sample, packed)[0]) - size) * scale) + size

        device = options.device if options.device.startswith("cuda") else "cpu"
        level = levels.get(options.level)
        budget = adapt.Budget(
            options.train_time,
            device,
            options.threads,
            level.profile,
            options.block_size or level.block_size,
        )
        with _bar(label, options) as report:
            # The ratio of compressed sizes: a sample compresses worse, since the stage learns less.
            whole = len(sample) == len(self._data)
            scale = 1.0 if whole else plain_size / len(self._coded(sample, None)[0])
            if options.from_scratch:
                return adapt.from_scratch(self._data, plain_size, measure, budget, report)
            return adapt.adapt(self._data, self._base(), plain_size, measure, budget, report)

    def _base(self) -> Model:
        from nncomp import levels, registry, resolve

        wanted = self._options.model or levels.get(self._options.level).model
        base = resolve.find(wanted)
        if not registry.is_released(base.id):
            raise NNCompError(f"--train changes a released model only, not {base.name}")
        return base


@contextlib.contextmanager
def _bar(label: str, options: Options) -> Iterator[Callable[[float, str], None]]:
    """Show a bar of the training time on a terminal; yields the function that moves it."""
    with terminal_bar(
        options.shows_bar,
        desc=printable(f"{label} (training)"),
        total=100,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} {postfix}",
    ) as bar:

        def report(share: float, text: str) -> None:
            if bar is None:
                return
            bar.set_postfix_str(text, refresh=False)
            bar.update(100 * share - bar.n)

        yield report
