"""Network shapes for ``nncomp train --preset``."""

from __future__ import annotations

from nncomp.network import WAYS, Attention, FeedForward, Layer, ModelConfig, Table


def _in_turn(heads: int, head: int, windows: tuple[int, ...], width: int) -> tuple[Layer, ...]:
    """Attention and a feed-forward layer, as often as there are windows."""
    pairs = [(Attention(heads, head, window), FeedForward(width)) for window in windows]
    return tuple(layer for pair in pairs for layer in pair)


_KNOWN = "2 3 4 5 6 7 8 skip word words above field skip2 indent".split()
_FEW, _SOME = ("2", "skip2"), ("3", "skip", "above", "indent")


def _known(few: int, some: int, many: int) -> tuple[Table, ...]:
    """Tables of known contexts, 16 wide, side by side, with the log2 of their rows: of two bytes,
    of some more, of the others."""
    log2_rows = [few if c in _FEW else some if c in _SOME else many for c in _KNOWN]
    return tuple(
        Table(context, rows, 16, 16 * i % 192, WAYS)
        for i, (context, rows) in enumerate(zip(_KNOWN, log2_rows, strict=True))
    )


def _hashed(*log2_rows: int) -> tuple[Table, ...]:
    """Hashed tables of orders 2, 3, …, 32 wide, side by side."""
    return tuple(Table(str(2 + i), rows, 32, 32 * i, 0) for i, rows in enumerate(log2_rows))


PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(
        arithmetic=1, d_model=64, layers=_in_turn(2, 32, (64, 64), 128),
        tables=(Table("2", 10, 16, 0, 0), Table("3", 10, 16, 16, 0)),
    ),
    # Two wide layers learn faster than three of 128, and run no slower.
    "nano": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (128, 256), 384),
        tables=_hashed(11, 12, 13),
    ),
    "small": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 128, 512, 512), 512),
        tables=_hashed(13, 14, 14),
    ),
    # Two pairs more, and 3.6 times the rows, which cost no products.
    "base": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 128, 256, 512, 128, 512), 512),
        tables=_hashed(14, 15, 16, 15),
    ),
    # 6.1 M weights in products, 6.8 MB stored, 424 KiB of keys and values read for each byte.
    "large": ModelConfig(
        arithmetic=1, d_model=320,
        layers=_in_turn(5, 64, (64, 128, 128, 512, 512, 1024, 1024), 960),
        tables=_hashed(13, 13),
    ),
    "nano-2": ModelConfig(
        arithmetic=1, d_model=192, layers=(FeedForward(256),), tables=_known(13, 14, 15),
    ),
    # The layers of nano, with shorter windows, and of small: they can begin as these.
    "small-2": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 64), 384),
        tables=_hashed(11, 12, 13) + _known(14, 15, 16),
    ),
    "base-2": ModelConfig(
        arithmetic=1, d_model=192, layers=_in_turn(4, 32, (64, 128, 512, 512), 512),
        tables=_hashed(13, 14, 14) + _known(14, 15, 17),
    ),
}  # fmt: skip
