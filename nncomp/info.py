"""What compressed data says about itself, without decoding it."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nncomp import arguments, codec, container, registry, weights
from nncomp.container import Block, Header, ModelRef, Packed
from nncomp.errors import FormatError, ModelError, ModelNotFoundError
from nncomp.mixing import Profile
from nncomp.model import ModelConfig
from nncomp.rawio import Readable

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FrameInfo", "get_frame_info", "read_frame_infos"]


@dataclass(frozen=True)
class FrameInfo:
    """A frame as its records describe it. Sizes are in bytes."""

    content_size: int
    stored_size: int  # of the whole frame: the next one begins there
    blocks: dict[str, int]  # how many of each type: mix, network, network+mix, repeat, stored
    mixings: dict[str, int]  # how many are coded in which way by the adaptive stage
    block_size: int  # no block has more content
    lanes: int  # of a full network block
    version: int  # of the format
    arithmetic: int  # version
    profile: str | None  # of the adaptive stage: lean or rich; None: the frame has none
    model: str | None  # name; None where no block needs a model
    model_id: str | None  # 32 hexadecimal digits
    model_embedded: bool
    model_size: int | None  # of the embedded model
    model_base: str | None  # name of the model that the embedded one is a change of, else its id
    memory_needed: int | None  # at most, for decoding; None where the model is not at hand


def get_frame_info(data: Buffer, *, memory_limit: int = codec.DEFAULT_MEMORY_LIMIT) -> FrameInfo:
    """The first frame in ``data``, which must be complete; what follows it does not matter.

    Verifies all checks but those of the content. Raises ``FormatError`` and ``MemoryLimitError``.
    """
    limit = arguments.integer("memory_limit", memory_limit, least=1)
    return next(read_frame_infos(io.BytesIO(arguments.contiguous(data)), limit))


def read_frame_infos(src: Readable, memory_limit: int) -> Iterator[FrameInfo]:
    """All frames of ``src``, to its end."""
    for item in container.read(src, memory_limit):
        if isinstance(item, Header):
            header, model, blocks, mixings = item, None, Counter[str](), Counter[str]()
        elif isinstance(item, ModelRef):
            model = item
        elif isinstance(item, Block):
            blocks[item.type.label] += 1
            if item.mixing is not None:
                mixings[item.mixing.label] += 1
        else:
            yield FrameInfo(
                content_size=item.content_size,
                stored_size=item.stored_size,
                blocks=dict(sorted(blocks.items())),
                mixings=dict(sorted(mixings.items())),
                block_size=header.block_size,
                lanes=header.lanes,
                version=container.VERSION,
                arithmetic=header.arithmetic,
                profile=Profile(header.profile).name.lower() if header.profile else None,
                model=model.name if model else None,
                model_id=model.id.hex() if model else None,
                **_about_model(header, model, mixed=bool(mixings)),
            )


def _about_model(header: Header, ref: ModelRef | None, *, mixed: bool) -> dict[str, Any]:
    """The fields of ``FrameInfo`` for which a model may have to be found, by their names.

    No model is loaded or unpacked: dimensions are enough. Raises ``FormatError`` for those of an
    embedded model that are out of range.
    """
    data = ref.data if ref else None
    found: dict[str, Any] = {
        "model_embedded": data is not None,
        "model_size": None if data is None else len(data),
        "model_base": None,
        "memory_needed": None,
    }
    if not mixed:  # whatever the frame might have had
        header = dataclasses.replace(header, profile=0)
    if ref is None:
        found["memory_needed"] = codec.memory_needed(header, None)
        return found
    try:
        if data is None:
            config: ModelConfig | None = registry.entry_of(ref.id).config
        else:
            packed = Packed(ref.name, data)
            base_id = weights.base_id(packed)
            base = None
            if base_id is not None:
                found["model_base"] = base_id.hex()
                base = registry.entry_of(base_id)
                found["model_base"] = base.name
            config = weights.read_config(packed, base)
        found["memory_needed"] = codec.memory_needed(header, config)
    except ModelNotFoundError:  # it may be where the file is decoded
        pass
    except ModelError as error:
        raise FormatError(f"the embedded model is malformed: {error}") from None
    return found
