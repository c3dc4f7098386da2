"""The native engine apart from its arithmetic: choice, arguments, threads, interruption, the build.

That its bits are those of the reference is the subject of ``test_engines.py``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from conftest import some_quick
from models import LEAN
from nncomp import _native, engine
from nncomp.engine import native, reference
from nncomp.errors import NNCompError
from nncomp.model import Model
from nncomp.prime import Prime

SOURCES = Path(__file__).parents[1] / "nncomp" / "csrc"
KERNELS, BUILT = _native.kernels(), _native.kernels(all=True)
# Names, and the processor and features that each needs.
REGISTER: dict[str, list[str]] = {
    name: rest.split()
    for name, rest in re.findall(
        r"^kernel\((\w+) (.*)\)",
        (SOURCES / "kernels" / "register.cmake").read_text("utf-8"),
        re.MULTILINE,
    )
}
LAYERS = (("attention", (2, 32, 64)), ("feed_forward", (64,))) * 2  # those of the tiny model
# The shape of a shipped model: long lanes of it are too slow for the reference, so kernels are
# compared with each other.
NANO = models.pairs(128, 4, 32, 384, (64, 128, 256, 256), ((2, 13, 32, 0), (3, 13, 32, 32)))


@cache
def tiny() -> Model:
    return models.tiny()


@cache
def nano() -> Model:
    return models.natural(NANO)


def network(kernel: str = "auto", **changed: Any) -> _native.Network:
    """The tiny model's network; ``changed`` replaces arguments, or tensors (None removes one)."""
    c = tiny().config
    arguments: dict[str, Any] = {
        "d_model": c.d_model,
        "layers": [(layer.kind, layer.numbers) for layer in c.layers],
        "tables": [table.entry for table in c.tables],
    }
    tensors: dict[str, Any] = dict(tiny().tensors)
    for name, value in changed.items():
        if name in arguments:
            arguments[name] = value
        else:
            tensors[name] = value
            if value is None:
                del tensors[name]
    return _native.Network(**arguments, tensors=tensors, kernel=kernel)


# Choice of engine and kernel


def test_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNCOMP_ENGINE", raising=False)
    assert engine.get() is native
    assert engine.get("cpu") is native
    monkeypatch.setenv("NNCOMP_ENGINE", "reference")
    assert engine.get() is reference
    monkeypatch.setenv("NNCOMP_ENGINE", "os")
    with pytest.raises(NNCompError, match="NNCOMP_ENGINE"):
        engine.get()


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "gpu", ""])
def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(NNCompError if device.startswith("cuda") else ValueError) as error:
        engine.get(device)
    assert "\n" not in str(error.value)


def test_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KERNELS[-1] == "portable"
    assert network().kernel == KERNELS[0]
    for kernel in KERNELS:
        assert network(kernel).kernel == kernel
    with pytest.raises(ValueError, match="kernel"):
        network("other")
    monkeypatch.setenv("NNCOMP_KERNEL", "other")
    with pytest.raises(NNCompError, match="NNCOMP_KERNEL=other"):
        native.encode_block(tiny(), b"", 1, LEAN)


def test_every_kernel_is_in_the_register() -> None:
    assert {path.parent.name for path in SOURCES.glob("kernels/*/kernel.cpp")} == set(REGISTER)
    assert BUILT == [name for name in REGISTER if name in BUILT]
    assert KERNELS == [name for name in BUILT if name in KERNELS]


@pytest.mark.parametrize("name", some_quick(REGISTER, "portable"))
def test_kernels_share_no_code(name: str, tmp_path: Path) -> None:
    """What is compiled for one instruction set is not there to be linked elsewhere, even if nothing
    is inlined that need not be: an object file gives away its kernel or its stage, and constants.
    """
    processor, *features = REGISTER[name]
    flags = [f"-m{feature}" for feature in features]
    if processor == "arm64" and features:
        flags = ["-march=" + "+".join(["armv8.2-a", *features])]
    crossing = {"arm64": "aarch64-linux-gnu-"} | dict.fromkeys(
        ("x86", "linux_x86"), "x86_64-linux-gnu-"
    )
    prefix = "" if name in BUILT else crossing[processor]
    compiler, nm = shutil.which(f"{prefix}g++"), shutil.which(f"{prefix}nm")
    if compiler is None or nm is None:
        pytest.skip("no compiler")
    for source in (SOURCES / "kernels" / name).glob("*.cpp"):
        out = tmp_path / f"{source.stem}.o"
        command = [compiler, "-std=c++20", "-O0", f"-I{SOURCES}", *flags, "-c", source, "-o", out]
        subprocess.run(command, check=True)
        symbols = subprocess.run([nm, "-C", "--defined-only", out], check=True, capture_output=True)
        shared = re.findall(r"^\w+ ([A-Zuvw]) (.*)$", symbols.stdout.decode(), re.MULTILINE)
        data = [symbol for kind, symbol in shared if kind in "BDRuV"]
        assert f"nncomp::{source.stem}_{name}" in data
        assert [symbol for _, symbol in shared if symbol not in data] == []


@pytest.mark.slow
def test_an_older_processor() -> None:
    """Under qemu: an instruction that it lacks would end the program."""
    qemu = shutil.which("qemu-x86_64")
    if qemu is None or "sse41" not in KERNELS:
        pytest.skip("no such processor, nor qemu for one")
    program = """if True:
        import models
        from nncomp import _native
        from nncomp.engine import native

        data = models.text(200)
        for model in (models.natural(models.TINY), None):
            payloads = native.encode_block(model, data, 1, models.LEAN)
            assert native.decode_block(model, payloads, len(data), models.LEAN) == data
            print(*payloads)
        print(*_native.kernels())"""
    # numpy's own library, too, is to see which processor that is, not be told another
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    outputs = []
    for emulator in ([], [qemu, "-cpu", "Nehalem"]):
        command = [*emulator, sys.executable, "-c", program]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, cwd=SOURCES.parents[1] / "tests", env=env
        )
        outputs.append(done.stdout.decode().splitlines())
    here, there = outputs
    assert there == [*here[:-1], "sse41 portable"]


# Arguments: C++ checks again what Python has checked


@pytest.mark.parametrize(
    "changed",
    [
        {"d_model": 0},
        {"d_model": 2112},
        {"d_model": 2**31 - 64},
        {"layers": ()},
        {"layers": LAYERS * 17},
        {"layers": (("other", (64,)), *LAYERS[1:])},
        {"layers": (("attention", (3, 32, 64)), *LAYERS[1:])},
        {"layers": (("attention", (-2, 32, 64)), *LAYERS[1:])},
        {"layers": (("attention", (2, 8, 64)), *LAYERS[1:])},
        {"layers": (("attention", (2, 32, 65)), *LAYERS[1:])},
        {"layers": (("attention", (2, 32, 1088)), *LAYERS[1:])},
        {"layers": (("attention", (2, 32)), *LAYERS[1:])},
        {"layers": (*LAYERS[:3], ("feed_forward", (65,)))},
        {"layers": (*LAYERS[:3], ("feed_forward", (8256,)))},
        {"layers": (*LAYERS[:3], ("feed_forward", (64, 64)))},
        {"layers": (*LAYERS[:3], ("feed_forward", ()))},
        {"tables": (("9", 8, 32, 0, 0), ("3", 9, 16, 48, 0))},
        {"tables": (("2", 21, 32, 0, 0), ("3", 9, 16, 48, 0))},
        {"tables": (("2", 8, 32, 48, 0), ("3", 9, 16, 48, 0))},
        {"tables": (("2", 8, 32, -16, 0), ("3", 9, 16, 48, 0))},
        {"tables": (("2", 8, 32, 0, 0), ("3", 9, 16, 48, 4))},
        {"tables": (("2", 8, 32, 0, 8), ("3", 9, 16, 48, 0))},  # has no checks
        {"tables": (("2", 8, 16, 0, 0),) * 25},
        {"layers": (("attention", (2, 32, 128)), *LAYERS[1:])},  # does not fit the tensors
        {"embed.weight": None},
        {"embed.m": np.array([-1], np.int32)},
        {"embed.m": np.array([1, 1], np.int32)},
        {"embed.m": np.array([1], np.int64)},
        {"embed.m": np.array([1], np.uint32)},
        {"embed.m": np.array([1], np.float32)},
        {"embed.m": "1"},
        {"norm.c": np.array([0], np.int64)},
        {"norm.c": np.array([1 << 44], np.int64)},
        {"layers.2.attn.c": np.array([(1 << 38) + 1], np.int64)},
        {"layers.2.attn.c": np.array([-1], np.int64)},
        {"layers.0.attn.bias": np.zeros((64, 2), np.int16)},
        {"layers.0.qkv.m": np.full(128, -1, np.int32)},
        {"head.weight": np.full((256, 64), -128, np.int8)},
        {"table.0.weight": np.full((256, 32), -128, np.int8)},
        {"table.1.weight": np.zeros((512, 32), np.int8)},
    ],
    ids=repr,
)
def test_bad_networks(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        network(**changed)


def test_arrays_of_any_layout() -> None:
    """A strided array is another layout of the same tensor."""
    weight = tiny().tensors["layers.1.up.weight"]
    strided = np.repeat(weight, 2, axis=1)[:, ::2]
    expected = network().frequencies(b"layout")
    assert np.array_equal(
        network(**{"layers.1.up.weight": strided}).frequencies(b"layout"), expected
    )
    fortran = np.asfortranarray(weight)
    assert np.array_equal(
        network(**{"layers.1.up.weight": fortran}).frequencies(b"layout"), expected
    )


def test_network_keeps_nothing_of_its_tensors() -> None:
    tensors = {name: tensor.copy() for name, tensor in tiny().tensors.items()}
    packed = network(**tensors)
    expected = packed.frequencies(b"copy")
    for tensor in tensors.values():
        tensor[...] = 1
    assert np.array_equal(packed.frequencies(b"copy"), expected)


@pytest.mark.parametrize(
    ("lanes", "threads"), [(0, 1), (129, 1), (-1, 1), (1, 0), (1, -1), (2**31, 1), (1, 2**40)]
)
def test_bad_lanes_and_threads(lanes: int, threads: int) -> None:
    with pytest.raises((ValueError, TypeError)):
        native.encode_block(tiny(), b"abc", lanes, LEAN, threads=threads)


def test_bad_blocks() -> None:
    with pytest.raises(ValueError):
        native.decode_block(tiny(), [], 0, LEAN)
    with pytest.raises(ValueError):
        native.decode_block(tiny(), [b""] * 129, 0, LEAN)
    with pytest.raises(TypeError):
        native.decode_block(tiny(), [b""], -1, LEAN)
    with pytest.raises((MemoryError, ValueError)):
        native.decode_block(tiny(), [b""], 1 << 62, LEAN)
    with pytest.raises(TypeError):
        native.encode_block(tiny(), "text", 1, LEAN)  # type: ignore[arg-type]


@pytest.mark.parametrize("units", [-1, 8193, 2**31 - 1])
def test_bad_units(units: int) -> None:
    assert _native.mixing_memory(LEAN.numbers, True, 8192, 1000, 1) > 0
    with pytest.raises(ValueError, match="units"):
        _native.mixing_memory(LEAN.numbers, True, units, 1000, 1)


@pytest.mark.parametrize("prime", [None, Prime(b"known")], ids=["alone", "primed"])
@pytest.mark.parametrize("threads", [1, 2])
def test_fewer_steps_than_are_done(threads: int, prime: Prime | None) -> None:
    """They are done already: nothing is decoded anew."""
    data = models.text(900)
    payloads = native.encode_block(tiny(), data, 2, LEAN, prime=prime)
    decoding = native.start_decoding(tiny(), payloads, 900, LEAN, threads, prime=prime)
    for steps in (300, 100, 0, 300):
        decoding.decode(steps)
    assert decoding.part(0, 300) == data[:300]
    assert decoding.finish() == data


def test_many_more_threads_than_lanes() -> None:
    payloads = native.encode_block(tiny(), b"abcdef", 3, LEAN, threads=100_000)
    assert native.decode_block(tiny(), payloads, 6, LEAN, threads=100_000) == b"abcdef"


# Kernels on a model of real size


@pytest.mark.parametrize("kernel", some_quick(KERNELS[1:], *KERNELS[-1:]))
@pytest.mark.parametrize("lanes", [5, 7, 21])  # rows at a time: few, more, more than a tile has
def test_kernels_agree(kernel: str, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = models.text(3000) + models.noise(300)
    monkeypatch.setenv("NNCOMP_KERNEL", KERNELS[0])
    payloads = native.encode_block(nano(), data, lanes, LEAN)
    monkeypatch.setenv("NNCOMP_KERNEL", kernel)
    assert native.encode_block(nano(), data, lanes, LEAN, threads=2) == payloads
    assert native.decode_block(nano(), payloads, len(data), LEAN, threads=2) == data


def test_first_use_is_quick() -> None:
    """A file of a kilobyte must not wait for the packing of a model."""
    c = nano().config
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        layers = [(layer.kind, layer.numbers) for layer in c.layers]
        tables = [table.entry for table in c.tables]
        _native.Network(c.d_model, layers, tables, dict(nano().tensors))
        best = min(best, time.perf_counter() - start)
    assert best < 0.1  # about 2 ms; the bound allows for a busy machine


# Progress, interruption, the GIL


class StopNow(Exception):
    pass


def long_block(megabytes: int = 64) -> bytes:
    """More than any test waits for."""
    return bytes(megabytes << 20)


def encode(progress: Callable[[int], Any] | None, threads: int) -> None:
    native.encode_block(tiny(), long_block(), 4, LEAN, threads=threads, progress=progress)


def decode(progress: Callable[[int], Any] | None, threads: int) -> None:
    """Payloads that stay plausible for long: zeros are what comes of a likely symbol, for ever."""
    payloads = [bytes([1]) + bytes(8 << 20) for _ in range(4)]
    native.decode_block(tiny(), payloads, 64 << 20, LEAN, threads=threads, progress=progress)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("work", [encode, decode])
def test_progress_can_stop_the_work(work: Callable[..., None], threads: int) -> None:
    calls: list[int] = []

    def progress(n: int) -> None:
        assert n > 0 and threading.current_thread() is threading.main_thread()
        calls.append(n)
        if len(calls) == 2:
            raise StopNow

    start = time.perf_counter()
    with pytest.raises(StopNow):
        work(progress, threads)
    assert len(calls) == 2
    assert time.perf_counter() - start < 10


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a POSIX signal")
def test_interrupt() -> None:
    """Ctrl-C ends the work without a progress function, too."""
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        encode(None, 2)
    timer.join()


def test_other_threads_run_meanwhile() -> None:
    done = threading.Event()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        while not done.wait(0.005):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    native.encode_block(tiny(), models.text(200_000), 1, LEAN)
    done.set()
    thread.join()
    assert ticks > 5


def test_calls_from_several_threads() -> None:
    data = [models.text(2000, seed) for seed in range(1, 5)]
    expected = [native.encode_block(tiny(), d, 2, LEAN) for d in data]
    results: dict[int, list[bytes]] = {}

    def run(i: int) -> None:
        results[i] = native.encode_block(tiny(), data[i], 2, LEAN, threads=2)

    threads = [threading.Thread(target=run, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[i] for i in range(4)] == expected


def test_a_coder_has_one_caller_at_a_time() -> None:
    """Another one has an error at once, and the first goes on."""
    data = models.text(2000)
    encoding = native.start_encoding(None, data, 1, LEAN)

    def meddle(coder: Any) -> Callable[[int], None]:
        def progress(_: int) -> None:
            others.append(threading.Thread(target=use, args=(coder,)))
            others[-1].start()
            others[-1].join()

        return progress

    def use(coder: Any) -> None:
        with pytest.raises(RuntimeError, match="it is in use"):
            coder.finish()
        said.append(coder)

    others: list[threading.Thread] = []
    said: list[Any] = []
    payloads = encoding.finish(progress=meddle(encoding))
    assert payloads == native.encode_block(None, data, 1, LEAN)
    decoding = native.start_decoding(None, payloads, len(data), LEAN, 1)
    assert decoding.finish(progress=meddle(decoding)) == data
    assert len(said) == len(others) and {*said} == {encoding, decoding}


def test_a_finder_has_one_caller_at_a_time() -> None:
    finder = _native.FarFinder(reach=1 << 26, least=64, share=64, sources=16, blocks=9)
    refused = threading.Event()
    block = long_block(8)

    def add() -> None:
        for _ in range(1000):  # until the other thread has had its turn
            if refused.is_set():
                break
            with contextlib.suppress(RuntimeError):
                finder.add(block)

    thread = threading.Thread(target=add)
    thread.start()
    while thread.is_alive():
        try:
            finder.split(b"short", [])
        except RuntimeError as error:
            assert str(error) == "it is in use"
            refused.set()
    assert refused.is_set()


# The sources and the build


def code_of(path: Path) -> str:
    """The file without comments and text in quotes."""
    return re.sub(r'//[^\n]*|"[^"\n]*"', "", path.read_text("utf-8"))


def test_no_floating_point_in_the_sources() -> None:
    paths = [p for p in SOURCES.rglob("*.*") if p.suffix in (".hpp", ".cpp")]
    assert len(paths) > 10
    words = r"\b(float|double|__m\d+d?|cmath|_mm\w*_(?:ps|pd|ss|sd))\b|\bmath\.h"
    # The last four look at the signs of four-byte lanes: there is no other instruction for it.
    allowed = {"__m128i", "__m256i", "__m512i", "_mm_castsi128_ps", "_mm_movemask_ps"}
    allowed |= {"_mm256_castsi256_ps", "_mm256_movemask_ps"}
    for path in paths:
        code = code_of(path)
        found = {m.group() for m in re.finditer(words, code)} - allowed
        assert not found, (path.name, found)
        assert not re.search(r"\b\d+\.\d*f?\b|\b\d+[eE]-\d", code), path.name
        assert "fast-math" not in code


def test_no_machine_tuning_in_the_build() -> None:
    text = (SOURCES.parents[1] / "CMakeLists.txt").read_text("utf-8")
    flags = re.sub(r"#[^\n]*", "", text)
    assert not re.search(r"march(?!=armv8\.2-a)|mtune|fast-math|-Ofast", flags)


def test_nothing_from_libm_in_the_build() -> None:
    nm = shutil.which("nm")
    if nm is None or not sys.platform.startswith("linux"):
        pytest.skip("no nm here")
    command = [nm, "--dynamic", "--undefined-only", str(_native.__file__)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in output.splitlines()}
    assert "memcpy" in names or "memmove" in names
    libm = r"(sin|cos|tan|exp|exp2|expm1|log|log2|log10|log1p|pow|sqrt|cbrt|fma|floor|ceil|round"
    libm += r"|trunc|rint|nearbyint|l?lrint|l?lround|ldexp|frexp|fmod|scalbn?)[fl]?"
    tables = {"ceilf"}  # of nanobind's hash tables, where the compiler does not inline it
    assert not {name for name in names - tables if re.fullmatch(libm, name)}


def test_no_approximate_instructions_in_the_build() -> None:
    """Reciprocals and roots whose last bits depend on the maker of the CPU."""
    objdump = shutil.which("objdump")
    if objdump is None:
        pytest.skip("no objdump here")
    command = [objdump, "-d", "--no-show-raw-insn", str(_native.__file__)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not re.findall(r"\bv?(?:rcp|rsqrt|frecpe|frsqrte)\w*", output)
