"""The native engine: ``nncomp._native``, in C++.

This module packs each model once and calls C++, which releases the GIL. The kernel is the fastest
that the CPU can run, unless ``NNCOMP_KERNEL`` forces another one; it changes speed, never bytes.
"""

from __future__ import annotations

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
    "cost_rows",
    "decode_block",
    "encode_block",
    "frequencies",
    "keep_primed",
    "primed_memory",
    "start_decoding",
    "start_encoding",
]

# Packed models, by kernel. They are freed with their model, so that memory limits hold. There is no
# lock: where two threads pack the same model, which takes milliseconds, the first result is kept.
_packed: WeakKeyDictionary[Model, dict[str, _native.Network]] = WeakKeyDictionary()

# The primed states that were used last, of each prime, which they are freed with. There is no lock,
# either: a finaliser, a signal's handler or the child of a fork would wait for it for ever.
_Key = tuple[_native.Network | None, int, tuple[int, int, int, int], str]
_State = tuple[_native.Ready, int]  # and how many bytes it takes at most
_primed: WeakKeyDictionary[Prime, dict[_Key, _State]] = WeakKeyDictionary()


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
    """Code a block in ``lanes`` lanes, 1…128; returns one payload each, empty for an empty lane.

    Without a model there is the adaptive stage alone, and one lane. At most ``threads`` threads
    work, about one per lane. ``progress(n)`` is called from this thread, about every 50 ms, with
    the number of bytes done since the last call; what it raises stops the work and is passed on. A
    ``prime`` is read before each lane.
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
    """The costs of each byte or bit, (n, columns), as ``Counting.cost_rows`` defines them."""
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
    """The adaptive stage alone after reading ``known``, as in a block of ``room`` bytes that begins
    with it. It is made once and copied for each call of ``costs``. Threads may share it."""

    def __init__(self, known: bytes, room: int, mixing: Mixing) -> None:
        kernel = kernels.in_force()
        self._native = _native.Primed(known, room, mixing.numbers, kernel=kernel)

    def costs(self, data: bytes) -> npt.NDArray[np.uint32]:
        """The cost of each byte of ``data``, for which there is room, after the bytes read so far,
        in 1/2^24 of a bit: (n,)."""
        return self._native.costs(data).reshape(-1)

    def read(self, data: bytes) -> npt.NDArray[np.uint32]:
        """Read ``data`` on; returns its costs as ``costs`` does. There must be room for at least
        one byte more. Bytes cost the same in whatever pieces they are read."""
        return self._native.read(data).reshape(-1)


def bit_probabilities(data: bytes, mixing: Mixing) -> npt.NDArray[np.uint32]:
    """The probabilities of a 1 that the adaptive stage alone predicts before each bit of ``data``,
    coded in one lane: (n, 8) in 1/2^22, highest bit first."""
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
    """Decode the ``size`` bytes of a block from its ``payloads``, one for each lane.

    Raises ``FormatError`` for a payload that no encoder writes, as soon as that is noticed. The
    other arguments as in ``encode_block``.
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
    """Prepare to encode a block step by step, with the arguments of ``encode_block``. A step is a
    byte of each lane."""
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
    """Prepare to decode a block step by step, with the arguments of ``decode_block``. A step is a
    byte of each lane.

    With one lane and no prime, its first bytes may be ``known``, fewer than ``size``; the payload
    then codes only the rest. The odds of each bit are raised to the power ``power``/2^16, 1..2^24;
    only with ``PLAIN`` the result is what was encoded.
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
    """The primed state with which a block of ``size`` bytes begins: cached, or made now. None
    without a prime."""
    if prime is None or size == 0:
        return None
    laid_out = size + lanes * len(prime)
    network, room = _network_or_none(model), _native.room_for(laid_out)
    key = network, room, mixing.numbers, kernels.in_force()
    kept = _primed.setdefault(prime, {})
    state = kept.get(key)
    if state is None:
        size = prime.memory(laid_out, mixing, model)
        if size <= MOST_KEPT:
            _drop_all_but(kept, KEPT - 1)  # before there is one more
        state = _native.Ready(prime.data, room, key[2], network=network, kernel=key[3]), size
        if size > MOST_KEPT:
            return state[0]
    kept.pop(key, None)
    kept[key] = state  # as the last one
    _drop_all_but(kept, KEPT)
    return state[0]


def _drop_all_but(kept: dict[_Key, _State], count: int) -> None:
    """Drop all but the last ones."""
    for old in list(kept)[:-count]:
        kept.pop(old, None)


def primed_memory(prime: Prime) -> int:
    """Upper bound in bytes of the states of ``prime`` that are cached."""
    return sum(size for _, size in list(_primed.get(prime, {}).values()))


def keep_primed(prime: Prime, most: int) -> None:
    """Drop cached states of ``prime``, the least lately used first, until the others take at most
    ``most`` bytes."""
    kept = _primed.get(prime, {})
    for old in list(kept):
        if primed_memory(prime) > most:
            kept.pop(old, None)


def frequencies(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The network's frequencies of the 256 bytes before each byte of ``data``, coded in one lane:
    (len(data), 256) uint32 in 1…2^30."""
    return _network(model).frequencies(data)


def activations(model: Model, data: bytes) -> npt.NDArray[np.uint32]:
    """The activations of the last layer's hidden units, if it has any, before each byte of
    ``data``, coded in one lane: (len(data), units) uint32 in 0…255."""
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
