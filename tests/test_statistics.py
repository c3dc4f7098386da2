"""Measures of bytes against the same in Python."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from nncomp import _native

CONTENTS = [
    random.Random(1).randbytes(3000),
    bytes(random.Random(2).choices(b"ab\n", k=3000)),
    bytes(3000),
    b"".join(i.to_bytes(4, "little") for i in range(0, 80000, 97)),
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize(("limit", "most"), [(1, 1), (7, 300), (512, 64), (700, 5000)])
def test_bytes_compared_with_those_before(content: bytes, limit: int, most: int) -> None:
    places = [i for i in range(limit, len(content)) if content[i] != content[i - 1]]
    if len(places) > most:
        places = [places[i * len(places) // most] for i in range(most)]
    pairs = [[(content[i], content[i - lag]) for i in places] for lag in range(1, limit + 1)]
    equal, apart, count = _native.compare_lags(content, limit, most)
    assert count == len(places)
    assert np.frombuffer(equal, np.int64).tolist() == [
        0,
        *(sum(a == b for a, b in some) for some in pairs),
    ]
    assert np.frombuffer(apart, np.int64).tolist() == [
        0,
        *(sum(abs(a - b) for a, b in some) for some in pairs),
    ]


@pytest.mark.parametrize("limit", [0, 3, 4])
def test_lags_that_are_none(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        _native.compare_lags(b"abc", limit, 1)


@pytest.mark.parametrize("content", CONTENTS)
def test_pairs_of_equal_bytes(content: bytes) -> None:
    size = 1024
    wanted = [
        [
            sum(content[i + place : i + size : 8].count(b) ** 2 for b in range(256))
            for place in range(8)
        ]
        for i in range(0, len(content) - size + 1, size)
    ]
    found = np.frombuffer(_native.count_alike(content, size), np.int64)
    assert found.reshape(-1, 8).tolist() == wanted


def test_runs_of_some_bytes() -> None:
    rng = random.Random(3)
    for _ in range(300):
        content = bytes(
            rng.choices(b"abc", weights=(8, 8, rng.randint(0, 6)), k=rng.randint(0, 40))
        )
        least, start = rng.randint(1, 9), rng.randint(0, 45)
        match = re.compile(b"[ab]{%d}" % least).search(content, start)
        wanted = match.start() if match else len(content)
        assert _native.find_run(content, b"ab", least, start) == wanted
