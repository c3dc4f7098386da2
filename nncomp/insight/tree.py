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


def _lines(tree: Node, names: Sequence[str]) -> Iterator[str]:
    waiting = [(tree, "", "")]  # and what stands before its first line and before the others
    while waiting:
        node, first, other = waiting.pop()
        if not node.parts:
            yield first + names[node.texts[0]]
            continue
        yield f"{first}{node.height:.4f}"
        upper, lower = node.parts
        waiting += [(lower, other + "└─ ", other + "   "), (upper, other + "├─ ", other + "│  ")]


def _nodes(tree: Node) -> Iterator[Node]:
    """All nodes, each before its parts. A chain of a thousand is too deep for recursion."""
    waiting = [tree]
    while waiting:
        yield (node := waiting.pop())
        waiting += node.parts


def as_svg(tree: Node, names: Sequence[str]) -> str:
    """The tree as an SVG file. Branches meet farther from the names the less alike they are; the
    scale begins somewhat below the smallest distance."""
    least = min(node.height for node in _nodes(tree) if node.parts or node is tree)
    start = max(0.0, least - max(tree.height - least, 0.01) / 2)
    rows = {text: row for row, text in enumerate(tree.texts)}
    paths: list[str] = []

    def x(height: float) -> float:
        return _MARGIN + _SCALE * (tree.height - max(height, start)) / max(
            tree.height - start, 1e-9
        )

    middles: dict[tuple[int, ...], float] = {}  # of nodes, by their texts: pixels from the top
    for node in reversed(list(_nodes(tree))):
        if not node.parts:
            middles[node.texts] = _MARGIN + _ROW * (rows[node.texts[0]] + 0.5)
            continue
        upper, lower = (middles[part.texts] for part in node.parts)
        ends = [x(part.height) for part in node.parts]
        paths.append(
            f'<path d="M{ends[0]:.1f} {upper:.1f}H{x(node.height):.1f}V{lower:.1f}H{ends[1]:.1f}">'
            f"<title>{node.height:.4f}</title></path>"
        )
        middles[node.texts] = (upper + lower) / 2
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
