"""Draws the measurements of ``bench`` and ``train``, with matplotlib (the extra ``plot``)."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nncomp.errors import NNCompError

if TYPE_CHECKING:
    from nncomp.bench import Total
    from nncomp.train.loop import Point

__all__ = ["check", "draw", "draw_curve"]

MB = 1_000_000

_OWN = {"nncomp": "#c0262d", "nncomp:none": "#e07b00"}
_PEERS = (
    "#1f5fa8",
    "#2a8a57",
    "#7b4fa3",
    "#0f8b9d",
    "#8a6d3b",
    "#5b6770",
    "#a3437c",
    "#4d7c0f",
    "#333333",
)
# Where a name may stand beside its point: (offset right, offset up, alignment), in points.
_PLACES = [
    (x * side, y, "left" if side > 0 else "right")
    for x, y in ((7, 0), (6, 7), (6, -7), (5, 13), (5, -13), (5, 19), (5, -19), (5, 25), (5, -25))
    for side in (1, -1)
]


def check(place: str) -> None:
    """Raise ``NNCompError`` if ``place`` does not have the suffix of a format that can be drawn."""
    suffix = Path(place).suffix.lower().removeprefix(".")
    known = _figure().canvas.get_supported_filetypes()
    if suffix not in known:
        raise NNCompError(f"{place}: a plot's name ends in one of .{', .'.join(sorted(known))}")


def draw(file: BinaryIO, kind: str, totals: Sequence[Total]) -> None:
    """Plot compression ratio against speed, in a panel for each direction; of at least one total.

    A line joins the settings of a program. The background is opaque, so that the picture can be
    read on a dark page, too.
    """
    figure = _figure(10, 5.6)
    figure.suptitle(f"Files: {totals[0].files}, {totals[0].size:,} bytes", fontsize=10)
    families = list(dict.fromkeys(total.family for total in totals))
    peers = itertools.cycle(_PEERS)
    colors = {family: _OWN.get(family) or next(peers) for family in families}
    panels = figure.subplots(1, 2, sharey=True)
    panels[0].set(title="compressing", ylabel="times smaller →")
    panels[1].set(title="decompressing")
    points = (
        [_Point(t.compressor, t.family, t.compress_speed / MB, 8 / t.bits) for t in totals],
        [_Point(t.compressor, t.family, t.decompress_speed / MB, 8 / t.bits) for t in totals],
    )
    for axes, panel in zip(panels, points, strict=True):
        axes.set(xscale="log", xlabel="MB of content a second, faster →")
        axes.grid(color="0.92")
        axes.margins(0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        for family, color in colors.items():
            line = sorted((p.ratio, p.speed) for p in panel if p.family == family)
            ratios, speeds = zip(*line, strict=True)
            own = family in _OWN
            axes.plot(
                speeds,
                ratios,
                "o-",
                color=color,
                linewidth=2 if own else 1,
                markersize=7 if own else 4,
                zorder=3 if own else 2,
            )
    figure.draw_without_rendering()  # fixes all places, which names are then fitted to
    figure.set_layout_engine("none")
    for axes, panel in zip(panels, points, strict=True):
        _name(axes, panel, colors)
    figure.savefig(file, format=kind, dpi=120)


@dataclass(frozen=True)
class _Point:
    name: str
    family: str
    speed: float  # MB a second
    ratio: float


def _name(axes: Any, points: Sequence[_Point], colors: Mapping[str, str]) -> None:
    """Write names beside the points, if possible within the panel and over nothing else."""
    bboxes = importlib.import_module("matplotlib.transforms").Bbox
    centres = [axes.transData.transform((p.speed, p.ratio)) for p in points]
    taken = [bboxes.from_bounds(x - 4, y - 4, 8, 8) for x, y in centres]
    for point in sorted(points, key=lambda p: (p.family not in _OWN, -p.speed)):
        name = axes.annotate(
            point.name,
            (point.speed, point.ratio),
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            fontsize=9 if point.family in _OWN else 7.5,
            fontweight="bold" if point.family in _OWN else "normal",
            color=colors[point.family],
        )
        for x, y, side in _PLACES:
            name.set(position=(x, y), ha=side)
            box = name.get_window_extent().padded(1)
            inside = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def draw_curve(place: str, points: Sequence[Point]) -> None:
    """Plot bits per byte of training and validation text against the bytes seen in training."""
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


def _figure(width: float = 8, height: float = 5) -> Any:
    """An empty figure of this size in inches, without pyplot's windows and global state."""
    try:
        figures = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise NNCompError("plots need matplotlib: pip install matplotlib") from None
    return figures.Figure(figsize=(width, height), layout="constrained")
