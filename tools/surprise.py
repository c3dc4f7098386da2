"""A picture of a text coloured by surprise, as SVG: the darker, the more bits a character costs.

python tools/surprise.py FILE --start 5240 --lines 8 > docs/surprise.svg
"""

from __future__ import annotations

import argparse
from html import escape
from math import log2
from pathlib import Path

import nncomp

WIDTH, HEIGHT = 8.4, 22  # of a character


def picture(data: bytes, start: int, lines: int) -> str:
    """From the byte at ``start`` on, after all that is before it; ASCII text."""
    costs = nncomp.costs(data)
    rects, texts = [], []
    longest, at = 0, start
    for row, line in enumerate(data[start:].split(b"\n")[:lines]):
        text = line.decode("ascii").rstrip("\r")
        longest = max(longest, len(text))
        for column in range(len(text)):
            bits = float(costs[at + column])
            shade = min(1.0, log2(1 + bits) / 4)
            if bits >= 0.5:
                rects.append(
                    f'<rect x="{12 + column * WIDTH:.1f}" y="{8 + row * HEIGHT}" width="{WIDTH}" '
                    f'height="{HEIGHT - 3}" fill-opacity="{shade:.2f}"/>'
                )
        words = escape(text).replace(" ", "\u00a0")
        if text:
            place = f'x="12" y="{22 + row * HEIGHT}" textLength="{len(text) * WIDTH:.1f}"'
            texts.append(f"<text {place}>{words}</text>")
        at += len(line) + 1
    width, height = 24 + longest * WIDTH, 14 + lines * HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
            f'width="{width:.0f}" role="img">',
            "<title>A text, each letter the darker the more bits it costs</title>",
            f'<rect width="{width:.0f}" height="{height}" fill="#fdfdfb"/>',
            '<g fill="#e2572b">',
            *rects,
            '</g><g font-family="monospace" font-size="14" fill="#1d1d1f">',
            *texts,
            "</g></svg>\n",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--lines", type=int, default=8)
    args = parser.parse_args()
    print(picture(args.file.read_bytes(), args.start, args.lines), end="")


if __name__ == "__main__":
    main()
