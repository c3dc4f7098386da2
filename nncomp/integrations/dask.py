"""Compresses many files on a Dask cluster, and registers the compression ``nncomp`` on its workers.

Files that are opened by the suffix ``.nnc`` need no registration on the workers, because it travels
with them. A program that names the compression itself, as in ``compression="nncomp"``, needs
``NNCompPlugin``.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import distributed
from distributed import WorkerPlugin

from nncomp import fileio
from nncomp.encode import header_of
from nncomp.errors import NNCompError
from nncomp.integrations import bulk, register_fsspec
from nncomp.integrations.bulk import TASK_SIZE, Done, Manifest
from nncomp.options import Options, for_reading, for_writing

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nncomp.options import Reading, Writing

__all__ = [
    "NNCompPlugin",
    "compress_files",
    "dask_setup",
    "decompress_files",
    "pairs_of",
    "read_bytes",
    "read_text",
]


class NNCompPlugin(WorkerPlugin):
    """Calls ``register_fsspec`` on every worker, also on those that come later.

    ``client.register_plugin(NNCompPlugin())``; the options are those of ``register_fsspec``.
    """

    name = "nncomp"

    def __init__(self, level: int | None = None, model: str | None = None) -> None:
        self._options = level, model

    def setup(self, worker: Any) -> None:
        register_fsspec(*self._options)


def dask_setup(worker: Any) -> None:
    """Called by ``dask worker --preload nncomp.integrations.dask``: registers the compression."""
    register_fsspec()


def compress_files(
    sources: str | Iterable[str],
    target: str,
    *,
    client: Any = None,
    manifest: str | os.PathLike[str] | None = None,
    task_size: int = TASK_SIZE,
    retries: int = 2,
    level: int | None = None,
    **options: Unpack[Writing],
) -> list[Done]:
    """Compress files into the folder ``target`` on the workers of ``client``, by default the
    current one.

    ``sources`` and ``target`` are paths or URLs that fsspec knows on every worker; a pattern stands
    for all files that match, which may be none. ``a/b/x`` becomes ``target/b/x.nnc``, where ``a``
    is the folder that all sources have in common. A file of more than ``task_size`` bytes is coded
    by many workers after one of them has read all of it; the result is the same. Small files share
    a task. The other options are those of ``compress``; ``threads``, by default 1, is per task.

    A task that fails is tried ``retries`` times more; if its worker is lost, on another one.
    Finished files are listed in ``manifest``, a file of this machine, and skipped by the next call
    unless source or target have changed since. Existing targets are replaced. Returns the finished
    files in order. Raises ``NNCompError`` if any file failed, after finishing the others; before
    doing anything, if a target is also a source or another target; and ``OSError`` for the
    manifest.
    """
    checked = for_writing({"level": level, **options})
    block_size = header_of(checked).block_size
    blocks = max(1, task_size // block_size)

    def large(client: Any, source: str, place: str, size: int) -> _Stage | None:
        if size <= blocks * block_size:
            return None
        again = {**_task(retries), "priority": 1}  # before small files, which fill what is left
        surveyed = client.submit(bulk.survey, source, checked, **again)
        parts = [client.submit(bulk.code_first_blocks, source, checked, blocks, **again)]

        def rest(found: bulk.Survey) -> Any:
            for first in range(blocks, len(found.before), blocks):
                before = found.before[first : first + blocks]
                parts.append(
                    client.submit(bulk.code_blocks, source, checked, first, before, **again)
                )
            return client.submit(
                bulk.assemble_frame, source, place, checked, found.state, parts, **again
            )

        return surveyed, rest

    pairs = pairs_of(sources, target, lambda name: name + fileio.SUFFIX)
    run = _Run(bulk.compress, checked, client, Manifest(manifest), retries, packed=True)
    return run(pairs, large)


def decompress_files(
    sources: str | Iterable[str],
    target: str,
    *,
    client: Any = None,
    manifest: str | os.PathLike[str] | None = None,
    retries: int = 2,
    **options: Unpack[Reading],
) -> list[Done]:
    """Decompress files whose names end in ``.nnc``, as ``compress_files`` compresses them, but
    each file in one task."""
    checked = for_reading(dict(options))

    def checked_name(client: Any, source: str, place: str, size: int) -> None:
        if fileio.suffix_of(source) is None or source.endswith(f"/{fileio.SUFFIX}"):
            raise NNCompError(f"name does not end in {fileio.SUFFIX}")

    pairs = pairs_of(sources, target, lambda name: name.removesuffix(fileio.SUFFIX))
    run = _Run(bulk.decompress, checked, client, Manifest(manifest), retries, packed=False)
    return run(pairs, checked_name)


def read_bytes(source: str, task_size: int = TASK_SIZE) -> list[Any]:
    """The content of a compressed file as ``dask.delayed`` pieces, of whole blocks each."""
    from dask.delayed import delayed

    read = delayed(bulk.read)
    return [read(source, *piece) for piece in bulk.split_content(source, task_size, Options())]


def read_text(
    source: str, task_size: int = TASK_SIZE, encoding: str = "utf-8", errors: str = "strict"
) -> Any:
    """The lines of a compressed file, with their ends, as a ``dask.bag``."""
    from dask import bag
    from dask.delayed import delayed

    read = delayed(bulk.read_lines)
    parts = bulk.split_content(source, task_size, Options()) or [(0, 0)]
    from_delayed: Any = bag.from_delayed
    return from_delayed([read(source, *part, encoding, errors) for part in parts])


_Stage = tuple[Any, Callable[[Any], Any] | None]
"""A future, and a function that makes the next future of its result; None: the result is final."""

_TOGETHER = 1 << 19  # bytes of small files that share a task; larger files have their own
_TASKS_OF_A_THREAD = 8  # tasks for each thread at least, if there are so many files


def _task(retries: int) -> dict[str, Any]:
    """Options of a task. It is not pure: with the same arguments, files may have changed."""
    return {"pure": False, "retries": retries}


def pairs_of(
    sources: str | Iterable[str], target: str, named: Callable[[str], str]
) -> list[tuple[str, str]]:
    """(source, target) of each file, each source once. Raises ``NNCompError`` for clashes."""
    found = bulk.expand_paths(sources)
    if not found:
        return []
    try:
        common = os.path.commonpath([os.path.dirname(path) for path in found.values()])
    except ValueError:
        raise NNCompError("sources are in places that have no folder in common") from None
    taken = {bulk.file_of(source) for source in found}
    pairs = []
    for source, path in found.items():
        place = bulk.below(target, named(posixpath.relpath(path, common)))
        file = bulk.file_of(place)
        if file in taken:
            raise NNCompError(f"{place}, for {source}, is a source or the target of another one")
        taken.add(file)
        pairs.append((source, place))
    return pairs


class _Run:
    """Runs files as tasks: small files share one, unless the caller submits a file in its own
    way."""

    def __init__(
        self,
        call: Callable[[str, str, Options], Done],
        options: Options,
        client: Any,
        manifest: Manifest,
        retries: int,
        *,
        packed: bool,
    ) -> None:
        self._call = call
        self._options = options
        self._client = client or distributed.default_client()
        self._manifest = manifest
        self._retries = retries
        self._packed = packed
        self._done: dict[str, Done] = {}
        self._failed: dict[str, Any] = {}  # by source: an error, or its message
        self._waiting: dict[Any, list[tuple[str, str]]] = {}
        self._next: dict[Any, Callable[[Any], Any]] = {}

    def __call__(
        self,
        pairs: Sequence[tuple[str, str]],
        submit: Callable[[Any, str, str, int], _Stage | None],
    ) -> list[Done]:
        """Run all ``pairs``, and return them in order. ``submit(client, source, target, size)``
        submits a file in its own way, or returns None to have it share a task."""
        left = self._left(pairs)
        together = self._together(sum(size for size, _, _ in left))
        some: list[tuple[str, str]] = []
        size_of_some = 0
        # Largest first: otherwise all workers might wait for a large one at the end.
        for size, source, target in sorted(left, key=lambda entry: -entry[0]):
            try:
                stage = submit(self._client, source, target, size)
            except NNCompError as error:
                self._failed[source] = error
                continue
            if stage is not None:
                self._await(stage[0], [(source, target)], stage[1])
                continue
            if some and size_of_some + size > together:
                self._submit(some)
                some, size_of_some = [], 0
            some.append((source, target))
            size_of_some += size
        if some:
            self._submit(some)
        self._wait()
        if self._failed:
            source, reason = next(iter(self._failed.items()))
            count = f"{len(self._failed)} of {len(pairs)} files failed"
            raise NNCompError(f"{count}; {source}: {reason}")
        return [self._done[source] for source, _ in pairs]

    def _left(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, str, str]]:
        """(size, source, target) of the files that the manifest does not list as finished."""
        left = []
        for source, target in pairs:
            try:
                known = self._manifest.find(source, target, packed=self._packed)
                if known is None:
                    left.append((bulk.size_of(source), source, target))
                else:
                    self._done[source] = known
            except OSError as error:
                self._failed[source] = error
        return left

    def _together(self, size: int) -> int:
        """Bytes of small files per task; fewer if there are many threads for ``size`` bytes."""
        threads = sum(map(int, self._client.nthreads().values()))
        return min(_TOGETHER, size // (_TASKS_OF_A_THREAD * max(1, threads)))

    def _await(
        self, future: Any, pairs: list[tuple[str, str]], then: Callable[[Any], Any] | None = None
    ) -> Any:
        self._waiting[future] = pairs
        if then is not None:
            self._next[future] = then
        return future

    def _submit(self, pairs: list[tuple[str, str]]) -> Any:
        future = self._client.submit(bulk.try_each, self._call, pairs, self._options, **_task(0))
        return self._await(future, pairs)

    def _wait(self) -> None:
        tries = dict.fromkeys((source for some in self._waiting.values() for source, _ in some), 0)
        order = distributed.as_completed(list(self._waiting))
        for future in order:
            pairs = self._waiting.pop(future)
            then = self._next.pop(future, None)
            reason = future.exception()  # the task itself failed: its workers were lost repeatedly
            if reason is None and then is not None:
                order.add(self._await(then(future.result()), pairs))
                continue
            found = [reason] * len(pairs) if reason is not None else future.result()
            for (source, target), result in zip(pairs, _listed(found), strict=True):
                more = len(pairs) > 1 if reason is not None else tries[source] < self._retries
                if isinstance(result, Done):
                    self._done[source] = result
                    self._manifest.add(result)
                elif more:
                    tries[source] += 1
                    order.add(self._submit([(source, target)]))
                else:
                    self._failed[source] = result


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
