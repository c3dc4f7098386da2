"""The error family.

Everything that nncomp raises on purpose derives from ``NNCompError``; its text is one line that a
user can act on. Programming errors stay ``ValueError`` and ``TypeError``.
"""

__all__ = [
    "ChecksumError",
    "FormatError",
    "MemoryLimitError",
    "ModelError",
    "ModelNotFoundError",
    "NNCompError",
]


class NNCompError(Exception):
    """Base of every error that nncomp raises on purpose."""


class FormatError(NNCompError):
    """The bytes are not a well-formed ``.nnc`` file, or one of a version this build cannot read."""


class ChecksumError(FormatError):
    """A checksum does not match: the file was damaged after it was written."""


class ModelError(NNCompError):
    """A model file is malformed, or its content does not have the id that was asked for."""


class ModelNotFoundError(NNCompError):
    """No model with the wanted name or id was found."""


class MemoryLimitError(NNCompError):
    """Decoding would need more memory than the limit allows."""
