"""Candidates."""

from __future__ import annotations

from dataclasses import replace

from nncomp.network import WAYS, Attention, FeedForward, Layer, ModelConfig, Table


def _tables(contexts: str, log2_rows: int, width: int, known: str = "") -> tuple[Table, ...]:
    """Tables side by side, from the first channel again where channels end."""
    return tuple(
        Table(c, log2_rows, width, i * width % 192, WAYS if c in known.split() else 0)
        for i, c in enumerate(contexts.split())
    )


def _shape(tables: tuple[Table, ...], *layers: Layer) -> ModelConfig:
    return ModelConfig(1, 192, layers, tables)


def _with_rows(tables: tuple[Table, ...], log2_rows: int) -> tuple[Table, ...]:
    """As many rows in each, but no more than there are contexts of two bytes."""
    return tuple(replace(t, log2_rows=min(log2_rows, 15) if t.context == "2" else log2_rows)
                 for t in tables)  # fmt: skip


SIX, FREQUENT = "2 3 4 5 6 word", "4 5 6 word"
HASHED, KNOWN = _tables(SIX, 14, 32), _tables(SIX, 15, 16, FREQUENT)
TWELVE = "2 3 4 5 6 7 8 skip word words above field"
NARROW = _tables(TWELVE, 15, 16, TWELVE)
FOURTEEN = _tables(f"{TWELVE} skip2 indent", 15, 16, f"{TWELVE} skip2 indent")
ATTENTION = Attention(4, 32, 64)
FF = FeedForward

SHAPES: dict[str, ModelConfig] = {
    # 0.12 M multiply-adds a byte: tables and head.
    "ff": _shape(HASHED, FF(192)),
    "ff-narrow": _shape(KNOWN, FF(192)),
    "ff-twelve-narrow": _shape(NARROW, FF(192)),
    "ff-twelve-16": _shape(_with_rows(NARROW, 16), FF(192)),
    "ff-twelve-17": _shape(_with_rows(NARROW, 17), FF(192)),
    "ff-fourteen": _shape(FOURTEEN, FF(192)),
    # 0.33 to 0.35 M
    "mlp-twelve": _shape(NARROW, FF(384), FF(384)),
    "attention-narrow": _shape(NARROW, ATTENTION, FF(384), FF(192)),
    # 0.57 M
    "nano": _shape(HASHED, Attention(4, 32, 128), FF(384), Attention(4, 32, 256), FF(384)),
}
