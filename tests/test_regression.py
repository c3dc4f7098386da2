"""Compressed sizes of the pieces in tests/data are those of tests/regression.csv.

``make regression`` shows all differences; where they are meant, it records the new sizes with
``WRITE=1``. The pieces are the ends of files kept out of training, 32 or 48 KiB of each: a
public-domain book, the Python and PostgreSQL manuals (PSF, PostgreSQL licence), Go's library,
NumPy's ELF and PE files (BSD), MDN's browser-compat-data (CC0), tables of statsmodels (BSD), logs
of elastic/examples (Apache-2.0), SQL Server's samples (MIT), a Kodak picture (free use), speech of
pocketsphinx (BSD).
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import nncomp

HERE = Path(__file__).parent
with (HERE / "regression.csv").open(newline="") as file:
    TABLE = {row["file"]: row for row in csv.DictReader(file)}
PIECES = sorted(path.name for path in (HERE / "data").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", PIECES)
def test_sizes_are_the_recorded_ones(name: str) -> None:
    data = (HERE / "data" / name).read_bytes()
    row = {key: int(value) for key, value in TABLE[name].items() if key != "file"}
    assert row.pop("bytes") == len(data)
    for option, size in row.items():
        packed = nncomp.compress(data, level=-int(option))
        assert nncomp.decompress(packed) == data
        assert len(packed) == size, f"{option}: see make regression"
