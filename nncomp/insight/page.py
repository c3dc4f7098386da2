"""A report as one self-contained HTML file: the text coloured by cost, and figures.

Content is embedded as base64, so that nothing in it can become markup.
"""

from __future__ import annotations

import base64
import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp.insight import shades
from nncomp.insight.survey import KINDS, Survey

__all__ = ["render"]

_PAGE = Path(__file__).with_name("page.html")
_DIGITS = np.frombuffer(
    (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode(), np.uint8
)
_PER_DOUBLING = 8  # how much a digit grows when 1 + bits doubles


def render(name: str, survey: Survey, version: str) -> bytes:
    """The page for the file ``name``, made by nncomp ``version``: at most 2.5 MB of UTF-8."""
    data = {
        "name": name,
        "version": version,
        "size": survey.size,
        "bits": survey.bits,
        "step": survey.step,
        "curve": _costs(survey.curve.astype(np.float32)),
        "kinds": [
            [kind, int(size), float(bits)]
            for kind, size, bits in zip(KINDS, survey.bytes_of, survey.bits_of, strict=True)
            if size
        ],
        "parts": [
            [part.said, part.size, part.bits, part.bits_of_stage, part.bits_of_network]
            for part in survey.parts
        ],
        "blocks": [
            [block.offset, block.size, block.bits, block.mixing, block.network]
            for block in survey.blocks
        ],
        "passages": [
            [passage.offset, passage.bits, _base64(passage.content), _costs(passage.costs)]
            for passage in survey.passages
        ],
        "text": _base64(survey.head),
        "costs": _costs(survey.head_costs),
        "shades": shades.OPACITIES,
        "per_doubling": shades.PER_DOUBLING,
    }
    page = _PAGE.read_text("utf-8")
    for name, colour in (("{{HOT}}", shades.HOT), ("{{PAPER}}", shades.PAPER)):
        page = page.replace(name, ", ".join(map(str, colour)))
    return page.replace("{{DATA}}", _script(data)).encode()


def _script(data: Any) -> str:
    """JSON without "<", so that it cannot end the script element that it is in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _costs(bits: npt.NDArray[np.float32]) -> str:
    """Encode costs as one digit of base64 each: log2(1 + bits) in eighths, at most 63."""
    digits = np.minimum(np.rint(np.log2(1 + bits) * _PER_DOUBLING), 63).astype(np.uint8)
    return str(_DIGITS[digits].tobytes(), "ascii")
