"""Candidates: what a network is made of, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

WORD = 6.2  # bytes from one word start to the next, in the validation text


@dataclass(frozen=True)
class Table:
    """Rows that are added to ``width`` channels from ``first``, chosen by a context."""

    context: str  # see contexts.keys
    log2_rows: int
    width: int
    first: int
    known: bool = False  # a row for each of the most frequent contexts, not for each hash


@dataclass(frozen=True)
class FeedForward:
    width: int


@dataclass(frozen=True)
class Attention:
    window: int
    heads: int = 4
    head: int = 32  # channels of a head; heads share keys and values


@dataclass(frozen=True)
class States:
    """Moving averages of ``channels`` projections, each with every decay 2^−k."""

    channels: int
    decays: tuple[int, ...] = (1, 3, 5, 7)


@dataclass(frozen=True)
class Words:
    """Layers that run at word starts only; their result is added to every byte of the word."""

    layers: tuple[FeedForward | Attention | States, ...]


@dataclass(frozen=True)
class Shape:
    d: int
    tables: tuple[Table, ...]
    layers: tuple[FeedForward | Attention | States | Words, ...]
    head: str = "byte"  # 256 logits; or "bits": one for each node of the tree of a byte's bits


def _layer(layer: FeedForward | Attention | States | Words, d: int) -> tuple[float, int]:
    """Multiply-adds a step, and weights."""
    if isinstance(layer, FeedForward):
        weights = 2 * d * layer.width
        return weights, weights
    if isinstance(layer, Attention):
        inner = layer.heads * layer.head
        weights = d * (2 * inner + 2 * layer.head)
        return weights + 2 * inner * layer.window, weights + layer.heads * layer.window
    if isinstance(layer, States):
        weights = d * layer.channels * (1 + len(layer.decays))
        return weights + layer.channels * len(layer.decays), weights
    parts = [_layer(part, d) for part in layer.layers]
    weights = sum(w for _, w in parts) + d * d
    return (sum(m for m, _ in parts) + d * d) / WORD, weights


def multiply_adds(shape: Shape) -> float:
    """Of a byte, all dense: the head in bits needs the 8 nodes on the byte's path alone."""
    head = shape.d * (256 if shape.head == "byte" else 8)
    return head + sum(_layer(layer, shape.d)[0] for layer in shape.layers)


def stored_bytes(shape: Shape) -> int:
    """Of int8 weights; a known context has a check of one byte."""
    tables = sum((t.width + t.known) << t.log2_rows for t in shape.tables)
    return tables + 2 * 256 * shape.d + sum(_layer(layer, shape.d)[1] for layer in shape.layers)


def _tables(
    *contexts: str, rows: int = 14, width: int = 32, d: int = 192, known: str = ""
) -> tuple[Table, ...]:
    """Tables side by side, from the first channel again where channels end."""
    return tuple(
        Table(c, min(rows, 13) if c == "2" else rows, width, i * width % d, c in known.split())
        for i, c in enumerate(contexts)
    )


def _thinner(tables: tuple[Table, ...], by: int) -> tuple[Table, ...]:
    """As many bytes: rows 2^−by as wide, and 2^by times as many."""
    return tuple(
        replace(t, log2_rows=t.log2_rows + by, width=t.width >> by, first=i * (t.width >> by))
        for i, t in enumerate(tables)
    )


ORDERS, FREQUENT = ("2", "3", "4", "5", "6", "word"), "4 5 6 word"
HASHED = _tables(*ORDERS)
KNOWN = _tables(*ORDERS, known=FREQUENT)
WORDY = _tables("3", "4", "5", "6", "word", "words", known="3 4 5 6 word words")
TWELVE = _tables(
    *"2 3 4 5 6 word words 7 8 skip above field".split(), known="4 5 6 7 8 word words above field"
)
NARROW = _thinner(TWELVE, 1)
FF = FeedForward
WORDS = Words((Attention(128), FF(768)) * 2)

SHAPES: dict[str, Shape] = {
    # 0.12 M: tables and heads.
    "ff": Shape(192, HASHED, (FF(192),)),
    "ff-bits": Shape(192, HASHED, (FF(320),), "bits"),
    "ff-known": Shape(192, KNOWN, (FF(192),)),
    "ff-wordy": Shape(192, WORDY, (FF(192),)),
    "ff-twelve": Shape(192, TWELVE, (FF(192),)),
    "ff-15": Shape(192, _tables(*ORDERS, rows=15, known=FREQUENT), (FF(192),)),
    "ff-narrow": Shape(192, _thinner(KNOWN, 1), (FF(192),)),
    "ff-thin": Shape(192, _thinner(KNOWN, 2), (FF(192),)),
    "ff-twelve-narrow": Shape(192, NARROW, (FF(192),)),
    "ff-twelve-thin": Shape(192, _thinner(TWELVE, 2), (FF(192),)),
    "words-nano": Shape(192, _thinner(KNOWN, 1), (Words((Attention(128), FF(512))), FF(128))),
    # 0.33 to 0.35 M: attention at all bytes or at words, states, or none.
    "mlp": Shape(192, HASHED, (FF(384), FF(384))),
    "mlp-twelve": Shape(192, TWELVE, (FF(384), FF(384))),
    "words": Shape(192, TWELVE, (FF(192), WORDS, FF(192))),
    "words-narrow": Shape(192, NARROW, (FF(192), WORDS, FF(192))),
    "attention-narrow": Shape(192, NARROW, (Attention(64), FF(384), FF(192))),
    "states-narrow": Shape(192, NARROW, (States(32), FF(384), States(32), FF(192))),
    # 0.57 M
    "nano": Shape(192, HASHED, (Attention(128), FF(384), Attention(256), FF(384))),
}
