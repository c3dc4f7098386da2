"""Draws a tree of texts that are joined by likeness, as text and as an SVG picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from nncomp.likeness import Node

__all__ = ["as_svg", "as_text"]

_ROW = 24  # height in pixels of a name's row
_SCALE = 360  # width in pixels of the branches
_CHARACTER = 8  # width in pixels of a character at most
_MARGIN = 14  # pixels
_INK, _PAPER, _LINE = "#1d1d1f", "#fdfdfb", "#c0262d"


def as_text(tree: Node, names: Sequence[str]) -> str:
    """The tree as lines: one for each text, and one with the distance for each pair of branches."""
    return "".join(f"{line}\n" for line in _lines(tree, names))


def _lines(node: Node, names: Sequence[str]) -> Iterator[str]:
    if not node.parts:
        yield names[node.texts[0]]
        return
    yield f"{node.height:.4f}"
    for part, first, other in zip(node.parts, ("├─ ", "└─ "), ("│  ", "   "), strict=True):
        for i, line in enumerate(_lines(part, names)):
            yield (other if i else first) + line


def as_svg(tree: Node, names: Sequence[str]) -> str:
    """The tree as an SVG file. Branches meet farther from the names the less alike they are; the
    scale begins somewhat below the smallest distance."""
    least = _least(tree)
    start = max(0.0, least - max(tree.height - least, 0.01) / 2)
    rows = {text: row for row, text in enumerate(tree.texts)}
    paths: list[str] = []

    def x(height: float) -> float:
        return _MARGIN + _SCALE * (tree.height - max(height, start)) / max(
            tree.height - start, 1e-9
        )

    def draw(node: Node) -> float:
        """Draw the branches below ``node``; returns its middle, in pixels from the top."""
        if not node.parts:
            return _MARGIN + _ROW * (rows[node.texts[0]] + 0.5)
        middles = [draw(part) for part in node.parts]
        ends = [x(part.height) for part in node.parts]
        here = x(node.height)
        paths.append(
            f'<path d="M{ends[0]:.1f} {middles[0]:.1f}H{here:.1f}V{middles[1]:.1f}H{ends[1]:.1f}">'
            f"<title>{node.height:.4f}</title></path>"
        )
        return sum(middles) / 2

    draw(tree)
    right = _MARGIN + _SCALE + 8
    texts = [
        f'<text x="{right}" y="{_MARGIN + _ROW * (row + 0.5) + 5:.1f}">{escape(names[text])}</text>'
        for text, row in rows.items()
    ]
    width = right + _CHARACTER * max(map(len, names)) + _MARGIN
    height = 2 * _MARGIN + _ROW * len(names) + _ROW
    scale = f'y="{_MARGIN + _ROW * len(names) + 18}" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" role="img">',
            f"<title>{len(names)} files, by how alike they are</title>",
            f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>',
            f'<g fill="none" stroke="{_LINE}" stroke-width="1.5">',
            *paths,
            f'</g><g font-family="sans-serif" font-size="14" fill="{_INK}">',
            *texts,
            f'<text x="{_MARGIN}" {scale}>{tree.height:.4f}</text>',
            f'<text x="{right - 8}" {scale} text-anchor="end">{start:.4f}</text>',
            "</g></svg>\n",
        ]
    )


def _least(node: Node) -> float:
    """The smallest height of a pair of branches."""
    return min([node.height, *(_least(part) for part in node.parts if part.parts)])
