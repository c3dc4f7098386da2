"""A stream in the ways that are plausible, coded as far as the choice between them takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
class _Job:
    """A stream, and how to code it."""

    stream: bytes
    mixing: Mixing
    prime: Prime | None
    threads: int
    report: Progress

    def unheard(self) -> _Job:
        """The same as additional work."""
        return replace(self, report=unheard(self.report))

    def coded(self, payloads: list[bytes], *, network: bool) -> Stream:
        primed = self.prime is not None
        return Stream(len(self.stream), tuple(payloads), self.mixing, network, primed)


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
        job = _Job(stream, mixing, prime, threads, report)
        if self.model is None:
            coded = [self._alone(job)]
        elif judged.is_small:
            # Each way reports all of the stream: the last one is heard.
            coded = [self._alone(job.unheard())]
            if prime is None or judge.network_may_pay(coded[0].stored_size):
                coded.append(self._with_network(job, judged.lanes))
        else:
            coded = self._try(job, judged)
        return judge.worthwhile(coded, self.level)

    def alone(self, stream: bytes, mixing: Mixing, threads: int, report: Progress) -> Stream:
        """In one lane, with the adaptive stage alone and no prime; it may not shrink."""
        return self._alone(_Job(stream, mixing, None, threads, report))

    def _alone(self, job: _Job) -> Stream:
        with self.place.cpu() as cpu:
            payloads = cpu.encode_block(
                None,
                job.stream,
                1,
                job.mixing,
                threads=job.threads,
                progress=job.report,
                prime=job.prime,
            )
        return job.coded(payloads, network=False)

    def _with_network(self, job: _Job, lanes: int) -> Stream:
        data = order.spread(job.stream, lanes)
        with self.place.of(self.model) as engine:
            payloads = engine.encode_block(
                self.model,
                data,
                lanes,
                job.mixing,
                threads=job.threads,
                progress=job.report,
                prime=job.prime,
            )
        return job.coded(payloads, network=True)

    def _try(self, job: _Job, judged: Judge) -> list[Stream]:
        """Begun in both ways, and coded to its end in the one that pays, which goes on if it
        may. The trial runs on the CPU, whatever the device, so that all choose alike."""
        assert self.model is not None
        whole = judged.may_go_on
        goes_on = whole and self.place.is_on_cpu(self.model)
        with self.place.in_steps() as cpu:
            begun = trial.begin(
                job.stream if whole else trial.beginning(job.stream, judged.lanes),
                len(job.stream),
                job.mixing,
                self.model,
                cpu.start_encoding,
                job.report if goes_on else unheard(job.report),
                job.prime,
                job.threads,
            )
            ways = judged.after_trial(begun.gain)
            way = None
            if goes_on:
                network = ways != Ways.ALONE
                way = begun.with_network if network else begun.alone
            del begun  # and with it what does not go on
            if way is not None:
                payloads = way.finish(threads=job.threads, progress=job.report)
                return [job.coded(payloads, network=network)]
        if ways == Ways.ALONE:
            return [self._alone(job)]
        if ways == Ways.BOTH:
            return self._compare(job, judged)
        return [self._with_network(job, judged.lanes)]

    def _compare(self, job: _Job, judged: Judge) -> list[Stream]:
        """Both ways code the steps of a probe, which decides whether one goes on or both do. The
        stage alone sees only the bytes that the lanes have coded by then, so that neither way knows
        more than the other.

        The probe runs on the CPU, whatever the device, so that all choose alike.
        """
        lanes, mixing, prime = judged.lanes, job.mixing, job.prime
        first, second = judged.probe
        data = order.spread(job.stream, lanes)
        sample = b"".join(order.steps(data, lanes, *part) for part in ((0, first), (first, second)))
        without = job.unheard()
        with self.place.in_steps() as cpu:
            begun = cpu.start_encoding(self.model, data, lanes, mixing, prime)
            cost = trial.cost_of_steps(begun, first, second, job.threads, job.report)
            probed = cpu.start_encoding(None, sample, 1, mixing, prime)
            cost_alone = trial.cost_of_steps(
                probed, lanes * first, lanes * second, 1, without.report
            )
            del probed  # what is not needed any more takes no memory
            ways = judged.after_probe(cost_alone, cost)
            network = ways != Ways.ALONE
            goes_on = network and self.place.is_on_cpu(self.model)
            coded = []
            if goes_on:
                payloads = begun.finish(threads=job.threads, progress=job.report)
                coded.append(job.coded(payloads, network=True))
            del begun
        if network and not goes_on:
            coded.append(self._with_network(without, lanes))
        return coded if ways == Ways.NETWORK else [self._alone(without), *coded]
