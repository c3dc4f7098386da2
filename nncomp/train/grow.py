"""Makes networks of other shapes from trained ones; at first they compute nearly the same."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nncomp import network as shapes
from nncomp.network import Attention, Layer, ModelConfig
from nncomp.train import known
from nncomp.train.contexts import CHECK_BITS
from nncomp.train.data import Domain
from nncomp.train.network import Network
from nncomp.train.tables import Table


def grow(network: Network, config: ModelConfig, text: list[Domain] | None = None) -> Network:
    """``network`` in the shape of ``config``: ``deepen``, and other tables.

    A table of a context that ``network`` has, hashed or known as there, keeps its rows. Of a hashed
    one with twice the rows, two neighbours begin as copies of one; with half of them, they become
    their mean. A table of known contexts that gets smaller forgets those that are used least; one
    that gets larger knows the contexts that are most frequent in ``text``, and a context begins
    with the row that it had, its own or that of unknown ones. Tables of other contexts are new, of
    zeros; what is not asked for is dropped. Raises ``ValueError``.
    """
    if config.d_model != network.config.d_model:
        raise ValueError(f"the network is {network.config.d_model} wide, not {config.d_model}")
    if config.layers != network.config.layers:
        network = deepen(network, config.layers)
    if config.tables == network.config.tables:
        return network
    old = {
        (shape.context, shape.ways): (shape, table)
        for shape, table in zip(network.config.tables, network.tables, strict=True)
    }
    grown = Network(config)
    kept = {k: v for k, v in network.state_dict().items() if not k.startswith("tables.")}
    grown.load_state_dict(kept, strict=False)
    larger = []
    for shape, table in zip(config.tables, grown.tables, strict=True):
        if (shape.context, shape.ways) not in old:
            table.weight.zero_()
            table.scale.fill_(1.0)
            continue
        old_shape, before = old[shape.context, shape.ways]
        if shape != dataclasses.replace(old_shape, log2_rows=shape.log2_rows):
            raise ValueError(f"the table {old_shape} cannot become {shape}")
        more = shape.log2_rows - old_shape.log2_rows
        if shape.ways and more > 0:
            larger.append((shape, table, before, more))
        else:
            _take(table, before, more)
    if larger and not text:
        raise ValueError("a larger table of known contexts needs text to choose them from")
    found = known.checks([shape for shape, *_ in larger], text or [])
    for (_, table, before, more), check in zip(larger, found, strict=True):
        _know(table, check, before, more)
    grown.residual_unit = network.residual_unit
    grown.weight_bits = dict(network.weight_bits)
    return grown


def deepen(network: Network, layers: Sequence[Layer]) -> Network:
    """A network with ``layers``, among which are those of ``network``.

    ``places`` finds the old layers; the others are new. A new layer starts as a copy of the nearest
    old one of its kind and size, if there is one, but with a zero output matrix, so that the
    function is the same in every mode until it is trained. Only where a window gets shorter,
    attention loses the biases of farther distances. Raises ``ValueError``.
    """
    found = places(network.config.layers, layers)
    grown = Network(dataclasses.replace(network.config, layers=tuple(layers)))
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("layers.")}
    grown.load_state_dict(state, strict=False)
    for place, new in enumerate(grown.layers):
        if place in found:
            new.take(network.layers[found.index(place)])
            continue
        same = [i for i, other in enumerate(network.layers) if new.can_grow_from(other)]
        before = [i for i in same if found[i] < place]
        if same:
            new.grow_from(network.layers[(before or same[:1])[-1]])
    grown.residual_unit = network.residual_unit
    grown.weight_bits = dict(network.weight_bits)
    grown.chosen = network.chosen
    return grown


def places(old: Sequence[Layer], new: Sequence[Layer]) -> list[int]:
    """The place of each ``old`` layer among the ``new``, in order and as early as possible.

    If they do not all match, attention layers may also match ones with shorter windows. Raises
    ``ValueError`` if they do not match even then.
    """
    for fits in (operator.eq, _shorter):
        found: list[int] = []
        for place, layer in enumerate(new):
            if len(found) < len(old) and fits(old[len(found)], layer):
                found.append(place)
        if len(found) == len(old):
            return found
    raise ValueError(f"layers {_text(new)} do not contain the trained ones, {_text(old)}")


def cropped(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[int, int]]:
    """(old window, new window) of each attention layer whose window gets shorter."""
    pairs = [(layer, new[place]) for layer, place in zip(old, places(old, new), strict=True)]
    return [
        (a.window, b.window)
        for a, b in pairs
        if isinstance(a, Attention) and isinstance(b, Attention) and a != b
    ]


def _shorter(old: Layer, new: Layer) -> bool:
    """Whether ``new`` equals ``old``, or is attention that differs only in a shorter window."""
    if isinstance(old, Attention) and isinstance(new, Attention):
        old = dataclasses.replace(old, window=min(old.window, new.window))
    return old == new


def _take(table: Table, old: Table, more: int) -> None:
    """Fill ``table`` with the rows of an old one of the same context, which has 2^``more`` times as
    many: unless ``more`` is 0, hashed ones, or fewer known ones."""
    table.scale.copy_(old.scale)
    if more < 0 and old.check is not None:
        check, rows = pruned(old, -more)
        table.check = torch.from_numpy(check)
        table.weight.copy_(old.weight[rows])
        table.moment.copy_(old.moment[rows])
    elif more < 0:
        moment = old.moment.view(-1, 1 << -more)
        weight = old.weight.view(*moment.shape, -1)
        share = (moment + 1e-12) / (moment + 1e-12).sum(1, keepdim=True)
        table.weight.copy_((weight * share[..., None]).sum(1))
        table.moment.copy_(moment.sum(1))
    else:
        table.weight.copy_(old.weight.repeat_interleave(1 << more, dim=0))
        table.moment.copy_(old.moment.repeat_interleave(1 << more, dim=0))
        table.check = old.check
    table.chosen = True


def _know(table: Table, check: Tensor, old: Table, more: int) -> None:
    """Let ``table`` know the contexts that ``check`` says, of which ``old``, whose rows are
    2^-``more`` as many, knew some.

    A bucket of the old table is 2^``more`` of the new one, whose contexts have checks with the
    ``more`` bits after those that the old ones had. The others begin with the row of contexts that
    the old table did not know, and without a moment.
    """
    assert old.check is not None
    place = (torch.arange(len(check)) // shapes.WAYS << CHECK_BITS | check) >> more
    bucket, wanted = place >> CHECK_BITS, place & (1 << CHECK_BITS) - 1
    found = old.check.view(-1, shapes.WAYS)[bucket] == wanted[:, None]
    was, unknown = found.any(1), len(old.check)
    rows = torch.where(was, shapes.WAYS * bucket + found.int().argmax(1), unknown)
    table.check = check
    table.scale.copy_(old.scale)
    table.weight.copy_(old.weight[F.pad(rows, (0, 1), value=unknown)])
    table.moment[:-1] = old.moment[rows] * was
    table.moment[-1] = old.moment[unknown]
    table.chosen = True


def pruned(old: Table, fewer: int) -> tuple[np.ndarray, Tensor]:
    """Prune a table to 2^-``fewer`` as many rows: (its checks, the old row of each new one).

    2^``fewer`` neighbouring buckets become one, and the checks in it lose ``fewer`` bits of the old
    ones. Of contexts that get the same check, the one with the largest moment stays; of these, the
    ``WAYS`` with the largest moments.
    """
    assert old.check is not None
    check = old.check.numpy().astype(np.int64)
    moment = old.moment[: len(check)].numpy()
    place = (np.arange(len(check)) // shapes.WAYS << CHECK_BITS | check) >> fewer
    order = np.lexsort((-moment, place))
    order = order[np.unique(place[order], return_index=True)[1]]  # the largest of each place
    bucket = place[order] >> CHECK_BITS
    order = order[np.lexsort((-moment[order], bucket))]
    bucket = place[order] >> CHECK_BITS
    rank = np.arange(len(order)) - np.searchsorted(bucket, bucket)
    order, bucket, rank = (a[rank < shapes.WAYS] for a in (order, bucket, rank))
    # Where fewer than WAYS are left, the first one fills the rest; it is never found there.
    first = order[np.searchsorted(bucket, np.arange(len(check) // shapes.WAYS >> fewer))]
    table = np.repeat(first, shapes.WAYS).reshape(-1, shapes.WAYS)
    table[bucket, rank] = order
    rows = np.take_along_axis(table, np.argsort(place[table], axis=1, kind="stable"), 1).ravel()
    checks = (place[rows] & (1 << CHECK_BITS) - 1).astype(np.uint8)
    unknown = len(check)
    return checks, torch.from_numpy(np.append(rows, unknown))


def _text(layers: Sequence[Layer]) -> str:
    return ",".join(map(str, layers))
