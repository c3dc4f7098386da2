"""The range coder: sizes as well as round trips, because a wasteful coder also round-trips."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from nncomp.engine.reference.coder import (
    RangeDecoder,
    RangeEncoder,
    cumulative_sums,
    probability,
    writer,
)
from nncomp.errors import FormatError

TOP = 2**22 - 1  # the largest probability
Bits = list[tuple[int, int]]  # (bit, p) each


def encode(bits: Iterable[tuple[int, int]]) -> bytes:
    encoder = RangeEncoder()
    for bit, p in bits:
        encoder.encode(bit, p)
    return encoder.finish()


def decode(payload: bytes, ps: Iterable[int]) -> list[int]:
    decoder = RangeDecoder(payload)
    bits = [decoder.decode(p) for p in ps]
    decoder.finish()
    return bits


def walk(w: np.ndarray, choose: Callable[[int], int]) -> int:
    """Code one byte, given its 256 weights, as eight bits, most significant first; returns it.

    ``choose(p)`` codes a bit that is 1 with probability p/2^22, and returns it.
    """
    cumulative = cumulative_sums(w)
    low, high = 0, 256
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if choose(probability(cumulative, low, high)) else (low, middle)
    return low


def check(bits: Bits) -> bytes:
    payload = encode(bits)
    assert decode(payload, [p for _, p in bits]) == [bit for bit, _ in bits]
    return payload


def cost(bits: Bits) -> float:
    """Bits of information; a float is good enough to judge a size."""
    return -sum(log2(p / 2**22 if bit else 1 - p / 2**22) for bit, p in bits)


def draw_bits(ps: list[int], seed: int) -> Bits:
    draw = models.integers(seed, len(ps), 0, 2**22 - 1)
    return [(int(r < p), p) for r, p in zip(draw.tolist(), ps, strict=True)]


# Sizes


@pytest.mark.parametrize(("symbols", "size"), [(0, 0), (1, 1), (2, 2), (10, 10), (20, 20)])
def test_sizes_of_even_bytes(symbols: int, size: int) -> None:
    """Bytes that are all as likely cost one byte each, and the end costs nothing or one more."""
    even = np.ones(256, np.uint32)
    for seed in range(20):
        encoder = RangeEncoder()
        for byte in models.noise(symbols, seed):
            walk(even, writer(encoder, byte))
        assert size <= len(encoder.finish()) <= size + (symbols > 0)


@pytest.mark.parametrize(("symbols", "size"), [(1, 0), (2, 0), (10, 0), (20, 0), (10_000, 0)])
def test_sizes_of_what_is_certain(symbols: int, size: int) -> None:
    """What the model knows costs nothing: a payload of no bytes."""
    assert len(check([(1, TOP)] * symbols)) == size


def test_sizes_of_surprises() -> None:
    """A bit of probability 2^−22 costs 22 bits, again and again, and one byte to end with."""
    for n in (1, 2, 10, 20, 100):
        for bits in ([(0, TOP)] * n, [(1, 1)] * n):
            assert abs(len(check(bits)) * 8 - 22 * n) <= 8 + n // 50


@pytest.mark.parametrize("p", [1, 2, 3, 100, 2**12, 2**18, 2**20, 2**21 - 1, 2**21, TOP - 9, TOP])
def test_waste_at_a_constant_probability(p: int) -> None:
    bits = draw_bits([p] * 20_000, p)
    assert len(check(bits)) * 8 <= cost(bits) * 1.0005 + 16


def test_waste_on_a_skewed_source() -> None:
    """Weights as a sure model gives them: below 0.05 % over the entropy of the same integers."""
    weights = np.sort(models.integers(1, 256, 0, 30).astype(np.uint64)).astype(np.uint32)
    weights = np.uint32(1) << weights
    total = int(weights.sum(dtype=np.uint64))
    borders = np.cumsum(weights, dtype=np.uint64)
    points = models.integers(2, 20_000, 0, 2**32 - 1).astype(np.uint64)
    data = np.searchsorted(borders, points * np.uint64(total >> 8) >> np.uint64(24), side="right")
    encoder = RangeEncoder()
    bits = 0.0
    for byte in data.tolist():
        walk(weights, writer(encoder, byte))
        bits -= log2(int(weights[byte]) / total)
    size = len(encoder.finish()) * 8
    assert 2 < bits / len(data) < 6  # skewed, but not trivial
    assert bits - 16 <= size <= bits * 1.0005 + 16


# Probabilities


def test_probability_of_a_node() -> None:
    weights = models.integers(3, 256, 1, 2**30)
    cumulative = [0, *np.cumsum(weights).tolist()]
    for low, high in ((0, 256), (128, 256), (0, 2), (254, 256), (96, 100)):
        upper = sum(weights[(low + high) // 2 : high].tolist())
        assert probability(cumulative, low, high) == (upper << 22) // sum(
            weights[low:high].tolist()
        )


def test_probability_is_never_certain() -> None:
    most = [0] + [2**30 * i for i in range(1, 129)] + [2**37 + i for i in range(1, 129)]
    assert probability(most, 0, 256) == 1
    assert probability([0] + [2**30 * i for i in range(1, 257)], 0, 256) == 2**21
    least = [i for i in range(129)] + [128 + 2**30 * i for i in range(1, 129)]
    assert probability(least, 0, 256) == TOP


# Round trips


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.one_of(st.integers(1, TOP), st.sampled_from([1, 2, TOP - 1, TOP, 2**21])),
        ),
        max_size=200,
    )
)
def test_round_trip(bits: Bits) -> None:
    payload = check(bits)
    assert len(payload) * 8 <= cost(bits) + 16 + len(bits) * 0.01


@given(st.binary(max_size=20), st.integers(0, 2**32))
def test_bytes_round_trip(data: bytes, seed: int) -> None:
    table = 1 << models.integers(seed, 256 * len(data), 0, 30).reshape(-1, 256)
    table = table.astype(np.uint32)
    encoder = RangeEncoder()
    for w, byte in zip(table, data, strict=True):
        walk(w, writer(encoder, byte))
    decoder = RangeDecoder(encoder.finish())
    assert bytes(walk(w, decoder.decode) for w in table) == data
    decoder.finish()


def straddle(target: bytes, seed: int) -> tuple[RangeEncoder, Bits]:
    """Bits whose interval holds the number ``target`` inside, after as many bytes but three.

    They are what a decoder makes of ``target``.
    """
    decoder = RangeDecoder(target)
    encoder = RangeEncoder()
    bits: Bits = []
    draw = models.xorshift(seed)
    while decoder.position < len(target):
        p = 1 + next(draw) % TOP
        bits.append((decoder.decode(p), p))
        encoder.encode(*bits[-1])
    assert decoder.code > 0  # else the encoder's low end is the target itself
    return encoder, bits


@pytest.mark.parametrize("head", [b"\x80", b"\x01", b"\xff", b"\x12\x34\x01"])
@pytest.mark.parametrize("length", [4, 5, 8, 100, 3000])
def test_carry_ripples_through_0xff(head: bytes, length: int) -> None:
    """Just below head 00 00 …, the bytes out are head − 1, FF, FF, …; then a carry passes them."""
    encoder, bits = straddle(head + bytes(length), length)
    below = (int.from_bytes(head, "big") - 1).to_bytes(len(head), "big")
    run = len(encoder.out) - len(head)
    assert run >= length - 4
    assert encoder.out == below + b"\xff" * run
    encoder.encode(0, TOP)
    bits.append((0, TOP))
    assert encoder.out[: len(head) + run] == head + bytes(run)
    payload = check(bits)
    assert encoder.finish() == payload
    check(bits[:-1])  # here the carry is left to the end
    check(bits + [(1, 1), (0, TOP)] * 50)


@pytest.mark.parametrize("target", [b"\x01" + bytes(500), b"\xfe" + b"\xff" * 500])
def test_runs_of_equal_bytes(target: bytes) -> None:
    """Payloads around 01 00 00 … and FE FF FF …: no carry, no byte lost."""
    _, bits = straddle(target, 9)
    number = int.from_bytes(check(bits)[:490].ljust(490, b"\x00"), "big")
    assert abs(number - int.from_bytes(target[:490], "big")) <= 1


def test_end_takes_no_byte_where_it_can() -> None:
    """Both ends occur, n bytes and n + 1, and the last byte of n + 1 is never zero."""
    sizes = set()
    for seed in range(200):
        bits = draw_bits([1 + r % TOP for r in models.integers(seed, 30, 0, 2**31).tolist()], seed)
        encoder = RangeEncoder()
        for bit, p in bits:
            encoder.encode(bit, p)
        shifts = len(encoder.out)
        payload = encoder.finish()
        sizes.add(len(payload) - shifts)
        assert len(payload) == shifts or payload[-1] != 0
        check(bits)
    assert sizes == {0, 1}


# What a decoder must reject


@settings(max_examples=50)
@given(st.integers(1, 300), st.integers(0, 2**32))
def test_truncated_and_extended_payloads(count: int, seed: int) -> None:
    """Zeros too many are an error; a payload cut short is one, or stands for other bits.

    Other bits may need fewer bytes, so that the coder cannot tell; checksums can.
    """
    ps = models.integers(seed, count, 2**17, 2**22 - 2**17).tolist()
    bits = draw_bits(ps, seed + 1)
    payload = check(bits)
    for zeros in (1, 2, 3, 4, 5, 100):
        with pytest.raises(FormatError, match="left over"):
            decode(payload + bytes(zeros), ps)
    for size in range(len(payload)):
        try:
            assert decode(payload[:size], ps) != [bit for bit, _ in bits]
        except FormatError:
            pass


@given(st.integers(0, 2**32))
def test_truncated_payloads_of_even_bits(seed: int) -> None:
    """Where every bit costs the same, no truncation by two bytes or more goes unnoticed."""
    bits = draw_bits([2**21] * 200, seed)
    payload = check(bits)
    for size in range(len(payload) - 1):
        with pytest.raises(FormatError, match="ends early"):
            decode(payload[:size], [2**21] * 200)
    with pytest.raises(FormatError, match="left over"):
        decode(payload + b"\x01\x01", [2**21] * 200)


def test_fifth_byte_beyond_the_end_is_an_error_at_once() -> None:
    decoder = RangeDecoder(b"")
    decoder.decode(2**21)  # four zero bytes are read, and none is left
    with pytest.raises(FormatError, match="ends early"):
        for _ in range(8):
            decoder.decode(2**21)


def test_bytes_left_over() -> None:
    for payload in (b"\x40\x00", b"\x40\x00\x00\x00\x00", b"\x00", b"\x40\x00\x00\x01"):
        with pytest.raises(FormatError, match="left over"):
            decode(payload, [2**21])
    assert decode(b"", [2**21]) == [1]
    with pytest.raises(FormatError, match="left over"):
        decode(b"\x40", [2**21])  # also in the interval of this bit, and longer
    assert decode(b"\x80", [2**21]) == [0]
    for byte in (0x7F, 0x81, 0xC0, 0xFF):
        with pytest.raises(FormatError, match="left over"):
            decode(bytes([byte]), [2**21])


@pytest.mark.slow
@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(0, 2**32), st.sampled_from([2**21, 2**12, 4000000]))
def test_one_payload_for_each_content(count: int, seed: int, p: int) -> None:
    """What a decoder accepts is what the encoder writes: no byte can be another, or one more."""
    bits = draw_bits([p] * count, seed)
    payload = encode(bits)
    forged = [payload[:-1] + bytes([byte]) for byte in range(256)]
    forged += [payload + bytes([byte]) for byte in range(256)]
    forged += [payload[:-2] + bytes([byte]) for byte in range(256)]
    accepted = 0
    for other in forged:
        try:
            found = decode(other, [p] * count)
        except FormatError:
            continue
        accepted += 1
        assert encode(list(zip(found, [p] * count, strict=True))) == other
    assert accepted >= bool(payload)


def test_start_that_no_encoder_writes() -> None:
    with pytest.raises(FormatError, match="malformed"):
        RangeDecoder(b"\xff\xff\xff\xff")
    RangeDecoder(b"\xff\xff\xff\xfe")


def test_lane_without_symbols() -> None:
    decode(b"", [])
    for payload in (b"\x00", b"\x01", b"\x00" * 5):
        with pytest.raises(FormatError):
            decode(payload, [])
