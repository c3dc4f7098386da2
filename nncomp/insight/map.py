"""A map of a file as a picture: a point for each byte, 256 a row, coloured by surprise.

Of a file of more than 1 MiB a point is of two bytes that follow each other, or of four, and so on,
so that no picture has more than 4,096 rows. Behind the last byte it is grey.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from nncomp.insight import shades
from nncomp.insight.survey import Survey

__all__ = ["WIDTH", "render"]

WIDTH = 256  # points
_GREY: shades.Colour = (128, 128, 128)
_DEPTH = 4  # bits of a point: an index into the colours


def render(survey: Survey) -> bytes:
    """The picture, as PNG; one row of grey for what is empty."""
    bits = survey.points
    height = max(1, -(-len(bits) // WIDTH))
    points = np.full(height * WIDTH, len(shades.OPACITIES), np.uint8)
    points[: len(bits)] = shades.of_bits(bits)
    return _png(points.reshape(height, WIDTH), [*shades.colours(), _GREY])


def _png(points: npt.NDArray[np.uint8], palette: list[shades.Colour]) -> bytes:
    """A picture of at most 16 colours: ``points`` (height, width), of even width."""
    height, width = points.shape
    rows = np.zeros((height, 1 + width // 2), np.uint8)  # the first byte: no filter
    rows[:, 1:] = points[:, 0::2] << _DEPTH | points[:, 1::2]
    indexed = 3  # colours are of a palette
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, indexed, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes(value for colour in palette for value in colour)),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
