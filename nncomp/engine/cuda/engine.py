"""Gathers calls from many threads and codes them together on one GPU.

A GPU is fast with thousands of lanes, but a block has at most 128. So calls that wait at the same
time become one batch, which the first thread codes for all. Blocks without a network, or that do
not fit into the memory reserved for them, are coded by the native engine.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nncomp.engine import native
from nncomp.engine.cuda import device as devices
from nncomp.engine.cuda.batch import CHUNK, Batch, Request, block_memory
from nncomp.engine.cuda.network import Network, Run
from nncomp.errors import NNCompError
from nncomp.mixing import Mixing
from nncomp.model import Model
from nncomp.prime import Prime

__all__ = ["CudaEngine", "get"]

GATHER = 0.02  # seconds without another call after which the waiting calls are coded
SHARE = (3, 4)  # a batch may take 3/4 of the free memory of a device
_CACHE_SIZE = 4  # networks kept on a device


class CudaEngine:
    """The engine of one GPU; an ``nncomp.engine.Engine`` that any thread may call."""

    def __init__(self, device: torch.device, program: devices.Program) -> None:
        self.device = device
        self._program = program
        self._networks: OrderedDict[bytes, Network] = OrderedDict()
        # One stream for all batches, so that torch reuses the memory of one for the next.
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._changed = threading.Condition()  # guards the attributes below
        self._waiting: list[Request] = []
        self._busy = False  # whether a thread is coding for all

    def encode_block(
        self,
        model: Model | None,
        data: bytes,
        lanes: int,
        mixing: Mixing,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
        prime: Prime | None = None,
    ) -> list[bytes]:
        """Encode a block as ``native.encode_block`` does. ``threads`` is only used if the native
        engine codes it, as always with a prime."""

        def elsewhere(progress: Callable[[int], Any] | None) -> list[bytes]:
            return native.encode_block(
                model, data, lanes, mixing, threads=threads, progress=progress, prime=prime
            )

        if model is None or prime is not None or not data or not 1 <= lanes <= 128:
            return elsewhere(progress)
        request = Request(model, len(data), lanes, mixing, data)
        self._code(request, progress)
        if request.result is None:
            return elsewhere(_uncounted(request, progress))
        assert isinstance(request.result, list)
        return request.result

    def decode_block(
        self,
        model: Model | None,
        payloads: Sequence[bytes],
        size: int,
        mixing: Mixing,
        *,
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
        prime: Prime | None = None,
    ) -> bytes:
        """Decode a block as ``native.decode_block`` does. ``threads`` is only used if the native
        engine codes it, as always with a prime."""

        def elsewhere(progress: Callable[[int], Any] | None) -> bytes:
            return native.decode_block(
                model, payloads, size, mixing, threads=threads, progress=progress, prime=prime
            )

        if model is None or prime is not None or size == 0 or not 1 <= len(payloads) <= 128:
            return elsewhere(progress)
        request = Request(model, size, len(payloads), mixing, payloads=payloads)
        self._code(request, progress)
        if request.result is None:
            return elsewhere(_uncounted(request, progress))
        assert isinstance(request.result, bytes)
        return request.result

    def frequencies(self, model: Model, data: bytes) -> npt.NDArray[np.uint32]:
        """The network's frequencies of the 256 bytes before each byte of ``data``, coded in one
        lane: (len(data), 256) uint32."""
        with self._on_device():
            padded = np.frombuffer(data + bytes(CHUNK), np.uint8).copy()
            run = Run(
                self._network(model),
                torch.from_numpy(padded).to(self.device),
                np.zeros(1, np.int64),
                CHUNK,
            )
            out = np.empty((len(data), 256), np.uint32)
            for t in range(0, len(data), CHUNK):
                run.forward()
                rows = run.distributions[: len(data) - t, :256].cpu().numpy()
                out[t : t + CHUNK] = rows[:CHUNK].view(np.uint32)
                run.time += CHUNK
            return out

    def blocks_in_flight(self, model: Model, mixing: Mixing, size: int, lanes: int) -> int:
        """How many blocks of ``size`` bytes fit into the memory that a batch may take, at least
        1."""
        need = block_memory(model, mixing, size, lanes, decode=False)  # encoding needs more
        return max(self._room() // need, 1)

    def _room(self) -> int:
        """Bytes on the device that a batch may take."""
        if self.device.type != "cuda":
            return 1 << 30
        free, _ = torch.cuda.mem_get_info(self.device)
        cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return (free + cached) * SHARE[0] // SHARE[1]

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Make the device and the engine's stream the calling thread's."""
        if self._stream is None:
            yield
            return
        self._program.make_current()
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            yield

    def _network(self, model: Model) -> Network:
        network = self._networks.pop(model.id, None) or Network(model, self.device)
        self._networks[model.id] = network
        if len(self._networks) > _CACHE_SIZE:
            self._networks.popitem(last=False)
        return network

    def _code(self, request: Request, progress: Callable[[int], Any] | None) -> None:
        """Wait until ``request`` is coded, by this thread or another; raises its error, if any.

        It may be left without a result where it did not fit into the memory reserved for it.
        """
        with self._changed:
            self._waiting.append(request)
        finished = False
        try:
            while not finished:
                with self._changed:
                    lead = not self._busy and request in self._waiting
                    self._busy = self._busy or lead
                if lead:
                    self._lead(request, progress)
                with self._changed:
                    # It leaves the list when a thread takes it, and is finished when that is done.
                    finished = request not in self._waiting and (lead or request.finished)
                    if not finished:
                        self._changed.wait(0.2)
                _report(request, progress)
        except BaseException:
            request.cancelled = True
            raise
        finally:
            with self._changed:
                if request in self._waiting:
                    self._waiting.remove(request)
        if request.error is not None:
            raise request.error

    def _lead(self, own: Request, progress: Callable[[int], Any] | None) -> None:
        """Code ``own`` together with the waiting requests that can be in one batch with it. An
        error of ``progress`` only ends ``own``."""
        taken: list[Request] = []
        error: BaseException | None = None

        def poll() -> None:
            nonlocal error
            try:
                if error is None:
                    _report(own, progress)
            except BaseException as e:
                error, own.cancelled = e, True

        try:
            self._gather()
            taken = self._take(own)
            with self._on_device(), torch.inference_mode():
                Batch(self._network(own.model), self._program, taken).run(poll)
        except torch.OutOfMemoryError:
            pass  # another program has taken the memory: the native engine codes these blocks
        except BaseException as e:
            if isinstance(e, RuntimeError):  # torch's error class
                e = NNCompError(f"the CUDA device failed: {next(iter(str(e).splitlines()), '')}")
            for request in taken:
                request.error = request.error or e
            raise e from None
        finally:
            with self._changed:
                for request in taken:
                    request.finished = True
                self._busy = False
                self._changed.notify_all()
        if error is not None:
            raise error

    def _gather(self) -> None:
        """Wait until no more calls have come for GATHER seconds."""
        waiting = 0
        while waiting < len(self._waiting):
            waiting = len(self._waiting)
            time.sleep(GATHER)

    def _take(self, own: Request) -> list[Request]:
        """Take ``own`` and as many waiting requests of its model and direction as memory allows."""
        room = self._room()
        taken: list[Request] = []
        with self._changed:
            for r in [own, *(r for r in self._waiting if r is not own)]:
                if (r.model.id, r.decode) != (own.model.id, own.decode):
                    continue
                room -= block_memory(r.model, r.mixing, r.size, r.lanes, r.decode)
                if taken and room < 0:
                    break
                taken.append(r)
            self._waiting = [r for r in self._waiting if r not in taken]
        return taken


def _report(request: Request, progress: Callable[[int], Any] | None) -> None:
    """Report bytes done, even if there are none, so that ``progress`` can abort a waiting call."""
    if progress is not None:
        progress(request.take_count())


def _uncounted(
    request: Request, progress: Callable[[int], Any] | None
) -> Callable[[int], Any] | None:
    """The ``progress`` for coding a request again; it reports 0 bytes if some were reported before,
    so that none count twice."""
    if progress is None or not request.counted:
        return progress
    return lambda done: progress(0)


@functools.cache
def get(number: int) -> CudaEngine:
    """The engine of the CUDA device ``number``, which exists. Raises ``NNCompError``."""
    if torch.version.cuda is None:
        raise NNCompError("device cuda needs a torch for CUDA: this one has none")
    return CudaEngine(torch.device("cuda", number), devices.StageProgram(number))
