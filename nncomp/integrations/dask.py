"""The compression ``nncomp`` on the workers of a Dask cluster.

What is opened by the suffix ``.nnc`` needs none of this, because its registration travels with it.
The name in a program's own words, as in ``compression="nncomp"``, does not know of that.
"""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from nncomp.integrations import register_fsspec

__all__ = ["NNCompPlugin", "dask_setup"]


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
