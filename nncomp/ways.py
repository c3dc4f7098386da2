"""A stream in the ways that are plausible, coded as far as the choice between them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncomp.container import Header
from nncomp.levels import Level
from nncomp.mixing import Mixing
from nncomp.places import Place
from nncomp.plan import Stream, judge, order, trial
from nncomp.plan.judge import Judge, Ways
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
    place: Place
    prime: Prime | None = None

    def code(self, stream: bytes, mixing: Mixing, threads: int, report: Progress) -> list[Stream]:
        """``stream`` coded in one way or two, without those that bring nothing."""
        judged = Judge(self.level, len(stream), self.header.lanes_of(len(stream)))
        prime = self.prime if judge.can_be_primed(mixing, len(stream)) else None
        if self.model is None:
            coded = [self.alone(stream, mixing, threads, report, prime)]
        elif judged.is_small:
            # Each way reports all of the stream: the last one is heard.
            coded = [self.alone(stream, mixing, threads, unheard(report), prime)]
            if prime is None or judge.network_may_pay(coded[0].stored_size):
                coded.append(
                    self._with_network(stream, mixing, judged.lanes, threads, report, prime)
                )
        else:
            coded = self._try(stream, mixing, judged, prime, threads, report)
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
        with self.place.cpu() as cpu:
            payloads = cpu.encode_block(
                None, stream, 1, mixing, threads=threads, progress=report, prime=prime
            )
        return Stream(len(stream), tuple(payloads), mixing, primed=prime is not None)

    def _with_network(
        self,
        stream: bytes,
        mixing: Mixing,
        lanes: int,
        threads: int,
        report: Progress,
        prime: Prime | None = None,
    ) -> Stream:
        data = order.spread(stream, lanes)
        with self.place.of(self.model) as engine:
            payloads = engine.encode_block(
                self.model,
                data,
                lanes,
                mixing,
                threads=threads,
                progress=report,
                prime=prime,
            )
        return Stream(len(stream), tuple(payloads), mixing, True, prime is not None)

    def _try(
        self,
        stream: bytes,
        mixing: Mixing,
        judged: Judge,
        prime: Prime | None,
        threads: int,
        report: Progress,
    ) -> list[Stream]:
        """Begun in both ways, and coded to its end in the one that pays, which goes on if it
        may. The trial runs on the CPU, whatever the device, so that all choose alike."""
        assert self.model is not None
        lanes = judged.lanes
        whole = judged.may_go_on
        goes_on = whole and self.place.is_on_cpu(self.model)
        with self.place.in_steps() as cpu:
            begun = trial.begin(
                stream if whole else trial.beginning(stream, lanes),
                len(stream),
                mixing,
                self.model,
                cpu.start_encoding,
                report if goes_on else unheard(report),
                prime,
                threads,
            )
            ways = judged.after_trial(begun.gain)
            way = None
            if goes_on:
                network = ways != Ways.ALONE
                way = begun.with_network if network else begun.alone
            del begun  # and with it what does not go on
            if way is not None:
                payloads = way.finish(threads=threads, progress=report)
                return [Stream(len(stream), tuple(payloads), mixing, network, prime is not None)]
        if ways == Ways.ALONE:
            return [self.alone(stream, mixing, threads, report, prime)]
        if ways == Ways.BOTH:
            return self._compare(stream, mixing, judged, prime, threads, report)
        return [self._with_network(stream, mixing, lanes, threads, report, prime)]

    def _compare(
        self,
        stream: bytes,
        mixing: Mixing,
        judged: Judge,
        prime: Prime | None,
        threads: int,
        report: Progress,
    ) -> list[Stream]:
        """Both ways code the steps of a probe, which decides whether one goes on or both do. The
        stage alone sees only the bytes that the lanes have coded by then, so that neither way knows
        more than the other.

        The probe runs on the CPU, whatever the device, so that all choose alike.
        """
        lanes = judged.lanes
        first, second = judged.probe
        data = order.spread(stream, lanes)
        sample = b"".join(order.steps(data, lanes, *part) for part in ((0, first), (first, second)))
        with self.place.in_steps() as cpu:
            begun = cpu.start_encoding(self.model, data, lanes, mixing, prime)
            cost = trial.cost_of_steps(begun, first, second, threads, report)
            probed = cpu.start_encoding(None, sample, 1, mixing, prime)
            cost_alone = trial.cost_of_steps(
                probed, lanes * first, lanes * second, 1, unheard(report)
            )
            ways = judged.after_probe(cost_alone, cost)
            primed = prime is not None
            coded: list[Stream] = []
            if ways != Ways.NETWORK:
                whole = cpu.start_encoding(None, stream, 1, mixing, prime)
                payloads = whole.finish(progress=unheard(report))
                coded.append(Stream(len(stream), tuple(payloads), mixing, primed=primed))
                if ways == Ways.ALONE:
                    return coded
            if self.place.is_on_cpu(self.model):
                payloads = begun.finish(threads=threads, progress=report)
                return [*coded, Stream(len(stream), tuple(payloads), mixing, True, primed)]
        return [*coded, self._with_network(stream, mixing, lanes, threads, unheard(report), prime)]
