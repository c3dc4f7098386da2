"""The native engine: ``nncomp._native``, C++ for every core and byte of a block.

This module packs each model once and hands over to C++, which releases the GIL. The kernel is the
fastest that the CPU can run, unless ``NNCOMP_KERNEL`` forces another one, which changes speed and
never bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from nncomp import _native, kernels
from nncomp.engine import PLAIN
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.prime import KEPT, MOST_KEPT, Prime

__all__ = [
    "Primed",
    "activations",
    "bit_probabilities",
    "byte_costs",
    "cost_rows",
    "decode_block",
    "encode_block",
    "frequencies",
    "start_decoding",
    "start_encoding",
]

# By kernel. A packed model goes with its model: what is kept, somebody has counted.
# No lock: where two threads pack one model, which takes milliseconds, the first one counts.
_packed: WeakKeyDictionary[Model, dict[str, _native.Network]] = WeakKeyDictionary()

# What is made of a prime: the last few, which go with it.
_Key = tuple[_native.Network | None, int, tuple[int, int, int, int], str]
_lock = threading.Lock()  # of what follows
_primed: WeakKeyDictionary[Prime, OrderedDict[_Key, _native.Ready]] = WeakKeyDictionary()


def encode_block(
    model: Model | None,
    data: bytes,
    lanes: int,
    mixing: Mixing,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    prime: Prime | None = None,
) -> list[bytes]:
    """Code a block as ``lanes`` (1…128) pieces; returns one payload each, empty for an empty lane.

    Without a model the adaptive stage is alone, with one lane. At most ``threads`` threads work,
    about one a lane. ``progress(n)`` is called from this thread, about every 50 ms, with the number
    of bytes done since; what it raises stops the work and passes on. With a ``prime``, each lane
    begins behind that.
    """
    network = _network_or_none(model)
    return _native.encode_block(
        network,
        data,
        lanes,
        mixing.numbers,
        threads=threads,
        progress=progress,
        kernel=kernels.in_force(),
        ready=_behind(prime, model, len(data), lanes, mixing),
    )


def byte_costs(
    model: Model | None,
    data: bytes,
    mixing: Mixing,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> npt.NDArray[np.uint32]:
    """What each byte takes of the payload of a block of one lane, in 1/2^24 of a bit: (n,).

    ``threads``, of which two are of use, and ``progress`` as in ``encode_block``.
    """
    return cost_rows(model, data, mixing, threads=threads, progress=progress).reshape(-1)


def cost_rows(
    model: Model | None,
    data: bytes,
    mixing: Mixing,
    *,
    split: bool = False,
    bits: bool = False,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> npt.NDArray[np.uint32]:
    """What each byte takes, as ``Counting.cost_rows`` has it: (n, columns)."""
    return _native.byte_costs(
        _network_or_none(model),
        data,
        mixing.numbers,
        split=split,
        bits=bits,
        threads=threads,
        progress=progress,
        kernel=kernels.in_force(),
    )


class Primed:
    """The adaptive stage alone when it has read ``known``, for blocks of ``room`` bytes that begin
    with it; made once, and copied for each. Threads may share it."""

    def __init__(self, known: bytes, room: int, mixing: Mixing) -> None:
        kernel = kernels.in_force()
        self._native = _native.Primed(known, room, mixing.numbers, kernel=kernel)

    def costs(self, data: bytes) -> npt.NDArray[np.uint32]:
        """What each byte of ``data``, for which there is room, costs behind what is known, in
        1/2^24 of a bit: (n,)."""
        return self._native.costs(data).reshape(-1)

    def read(self, data: bytes) -> npt.NDArray[np.uint32]:
        """The same; from then on ``data`` is known, and so there must be room for more. What is
        read in pieces costs what it does in one."""
        return self._native.read(data).reshape(-1)


def bit_probabilities(data: bytes, mixing: Mixing) -> npt.NDArray[np.uint32]:
    """What the adaptive stage alone predicts before each bit of ``data``, as one lane: (n, 8).

    Probabilities of a 1 in 1/2^22, highest bit first.
    """
    return _native.bit_probabilities(data, mixing.numbers, kernel=kernels.in_force())


def decode_block(
    model: Model | None,
    payloads: Sequence[bytes],
    size: int,
    mixing: Mixing,
    *,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
    prime: Prime | None = None,
) -> bytes:
    """The ``size`` bytes of the block that was coded as ``payloads``, one for each lane.

    Raises ``FormatError`` for a payload that no encoder writes, as soon as it shows. The others as
    in ``encode_block``.
    """
    network = _network_or_none(model)
    return _native.decode_block(
        network,
        list(payloads),
        size,
        mixing.numbers,
        threads=threads,
        progress=progress,
        kernel=kernels.in_force(),
        ready=_behind(prime, model, size, len(payloads), mixing),
    )


def start_encoding(
    model: Model | None, data: bytes, lanes: int, mixing: Mixing, prime: Prime | None = None
) -> _native.Encoding:
    """As ``encode_block``, to be encoded step by step: a byte of each lane."""
    network = _network_or_none(model)
    return _native.Encoding(
        network,
        data,
        lanes,
        mixing.numbers,
        kernel=kernels.in_force(),
        ready=_behind(prime, model, len(data), lanes, mixing),
    )


def start_decoding(
    model: Model | None,
    payloads: Sequence[bytes],
    size: int,
    mixing: Mixing,
    threads: int,
    known: bytes = b"",
    power: int = PLAIN,
    prime: Prime | None = None,
) -> _native.Decoding:
    """As ``decode_block``, to be decoded step by step: a byte of each lane.

    With one lane and no prime, its first bytes may be ``known``, fewer than ``size``: the payload
    has the rest. The odds of each bit are raised to the power of ``power``/2^16, 1..2^24: ``PLAIN``
    for what was encoded.
    """
    network = _network_or_none(model)
    return _native.Decoding(
        network,
        list(payloads),
        size,
        mixing.numbers,
        threads=threads,
        kernel=kernels.in_force(),
        known=known,
        power=power,
        ready=_behind(prime, model, size, len(payloads), mixing),
    )


def _behind(
    prime: Prime | None, model: Model | None, size: int, lanes: int, mixing: Mixing
) -> _native.Ready | None:
    """What a block of ``size`` bytes begins with: as it was kept, or made now."""
    if prime is None or size == 0:
        return None
    laid_out = size + lanes * len(prime)
    network, room = _network_or_none(model), _native.room_for(laid_out)
    key = network, room, mixing.numbers, kernels.in_force()
    with _lock:
        kept = _primed.setdefault(prime, OrderedDict())
        ready = kept.get(key)
        if ready is not None:
            kept.move_to_end(key)
    if ready is None:
        ready = _native.Ready(prime.data, room, key[2], network=network, kernel=key[3])
        if prime.memory(laid_out, mixing, model) <= MOST_KEPT:
            with _lock:
                kept[key] = ready
                while len(kept) > KEPT:
                    kept.popitem(last=False)
    return ready


def frequencies(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The frequencies before each byte of ``data``, one lane: (len(data), 256) uint32 in 1…2^30."""
    return _network(model).frequencies(data)


def activations(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The activations of the last layer's units before each byte of ``data``, one lane: (len(data),
    units) uint32 in 0…255, if that layer has such."""
    return _network(model).activations(data)


def _network(model: Model) -> _native.Network:
    """The packed form of ``model`` for the kernel in force."""
    kernel = kernels.in_force()
    networks = _packed.setdefault(model, {})
    if kernel in networks:
        return networks[kernel]
    c = model.config
    layers = [(layer.kind, layer.numbers) for layer in c.layers]
    tables = [table.entry for table in c.tables]
    network = _native.Network(c.d_model, layers, tables, dict(model.tensors), kernel=kernel)
    return networks.setdefault(kernel, network)


def _network_or_none(model: Model | None) -> _native.Network | None:
    return None if model is None else _network(model)
