"""Small records with a prime, beside zstd with a trained dictionary and xz: ``docs/prime.md``.

``python tools/prime.py DIR`` makes two sets of records of files below DIR: JSON documents of 0.2 to
2 KB (of amazon_cellphones.ndjson, citm_catalog.json.1M, twitter.json and the films of
sakila-pg-copy.sql.1M), and lines of all *.log; 1,000 of each are compressed, one by one, and the
others are what primes and dictionaries are made of. zstd has to be there.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nncomp
from nncomp import Prime, priming

RECORDS, SIZE, DICTIONARY = 1000, 1 << 16, 112640
SPEED_SIZE, SPEED_COUNT, SPEED_ROUNDS = 2048, 40, 3


def documents(folder: Path) -> list[bytes]:
    """Those of 0.2 to 2 KB, in a random order that is always the same."""
    every = (*_phones(folder), *_performances(folder), *_users(folder), *_films(folder))
    found = [json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() for one in every]
    return _shuffled([one for one in found if 200 <= len(one) <= 2048])


def lines(folder: Path) -> list[bytes]:
    paths = sorted(folder.rglob("*.log"))
    found = [line + b"\n" for path in paths for line in path.read_bytes().splitlines() if line]
    return _shuffled(found)


def _shuffled(records: list[bytes]) -> list[bytes]:
    random.Random(1).shuffle(records)
    return records


def _file(folder: Path, name: str) -> str:
    (path,) = folder.rglob(name)
    return path.read_text("utf-8", errors="ignore")


def _phones(folder: Path) -> Iterator[Any]:
    names, *rows = map(json.loads, _file(folder, "amazon_cellphones.ndjson").splitlines())
    yield from (dict(zip(names, row, strict=True)) for row in rows)


def _performances(folder: Path) -> Iterator[Any]:
    text = _file(folder, "citm_catalog.json.1M")
    at = text.index('"performances": [') + len('"performances": [')
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" \n,"))
        try:
            found, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:  # the file is cut
            return
        yield found


def _users(folder: Path) -> Iterator[Any]:
    found = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict) and "followers_count" in value:
            found[value["id"]] = value
        for below in value.values() if isinstance(value, dict) else value:
            if isinstance(below, (dict, list)):
                walk(below)

    walk(json.loads(_file(folder, "twitter.json")))
    yield from found.values()


def _films(folder: Path) -> Iterator[Any]:
    _, _, rest = _file(folder, "sakila-pg-copy.sql.1M").partition("COPY public.film (")
    names, _, rest = rest.partition(") FROM stdin;\n")
    for row in rest.partition("\n\\.\n")[0].splitlines():
        yield dict(zip(names.replace('"', "").split(", "), row.split("\t"), strict=True))


def by_zstd(records: list[bytes], samples: list[bytes], *more: str) -> int:
    """Bytes of all, at -19 with a trained dictionary."""
    with tempfile.TemporaryDirectory() as place:
        for name, some in (("in", records), ("train", samples)):
            Path(place, name).mkdir()
            for i, one in enumerate(some):
                Path(place, name, f"{i:05}").write_bytes(one)
        dictionary = str(Path(place, "dictionary"))
        train = ["zstd", "-q", "--train", "-r", f"{place}/train", f"--maxdict={DICTIONARY}"]
        subprocess.run([*train, "-o", dictionary], check=True, stderr=subprocess.DEVNULL)
        Path(place, "out").mkdir()
        names = [str(path) for path in sorted(Path(place, "in").iterdir())]
        options = ["-q", "-19", "-D", dictionary, *more, "--output-dir-flat", f"{place}/out"]
        subprocess.run(["zstd", *options, *names], check=True)
        return sum(path.stat().st_size for path in Path(place, "out").iterdir())


def by_xz(records: list[bytes]) -> int:
    """Bytes of all, as xz -9e --check=crc32 writes them."""
    options = {"check": lzma.CHECK_CRC32, "preset": 6 | lzma.PRESET_EXTREME}  # of less, as -9
    return sum(len(lzma.compress(one, **options)) for one in records)


def by_nncomp(records: list[bytes], level: int, prime: Prime | None) -> int:
    """Bytes of all, each decompressed again."""
    total = 0
    for one in records:
        packed = nncomp.compress(one, level, prime=prime)
        assert nncomp.decompress(packed, prime=prime) == one
        total += len(packed)
    return total


def show_sizes(name: str, records: list[bytes]) -> None:
    tested, samples = records[:RECORDS], records[RECORDS:]
    print(f"{name}: {len(tested)} records, {sum(map(len, tested))} bytes; {len(samples)} samples")
    rows = {
        "xz -9e": by_xz(tested),
        "zstd -19, dictionary of 110 KB": by_zstd(tested, samples),
        "the same, without its checksum": by_zstd(tested, samples, "--no-check"),
        "nncomp -5": by_nncomp(tested, 5, None),
    }
    chosen = Prime(priming.choose(samples, SIZE))
    for level in (1, 5, 7):
        rows[f"nncomp -{level}, prime of 64 KiB"] = by_nncomp(tested, level, chosen)
    head = Prime(b"".join(samples)[:SIZE])
    rows["nncomp -5, the first 64 KiB of the samples"] = by_nncomp(tested, 5, head)
    for size in (1 << 12, 1 << 14):
        prime = Prime(priming.choose(samples, size))
        rows[f"nncomp -5, prime of {size >> 10} KiB"] = by_nncomp(tested, 5, prime)
    base = rows["zstd -19, dictionary of 110 KB"]
    for what, size in rows.items():
        print(f"    {what:<44} {size:>8}  {100 * size / base - 100:+6.1f} %", flush=True)


def show_speed(records: list[bytes]) -> None:
    """With a ready prime, of what it is without one."""
    data = b"".join(records)
    pieces = [data[i * SPEED_SIZE :][:SPEED_SIZE] for i in range(SPEED_COUNT)]
    ready = Prime(priming.choose(records[RECORDS:], SIZE))
    for level in (1, 2, 5, 7):
        best: dict[bool, list[float]] = {True: [1e9, 1e9], False: [1e9, 1e9]}
        for _ in range(1 + SPEED_ROUNDS):
            for prime in (None, ready):
                times = []
                begun = time.process_time()
                packed = [nncomp.compress(one, level, prime=prime) for one in pieces]
                times.append(time.process_time() - begun)
                begun = time.process_time()
                for one in packed:
                    nncomp.decompress(one, prime=prime)
                times.append(time.process_time() - begun)
                key = prime is not None
                best[key] = [*map(min, best[key], times)]
        ratios = [a / b for a, b in zip(best[False], best[True], strict=True)]
        each = [1000 * seconds / SPEED_COUNT for seconds in (*best[False], *best[True])]
        print(f"    -{level}: in {ratios[0]:.2f}, out {ratios[1]:.2f} of the speed without", end="")
        print(" ({:.1f} and {:.1f} ms a record without, {:.1f} and {:.1f} with)".format(*each))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = documents(folder)
    show_sizes("JSON documents", found)
    show_sizes("log lines", lines(folder))
    print(f"records of {SPEED_SIZE} bytes of the documents, CPU time:")
    show_speed(found)


if __name__ == "__main__":
    main()
