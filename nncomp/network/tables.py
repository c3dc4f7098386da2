"""Tables of contexts: embeddings of which each step adds a row to the residual stream, before the
first layer.

A context is a function of the bytes before the one to come (docs/numerics.md, section 3); each
engine and the trainer implement each of them by name. The rows of a table are either chosen by a
context's hash; or each belongs to a context that the model knows, found by its ``check`` in buckets
of ``WAYS`` rows, and all unknown contexts share the last row.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nncomp.network import schema
from nncomp.network.limits import Limit, require
from nncomp.network.schema import Tensor

__all__ = ["CONTEXTS", "MAX_TABLES", "WAYS", "Table", "from_entry"]

CONTEXTS = (
    *("1", "2", "3", "4", "5", "6", "7", "8", "skip", "skip2"),
    *("word", "words", "above", "field", "indent"),
)
"""All contexts; a packed model names one by its place here."""

MAX_TABLES = 24
WAYS = 8  # rows of a bucket of known contexts
_LOG2_ROWS = Limit(8, 20)


@dataclass(frozen=True)
class Table:
    """A table; its fields, in this order, are its entry in a configuration."""

    context: str  # one of CONTEXTS
    log2_rows: int
    width: int  # channels of a row
    first: int  # first channel of the residual stream that a row is added to
    ways: int  # 0: rows by hash; WAYS: known contexts

    @property
    def entry(self) -> tuple[str, int, int, int, int]:
        """The fields as a tuple, for configurations."""
        return dataclasses.astuple(self)

    @property
    def rows(self) -> int:
        """Number of rows; the last one of a table of known contexts is for all other contexts."""
        return (1 << self.log2_rows) + (self.ways > 0)

    def __str__(self) -> str:
        return ":".join(map(str, self.entry))

    def check(self, d: int) -> None:
        """Raise ``ModelError`` unless it fits a residual stream of width ``d``."""
        require(self.context in CONTEXTS, "a table has an unknown context")
        _LOG2_ROWS.check("log2 rows of a table", self.log2_rows)
        Limit(16, d, 16).check("width of a table", self.width)
        Limit(0, d - self.width, 16).check("first channel of a table", self.first)
        Limit(0, WAYS, WAYS).check("ways of a table", self.ways)

    def tensors(self, name: str) -> tuple[Tensor, ...]:
        """The table's tensors, with names that begin with ``name``."""
        checks = (schema.check(name, 1 << self.log2_rows),) if self.ways else ()
        return (*checks, *schema.table(name, self.rows, self.width, statistics=1))


def from_entry(entry: Any) -> Table:
    """The table with this ``entry``, a list; limits are not checked. Raises ``ModelError``."""
    good = isinstance(entry, list) and len(entry) == len(dataclasses.fields(Table))
    require(good, "a table is not five values")
    return Table(*entry)
