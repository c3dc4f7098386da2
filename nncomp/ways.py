"""A stream in the ways that are plausible, coded as far as the choice between them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncomp.container import Header
from nncomp.levels import Level
from nncomp.mixing import Mixing
from nncomp.places import Places
from nncomp.plan import Stream, judge, order
from nncomp.schedule import Progress, unheard

if TYPE_CHECKING:
    from nncomp.model import Model
    from nncomp.prime import Prime

__all__ = ["StreamCoder"]


@dataclass(frozen=True)
class StreamCoder:
    """Codes the streams of a frame."""

    header: Header
    level: Level
    model: Model | None
    places: Places
    prime: Prime | None = None

    def code(self, stream: bytes, mixing: Mixing, threads: int, report: Progress) -> list[Stream]:
        """``stream`` coded in one way or two, without those that bring nothing."""
        lanes = self.header.lanes_of(len(stream))
        prime = self.prime if judge.can_be_primed(mixing, len(stream)) else None
        if self.model is None:
            coded = [self.alone(stream, mixing, threads, report, prime)]
        elif judge.is_small(len(stream)):
            # Each way reports all of the stream: the last one is heard.
            coded = [self.alone(stream, mixing, threads, unheard(report), prime)]
            if prime is None or judge.may_pay(coded[0].stored_size):
                coded.append(self._joined(stream, mixing, lanes, threads, report, prime))
        else:
            coded = self._begin(stream, mixing, lanes, prime, threads, report)
        return judge.worthwhile(coded, self.level)

    def alone(
        self,
        stream: bytes,
        mixing: Mixing,
        threads: int,
        report: Progress,
        prime: Prime | None = None,
    ) -> Stream:
        """In one lane, with the adaptive stage alone; it may not shrink."""
        with self.places.cpu() as cpu:
            payloads = cpu.encode_block(
                None, stream, 1, mixing, threads=threads, progress=report, prime=prime
            )
        return Stream(len(stream), tuple(payloads), mixing, primed=prime is not None)

    def _joined(
        self,
        stream: bytes,
        mixing: Mixing,
        lanes: int,
        threads: int,
        report: Progress,
        prime: Prime | None = None,
    ) -> Stream:
        data = order.spread(stream, lanes)
        with self.places.of(self.model) as place:
            payloads = place.encode_block(
                self.model,
                data,
                lanes,
                mixing,
                threads=threads,
                progress=report,
                prime=prime,
            )
        return Stream(len(stream), tuple(payloads), mixing, True, prime is not None)

    def _begin(
        self,
        stream: bytes,
        mixing: Mixing,
        lanes: int,
        prime: Prime | None,
        threads: int,
        report: Progress,
    ) -> list[Stream]:
        """Begun in both ways, and coded to its end in the one that pays, which goes on if it
        may. A beginning is coded on the CPU, whatever the device, so that all choose alike."""
        assert self.model is not None
        whole = judge.may_go_on(len(stream), lanes)
        goes_on = whole and self.places.is_on_cpu(self.model)
        with self.places.in_steps() as cpu:
            begun = judge.begin(
                stream if whole else judge.beginning(stream, lanes),
                len(stream),
                mixing,
                self.model,
                cpu.start_encoding,
                report if goes_on else unheard(report),
                prime,
                threads,
            )
            gain = begun.gain
            pays = judge.pays(gain, lanes, self.level)
            way = None
            if goes_on:
                way = begun.joined if pays else begun.alone
            del begun  # and with it what does not go on
            if way is not None:
                payloads = way.finish(threads=threads, progress=report)
                return [Stream(len(stream), tuple(payloads), mixing, pays, prime is not None)]
        if not pays:
            return [self.alone(stream, mixing, threads, report, prime)]
        if judge.is_in_doubt(gain, len(stream), lanes, self.level):
            return self._compare(stream, mixing, lanes, prime, threads, report)
        return [self._joined(stream, mixing, lanes, threads, report, prime)]

    def _compare(
        self,
        stream: bytes,
        mixing: Mixing,
        lanes: int,
        prime: Prime | None,
        threads: int,
        report: Progress,
    ) -> list[Stream]:
        """Without the network, and with it: one of them or both, as the steps show that ``judge``
        names, of which the stage alone then knows no more than its lanes do.

        These are coded on the CPU, whatever the device, so that all choose alike.
        """
        first, second = judge.probe(len(stream), lanes)
        data = order.spread(stream, lanes)
        sample = b"".join(order.steps(data, lanes, *part) for part in ((0, first), (first, second)))
        with self.places.in_steps() as cpu:
            begun = cpu.start_encoding(self.model, data, lanes, mixing, prime)
            joined_cost = judge.cost(begun, first, second, threads, report)
            begun_alone = cpu.start_encoding(None, sample, 1, mixing, prime)
            cost = judge.cost(begun_alone, lanes * first, lanes * second, 1, unheard(report))
            primed = prime is not None
            coded: list[Stream] = []
            if not judge.looks_sure(cost, joined_cost, self.level):
                whole = cpu.start_encoding(None, stream, 1, mixing, prime)
                payloads = whole.finish(progress=unheard(report))
                coded.append(Stream(len(stream), tuple(payloads), mixing, primed=primed))
                if judge.looks_short(cost, joined_cost, self.level):
                    return coded
            if self.places.is_on_cpu(self.model):
                payloads = begun.finish(threads=threads, progress=report)
                return [*coded, Stream(len(stream), tuple(payloads), mixing, True, primed)]
        return [*coded, self._joined(stream, mixing, lanes, threads, unheard(report), prime)]
