"""Generates text: a decoder that is fed with noise puts out each bit as often as it is predicted.

Before that, the predictors read the text that is to be continued.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from nncomp import arguments, engine, levels, resolve
from nncomp.container import MAX_BLOCK_SIZE
from nncomp.mixing import Mixing
from nncomp.options import Options

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from nncomp.options import ModelLike
    from nncomp.schedule import Progress

    Temperature = int | float | Fraction

__all__ = ["MAX_SIZE", "MAX_TEMPERATURE", "generate", "noise", "pieces"]

MAX_SIZE = MAX_BLOCK_SIZE - 1  # bytes of the text that is continued and of what is generated
MAX_TEMPERATURE = 100
_LEAST = 1 << 16  # bytes that the stage makes room for at least
_STEP = 64  # bytes that are generated at a time


def generate(
    size: int,
    *,
    level: int | None = None,
    model: ModelLike | None = None,
    prime: Buffer = b"",
    seed: int = 0,
    temperature: Temperature = 1,
    until: Buffer | None = None,
) -> bytes:
    """Generate ``size`` bytes, or fewer where they end with the first occurrence of ``until``.

    They continue ``prime``, which the predictors read first; both together are 2^26 − 1 bytes at
    most. The same ``seed``, an integer from 0 on, with the same level and model gives the same
    bytes on every machine, and a larger ``size`` more of them. ``temperature``, 0..100: the odds of
    each bit are raised to the power 1/temperature, so that below 1 likely bits become more likely,
    and at 0 hardly anything else comes; the power is rounded to 1/2^16 and is 2^8 at most.
    ``level`` and ``model`` as in ``compress``. Raises ``ModelNotFoundError`` and ``ModelError``,
    ``TypeError`` and ``ValueError``.
    """
    options = Options(level=level, model=model)
    known = bytes(arguments.contiguous(prime))
    end = None if until is None else bytes(arguments.contiguous(until))
    made = pieces(size, options, known, seed=seed, temperature=temperature, until=end)
    return b"".join(made)


def pieces(
    size: int,
    options: Options,
    prime: bytes = b"",
    *,
    seed: int = 0,
    temperature: Temperature = 1,
    until: bytes | None = None,
    progress: Progress | None = None,
) -> Iterator[bytes]:
    """Yield what ``generate`` returns piece by piece, as it is generated. ``progress`` is called
    with bytes done, those of ``prime`` included."""
    size = arguments.integer("size", size, least=0)
    seed = arguments.integer("seed", seed, least=0)
    power = _power(temperature)
    if until == b"":
        raise ValueError("until has no bytes")
    if len(prime) + size > MAX_SIZE:
        raise ValueError(f"prime and size are more than {MAX_SIZE} bytes")
    model, _ = resolve.for_writing(options)
    # Room for one byte more than is decoded, since the noise goes on behind the last one. It is a
    # power of two, since the stage's tables depend on it, and on them what is generated.
    room = max(_LEAST, 1 << (len(prime) + size).bit_length())
    mixing = Mixing(levels.get(options.level).profile)
    payload = noise(seed, 2 * size + 4096)
    start = engine.in_steps().start_decoding
    decoding = start(model, [payload], room, mixing, 1, prime, power)
    if prime:
        decoding.decode(len(prime), progress=progress)
    seen = b""  # the end of what was made, in which ``until`` may begin
    for place in range(len(prime), len(prime) + size, _STEP):
        step = min(_STEP, len(prime) + size - place)
        decoding.decode(place + step, progress=progress)
        piece = decoding.part(place, step)
        if until is not None:
            found = (seen + piece).find(until)
            if found >= 0:
                yield piece[: found + len(until) - len(seen)]
                return
            seen = (seen + piece)[max(0, len(seen) + step - len(until) + 1) :]
        yield piece


def _power(temperature: Temperature) -> int:
    """The power to which odds are raised, in units of 1/``engine.PLAIN``."""
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float, Fraction)):
        raise TypeError(f"temperature must be a number, not {type(temperature).__name__}")
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise ValueError(f"a temperature of {temperature} is not in 0..{MAX_TEMPERATURE}")
    exact = Fraction(temperature)
    if exact * engine.MAX_POWER <= engine.PLAIN:
        return engine.MAX_POWER
    return round(engine.PLAIN / exact)


def noise(seed: int, size: int) -> bytes:
    """``size`` random bytes: the beginning of SHAKE-256 of the seed in decimal digits, so that more
    bytes begin with the same ones. Four leading bytes FF, which begin no payload, are left out."""
    data = hashlib.shake_256(str(seed).encode()).digest(size + 4)
    return data[4:] if data.startswith(b"\xff" * 4) else data[:size]
