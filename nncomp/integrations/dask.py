"""Many files on a Dask cluster, and the compression ``nncomp`` on its workers.

What is opened by the suffix ``.nnc`` needs no registration, because its own travels with it. The
name in a program's own words, as in ``compression="nncomp"``, does not know of that: there is
``NNCompPlugin``.
"""

from __future__ import annotations

import os
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
    """What ``dask worker --preload nncomp.integrations.dask`` runs."""
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
    """Compress files on the workers of ``client``, or of the one in use, into ``target``, a folder.

    ``sources`` and ``target`` are paths or URLs that fsspec knows on every worker; a pattern stands
    for all files that it fits, which may be none. ``a/b/x`` becomes ``target/b/x.nnc`` where ``a``
    is the folder that all have in common. A file of more than ``task_size`` bytes is coded by many
    workers, and its bytes are those of one; each of them reads what is before its part. The other
    options are those of ``compress``; ``threads``, 1, are those of a task.

    A task that fails is tried ``retries`` times more, one whose worker is lost elsewhere. What is
    done is written to ``manifest``, a file of this machine, and left out by the next call, unless
    source or target have changed since. What is in ``target`` is replaced. Returns what was done,
    in order. Raises ``NNCompError`` if anything failed, once all others are done; before anything
    is, where a target is a source, or another one's; and ``OSError`` for the manifest.
    """
    checked = for_writing({"level": level, **options})
    block_size = header_of(checked).block_size
    blocks = max(1, task_size // block_size)

    def submit(client: Any, source: str, place: str, size: int) -> Any:
        count = -(-size // block_size)
        if count <= blocks:
            return client.submit(bulk.compress, source, place, checked, **_task(retries))
        parts = [
            client.submit(bulk.code, source, checked, first, blocks, **_task(retries))
            for first in range(0, count, blocks)
        ]
        return client.submit(bulk.join, source, place, checked, parts, **_task(retries))

    pairs = _pairs(sources, target, lambda name: name + fileio.SUFFIX)
    return _run(pairs, submit, client, Manifest(manifest), packed=True)


def decompress_files(
    sources: str | Iterable[str],
    target: str,
    *,
    client: Any = None,
    manifest: str | os.PathLike[str] | None = None,
    retries: int = 2,
    **options: Unpack[Reading],
) -> list[Done]:
    """Decompress files whose names end in ``.nnc``: as ``compress_files``, a task for each."""
    checked = for_reading(dict(options))

    def submit(client: Any, source: str, place: str, size: int) -> Any:
        if fileio.suffix_of(source) is None:
            raise NNCompError(f"name does not end in {fileio.SUFFIX}")
        return client.submit(bulk.decompress, source, place, checked, **_task(retries))

    pairs = _pairs(sources, target, lambda name: name.removesuffix(fileio.SUFFIX))
    return _run(pairs, submit, client, Manifest(manifest), packed=False)


def read_bytes(source: str, task_size: int = TASK_SIZE) -> list[Any]:
    """The content of a compressed file as ``dask.delayed`` pieces, of whole blocks each."""
    from dask.delayed import delayed

    read = delayed(bulk.read)
    return [read(source, *piece) for piece in bulk.pieces(source, task_size, Options())]


def read_text(
    source: str, task_size: int = TASK_SIZE, encoding: str = "utf-8", errors: str = "strict"
) -> Any:
    """The lines of a compressed file, with their ends, as a ``dask.bag``."""
    from dask import bag
    from dask.delayed import delayed

    read = delayed(bulk.read_lines)
    parts = bulk.pieces(source, task_size, Options()) or [(0, 0)]
    from_delayed: Any = bag.from_delayed
    return from_delayed([read(source, *part, encoding, errors) for part in parts])


def _task(retries: int) -> dict[str, Any]:
    """No task stands for another one of the same arguments: files may have changed."""
    return {"pure": False, "retries": retries}


def _pairs(
    sources: str | Iterable[str], target: str, named: Callable[[str], str]
) -> list[tuple[str, str]]:
    """(source, target) of each file, once."""
    found = bulk.found(sources)
    if not found:
        return []
    try:
        common = os.path.commonpath([os.path.dirname(path) for path in found.values()])
    except ValueError:
        raise NNCompError("sources are in places that have no folder in common") from None
    folder = target.rstrip("/")
    taken = set(found)
    pairs = []
    for source, path in found.items():
        place = f"{folder}/{named(path.removeprefix(common).lstrip('/'))}"
        url = bulk.url_of(place)
        if url in taken:
            raise NNCompError(f"{place}, for {source}, is a source or the target of another one")
        taken.add(url)
        pairs.append((source, place))
    return pairs


def _run(
    pairs: Sequence[tuple[str, str]],
    submit: Callable[[Any, str, str, int], Any],
    client: Any,
    manifest: Manifest,
    *,
    packed: bool,
) -> list[Done]:
    client = client or distributed.default_client()
    done: dict[str, Done] = {}
    failed: dict[str, BaseException] = {}
    left: list[tuple[int, str, str]] = []
    for source, place in pairs:
        try:
            known = manifest.find(source, place, packed=packed)
            if known is not None:
                done[source] = known
            else:
                left.append((bulk.size_of(source), source, place))
        except OSError as error:
            failed[source] = error
    waiting: dict[Any, str] = {}
    # The largest first, or one would be waited for at the end, by workers that have nothing to do.
    for size, source, place in sorted(left, key=lambda entry: -entry[0]):
        try:
            waiting[submit(client, source, place, size)] = source
        except NNCompError as error:
            failed[source] = error
    for future in distributed.as_completed(list(waiting)):
        source = waiting.pop(future)
        reason = future.exception()
        if reason is not None:
            failed[source] = reason
        else:
            done[source] = future.result()
            manifest.add(done[source])
    if failed:
        source, reason = next(iter(failed.items()))
        raise NNCompError(f"{len(failed)} of {len(pairs)} files failed; {source}: {reason}")
    return [done[source] for source, _ in pairs]
