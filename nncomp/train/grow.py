"""Larger networks from trained ones, without changing what they compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from nncomp.network import Layer
from nncomp.train.network import Network

Ngrams = Sequence[tuple[int, int, int, int]]  # as in ModelConfig


def grow(network: Network, layers: Sequence[Layer], ngrams: Ngrams) -> Network:
    """``network`` with more layers and larger tables: ``deepen`` and then ``enlarge``."""
    if tuple(layers) != network.config.layers:
        network = deepen(network, layers)
    if tuple(ngrams) != network.config.ngrams:
        network = enlarge(network, ngrams)
    return network


def deepen(network: Network, layers: Sequence[Layer]) -> Network:
    """A network with these layers, of which the old ones are those of ``network``.

    The old layers have to be found among the new ones in their order; each is matched as early as
    possible, and what is left over are new layers. They start as copies of the nearest old one of
    their kind, but with output matrices of zeros: so the function is the same, in every mode, until
    they are trained. (Begun at random instead, one feed-forward part never fired.) Raises
    ``ValueError``.
    """
    old = network.config.layers
    places: list[int] = []
    for place, layer in enumerate(layers):
        if len(places) < len(old) and layer == old[len(places)]:
            places.append(place)
    if len(places) < len(old):
        raise ValueError(f"layers {_text(layers)} do not contain the trained ones, {_text(old)}")
    grown = Network(dataclasses.replace(network.config, layers=tuple(layers)))
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("layers.")}
    grown.load_state_dict(state, strict=False)
    for place, new in enumerate(grown.layers):
        if place in places:
            new.load_state_dict(network.layers[places.index(place)].state_dict())
            continue
        same = [i for i, other in enumerate(old) if type(other) is type(layers[place])]
        before = [i for i in same if places[i] < place]
        if same:
            new.grow_from(network.layers[(before or same[:1])[-1]])
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


def _text(layers: Sequence[Layer]) -> str:
    return ",".join(map(str, layers))
