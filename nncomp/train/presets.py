"""Network shapes for ``nncomp train --preset``."""

from __future__ import annotations

from nncomp.network import WAYS, Attention, FeedForward, Layer, ModelConfig, Table


def _in_turn(heads: int, head: int, windows: tuple[int, ...], width: int) -> tuple[Layer, ...]:
    """Attention and a feed-forward layer, as often as there are windows."""
    pairs = [(Attention(heads, head, window), FeedForward(width)) for window in windows]
    return tuple(layer for pair in pairs for layer in pair)


_CONTEXTS = "2 3 4 5 6 7 8 skip word words above field skip2 indent".split()


def _known(log2_rows: int) -> tuple[Table, ...]:
    """A table of known contexts for each of ``_CONTEXTS``, 16 wide, side by side."""
    return tuple(
        Table(context, min(log2_rows, 15) if context == "2" else log2_rows, 16, 16 * i % 192, WAYS)
        for i, context in enumerate(_CONTEXTS)
    )


PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(
        arithmetic=1, d_model=64, layers=_in_turn(2, 32, (64, 64), 128),
        tables=(Table("2", 10, 16, 0, 0), Table("3", 10, 16, 16, 0)),
    ),
    # Two wide layers learn faster than three of 128, and run no slower.
    "nano": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (128, 256), 384),
        tables=(Table("2", 11, 32, 0, 0), Table("3", 12, 32, 32, 0), Table("4", 13, 32, 64, 0)),
    ),
    "small": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 128, 512, 512), 512),
        tables=(Table("2", 13, 32, 0, 0), Table("3", 14, 32, 32, 0), Table("4", 14, 32, 64, 0)),
    ),
    # Two pairs more, and 3.6 times the rows, which cost no products.
    "base": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 128, 256, 512, 128, 512), 512),
        tables=(
            Table("2", 14, 32, 0, 0), Table("3", 15, 32, 32, 0), Table("4", 16, 32, 64, 0),
            Table("5", 15, 32, 96, 0),
        ),
    ),
    # 6.1 M weights in products, 6.8 MB stored, 424 KiB of keys and values read for each byte.
    "large": ModelConfig(
        arithmetic=1, d_model=320,
        layers=_in_turn(5, 64, (64, 128, 128, 512, 512, 1024, 1024), 960),
        tables=(Table("2", 13, 32, 0, 0), Table("3", 13, 32, 32, 0)),
    ),
    "nano-2": ModelConfig(
        arithmetic=1, d_model=192, layers=(FeedForward(256),), tables=_known(14),
    ),
    "small-2": ModelConfig(
        arithmetic=1, d_model=192,
        layers=(Attention(4, 32, 64), FeedForward(384), FeedForward(256)), tables=_known(15),
    ),
    "base-2": ModelConfig(
        arithmetic=1, d_model=192,
        layers=(
            Attention(4, 32, 64), FeedForward(384), Attention(4, 32, 256), FeedForward(384),
            FeedForward(256),
        ),
        tables=_known(16),
    ),
}  # fmt: skip
