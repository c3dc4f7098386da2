"""Hashes of the reference engine's adaptive stage: section 11 of ``docs/numerics.md``."""

from __future__ import annotations

__all__ = ["K1", "MASK", "check_of", "combine", "context_hash", "with_nibble"]

MASK = (1 << 64) - 1
K1, K2, K3 = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0x632BE59BD9B4E019


def combine(a: int, b: int) -> int:
    """A hash of two numbers: 64 bits."""
    return (a + b * K1 + 0x7F4A7C15) * K2 & MASK


def with_nibble(h: int, nibble: int) -> int:
    """The hash of a context together with the upper half of the byte to come: 64 bits."""
    return (h ^ (nibble + 1) * K1 & MASK) * K2 & MASK


def context_hash(v: int, n: int) -> int:
    """The hash of the value v of context n: 64 bits, of which the upper ones are mixed best."""
    h = (v + (n + 1) * K3) * K1 & MASK
    return (h ^ h >> 29) * K2 & MASK


def check_of(h: int) -> int:
    """The byte of a hash that tells the contexts of a bucket apart: 1…255."""
    return h >> 8 & 255 or 1
