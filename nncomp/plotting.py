"""Draws what ``bench`` and ``train`` measured, with matplotlib, an extra: ``nncomp[plot]``."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.bench import Total
    from nncomp.train.loop import Point

__all__ = ["check", "draw", "draw_curve"]

MB = 1_000_000


def check(place: str) -> None:
    """Raise ``NNCompError`` if nothing can be drawn into a file of that name."""
    suffix = Path(place).suffix.lower().removeprefix(".")
    known = _figure().canvas.get_supported_filetypes()
    if suffix not in known:
        raise NNCompError(f"{place}: a plot's name ends in one of .{', .'.join(sorted(known))}")


def draw(place: str, totals: Sequence[Total]) -> None:
    """Bits a byte against speed, of at least one total: a disc for in, a ring for out."""
    figure = _figure()
    axes = figure.add_subplot(
        xscale="log", xlabel="MB/s of content (● in, ○ out)", ylabel="bits per byte"
    )
    for total in totals:
        color = "tab:red" if total.model_size else "tab:blue"
        speeds = [total.compress_speed / MB, total.decompress_speed / MB]
        axes.plot(speeds, [total.bits] * 2, "-", color=color, linewidth=0.5)
        axes.plot(speeds[:1], [total.bits], "o", color=color)
        axes.plot(speeds[1:], [total.bits], "o", color=color, markerfacecolor="white")
        axes.annotate(
            total.compressor,
            (min(speeds), total.bits),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
        )
    axes.margins(x=0.2)
    axes.grid(alpha=0.3)
    axes.set_title(f"Files: {totals[0].files}, {totals[0].size:,} bytes", fontsize=10)
    figure.savefig(place, dpi=150)


def draw_curve(place: str, points: Sequence[Point]) -> None:
    """Bits a byte of training and validation text against the text seen."""
    figure = _figure()
    axes = figure.add_subplot(xlabel="MB of training text", ylabel="bits per byte")
    seen = [point.bytes / MB for point in points]
    axes.plot(seen, [point.train_bpb for point in points], color="tab:blue", label="training")
    validated = [p for p in points if p.validation_bpb == p.validation_bpb]  # not NaN
    if validated:
        xs, ys = [p.bytes / MB for p in validated], [p.validation_bpb for p in validated]
        axes.plot(xs, ys, "o-", color="tab:red", markersize=3, label="validation")
    for before, after in itertools.pairwise(points):
        if before.mode != after.mode:
            axes.axvline(after.bytes / MB, color="gray", linewidth=0.5, label=f"{after.mode} from")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(place, dpi=150)


def _figure() -> Any:
    """An empty figure, without any window or state of matplotlib's own."""
    try:
        figures = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise NNCompError("plots need matplotlib: pip install 'nncomp[plot]'") from None
    return figures.Figure(figsize=(8, 5), layout="constrained")
