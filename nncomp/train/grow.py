"""Larger networks from trained ones, without changing what they compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from nncomp.network import Layer, Table
from nncomp.train.network import Network


def grow(network: Network, layers: Sequence[Layer], tables: Sequence[Table]) -> Network:
    """``network`` with more layers and larger tables: ``deepen`` and then ``enlarge``."""
    if tuple(layers) != network.config.layers:
        network = deepen(network, layers)
    if tuple(tables) != network.config.tables:
        network = enlarge(network, tables)
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


def enlarge(network: Network, tables: Sequence[Table]) -> Network:
    """A network with these tables, which hold what those of ``network`` do.

    A row is chosen by the upper bits of a hash: of a hashed table with twice the rows, two
    neighbours begin as copies of one. Tables of contexts that ``network`` does not have are new,
    of zeros. Raises ``ValueError``.
    """
    old = {(table.context, table.ways): i for i, table in enumerate(network.config.tables)}
    grown = Network(dataclasses.replace(network.config, tables=tuple(tables)))
    state = {
        k: v for k, v in network.state_dict().items() if not k.startswith(("tables.", "check_"))
    }
    for i, table in enumerate(tables):
        key, check = f"tables.{i}", grown.check(i)
        if check is not None:
            state[f"check_{i}"] = check
        if (table.context, table.ways) not in old:
            state[key] = torch.zeros_like(grown.tables[i])
            continue
        index = old.pop((table.context, table.ways))
        before = network.config.tables[index]
        more = table.log2_rows - before.log2_rows
        if more < 0 or table != dataclasses.replace(before, log2_rows=table.log2_rows):
            raise ValueError(f"the table {before} can only get more rows")
        if more > 0 and table.ways:
            raise ValueError(f"the table {before} is of known contexts, which have their rows")
        known = network.check(index)
        if known is not None:
            state[f"check_{i}"] = known
        state[key] = network.tables[index].detach().repeat_interleave(1 << more, dim=0)
    if old:
        raise ValueError(f"there is no table of context {min(old)[0]}")
    grown.load_state_dict(state)
    grown.residual_unit = network.residual_unit
    return grown


def _text(layers: Sequence[Layer]) -> str:
    return ",".join(map(str, layers))
