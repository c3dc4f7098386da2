"""The extension built from ``csrc/``; use ``nncomp.engine``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class Network:
    """A packed model, ready to run; immutable, so threads may share it."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_head: int,
        d_ff: int,
        windows: Sequence[int],
        ngrams: Sequence[tuple[int, int, int, int]],
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        kernel: str = "auto",
    ) -> None:
        """Raises ``ValueError`` for anything that docs/numerics.md does not allow."""

    @property
    def kernel(self) -> str: ...
    def encode_block(
        self,
        data: bytes,
        lanes: int,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> list[bytes]: ...
    def decode_block(
        self,
        payloads: Sequence[bytes],
        size: int,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> bytes: ...
    def weights(self, data: bytes) -> npt.NDArray[np.uint32]: ...

def kernels() -> list[str]:
    """Names of the kernels that this CPU can run, fastest first."""

def tables() -> tuple[bytes, bytes]:
    """EXP as 640 bytes and POW as 256 native-endian uint32."""
