"""The colours of costs, for the page and for the map: the more bits, the hotter.

A shade depends on the logarithm of the bits, so that one bit more shows where there are few.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HOT", "OPACITIES", "PAPER", "PER_DOUBLING", "colours", "of_bits"]

Colour = tuple[int, int, int]  # red, green, blue: 0..255

PER_DOUBLING = 1.35  # shades by which the colour changes when 1 + bits doubles
OPACITIES = (0.0, 0.14, 0.3, 0.5, 0.72, 0.95)  # opacity of HOT on PAPER, for each shade
HOT: Colour = (244, 90, 52)
PAPER: Colour = (253, 253, 251)


def of_bits(bits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """The shade of each cost in bits, 0..5, as an array of the same shape."""
    shades = np.floor(np.log2(1 + bits) * PER_DOUBLING)
    found: npt.NDArray[np.uint8] = np.minimum(shades, len(OPACITIES) - 1).astype(np.uint8)
    return found


def colours() -> list[Colour]:
    """The colour of each shade on paper."""
    mixed = [
        np.rint(np.array(PAPER) * (1 - opacity) + np.array(HOT) * opacity).astype(int).tolist()
        for opacity in OPACITIES
    ]
    return [(red, green, blue) for red, green, blue in mixed]
