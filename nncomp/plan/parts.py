"""Chooses the filters of a block: one for the content, and then again one for each of its streams.

So a picture in a document in an archive in a mail is found. ``choose`` decides how each remaining
stream is coded. Choices depend on the content, the level and the model alone, and a wrong one costs
size, never correctness.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from nncomp.errors import FormatError
from nncomp.filters import (
    FILTERS,
    Filter,
    Split,
    base64,
    copies,
    deflate,
    gif,
    hexadecimal,
    jpeg,
    none,
    numbers,
    quoted,
    repeat,
    sections,
)
from nncomp.filters.inside import OUTSIDE, Inside
from nncomp.filters.numbers import Kind
from nncomp.filters.split import Range
from nncomp.mixing import Contexts, Mixing, NumberKind, Profile
from nncomp.plan import arrays, choose
from nncomp.plan.choose import Candidate, Encode
from nncomp.plan.sections import kinds_apart
from nncomp.plan.statistics import is_noise
from nncomp.plan.values import MAX_DEPTH, MAX_STREAMS

__all__ = ["Chosen", "Filtered", "Leaf", "choose_parts", "joined", "thinned"]

_SHORT_ROW = 1 << 9  # bytes of a row; numbers in longer ones, of pictures, are not taken apart
_REST = 4  # if the bytes around numbers are less than 1/4 of the content, no contexts are sought
_NARROW = 4  # bytes of a number up to which a period is not needed: general contexts see it all
_SHARE = 16  # a filter has to take 1/16 of the content away from the first stream, or replace it
# Or so many bytes, which are no text: they are hard to compress, so that they may be most of what
# is left of a content whose rest becomes small.
_TAKEN = 1 << 12


@dataclass(frozen=True)
class Leaf:
    """A stream that is coded without a filter."""

    stream: bytes
    mixing: Mixing | None  # how the stage codes it; None: it is stored
    network: bool = True  # whether coding it with the network is worth a try

    @property
    def size(self) -> int:
        return len(self.stream)


@dataclass(frozen=True)
class Filtered:
    """The result of a filter: streams, each coded or filtered again."""

    size: int  # bytes before the filter
    parts: tuple[Chosen, ...]
    filter: int  # its place in FILTERS
    side: bytes = b""  # the filter's side information


Chosen: TypeAlias = Leaf | Filtered


def choose_parts(
    content: bytes,
    profile: Profile,
    encode: Encode,
    inside: Inside = OUTSIDE,
    beside: Sequence[int] = (),
) -> Chosen:
    """Choose filters and mixings for ``content``, which may begin ``inside`` of what goes on from
    the block before. ``beside`` are the sizes of the block's other streams. Every filter that is
    chosen has been verified to join to its input again."""
    room = _Room(len(content) + deflate.most_contents(len(content)), MAX_STREAMS, MAX_DEPTH)
    return _choose(content, profile, encode, room.without(beside), inside)


@dataclass(frozen=True)
class _Room:
    """How much more the format's limits allow."""

    size: int  # bytes of all streams
    count: int  # number of streams
    depth: int  # nested filters

    def has(self, sizes: Iterable[int], depth: int = 1) -> bool:
        sizes = list(sizes)
        return depth <= self.depth and len(sizes) <= self.count and sum(sizes) <= self.size

    def without(self, sizes: Iterable[int], depth: int = 0) -> _Room:
        sizes = list(sizes)
        size = max(0, self.size - sum(sizes))  # copies may be described in more than is left of it
        return _Room(size, self.count - len(sizes), self.depth - depth)


def joined(chosen: Chosen) -> bytes:
    """The bytes for which ``chosen`` was chosen."""
    if isinstance(chosen, Leaf):
        return chosen.stream
    return FILTERS[chosen.filter].join([*map(joined, chosen.parts)], chosen.side, chosen.size)


def thinned(chosen: Chosen, most: int) -> Chosen:
    """``chosen`` with at most ``most`` streams that are coded, the largest ones."""
    sizes = sorted((leaf.size for leaf in _leaves(chosen) if leaf.mixing is not None), reverse=True)
    return chosen if len(sizes) <= most else _stored_up_to(chosen, sizes[most])


def _leaves(chosen: Chosen) -> Iterator[Leaf]:
    if isinstance(chosen, Leaf):
        yield chosen
    else:
        for part in chosen.parts:
            yield from _leaves(part)


def _stored_up_to(chosen: Chosen, size: int) -> Chosen:
    """``chosen`` with its streams of up to ``size`` bytes stored."""
    if isinstance(chosen, Leaf):
        return chosen if chosen.size > size else replace(chosen, mixing=None)
    return replace(chosen, parts=tuple(_stored_up_to(part, size) for part in chosen.parts))


def _below(chosen: Chosen) -> Iterator[int]:
    """The sizes of all streams that ``chosen`` is made of, in bytes."""
    if isinstance(chosen, Filtered):
        for part in chosen.parts:
            yield part.size
            yield from _below(part)


def _choose(
    content: bytes,
    profile: Profile,
    encode: Encode,
    room: _Room,
    inside: Inside,
    before: Filter | None = None,
) -> Chosen:
    """Choose for a stream; ``before`` is the filter that made it, None for a block's content."""
    wholes = _wholes(content, profile, encode, room, inside, before)
    fit = (whole for whole in wholes if _fits(*whole, content, room))
    filter_, made = next(fit, (none, None))
    del wholes, fit  # frees the results of other filters
    if made is not None:
        parts = _parts(made, profile, encode, room, inside, filter_)
        return Filtered(len(content), tuple(parts), FILTERS.index(filter_), made.side)
    if not choose.is_worth_coding(content):
        return Leaf(content, None)
    candidates = list(choose.candidates_for(content, profile))
    is_text = choose.is_text(content)
    while True:
        best = choose.best_of(content, candidates, encode)
        apart = None if is_text else _apart(content, best, encode)
        for chosen in (apart, _as_program(content, best)):
            if chosen is not None and room.has(_below(chosen), _depth(chosen)):
                return chosen
        candidates = [other for other in candidates if other.filter != best.filter]


def _parts(
    made: Split,
    profile: Profile,
    encode: Encode,
    room: _Room,
    inside: Inside,
    filter_: Filter,
) -> Iterator[Chosen]:
    """Choose for each stream of a filter. The first one may begin ``inside`` of something, as the
    content does."""
    left = room.without(map(len, made.streams), depth=1)
    if filter_ is jpeg:  # it has been taken out
        inside = inside._replace(picture=None)
    coded = len(made.streams) - made.packed
    for stream in made.streams[:coded]:
        part = _choose(stream, profile, encode, left, inside, filter_)
        left, inside = left.without(_below(part)), OUTSIDE
        yield part
    yield from (Leaf(stream, None) for stream in made.streams[coded:])


def _depth(chosen: Chosen) -> int:
    return 1 + max(map(_depth, chosen.parts)) if isinstance(chosen, Filtered) else 0


def _wholes(
    content: bytes,
    profile: Profile,
    encode: Encode,
    room: _Room,
    inside: Inside,
    before: Filter | None,
) -> Iterator[tuple[Filter, Split | None]]:
    """Yield the filters that are applied to all of the content, each with its result: their gain
    does not show in a sample."""
    if room.depth > 0 and room.size > len(content):
        yield repeat, repeat.split(content)
        for text in (base64, hexadecimal, quoted):
            yield text, _of_text(text.split(content), content, profile, encode)
        left = room.size - len(content)
        photos = functools.cache(lambda: jpeg.split(content, inside.picture))
        pictures = functools.cache(lambda: gif.split(content, left))
        streams = functools.cache(lambda: deflate.split(content, inside.stream, left))
        if before is not copies:
            yield copies, copies.split(content, lambda: _undone(photos(), pictures(), streams()))
        yield jpeg, _of_photos(photos(), content, profile, encode)
        yield gif, pictures()
        yield deflate, streams()
        if before is not sections:
            yield sections, kinds_apart(content, profile, encode)


def _undone(*made: Split | None) -> list[Range]:
    return [place for split in made if split is not None for place in split.undone]


def _of_text(made: Split | None, content: bytes, profile: Profile, encode: Encode) -> Split | None:
    """Keep the split only if a sample of the decoded bytes codes smaller than the text it replaces.
    URL paths look like base64, and repeated hashes gain nothing."""
    if made is None or made.instead is None or not _pays(made, content):
        return None

    text, payload = made.instead
    return made if _cost(payload, profile, encode) < _cost(text, profile, encode) else None


def _of_photos(
    made: Split | None, content: bytes, profile: Profile, encode: Encode
) -> Split | None:
    """Keep the split unless the pictures repeat themselves so much that their bytes are as small as
    they are."""
    if made is None:
        return None
    pictures = b"".join(content[start:stop] for start, stop in made.undone)
    return made if len(made.streams[1]) < _cost(pictures, profile, encode) else None


def _cost(stream: bytes, profile: Profile, encode: Encode) -> int:
    """The coded size of ``stream`` in bytes, extrapolated from a sample."""
    sample = choose.sampled(stream, (0, 1, 2))
    size = choose.coded_size(encode, sample, Mixing(profile))
    return min(size, len(sample)) * len(stream) // len(sample)


def _fits(filter_: Filter, made: Split | None, content: bytes, room: _Room) -> bool:
    if made is None or not (filter_ in (copies, sections) or _pays(made, content)):
        return False  # copies and sections are long enough
    return room.has(map(len, made.streams)) and _joins(filter_, made, content)


def _pays(made: Split, content: bytes) -> bool:
    """Whether a filter affects enough of the content to be worth its cost."""
    share = len(content) // _SHARE
    if made.instead is None:
        return len(made.streams[0]) <= len(content) - min(share, _TAKEN)
    return len(made.instead[0]) >= share


def _joins(filter_: Filter, made: Split, content: bytes) -> bool:
    with contextlib.suppress(FormatError):
        return filter_.join(made.streams, made.side, len(content)) == content
    return False


def _as_program(content: bytes, best: Candidate) -> Chosen | None:
    """``content`` by the candidate's filter, if it has one. None where that cannot be undone."""
    if best.filter == 0:
        return Leaf(content, best.mixing)
    made = FILTERS[best.filter].split(content)
    if made is None or not _joins(FILTERS[best.filter], made, content):
        return None
    (stream,) = made.streams
    return Filtered(len(content), (Leaf(stream, best.mixing),), best.filter, made.side)


def _apart(content: bytes, best: Candidate, encode: Encode) -> Chosen | None:
    """Take numbers apart into streams of their own; the rest is filtered as a program where the
    content is one. None where that does not pay."""
    profile = best.mixing.profile
    contexts = best.mixing.contexts
    # Of a picture, rows are more than a sample of numbers shows.
    is_picture = contexts.has_stride and best.mixing.period > _SHORT_ROW
    row = best.mixing.period if is_picture or contexts == Contexts.FLOATS else 0

    def cost(stream: bytes, width: int, floats: NumberKind | None = None) -> int:
        if is_noise(stream):
            return len(stream)
        if floats:
            ways = choose.of_floats(stream, floats, profile)
            return min(choose.coded_size(encode, stream, way) for way in ways)
        if profile != Profile.LEAN and width > 1:
            way = Mixing(profile, Contexts.RECORDS, period=width)
        else:
            way = Mixing(profile, period=width if width > 1 else 0)
        return min(len(stream), choose.coded_size(encode, stream, way))

    def mixing(stream: bytes, width: int, kind: Kind) -> Mixing | None:
        """How to code a stream of numbers. Where each number gives one byte there is no period."""
        can_be_floats = profile != Profile.LEAN and not best.filter
        kinds = arrays.float_kinds(stream, kind) if can_be_floats else []
        if kinds:
            ways = (way for floats in kinds for way in choose.of_floats(stream, floats, profile))
            return choose.best_of(stream, [*map(Candidate, ways)], encode).mixing
        if width == 1 and choose.is_worth_coding(stream):
            return Mixing(profile)
        if profile == Profile.LEAN and not best.filter and choose.is_worth_coding(stream):
            return Mixing(profile, period=width if width > _NARROW else 0)
        return choose.choose_mixing(stream, profile, encode)

    def rest_mixing(rest: bytes) -> Mixing | None:
        if len(rest) * _REST < len(content) and choose.is_worth_coding(rest):
            return Mixing(profile)
        return choose.choose_mixing(rest, profile, encode)

    def as_is(piece: bytes) -> int:
        return choose.cost_of(piece, best, encode)

    runs = arrays.choose_runs(content, best.filter != 0, as_is, cost, profile != Profile.LEAN, row)
    if not runs:
        return None
    made = numbers.take_apart(content, runs)
    if not _joins(numbers, made, content):
        return None
    rest, *others = made.streams
    kinds = dict.fromkeys(run.kind for run in runs)
    cut = ((width, kind) for kind in kinds for width in kind.widths)
    first: Chosen | None = None
    if best.filter and choose.is_worth_coding(rest):
        first = _as_program(rest, best)
    if first is None:
        first = Leaf(rest, rest_mixing(rest))
    streams = zip(others, cut, strict=True)
    leaves = (Leaf(other, mixing(other, *how), False) for other, how in streams)
    return Filtered(len(content), (first, *leaves), FILTERS.index(numbers), made.side)
