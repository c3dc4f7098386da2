"""Codes several blocks together on one GPU, independently: every lane is a row of the network.

A batch allocates all its memory when it is made. A step predicts and codes one byte of every lane
when decoding, or a chunk of bytes when encoding. Steps are captured in a CUDA graph once and
replayed; the host looks at the lanes only every ``POLL`` bytes of a lane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nncomp import _native
from nncomp.contexts.table import FAMILIES
from nncomp.engine.cuda import device as devices
from nncomp.engine.cuda.network import Network, Run, run_memory
from nncomp.errors import FormatError
from nncomp.mixing import Mixing
from nncomp.model import Model

__all__ = ["CHUNK", "Batch", "Request", "block_memory", "payload_room"]

CHUNK = 64  # bytes of a lane that an encoder codes in a step
GRAPH_STEPS = 16  # bytes of a lane that a decoder's CUDA graph codes
POLL = 1024  # bytes of a lane between two looks of the host: tens of milliseconds
_STAGE_HEAD = 2048  # bytes: HEAD of csrc/device/stage.cu


@dataclass(eq=False)
class Request:
    """A block to be coded: ``content`` to encode, or ``payloads`` to decode."""

    model: Model
    size: int  # bytes of the block, at least 1
    lanes: int
    mixing: Mixing
    content: bytes | None = None
    payloads: Sequence[bytes] = ()
    result: list[bytes] | bytes | None = None  # payloads, or the block
    error: BaseException | None = None
    cancelled: bool = False  # nobody waits for the result
    finished: bool = False  # the thread that coded it is done with it
    counted: bool = False  # whether bytes were reported as done
    _done: int = 0  # bytes done since the last call of take_count
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def decode(self) -> bool:
        return self.content is None

    @property
    def ended(self) -> bool:
        return self.cancelled or self.error is not None or self.result is not None

    def count(self, done: int) -> None:
        with self._lock:
            self._done += done
            self.counted |= done > 0

    def take_count(self) -> int:
        with self._lock:
            done, self._done = self._done, 0
        return done


def block_memory(model: Model, mixing: Mixing, size: int, lanes: int, decode: bool) -> int:
    """Upper bound in bytes of the memory that a block takes on the device, without the model."""
    need = run_memory(model, lanes, 1 if decode else CHUNK) + lanes * devices.SEAT.itemsize
    need += _stage_memory(model, mixing, size, lanes) + 4096
    return need + size + (size + size // 8 + 64 * lanes)  # the block and its payloads


def _stage_memory(model: Model, mixing: Mixing, size: int, lanes: int) -> int:
    units = model.config.units
    return _aligned(_STAGE_HEAD + _native.mixing_memory(mixing.numbers, True, units, size, lanes))


def _aligned(size: int) -> int:
    return -(-size // 256) * 256


def payload_room(size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bytes reserved for the payload of a lane of ``size`` bytes. A block that needs more is coded
    by the native engine."""
    return size + size // 8 + 64


class Batch:
    """Codes ``requests``, all of one model and direction, on ``network``'s device."""

    def __init__(
        self, network: Network, program: devices.Program, requests: Sequence[Request]
    ) -> None:
        self._program = program
        self._requests = requests
        self._decode = requests[0].decode
        self._device = network.device
        self._sizes = [_lane_sizes(r.size, r.lanes) for r in requests]
        sizes = np.concatenate(self._sizes)
        lanes = len(sizes)
        steps = 1 if self._decode else CHUNK

        # The contents of all blocks in one array, which a decoder fills.
        offsets = np.cumsum([0, *(r.size for r in requests)])
        self._offsets = offsets[:-1]
        content = np.zeros(offsets[-1] + steps, np.uint8)
        for offset, r in zip(self._offsets, requests, strict=True):
            if r.content is not None:
                content[offset : offset + r.size] = np.frombuffer(r.content, np.uint8)
        self._data = self._put(content)
        piece = np.concatenate([np.cumsum(s) - s for s in self._sizes])
        block_of = np.repeat(np.arange(len(requests)), [r.lanes for r in requests])
        self._run = Run(network, self._data, (piece + self._offsets[block_of]), steps)

        given = [payload for r in requests for payload in r.payloads]
        rooms = np.array([len(p) for p in given] if given else payload_room(sizes), np.int64)
        self._places = np.cumsum(rooms) - rooms
        payloads = np.zeros(int(rooms.sum()) + 1, np.uint8)
        if given:
            payloads[:-1] = np.frombuffer(b"".join(given), np.uint8)
        self._payloads = self._put(payloads)

        stages = [_stage_memory(r.model, r.mixing, r.size, r.lanes) for r in requests]
        self._memory = torch.zeros(sum(stages) + 256, dtype=torch.uint8, device=self._device)
        self._tables = self._put(devices.tables().copy())
        stage = _aligned(self._memory.data_ptr()) + np.cumsum([0, *stages])
        blocks = np.zeros(len(requests), devices.BLOCK)
        first = 0
        for i, r in enumerate(requests):
            blocks[i]["data"] = self._data.data_ptr() + int(self._offsets[i])
            blocks[i]["tables"] = self._tables.data_ptr()
            blocks[i]["size"], blocks[i]["first"], blocks[i]["lanes"] = r.size, first, r.lanes
            first += r.lanes
            blocks[i]["stage"] = int(stage[i])
            blocks[i]["units"] = r.model.config.units
            blocks[i]["family"] = FAMILIES.index(r.mixing.family)
            blocks[i]["period"], blocks[i]["stride"] = r.mixing.period, r.mixing.stride
        self._blocks = self._put(blocks.view(np.uint8))

        seats = np.zeros(lanes, devices.SEAT)
        seats["start"], seats["size"] = piece, sizes
        seats["range"] = seats["in_range"] = 0xFFFFFFFF
        places = self._payloads.data_ptr() + self._places
        if self._decode:
            seats["in"], seats["in_size"] = places, rooms
        else:
            seats["out"], seats["room"] = places, rooms
        self._seats = self._put(seats.view(np.uint8))

    def run(self, poll: Callable[[], Any]) -> None:
        """Code all blocks and store results or errors in the requests. ``poll`` is called now and
        then. Returns early if all requests were cancelled or failed."""
        longest = max(int(s[0]) for s in self._sizes)
        self._launch("begin", len(self._requests), devices.THREADS, self._blocks, self._seats)
        self._look(0, poll)
        done = 0
        while done < longest and not all(r.ended for r in self._requests):
            before = done
            if done == 0:  # compiles and loads kernels, which cannot be done while capturing
                self._step()
                done += self._run.steps
                repeat = self._repeated()
            while done < longest and done - before < POLL:
                done += repeat()
            self._look(done, poll, before)
        lanes = self._run.count
        self._launch("finish", -(-lanes // devices.THREADS), devices.THREADS, self._seats, lanes)
        self._collect()

    def _step(self) -> None:
        self._run.forward()
        self._launch(
            "code", len(self._requests), devices.THREADS, self._blocks, self._seats,
            self._run.time, self._run.distributions, self._run.activations, self._run.steps,
        )  # fmt: skip

    def _repeated(self) -> Callable[[], int]:
        """A function that does a few steps and returns how many bytes of a lane they were."""
        steps = self._run.steps
        if self._device.type != "cuda":

            def once() -> int:
                self._step()
                return steps

            return once
        graph = torch.cuda.CUDAGraph()
        repeats = max(GRAPH_STEPS // steps, 1)
        # thread_local: calls of other threads that use the device must not fail the capture.
        stream = torch.cuda.current_stream(self._device)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            for _ in range(repeats):
                self._step()

        def replay() -> int:
            graph.replay()
            return repeats * steps

        return replay

    def _look(self, done: int, poll: Callable[[], Any], before: int = 0) -> None:
        """Wait for the device; note errors, and count bytes from ``before`` to ``done``."""
        self._note_errors(self._seats.cpu().numpy().view(devices.SEAT))
        for r, sizes in zip(self._requests, self._sizes, strict=True):
            r.count(int((np.minimum(sizes, done) - np.minimum(sizes, before)).sum()))
        poll()

    def _note_errors(self, seats: npt.NDArray[Any]) -> None:
        """Store an error in each request with a malformed payload. It names the lane that failed
        first, since the other lanes of a block may fail because of it."""
        first = 0
        for r in self._requests:
            own = seats[first : first + r.lanes]
            first += r.lanes
            wrong = np.isin(own["status"], list(devices.STATUS))
            if wrong.any() and r.error is None:
                lane = int(np.where(wrong, own["found"].astype(np.int64), 1 << 32).argmin())
                what = devices.STATUS[int(own["status"][lane])]
                r.error = FormatError(f"lane {lane} {what}")

    def _collect(self) -> None:
        seats = self._seats.cpu().numpy().view(devices.SEAT)
        self._note_errors(seats)
        stored = (self._data if self._decode else self._payloads).cpu().numpy()
        first = 0
        for i, r in enumerate(self._requests):
            own = slice(first, first + r.lanes)
            first += r.lanes
            if r.ended:
                continue
            if self._decode:
                r.result = stored[self._offsets[i] : self._offsets[i] + r.size].tobytes()
            elif (seats["status"][own] == 0).all():
                places, lengths = self._places[own].tolist(), seats["out_size"][own].tolist()
                r.result = [
                    stored[p : p + n].tobytes() for p, n in zip(places, lengths, strict=True)
                ]

    def _launch(self, name: str, grid: int, threads: int, *values: torch.Tensor | int) -> None:
        stream = 0
        if self._device.type == "cuda":
            stream = torch.cuda.current_stream(self._device).cuda_stream
        numbers = [v if isinstance(v, int) else v.data_ptr() for v in values]
        self._program.launch(name, grid, threads, stream, *numbers, int(self._decode))

    def _put(self, array: npt.NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


def _lane_sizes(size: int, lanes: int) -> npt.NDArray[np.int64]:
    """Bytes of each lane of a block: the first ``size`` mod ``lanes`` are one byte longer."""
    return size // lanes + (np.arange(lanes) < size % lanes)
