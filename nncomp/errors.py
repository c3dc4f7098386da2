"""The error family.

Everything that nncomp raises on purpose derives from ``NNCompError``; its text is one line that a
user can act on. Programming errors stay ``ValueError`` and ``TypeError``.
"""

from __future__ import annotations

__all__ = [
    "ChecksumError",
    "FormatError",
    "MemoryLimitError",
    "ModelError",
    "ModelNotFoundError",
    "NNCompError",
    "PrimeError",
    "SizeLimitError",
    "TruncatedError",
]


class NNCompError(Exception):
    """Base of every error that nncomp raises on purpose."""


class FormatError(NNCompError):
    """The bytes are not a well-formed ``.nnc`` file, or one of a version this build cannot read."""


class TruncatedError(FormatError, EOFError):
    """The data ends before the frame does. It is an ``EOFError``, too: generic code for files
    catches that."""


class ChecksumError(FormatError):
    """A checksum does not match: the file was damaged after it was written."""


class ModelError(NNCompError):
    """A model file is malformed, or its content does not have the id that was asked for."""


class ModelNotFoundError(NNCompError):
    """No model with the wanted name or id was found."""


class PrimeError(NNCompError):
    """The prime that a frame was written with is not given, or another one is."""


class MemoryLimitError(NNCompError):
    """Decoding would need more memory than the limit allows."""

    @classmethod
    def of(cls, what: str, need: int, limit: int) -> MemoryLimitError:
        """The error that ``what`` needs ``need`` bytes where ``limit`` are allowed."""
        return cls(f"{what} needs {_mib(need)}, more than the memory limit of {_mib(limit)}")


class SizeLimitError(NNCompError):
    """The content is larger than the caller allows."""

    @classmethod
    def of(cls, limit: int) -> SizeLimitError:
        """The error that there is more content than ``limit`` bytes."""
        return cls(f"the content is larger than {limit} bytes")


def _mib(size: int) -> str:
    """Bytes, or MiB with a digit behind the point, rounded up."""
    if size < 1 << 20:
        return f"{size} bytes"
    return f"{-(-size * 10 >> 20) / 10:g} MiB"
