"""Checks of arguments: ``TypeError`` for a wrong type, ``ValueError`` for a wrong value."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MAX_SAMPLE", "MAX_THREADS", "contiguous", "device", "integer", "sample"]

MAX_SAMPLE = 1 << 24  # bytes
MAX_THREADS = 1024  # where more are asked for, so many are used


def integer(name: str, value: object, *, least: int | None = None) -> int:
    """Return ``value`` as an ``int``, at least ``least``. numpy's integers are accepted, a ``bool``
    is not."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}") from None
    if least is not None and number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def sample(value: int) -> int:
    """Return ``value`` if it is a legal size of a text's sample: 1..2^24 bytes."""
    value = integer("sample", value, least=1)
    if value > MAX_SAMPLE:
        raise ValueError(f"a sample of {value} bytes is more than 2^24")
    return value


def device(value: str) -> str:
    """``value``, which names a device: auto, cpu, cuda or cuda:N. Whether it is there is another
    question."""
    if not isinstance(value, str):
        raise TypeError(f"device must be a string, not {type(value).__name__}")
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", value):
        raise ValueError(f"unknown device {value!r}: use auto, cpu, cuda or cuda:N")
    return value


def contiguous(data: Buffer, name: str = "data") -> memoryview:
    """Return the bytes of a contiguous buffer of any item type, without a copy where possible."""
    try:
        whole = memoryview(data)
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"{name} must be bytes or another buffer, not {kind}") from None
    with whole as view:
        if not view.c_contiguous:
            raise TypeError(f"{name} is not contiguous")
        if "O" in re.sub(":[^:]*:", "", view.format):  # colons enclose the names of fields
            raise TypeError(f"{name} holds references to objects")
        if view.nbytes == 0:
            return memoryview(b"")
        try:
            return view.cast("B")
        except TypeError:  # items of a format that memoryview does not know
            return memoryview(view.tobytes())
