"""Formats a survey of a file's bits: as a page for a terminal, or as JSON."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from nncomp.cli import odd
from nncomp.cli.report import size_text

if TYPE_CHECKING:
    from nncomp.insight.survey import Passage, Survey

__all__ = ["as_json", "as_text"]

_BARS = " ▁▂▃▄▅▆▇█"


def as_json(name: str, survey: Survey) -> dict[str, Any]:
    from nncomp.insight.survey import KINDS

    return {
        "name": name,
        "size": survey.size,
        "bits": round(survey.bits, 2),
        "kinds": {
            kind: {"bytes": int(size), "bits": round(float(bits), 2)}
            for kind, size, bits in zip(KINDS, survey.bytes_of, survey.bits_of, strict=True)
        },
        "parts": [
            {
                "match": part.said,
                "bytes": part.size,
                "bits": _rounded(part.bits),
                "bits_of_stage": _rounded(part.bits_of_stage),
                "bits_of_network": part.bits_of_network and _rounded(part.bits_of_network),
            }
            for part in survey.parts
        ],
        "blocks": [
            {
                "offset": block.offset,
                "size": block.size,
                "bits": round(block.bits, 2),
                "mixing": block.mixing,
                "network": block.network,
            }
            for block in survey.blocks
        ],
        "curve": {"step": survey.step, "bits_per_byte": [*map(_rounded, survey.curve)]},
        "passages": [
            {
                "offset": passage.offset,
                "bits": _rounded(passage.bits),
                "text": odd.text_of(passage.content),
            }
            for passage in survey.passages
        ],
    }


def as_text(name: str, survey: Survey) -> str:
    """The survey as a page for a terminal; ``name`` is printable."""
    from nncomp.insight.survey import KINDS

    if not survey.size:
        return f"{name}: is empty\n"
    width = odd.columns()
    size = round(survey.bits / 8)
    rows = [
        f"{name}: {size_text(survey.size)} => {size_text(size)}, "
        f"{survey.bits / survey.size:.3f} bits a byte",
        *(f"  from {block.offset}: {_how(block)}" for block in survey.blocks),
        "",
        f"Bits a byte along the file, at most {survey.curve.max():.2f}",
        _bars(survey, width),
        "",
        f"{'Kind':<12} {'Bytes':>10} {'Bits a byte':>12} {'Share of bits':>14}",
    ]
    for kind, count, bits in zip(KINDS, survey.bytes_of, survey.bits_of, strict=True):
        if count:
            share = 100 * bits / max(survey.bits, 1e-9)
            rows.append(f"{kind:<12} {count:>10} {bits / count:>12.3f} {share:>12.1f} %")
    rows += _parts(survey)
    rows += ["", "Costliest passages", f"{'Offset':>12} {'Bits':>7}  Text"]
    rows += [_row(passage, width - 22) for passage in survey.passages[:10]]
    return "\n".join(rows) + "\n"


def _parts(survey: Survey) -> list[str]:
    """A table of costs by parts of the program; no rows if nothing was predicted."""
    row = "{:<12} {:>10} {:>12} {:>16} {:>14}"
    heads = ("Said before", "Bytes", "Bits a byte", "without network", "network alone")
    rows = []
    for part in survey.parts:
        costs = (part.bits, part.bits_of_stage, part.bits_of_network)
        each = ("-" if bits is None else f"{bits / part.size:.3f}" for bits in costs)
        rows.append(row.format(part.said, part.size, *each))
    return ["", row.format(*heads), *rows] if rows else []


def _how(block: Any) -> str:
    network = " and the network" if block.network else ""
    return f"{size_text(block.size)}, {block.mixing}{network}, {block.bits / block.size:.3f}"


def _row(passage: Passage, width: int) -> str:
    text = odd.text_of(passage.content)[: max(width, 20)]
    return f"{passage.offset:>12} {passage.bits:>7.0f}  {text}"


def _bars(survey: Survey, width: int) -> str:
    """The curve as a line of bars, scaled to its highest point."""
    import numpy as np

    curve = survey.curve
    edges = np.linspace(0, len(curve), min(width, len(curve)) + 1).astype(int)
    heights = [float(curve[a:b].mean()) for a, b in itertools.pairwise(edges)]
    top = max(heights) or 1.0
    return "".join(_BARS[min(8, int(height / top * 8 + 0.999))] for height in heights)


def _rounded(value: Any) -> float:
    return round(float(value), 3)
