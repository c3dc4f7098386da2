"""Draws a file as a picture: a pixel for each byte, 256 in a row, coloured by the byte's cost.

In a file of more than 1 MiB a pixel stands for two consecutive bytes, or four, and so on, so that
no picture has more than 4,096 rows. Pixels behind the last byte are grey.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from nncomp.insight import shades
from nncomp.insight.survey import Survey

__all__ = ["WIDTH", "render"]

WIDTH = 256  # pixels of a row
_GREY: shades.Colour = (128, 128, 128)
_DEPTH = 4  # bits of a pixel, which is an index into the palette


def render(survey: Survey) -> bytes:
    """The picture as a PNG file; one grey row for an empty file."""
    bits = survey.points
    height = max(1, -(-len(bits) // WIDTH))
    points = np.full(height * WIDTH, len(shades.OPACITIES), np.uint8)
    points[: len(bits)] = shades.of_bits(bits)
    return _png(points.reshape(height, WIDTH), [*shades.colours(), _GREY])


def _png(points: npt.NDArray[np.uint8], palette: list[shades.Colour]) -> bytes:
    """A PNG file of at most 16 colours. ``points``, (height, width) of even width, are indices into
    ``palette``."""
    height, width = points.shape
    rows = np.zeros((height, 1 + width // 2), np.uint8)  # first byte of a row: its filter, none
    rows[:, 1:] = points[:, 0::2] << _DEPTH | points[:, 1::2]
    indexed = 3  # PNG's colour type with a palette
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
