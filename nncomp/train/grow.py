"""Deeper networks from trained ones, without changing what they compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from nncomp.train.network import Network


def deepen(network: Network, windows: Sequence[int]) -> Network:
    """A network with these windows, one a layer, whose old layers are those of ``network``.

    The old windows have to be found among the new ones in their order; each is matched as early as
    possible, and what is left over are new layers. They start with output matrices of zeros, so the
    function is the same, in every mode, until they are trained. Raises ``ValueError``.
    """
    old = list(network.config.windows)
    places: list[int] = []
    for place, window in enumerate(windows):
        if len(places) < len(old) and window == old[len(places)]:
            places.append(place)
    if len(places) < len(old):
        raise ValueError(
            f"windows {_text(windows)} do not contain those of the trained layers, {_text(old)}"
        )
    grown = Network(dataclasses.replace(network.config, windows=tuple(windows)))
    with torch.no_grad():
        for layer in grown.layers:
            layer.out.zero_()
            layer.down.zero_()
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("layers.")}
    for layer, place in zip(network.layers, places, strict=True):
        state |= {f"layers.{place}.{k}": v for k, v in layer.state_dict().items()}
    grown.load_state_dict(state, strict=False)
    grown.residual_unit = network.residual_unit
    return grown


def _text(windows: Sequence[int]) -> str:
    return ",".join(map(str, windows))
