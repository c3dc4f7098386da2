"""What compressed data says about itself, without decoding it."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncomp import arguments, container, packing, registry
from nncomp.container import Block, End, Header, ModelRef, Packed
from nncomp.errors import FormatError, ModelError, ModelNotFoundError
from nncomp.model import ModelConfig
from nncomp.options import DEFAULT_MEMORY_LIMIT, Options
from nncomp.plan import layout, memory
from nncomp.rawio import Readable
from nncomp.summary import Summary

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from nncomp.options import PrimeLike
    from nncomp.prime import Prime

__all__ = ["FrameInfo", "get_frame_info", "read_frame_infos"]


@dataclass(frozen=True)
class FrameInfo:
    """A frame as its records describe it. Sizes are in bytes."""

    content_size: int
    stored_size: int  # of the whole frame: the next one begins there
    blocks: dict[str, int]  # how many of each plan: mix, network+mix, stored, x86+mix, …
    mixings: dict[str, int]  # how many streams are coded in which way by the adaptive stage
    reach: int  # bytes that blocks may copy from earlier ones; 0: each stands alone
    sources: int  # most earlier blocks that a block copies from, so has to be decoded with it
    block_size: int  # no block has more content
    lanes: int  # of a full network block
    version: int  # of the format
    arithmetic: int  # version
    profile: str  # of the adaptive stage: lean, rich or max
    model: str | None  # name, or id where that is not known; None where no block needs a model
    model_id: str | None  # 32 hexadecimal digits; the first 8 in a small frame
    model_embedded: bool
    model_size: int | None  # of the embedded model
    model_base: str | None  # name of the model that the embedded one is a change of, else its id
    memory_needed: int | None  # upper bound for decoding; None if model or prime is not at hand
    prime: str | None = None  # digest of its prime, or the beginning of that, in hexadecimal


def get_frame_info(
    data: Buffer,
    *,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    prime: PrimeLike | None = None,
) -> FrameInfo:
    """Describe the first frame in ``data``, which must be complete; what follows it is ignored.

    Verifies all checksums but those of content; a small frame has no others. ``memory_needed`` of a
    frame with a prime is known only if that ``prime`` is given. Raises ``FormatError`` and
    ``MemoryLimitError``.
    """
    options = Options(memory_limit=memory_limit, prime=prime)  # type: ignore[arg-type]
    src = io.BytesIO(arguments.contiguous(data))
    return next(read_frame_infos(src, options.memory_limit, options.prime))


def read_frame_infos(
    src: Readable, memory_limit: int, prime: Prime | None = None
) -> Iterator[FrameInfo]:
    """Describe all frames of ``src``, to its end. Errors as in ``get_frame_info``."""
    for item in container.read(src, memory_limit):
        if isinstance(item, Header):
            header, model, summary = item, _Model(), Summary()
            literals = sources = 0
            need: int | None = 2 * header.block_size
        elif isinstance(item, ModelRef):
            model = _about(item)
            if need is not None and item.data is not None and model.config is not None:
                beside = max(2 * header.block_size, model.config.memory(1))
                need = max(need, len(item.data) + beside)  # while it is read, and unpacked
        elif isinstance(item, Block):
            plan = layout.loads(item, header)
            summary.count(plan)
            if model.ref is not None and model.config is None:
                need = None
            if header.prime and not (prime and prime.digest.startswith(header.prime)):
                need = None
            if need is not None:
                held = min(header.reach, literals)
                need = max(need, held + memory.of_block(plan, item.size, model.config, prime))
            literals += plan.literals(item.size)
            if plan.copies is not None:
                sources = max(sources, len(plan.copies.sources))
        elif isinstance(item, End):
            yield FrameInfo(
                content_size=item.content_size,
                stored_size=item.stored_size,
                blocks=dict(sorted(summary.plans.items())),
                mixings=dict(sorted(summary.mixings.items())),
                reach=header.reach,
                sources=sources,
                block_size=header.block_size,
                lanes=header.lanes,
                version=container.VERSION,
                arithmetic=header.arithmetic,
                profile=header.profile.name.lower(),
                model=model.ref.name if model.ref else None,
                model_id=model.ref.id.hex() if model.ref else None,
                model_embedded=model.size is not None,
                model_size=model.size,
                model_base=model.base,
                memory_needed=need,
                prime=header.prime.hex() or None,
            )


@dataclass(frozen=True)
class _Model:
    """What is known of a frame's model, if it has one."""

    ref: ModelRef | None = None
    config: ModelConfig | None = None  # None where it is not at hand
    size: int | None = None  # bytes, where it is embedded
    base: str | None = None  # name or id, where it is a change


def _about(ref: ModelRef) -> _Model:
    """Describe a frame's model without loading or unpacking it: dimensions are enough. Raises
    ``FormatError`` where those of an embedded model are out of range."""
    size = None if ref.data is None else len(ref.data)
    base_name = None
    try:
        if ref.data is None:
            entry = registry.entry_of(ref.id)
            return _Model(dataclasses.replace(ref, name=ref.name or entry.name), entry.config)
        packed = Packed(ref.name, ref.data)
        base_id, base = packing.base_id(packed), None
        if base_id is not None:
            base_name = base_id.hex()
            base = registry.entry_of(base_id)
            base_name = base.name
        return _Model(ref, packing.read_config(packed, base), size, base_name)
    except ModelNotFoundError:  # no error: it may be there where the file is decoded
        return _Model(
            dataclasses.replace(ref, name=ref.name or ref.id.hex()), None, size, base_name
        )
    except ModelError as error:
        raise FormatError(f"the embedded model is malformed: {error}") from None
