"""Ray Data: reads rows from compressed files, and writes rows to compressed files.

The tasks are those of ``bulk``. A task that fails or loses its worker can run again elsewhere with
the same result. nncomp, and the models that files name, have to be installed on every node, and
paths have to mean the same there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow
from ray.data import Datasink, Datasource, ReadTask
from ray.data.block import BlockAccessor, BlockMetadata

from nncomp.errors import NNCompError
from nncomp.fileio import SUFFIX
from nncomp.integrations import bulk
from nncomp.integrations.bulk import TASK_SIZE
from nncomp.options import Options, for_writing

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nncomp.options import Writing

__all__ = ["NNCompDatasink", "NNCompDatasource"]


class NNCompDatasource(Datasource):
    """The content of compressed files: ``ray.data.read_datasource(NNCompDatasource("x/*.nnc"))``.

    ``sources`` are paths or URLs that fsspec knows on every node; a pattern stands for all files
    that match. A row is a line, with its end, in the column ``text``; or if ``encoding`` is None, a
    piece of the content in ``bytes``. A task reads whole blocks of one file, of at least
    ``task_size`` bytes of content if there are so many, by the index at the file's end. Rows come
    in the order of files and content if Ray keeps that (``preserve_order``).

    Raises ``OSError``, and ``FormatError`` for a file that is not compressed.
    """

    def __init__(
        self,
        sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        task_size: int = TASK_SIZE,
        encoding: str | None = "utf-8",
        errors: str = "strict",
    ) -> None:
        super().__init__()
        self._encoding = encoding
        self._errors = errors
        self._pieces = [
            (source, *piece)
            for source in bulk.expand_paths(sources)
            for piece in bulk.split_content(source, task_size, Options())
        ]

    def estimate_inmemory_data_size(self) -> int | None:
        return sum(stop - start for _, start, stop in self._pieces)

    def get_read_tasks(self, parallelism: int, *more: Any, **others: Any) -> list[ReadTask]:
        """Return a task for each piece; ``parallelism``, Ray's wish, is ignored."""
        return [self._task(*piece) for piece in self._pieces]

    def _task(self, source: str, start: int, stop: int) -> ReadTask:
        metadata = BlockMetadata(
            num_rows=None, size_bytes=stop - start, input_files=[source], exec_stats=None
        )
        return ReadTask(_reader(source, start, stop, self._encoding, self._errors), metadata)


def _reader(
    source: str, start: int, stop: int, encoding: str | None, errors: str
) -> Callable[[], Iterable[pyarrow.Table]]:
    def read() -> list[pyarrow.Table]:
        if encoding is None:
            return [pyarrow.table({"bytes": [bulk.read(source, start, stop)]})]
        lines = bulk.read_lines(source, start, stop, encoding, errors)
        return [pyarrow.table({"text": pyarrow.array(lines, pyarrow.string())})]

    return read


class NNCompDatasink(Datasink[None]):
    """Writes the values of a column, text or bytes, concatenated, to a compressed file per task.

    ``dataset.write_datasink(NNCompDatasink("out"))`` writes ``out/000000.nnc`` and so on; nothing,
    such as line ends, is added to values. ``folder`` is a path or URL that fsspec knows on every
    node, and has to be empty or missing: files of an earlier run would seem to belong to this one.
    A file appears once it is complete, if the file system can rename or commit. The other options
    are those of ``compress``; ``threads``, by default 1, is per task.

    Raises ``NNCompError`` where the folder is not empty, and what compressing raises.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        column: str = "text",
        level: int | None = None,
        **options: Unpack[Writing],
    ) -> None:
        self._folder = os.fspath(folder)
        self._column = column
        self._options = for_writing({"level": level, **options})

    def on_write_start(self, *schema: Any, **others: Any) -> None:
        system, path = fsspec.core.url_to_fs(self._folder)
        if system.exists(path) and system.ls(path, detail=False):
            raise NNCompError(f"{self._folder} is not empty")

    def write(self, blocks: Iterable[Any], ctx: Any) -> None:
        target = bulk.below(self._folder, f"{ctx.task_idx:06}{SUFFIX}")
        bulk.write(target, self._contents(blocks), self._options)

    def _contents(self, blocks: Iterable[Any]) -> Iterator[bytes]:
        for block in blocks:
            for value in BlockAccessor.for_block(block).to_arrow()[self._column]:
                content = value.as_py()
                yield content.encode() if isinstance(content, str) else content
