"""Figures on a folder of files, measured with the ``nncomp`` command as a user runs it.

    python tools/figures.py roundtrip DIR    every file, as file and through pipes, at -1 and -5
    python tools/figures.py ratio FILE…      bytes and bits per byte beside xz -9e
    python tools/figures.py speed FILE       KB/s both ways and peak memory, at -1 and -5
    python tools/figures.py waste FILE       coded bytes against the stage's own entropy
    python tools/figures.py kinds DIR LEVEL MODEL…  bits per byte of models by kind of file
    python tools/figures.py pieces DIR…      pieces of 1 to 16 KiB beside xz, zstd and brotli
    python tools/figures.py special          runs, noise and tiny inputs
    python tools/figures.py table CSV…       what bench --csv wrote, by kind, as in README.md
    python tools/figures.py cpu [FILE]       what this processor can do, and how far the loops are
    python tools/figures.py all DIR          special, roundtrip; of DIR/text ratio, speed and waste

Prints one line a figure; exits 1 where a round trip fails.
"""

from __future__ import annotations

import csv
import lzma
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gigabyte import processor

NNCOMP = str(Path(sys.executable).parent / "nncomp")
XZ_9E = 9 | lzma.PRESET_EXTREME


def pipe(arguments: list[str], data: bytes) -> bytes:
    return subprocess.run(
        [NNCOMP, *arguments, "-q"], input=data, stdout=subprocess.PIPE, check=True
    ).stdout


def check(path: Path, level: str) -> int:
    """Round trip of one file, as file and as pipe; its compressed size."""
    data = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        packed, back = Path(folder, "x.nnc"), Path(folder, "x")
        subprocess.run([NNCOMP, "compress", "-q", level, "-o", packed, path], check=True)
        subprocess.run([NNCOMP, "decompress", "-q", "-o", back, packed], check=True)
        coded = packed.read_bytes()
        if back.read_bytes() != data:
            raise SystemExit(f"{path}: differs after a round trip at {level}")
    if pipe([level], data) != coded:
        raise SystemExit(f"{path}: file and pipe give different bytes at {level}")
    if pipe(["-d"], coded) != data:
        raise SystemExit(f"{path}: differs after a round trip through pipes at {level}")
    return len(coded)


def roundtrip(folder: str) -> None:
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    totals = dict.fromkeys(("-1", "-5"), 0)
    size = 0
    for path in files:
        coded = {level: check(path, level) for level in totals}
        for level in totals:
            totals[level] += coded[level]
        size += path.stat().st_size
        print(f"{path.name:44} {path.stat().st_size:10,}", *(f"{c:10,}" for c in coded.values()),
              flush=True)  # fmt: skip
    print(f"{len(files)} files identical; {size:,} bytes ->",
          ", ".join(f"{t:,} at {level}" for level, t in totals.items()))  # fmt: skip


def ratio(*names: str) -> None:
    total, sums = 0, {"xz -9e": 0, "nncomp -1": 0, "nncomp -5": 0}
    for name in names:
        data = Path(name).read_bytes()
        sizes = {
            "xz -9e": len(lzma.compress(data, preset=XZ_9E)),
            "nncomp -1": len(pipe(["-1"], data)),
            "nncomp -5": len(pipe(["-5"], data)),
        }
        total += len(data)
        for key, value in sizes.items():
            sums[key] += value
        print(f"{Path(name).name:24}", *(f"{k} {v:9,} ({8 * v / len(data):.3f})  "
              for k, v in sizes.items()), flush=True)  # fmt: skip
    print(f"{'total':24}", *(f"{k} {v:9,} ({8 * v / total:.3f})  " for k, v in sums.items()))
    print(f"nncomp -5 / xz -9e = {sums['nncomp -5'] / sums['xz -9e']:.4f}")


def timed(arguments: list[str], quiet: Sequence[str] = ("-q",)) -> tuple[float, int]:
    """Wall seconds and peak resident KiB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen([NNCOMP, *arguments, *quiet])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"nncomp {' '.join(arguments)} failed")
    return time.perf_counter() - start, usage.ru_maxrss


def speed(name: str) -> None:
    size = Path(name).stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        packed = str(Path(folder, "x.nnc"))
        for level in ("-1", "-5"):
            for threads in ("1", "2"):
                runs = [
                    (
                        timed(["compress", level, "-f", "-T", threads, "-o", packed, name]),
                        timed(["decompress", "-f", "-T", threads, "-o", "/dev/null", packed]),
                    )
                    for _ in range(3)
                ]
                wrote = sorted(w for (w, _), _ in runs)[1]
                read = sorted(r for _, (r, _) in runs)[1]
                peak = max(max(m, n) for (_, m), (_, n) in runs)
                print(
                    f"{level} -T{threads}: {size / wrote / 1000:7.1f} KB/s in, "
                    f"{size / read / 1000:7.1f} KB/s out, peak {peak / 1024:.0f} MiB",
                    flush=True,
                )
        small = Path(folder, "1k")
        small.write_bytes(Path(name).read_bytes()[:1024])
        both = timed(["compress", "-f", "-o", packed, str(small)])[0]
        both += timed(["decompress", "-f", "-o", "/dev/null", packed])[0]
        print(f"1 KB file: {both:.3f} s for both ways")
    version = sorted(timed(["--version"], quiet=[])[0] for _ in range(5))[2]
    print(f"--version: {version:.3f} s")


def entropy(model: Any, data: bytes) -> float:
    """Bits of ``data`` under the network alone, without the coder."""
    import numpy as np

    from nncomp.engine import native

    frequencies = native.frequencies(model, data)
    chosen = frequencies[np.arange(len(data)), np.frombuffer(data, np.uint8)].astype(np.float64)
    return -float(np.log2(chosen / frequencies.sum(axis=1, dtype=np.uint64)).sum())


def waste(name: str) -> None:
    """What the coder needs beyond what the stage's probabilities say."""
    import numpy as np

    from nncomp.engine import native
    from nncomp.mixing import Mixing, Profile

    data = Path(name).read_bytes()[:262144]
    ones = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 8).astype(bool)
    for profile in Profile:
        mixing = Mixing(profile)
        coded = sum(map(len, native.encode_block(None, data, 1, mixing)))
        p = native.bit_probabilities(data, mixing) / 2**22
        bits = -float(np.log2(np.where(ones, p, 1 - p)).sum())
        print(f"{profile.name.lower()}: {coded:,} bytes coded, {math.ceil(bits / 8):,} by entropy, "
              f"waste {100 * (8 * coded / bits - 1):.4f} %")  # fmt: skip


def kinds(folder: str, level: str, *names: str) -> None:
    """The first 256 KiB of each file, a lane each, without container: what the network alone says,
    network and stage as ``level`` mixes them, and what the level chooses for each block."""
    import nncomp
    from nncomp import levels, registry
    from nncomp.engine import native
    from nncomp.mixing import Mixing

    profile = levels.get(int(level)).profile
    models = [registry.resolve(name) for name in names]
    print(f"{'bits/byte: alone, mixed, chosen':32}", *(f"{name:>23}" for name in names))
    totals = [[0.0, 0.0, 0.0] for _ in models]
    size = 0
    for kind in sorted(p for p in Path(folder).iterdir() if p.is_dir()):
        parts = [p.read_bytes()[: 1 << 18] for p in sorted(kind.rglob("*")) if p.is_file()]
        line = []
        for model, total in zip(models, totals, strict=True):
            coded = [0.0, 0.0, 0.0]
            for data in parts:
                coded[0] += entropy(model, data) / 8
                coded[1] += len(native.encode_block(model, data, 1, Mixing(profile))[0])
                coded[2] += len(nncomp.compress(data, level=int(level), model=model))
            total[:] = [a + b for a, b in zip(total, coded, strict=True)]
            line.append([8 * c / sum(map(len, parts)) for c in coded])
        size += sum(map(len, parts))
        shown = ("{:7.3f} {:7.3f} {:7.3f}".format(*figures) for figures in line)
        print(f"{kind.name:32}", *shown, flush=True)
    shown = ("{:7.3f} {:7.3f} {:7.3f}".format(*(8 * c / size for c in t)) for t in totals)
    print(f"{'all':32}", *shown)


def pieces(*folders: str) -> None:
    """Pieces of 1, 2, 4, 8 and 16 KiB from each file, each size from another place."""
    peers = {
        "xz -9e": ["xz", "-9e", "-c"],
        "zstd -22": ["zstd", "--ultra", "-22", "-q", "-c"],
        "brotli -q 11": ["brotli", "-q", "11", "-c"],
    }
    total, size = dict.fromkeys((*peers, "best", "nncomp -5"), 0), 0
    for path in sorted(p for f in folders for p in Path(f).rglob("*") if p.is_file()):
        data = path.read_bytes()
        for i in range(5):
            piece = data[len(data) * (i + 1) // 7 :][: 1024 << i]
            if len(piece) < 1024 << i:
                continue
            size += len(piece)
            coded = {
                name: len(subprocess.run(c, input=piece, capture_output=True, check=True).stdout)
                for name, c in peers.items()
            }
            coded |= {"best": min(coded.values()), "nncomp -5": len(pipe(["-5"], piece))}
            for name in total:
                total[name] += coded[name]
    print(f"{size:,} bytes:", ", ".join(f"{k} {v:,}" for k, v in total.items()))
    print(f"nncomp -5 / best of three, piece by piece: {total['nncomp -5'] / total['best']:.4f}")


def special() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "empty": b"", "1 byte": b"x", "2 bytes": b"xy", "zeros": bytes(1 << 20),
            "random": os.urandom(50_000_000), "100 MB of one byte": b"\x07" * 100_000_000,
        }  # fmt: skip
        for name, data in cases.items():
            path, packed, back = (Path(folder, n) for n in ("x", "x.nnc", "y"))
            path.write_bytes(data)
            wrote = timed(["compress", "-f", "-o", str(packed), str(path)])[0]
            read = timed(["decompress", "-f", "-o", str(back), str(packed)])[0]
            if back.read_bytes() != data or pipe([], data) != packed.read_bytes():
                raise SystemExit(f"{name}: round trip failed")
            if pipe(["-d"], packed.read_bytes()) != data:
                raise SystemExit(f"{name}: round trip through pipes failed")
            print(f"{name:20} {len(data):12,} -> {packed.stat().st_size:12,}  "
                  f"{wrote:.2f} s in, {read:.2f} s out")  # fmt: skip


COLUMNS = {
    "nncomp-1": "nncomp -1",
    "nncomp-5:none": "-5 --model none",
    "nncomp-5": "**-5**",
    "nncomp-7": "-7",
    "zpaq-m5": "zpaq -m5",
    "7z-ppmd": "7z PPMd",
    "bzip3-16": "bzip3",
    "xz-9e": "xz -9e",
    "brotli-11": "brotli -q 11",
    "zstd-22": "zstd -22",
}


def table(*places: str) -> None:
    """Bytes by kind, which is a file's folder, for those of COLUMNS that have seen every file."""
    sizes: dict[str, dict[str, list[int]]] = {}  # [kind][compressor]: bytes of each file
    for place in places:
        with open(place, newline="") as file:
            for row in csv.DictReader(file):
                of_kind = sizes.setdefault(Path(row["file"]).parent.name, {"": []})
                of_kind.setdefault(row["compressor"], []).append(int(row["packed_bytes"]))
                if row["compressor"] == next(iter(COLUMNS)):
                    of_kind[""].append(int(row["bytes"]))
    names = [n for n in COLUMNS if all(len(k.get(n, ())) == len(k[""]) for k in sizes.values())]
    print(f"| files | bytes | {' | '.join(COLUMNS[n] for n in names)} |")
    print("|---|---:|" + "---:|" * len(names))
    for kind, of_kind in sizes.items():
        cells = (f"{sum(of_kind[n]):,}" for n in ("", *names))
        print(f"| {kind} ({len(of_kind[''])}) | {' | '.join(cells)} |")


ROOT = Path(__file__).parents[1]


def cpu(name: str = str(ROOT / "tests/data/book.md"), model_name: str = "small-2") -> None:
    """The distance of each loop of the network from the most that this kernel's products can do,
    the whole of it and of the stage, and a row for the README. It compiles a program; the engine
    comes from the build for development."""
    from nncomp import _native, registry
    from nncomp.engine import native
    from nncomp.mixing import Mixing, Profile

    kernel = os.environ.get("NNCOMP_KERNEL") or _native.kernels()[0]
    model = registry.find(model_name)
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/cpu"
        library = next(ROOT.glob("build/dev/**/libcore.a"))
        command = ["g++", "-O2", "-std=c++20", f"-I{ROOT}/nncomp/csrc", f"{ROOT}/tools/cpu.cpp"]
        subprocess.run([*command, str(library), "-lpthread", "-o", program], check=True)
        arguments = [program, kernel, str(model.config.d_model), *map(str, loops(model.config))]
        lines = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    head, *rows = (line.split("\t") for line in lines.splitlines())
    clock, most = map(float, head)
    print(
        f"{processor()}, kernel {kernel}: {clock:.2f} GHz, at most {most:.0f} multiply-adds a cycle"
    )
    for what, time_taken, count in rows:
        a_cycle = int(count) / (float(time_taken) * clock * 1000)
        share = f", {100 * a_cycle / most:.0f} % of the most" if most and int(count) else ""
        print(f"{what:24} {float(time_taken):7.3f} µs a byte, {a_cycle:6.1f} a cycle{share}")

    data = (Path(name).read_bytes() * 4)[: 1 << 18]

    def microseconds(call: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            started = time.process_time()
            call()
            times.append(time.process_time() - started)
        return min(times) / len(data) * 1e6

    rich, lean = Mixing(Profile.RICH), Mixing(Profile.LEAN)
    network = microseconds(lambda: native.frequencies(model, data))
    stages = [microseconds(partial(native.encode_block, None, data, 1, m)) for m in (lean, rich)]
    print(f"{model.name} {network:.2f} µs a byte, its least by products alone "
          f"{model.config.product_weights / max(most, 1) / clock / 1000:.2f}; "
          f"stage lean {stages[0]:.2f}, rich {stages[1]:.2f}")  # fmt: skip
    if model.config.tables:
        some, none = (microseconds(partial(native.frequencies, m, data)) for m in bare(model))
        print(f"{len(model.config.tables)} tables {some - none:.3f} µs a byte of it")
    four = [native.encode_block(model, data, lanes, rich) for lanes in (1, 4)]
    coded = [microseconds(partial(native.encode_block, model, data, 1, rich))]
    coded += [microseconds(partial(native.decode_block, model, p, len(data), rich)) for p in four]
    cells = " | ".join(f"{1000 / t:.0f}" for t in coded)
    print(f"| {processor()} | {kernel} | {cells} |")


def bare(model: Any) -> tuple[Any, Any]:
    """The model with a layer of zeros for all of its own, and that without tables.

    Both do the same beside looking up: a layer's time depends on what it is given.
    """
    from dataclasses import replace

    import numpy as np

    from nncomp.network import FeedForward

    def build(**changed: Any) -> Any:
        config = replace(model.config, layers=(FeedForward(64),), **changed)
        tensors = {
            name: np.full(row.shape, max(row.low, 0), row.type) if row.layer == 0 else
            model.tensors[name] for name, row in config.tensors.items()
        }  # fmt: skip
        return type(model).build(config, tensors, model.name)

    return build(), build(tables=())


def loops(config: Any) -> list[str | int]:
    """A model's products and attention, as tools/cpu.cpp takes them."""
    from nncomp.network import Attention, FeedForward

    d, found = config.d_model, list[str | int]()
    for layer in dict.fromkeys(config.layers):
        if isinstance(layer, Attention):
            q = layer.heads * layer.width
            found += ["matrix", "project", (q + 2 * layer.width + 63) // 64 * 64, d]
            found += ["attention", layer.heads, layer.width, layer.window]
            found += ["matrix", "accumulate", d, q]
        if isinstance(layer, FeedForward):
            found += ["matrix", "expand", layer.width, d, "matrix", "columns", d, layer.width]
    return [*found, "matrix", "logits", 256, d]


def everything(folder: str) -> None:
    texts = sorted(str(p) for p in Path(folder, "text").iterdir())
    largest = max(texts, key=os.path.getsize)
    special()
    speed(largest)
    waste(largest)
    ratio(*texts)
    roundtrip(folder)


if __name__ == "__main__":
    commands = {
        f.__name__: f for f in (roundtrip, ratio, speed, waste, kinds, pieces, special, table, cpu)
    }
    commands["all"] = everything
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
