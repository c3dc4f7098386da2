"""Golden vectors of the arithmetic: ``python tests/golden/numerics.py`` writes numerics.json.

The file freezes arithmetic version 1: run this for a new version only. It holds, for the model
``tiny()`` of tests/models.py and the input ``text(200)``: the model's id, the residual stream after
the embedding and after each layer at some steps (layer replay), the digest of all byte frequencies
and the payloads' digests for some numbers of lanes; then the frequencies' digests for models of
other shapes and at extremes. Digests are BLAKE2b-128, of (bytes, 256) little-endian u32.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import models
from models import LEAN
from nncomp.engine import reference
from nncomp.model import Model

STEPS = (0, 1, 2, 70, 199)


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def frequencies_digest(model: Model, data: bytes) -> str:
    return digest(reference.frequencies(model, data).astype("<u4").tobytes())


def layers(model: Model, data: bytes) -> dict[str, Any]:
    """The residual stream before the first layer and after each, at STEPS."""
    network = reference.network.Network(model, 1)
    replay = {}
    for t in range(len(data)):
        x = network.embed([data[t - 1] if t else reference.network.START])
        stages = {"embed": x[0].tolist()}
        for i in range(len(model.config.layers)):
            x = network.layer(i, x)
            stages[f"layer {i}"] = x[0].tolist()
        if t in STEPS:
            replay[f"step {t}"] = stages
    return replay


def compute() -> dict[str, Any]:
    tiny, data = models.tiny(), models.text(200)
    result: dict[str, Any] = {
        "input": digest(data),
        "id": tiny.id.hex(),
        "layers": layers(tiny, data),
        "frequencies": frequencies_digest(tiny, data),
    }
    for lanes in (1, 2, 3, 7):
        payloads = reference.encode_block(tiny, data, lanes, LEAN)
        result[f"payloads of {lanes} lanes"] = [digest(payload) for payload in payloads]
    short = models.text(70)
    shapes = {"mixed": models.MIXED, "wide head": models.WIDE_HEAD}
    for name, config in shapes.items():
        model = models.natural(config)
        result[name] = {"id": model.id.hex(), "frequencies": frequencies_digest(model, short)}
    model = models.natural(models.CONTEXTUAL)
    digest_of_contexts = frequencies_digest(model, models.contextual(200))
    result["contexts"] = {"id": model.id.hex(), "frequencies": digest_of_contexts}
    for name, recipe in models.EXTREMES.items():
        model = recipe(models.TINY)
        result[name] = {"id": model.id.hex(), "frequencies": frequencies_digest(model, short)}
    return result


def main() -> None:
    # One number list a line: a file that can be read and whose changes can be reviewed.
    text = json.dumps(compute(), indent=1)
    lines = []
    for line in text.splitlines():
        number = line.strip().rstrip(",").lstrip("-").isdigit()
        if lines and (number or line.strip() in ("]", "],")):
            lines[-1] += line.strip() + (" " if line.endswith(",") and number else "")
        else:
            lines.append(line)
    Path(__file__).with_suffix(".json").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
