"""A block in the ways that are plausible: its content split by filters, and each stream coded."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nncomp import container
from nncomp.container import Block
from nncomp.far import Split
from nncomp.filters.inside import OUTSIDE, Inside
from nncomp.mixing import Mixing, Profile
from nncomp.plan import Copies, Joined, Part, Plan, Stream, judge, layout, most_coded, parts
from nncomp.plan.parts import Chosen, Filtered
from nncomp.schedule import Meter, Progress, Task, unheard
from nncomp.ways import StreamCoder

__all__ = ["BlockCoder", "Coded"]

Coded = list[tuple[Plan, Block]]
"""A block coded in one way or two, without the network and with it. Which one is written depends on
the blocks before: the first one with the network also pays for the model's record."""


@dataclass(frozen=True)
class BlockCoder:
    """Codes the blocks of a frame."""

    streams: StreamCoder

    @property
    def _profile(self) -> Profile:
        return self.streams.header.profile

    def task(self, content: bytes, split: Split | None, inside: Inside) -> Task[Coded]:
        """A task that codes a block. Its result is at most one way without the network and one with
        it, of which the smaller is to be written, and the first if they are equal."""

        def code(threads: int, report: Progress) -> Iterator[Coded]:
            heard = Meter(report, len(content))
            most = most_coded(len(content))
            if split is None:
                plans = self._plans(content, inside, (), most, threads, heard)
            else:
                copies = self._copies(split, threads, unheard(report))
                beside = (copies.stream.size,)
                most -= copies.stream.mixing is not None
                # What is copied is missing in a stream, and ends a picture.
                still = Inside(picture=inside.picture) if split.found.gap else OUTSIDE
                plans = self._plans(split.literals, still, beside, most, threads, heard)
                plans = [dataclasses.replace(plan, copies=copies) for plan in plans]
            heard.finish()
            checks = zlib.crc32(content), container.lead_checksum(content)
            blocks = [layout.dumps(plan, len(content), *checks) for plan in plans]
            possible = [
                (plan, block)
                for plan, block in zip(plans, blocks, strict=True)
                if len(block.payload) <= len(content) and len(block.plan) <= container.MAX_PLAN_SIZE
            ]
            yield [
                min(ways, key=lambda way: container.record_size(way[1], None))
                for network in (False, True)
                if (ways := [way for way in possible if way[1].network == network])
            ]

        return code

    def _copies(self, split: Split, threads: int, report: Progress) -> Copies:
        found = split.found
        stream = self.streams.alone(found.copies, Mixing(self._profile), threads, report)
        if stream.stored_size >= stream.size:
            stream = Stream(stream.size, (found.copies,))
        return Copies(found.sources, len(split.literals), stream)

    def _plans(
        self,
        content: bytes,
        inside: Inside,
        beside: Sequence[int],
        most: int,
        threads: int,
        report: Progress,
    ) -> list[Plan]:
        """The plans to choose from: stored; and filtered, with each stream coded in its best way
        without the network, and in its best way with or without, ``most`` streams at most. If the
        prime already makes a small block tiny, nothing else is tried."""

        def trial(*args: Any) -> list[bytes]:  # on the CPU: a sample is too small for a GPU
            with self.streams.place.cpu() as cpu:
                return cpu.encode_block(*args, threads=threads, progress=unheard(report))

        plans = [Plan((Stream(len(content), (content,)),))]
        if self.streams.prime is not None and judge.is_record(content):
            mixing = Mixing(self._profile)
            coded = self.streams.code(content, mixing, threads, report)
            plans += map(Plan.of, coded)
            if any(judge.prime_suffices(one.stored_size, len(content)) for one in coded):
                return plans
        chosen = parts.choose_parts(content, self._profile, trial, inside, beside)
        alone, best = self._code(parts.thinned(chosen, most), threads, report)
        return [*plans, *map(Plan.of, [alone] if best == alone else [alone, best])]

    def _code(self, chosen: Chosen, threads: int, report: Progress) -> tuple[Part, Part]:
        """``chosen`` coded without the network, and coded with it where that is smaller."""
        if isinstance(chosen, Filtered):
            coded = [self._code(part, threads, report) for part in chosen.parts]
            alone, best = (
                _or_stored(Joined(chosen.size, streams, chosen.filter, chosen.side), chosen)
                for streams in zip(*coded, strict=True)
            )
            return alone, best
        stream, mixing = chosen.stream, chosen.mixing
        ways = [Stream(len(stream), (stream,))]
        if mixing is not None and chosen.network:
            ways += self.streams.code(stream, mixing, threads, report)
        elif mixing is not None:
            ways.append(self.streams.alone(stream, mixing, threads, report))
        alone = min((way for way in ways if not way.network), key=_stored_size)
        return alone, min(ways, key=_stored_size)


def _or_stored(joined: Joined, chosen: Filtered) -> Part:
    """Return ``joined``, or the bytes before the filter, stored, where those are not larger."""
    if joined.stored_size < joined.size:
        return joined
    return Stream(chosen.size, (parts.joined(chosen),))


def _stored_size(stream: Stream) -> int:
    return stream.stored_size
