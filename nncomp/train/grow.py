"""Larger networks from trained ones, without changing what they compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from nncomp.train.network import Network

Ngrams = Sequence[tuple[int, int, int, int]]  # as in ModelConfig


def grow(network: Network, windows: Sequence[int], ngrams: Ngrams) -> Network:
    """``network`` with more layers and larger tables: ``deepen`` and then ``enlarge``."""
    if tuple(windows) != network.config.windows:
        network = deepen(network, windows)
    if tuple(ngrams) != network.config.ngrams:
        network = enlarge(network, ngrams)
    return network


def deepen(network: Network, windows: Sequence[int]) -> Network:
    """A network with these windows, one a layer, whose old layers are those of ``network``.

    The old windows have to be found among the new ones in their order; each is matched as early as
    possible, and what is left over are new layers. They start as copies of their neighbours, but
    with output matrices of zeros: so the function is the same, in every mode, until they are
    trained. (Begun at random instead, one feed-forward part never fired.) Raises ``ValueError``.
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
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("layers.")}
    for place, window in enumerate(windows):
        neighbour = max(0, sum(p <= place for p in places) - 1)  # the one before, if there is one
        values = dict(network.layers[neighbour].state_dict())
        if place not in places:
            values |= {k: torch.zeros_like(values[k]) for k in ("out", "down")}
            values["bias"] = _reaching(values["bias"], window)
        state |= {f"layers.{place}.{k}": v for k, v in values.items()}
    grown.load_state_dict(state)
    grown.residual_unit = network.residual_unit
    return grown


def enlarge(network: Network, ngrams: Ngrams) -> Network:
    """A network with these n-gram tables, which hold what those of ``network`` do.

    A row is chosen by the upper bits of a hash: of a table with twice the rows, two neighbours
    begin as copies of one. Orders that ``network`` does not have are new tables, of zeros.
    Raises ``ValueError``.
    """
    tables = {order: (rest, i) for i, (order, *rest) in enumerate(network.config.ngrams)}
    grown = Network(dataclasses.replace(network.config, ngrams=tuple(ngrams)))
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("ngrams.")}
    for i, (order, bits, width, first) in enumerate(ngrams):
        key = f"ngrams.{i}"
        if order not in tables:
            state[key] = torch.zeros_like(grown.ngrams[i])
            continue
        (old, *place), index = tables.pop(order)
        if bits < old or place != [width, first]:
            raise ValueError(f"the table of order {order} can only get more rows")
        state[key] = network.ngrams[index].detach().repeat_interleave(1 << (bits - old), dim=0)
    if tables:
        raise ValueError(f"there is no table of order {min(tables)}")
    grown.load_state_dict(state)
    grown.residual_unit = network.residual_unit
    return grown


def _reaching(bias: torch.Tensor, window: int) -> torch.Tensor:
    """(H, window): the biases (H, W) of the nearest distances, the last one for those beyond."""
    nearest = torch.arange(window).clamp(max=bias.shape[1] - 1)
    return bias[:, nearest]


def _text(windows: Sequence[int]) -> str:
    return ",".join(map(str, windows))
