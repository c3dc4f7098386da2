"""Where content of several kinds is cut, so that each kind is coded in its own way: a part of
``choose``, with the same rules.

Text is told from everything else by its bytes, wherever it is. Other content is cut between members
of a tar. A trial says which contexts suit a section; where these save little, it stays with text,
from which it may have names and words. Programs have a filter, and little of them is text.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Iterator, Sequence

from nncomp.filters import Split, copies, numbers, sections
from nncomp.mixing import Mixing, Profile
from nncomp.plan import choose
from nncomp.plan.choose import Candidate, Encode
from nncomp.plan.statistics import STRANGE, strangeness

__all__ = ["kinds_apart"]

_PIECE = 1 << 10  # bytes of which it is asked whether they are text
# To cut costs as much as so many pieces among those of the other kind: a section between two others
# has 24 KiB at least.
_CUT = 12
_LARGE, _MOST = 1 << 16, 24  # bytes of what may be a kind of its own; how many there may be at most
_GAIN = 16  # contexts of its own have to save 1/16 of a section, for it loses what is beside it
_REST, _NOISE, _NUMBERS = "rest", "noise", "numbers"  # kinds without contexts of their own
_REPEATED = 32  # content that would lose repeats of 1/32 of it is not cut

# The header of a member of a tar (POSIX.1-1988, ustar): where fields begin, and their bytes.
_MAGIC, _MAGIC_AT, _HEADER = b"ustar", 257, 512
_SIZE_AT, _SUM_AT = (124, 12), (148, 8)


def kinds_apart(content: bytes, profile: Profile, encode: Encode) -> Split | None:
    """Split ``content`` by kinds; None if it has one."""
    least = max(_LARGE, len(content) // _MOST)
    kinds: list[tuple[int, Hashable]] = []
    start = 0
    for stop, is_text in _cuts(content, least):
        if start == 0 and stop == len(content):
            return None
        if is_text or stop - start < least:
            kinds.append((stop, _REST))
        else:
            kinds.append((stop, _kind(content[start:stop], profile, encode)))
        start = stop
    made = sections.take_apart(content, kinds)
    return None if made is None or _loses_repeats(content, kinds) else made


def _loses_repeats(content: bytes, kinds: Sequence[tuple[int, Hashable]]) -> bool:
    """Whether much is there twice, but for what is both times in the rest: streams do not see each
    other, and those of numbers not even themselves."""
    stops = [stop for stop, _ in kinds]

    def kind_at(place: int) -> Hashable:
        return kinds[bisect.bisect_right(stops, place)][1]

    lost = sum(
        stop - start
        for start, stop, distance in copies.find(content)
        if not kind_at(start) == kind_at(start - distance) == _REST
    )
    return lost * _REPEATED > len(content)


def _kind(piece: bytes, profile: Profile, encode: Encode) -> Hashable:
    """How a section that is no text is coded, or one of the kinds without contexts."""
    if not choose.is_worth_coding(piece):
        return _NOISE
    general = Candidate(Mixing(profile))
    best = choose.best_of(piece, list(choose.candidates_for(piece, profile)), encode)
    sample = choose.sampled(piece, (0, 1, 2))
    cost = choose.cost_of(sample, best, encode)
    if cost * _GAIN > len(sample) * (_GAIN - 1):
        return _NOISE  # or compressed, which is for a filter to see
    usual = cost if best == general else choose.cost_of(sample, general, encode)
    if best.filter or cost * _GAIN <= usual * (_GAIN - 1):
        return best
    # Where contexts are few, numbers are taken apart.
    return _NUMBERS if profile == Profile.LEAN and numbers.find(piece) else _REST


def _cuts(content: bytes, least: int) -> Iterator[tuple[int, bool]]:
    """Sections: (where one ends, whether it is text). What is no text is cut at members of a tar of
    ``least`` bytes or more."""
    members = list(_large_members(content, least))
    start = 0
    for stop, is_text in _texts(content):
        if not is_text:
            for first, last in members:
                first, last = max(first, start), min(last, stop)
                if last - first >= least:
                    if first > start:
                        yield first, False
                    yield last, False
                    start = last
        if start < stop:
            yield stop, is_text
        start = stop


def _texts(content: bytes) -> Iterator[tuple[int, bool]]:
    """Sections that are text, and others: (where one ends, whether it is). Those that have together
    the fewest pieces of the other kind, and cuts (Viterbi)."""
    cost = [0, 0]  # up to here, if the last piece is no text; if it is
    cut: list[tuple[bool, bool]] = []  # of each piece, whether the one before is of the other kind
    for start in range(0, len(content), _PIECE):
        is_text = strangeness(content[start : start + _PIECE]) < STRANGE
        now = cost[1] + _CUT < cost[0], cost[0] + _CUT < cost[1]
        cut.append(now)
        cost = [
            (cost[1] + _CUT if now[0] else cost[0]) + is_text,
            (cost[0] + _CUT if now[1] else cost[1]) + (not is_text),
        ]
    kind = cost[1] <= cost[0]
    found = [(len(content), kind)]
    for number in range(len(cut) - 1, 0, -1):
        if cut[number][kind]:
            kind = not kind
            found.append((number * _PIECE, kind))
    yield from reversed(found)


def _large_members(content: bytes, least: int) -> Iterator[tuple[int, int]]:
    """Members of a tar that have at least ``least`` bytes, with their headers: (start, stop)."""
    at = content.find(_MAGIC)
    while at >= 0:
        start = at - _MAGIC_AT
        header = content[max(start, 0) : start + _HEADER]
        size = _size(header, least) if start >= 0 and len(header) == _HEADER else None
        at += 1
        if size is not None:
            stop = min(start + _HEADER + -(-size // _HEADER) * _HEADER, len(content))
            yield start, stop
            at = max(at, stop)
        at = content.find(_MAGIC, at)


def _size(header: bytes, least: int) -> int | None:
    """The size of a tar's member; None if this is no header of one, or the size is below
    ``least``."""

    def octal(at: tuple[int, int]) -> int:
        return int(header[at[0] : sum(at)].strip(b" \0") or b"0", 8)

    blank = header[: _SUM_AT[0]] + b" " * _SUM_AT[1] + header[sum(_SUM_AT) :]
    try:
        size = octal(_SIZE_AT)
        return size if size >= least and octal(_SUM_AT) == sum(blank) else None
    except ValueError:
        return None
