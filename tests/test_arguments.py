"""Wrong arguments are errors at once, by type and by value; and any contiguous buffer is bytes."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import commandline
import models
import nncomp
from nncomp import NNCompFile, NNCompressor, NNDecompressor, compress, decompress
from nncomp.encode import Encoder
from nncomp.exclusive import Exclusive
from nncomp.model import Model
from nncomp.rawio import Readable

TEXT = models.chained(1200)
OLD = b"what was there before"


@pytest.fixture(autouse=True)
def _directory(
    model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    commandline.use_models(monkeypatch, model_directory)
    monkeypatch.chdir(tmp_path)
    yield


WRONG: dict[str, list[tuple[dict[str, Any], type[Exception]]]] = {
    "both": [
        ({"threads": 0}, ValueError),
        ({"threads": 2.5}, TypeError),
        ({"threads": True}, TypeError),
        ({"threads": None}, TypeError),
        ({"device": "gpu"}, ValueError),
        ({"device": None}, TypeError),
        ({"model": 3}, TypeError),
        ({"model": b"nano-1"}, TypeError),
        ({"no_such_option": 1}, TypeError),
    ],
    "w": [
        ({"level": "x"}, TypeError),
        ({"level": 4.39}, TypeError),
        ({"level": True}, TypeError),
        ({"level": 0}, ValueError),
        ({"level": 10}, ValueError),
        ({"level": np.int64(-1)}, ValueError),
        ({"block_size": 1000}, ValueError),
        ({"block_size": 1e6}, TypeError),
        ({"model": "smal-1"}, nncomp.ModelNotFoundError),
        ({"model": Path("no-such-file")}, FileNotFoundError),
        ({"model": "none", "embed_model": True}, ValueError),
    ],
    "r": [
        ({"memory_limit": 0}, ValueError),
        ({"memory_limit": "1GiB"}, TypeError),
        ({"max_size": -1}, ValueError),
        ({"max_size": 1.5}, TypeError),
    ],
}


def cases(direction: str) -> list[Any]:
    return [pytest.param(*case, id=str(case[0])) for case in WRONG["both"] + WRONG[direction]]


@pytest.mark.parametrize(("options", "error"), cases("w"))
def test_wrong_options_for_writing(options: dict[str, Any], error: type[Exception]) -> None:
    """Whatever the mode, a file that is there stays as it is, and none appears."""
    Path("old.nnc").write_bytes(OLD)
    for make in (
        lambda: compress(TEXT, **options),
        lambda: NNCompressor(**options),
        lambda: NNCompFile("new.nnc", "x", **options),
        lambda: NNCompFile("old.nnc", "w", **options),
        lambda: NNCompFile("old.nnc", "a", **options),
        lambda: nncomp.open("old.nnc", "wt", **options),
    ):
        with pytest.raises(error):
            make()
    assert Path("old.nnc").read_bytes() == OLD and not Path("new.nnc").exists()


@pytest.mark.parametrize(("options", "error"), cases("r"))
def test_wrong_options_for_reading(options: dict[str, Any], error: type[Exception]) -> None:
    packed = compress(TEXT, model="none")
    Path("a.nnc").write_bytes(packed)
    for make in (
        lambda: decompress(packed, **options),
        lambda: NNDecompressor(**options),
        lambda: NNCompFile("a.nnc", **options),
        lambda: nncomp.open("a.nnc", "rt", **options),
    ):
        with pytest.raises(error):
            make()


@pytest.mark.parametrize("name", ["memory_limit", "max_size"])
def test_options_for_reading_are_not_for_writing(name: str) -> None:
    for make in (compress, NNCompressor):
        arguments = () if make is NNCompressor else (TEXT,)
        with pytest.raises(TypeError, match=f"{name} is for reading"):
            make(*arguments, **{name: 1 << 30})  # type: ignore[operator]


@pytest.mark.parametrize("name", ["level", "embed_model", "block_size"])
def test_options_for_writing_are_not_for_reading(name: str) -> None:
    for make in (decompress, NNDecompressor):
        arguments = () if make is NNDecompressor else (compress(TEXT),)
        with pytest.raises(TypeError, match=f"{name} is for writing"):
            make(*arguments, **{name: 1024})  # type: ignore[operator]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": None}, TypeError),
        ({"mode": 1}, TypeError),
        ({"mode": "rw"}, ValueError),
        ({"mode": "wbt"}, ValueError),
        ({"mode": "wt", "encoding": "no-such-encoding"}, LookupError),
        ({"mode": "wt", "newline": "x"}, ValueError),
        ({"mode": "wt", "errors": "no-such-handler"}, LookupError),
        ({"mode": "wb", "encoding": "utf-8"}, ValueError),
        ({"mode": "wb", "memory_limit": 1 << 30}, TypeError),
        ({"mode": "rb", "level": 3}, TypeError),
        ({"mode": "rb", "block_size": 1024}, TypeError),
        ({"mode": "rb", "embed_model": True}, TypeError),
    ],
    ids=str,
)
def test_wrong_modes(arguments: dict[str, Any], error: type[Exception]) -> None:
    Path("old.nnc").write_bytes(OLD)
    with pytest.raises(error):
        nncomp.open("old.nnc", **arguments)
    assert Path("old.nnc").read_bytes() == OLD
    for file in (None, 3, [], object()):
        with pytest.raises(TypeError):
            nncomp.open(file, "wb")  # type: ignore[call-overload]


def test_integers_of_other_types() -> None:
    level, threads = np.int64(3), np.uint8(1)
    assert decompress(compress(TEXT, model="none", threads=10**20), threads=10**20) == TEXT
    packed = compress(TEXT, level, threads=threads, block_size=np.int32(1024))  # type: ignore[arg-type]
    assert packed == compress(TEXT, 3, block_size=1024)
    from numcodecs import get_codec

    codec = get_codec({"id": "nncomp", "level": level})
    assert json.loads(json.dumps(codec.get_config()))["level"] == 3


def test_open_takes_what_files_take(foreign_model: Model) -> None:
    with nncomp.open(
        "a.nnc", "wb", level=3, model=foreign_model, embed_model=True, block_size=1024, threads=2
    ) as file:
        file.write(TEXT)
    expected = compress(TEXT, 3, model=foreign_model, embed_model=True, block_size=1024)
    assert Path("a.nnc").read_bytes() == expected
    with nncomp.open("a.nnc", "rb", memory_limit=1 << 28) as file:
        assert file.read() == TEXT
    with pytest.raises(nncomp.MemoryLimitError), nncomp.open("a.nnc", memory_limit=1000) as file:
        file.read()


# ---- data ----

ARRAYS = [
    np.arange(300, dtype=np.int64),
    np.arange(300, dtype=">i2").reshape(20, 15),
    np.zeros(0, np.float32),
    np.zeros((3, 0, 2)),
    np.array(7.5),
    np.array([(1, 2.0)] * 9, dtype=[("a", "<i4"), ("b", "<f8")]),
    np.array([(1, 2.0)] * 9, dtype=[("O", "<i4"), ("an O", "<f8")]),
    np.array([True, False] * 40),
    np.array(["text", "more"]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_any_contiguous_buffer_is_bytes(array: Any) -> None:
    data = array.tobytes()
    assert decompress(compress(array, model="none")) == data
    compressor = NNCompressor(model="none")
    packed = compressor.compress(array) + compressor.compress(array) + compressor.flush()
    assert decompress(packed) == 2 * data
    with nncomp.open("a.nnc", "wb", model="none") as file:
        assert file.write(array) == len(data)
        assert file.write(array) == len(data) and file.tell() == 2 * len(data)
    stored = Path("a.nnc").read_bytes()
    assert decompress(stored) == 2 * data
    as_array = np.frombuffer(stored + bytes(-len(stored) % 8), np.int64)
    decompressor = NNDecompressor()
    assert decompressor.decompress(as_array) == 2 * data and decompressor.eof
    assert decompress(np.frombuffer(stored, np.uint8)) == 2 * data


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        *("text", None, 5, [1, 2], memoryview(TEXT)[::2], np.arange(9)[::3], np.array([{}])),
        np.array([({}, 1)], dtype=[("a", object), ("b", "<i4")]),
    ],
)
def test_what_is_no_buffer_changes_nothing(wrong: Any) -> None:
    for function in (compress, decompress):
        with pytest.raises(TypeError):
            function(wrong)
    compressor, decompressor = NNCompressor(model="none"), NNDecompressor()
    parts = [compressor.compress(TEXT[:100])]
    with pytest.raises(TypeError):
        compressor.compress(wrong)
    parts += [compressor.compress(TEXT[100:]), compressor.flush()]
    packed = b"".join(parts)
    assert decompress(packed) == TEXT
    assert decompressor.decompress(packed[:50]) == b""
    with pytest.raises(TypeError):
        decompressor.decompress(wrong)
    with pytest.raises(TypeError):
        decompressor.decompress(b"", max_length="1")  # type: ignore[arg-type]
    assert decompressor.decompress(packed[50:]) == TEXT
    with nncomp.open("a.nnc", "wb", model="none") as file:
        file.write(TEXT)
        with pytest.raises(TypeError):
            file.write(wrong)
        file.write(TEXT)
    assert decompress(Path("a.nnc").read_bytes()) == 2 * TEXT


def test_methods_take_keywords_as_those_of_lzma() -> None:
    Path("a.nnc").write_bytes(compress(b"one\ntwo\nthree\n", model="none"))
    with nncomp.open("a.nnc") as file:
        assert file.seek(2, whence=1) == 2 and file.seek(offset=1, whence=0) == 1
        assert file.read(size=3) == b"ne\n" and file.readline(size=2) == b"tw"
        assert file.read1(size=2) == b"o\n" and file.peek(size=1)[:1] == b"t"
        assert file.read(size=None) == b"three\n"
    with nncomp.open("b.nnc", "wb", model="none") as file:
        assert file.write(data=b"x") == 1


# ---- ends ----


def test_the_end_shows_with_the_last_byte() -> None:
    packed = compress(TEXT, model="none", block_size=1024)
    for threads in (1, 3):
        decompressor = NNDecompressor(threads=threads)
        assert decompressor.decompress(packed + b"rest", max_length=len(TEXT)) == TEXT
        assert decompressor.eof and decompressor.unused_data == b"rest"
        decompressor = NNDecompressor(threads=threads)
        assert decompressor.decompress(packed, max_length=len(TEXT) - 1) == TEXT[:-1]
        assert not decompressor.eof and not decompressor.needs_input
        assert decompressor.decompress(b"", max_length=1) == TEXT[-1:] and decompressor.eof
        decompressor = NNDecompressor(threads=threads)
        assert decompressor.decompress(packed[:-1], max_length=len(TEXT)) == TEXT
        assert not decompressor.eof and decompressor.needs_input
        assert decompressor.decompress(packed[-1:]) == b"" and decompressor.eof


def test_a_cut_file_is_an_eof_error_for_generic_code() -> None:
    packed = compress(TEXT, model="none", block_size=1024)
    for size in (0, 1, 5, 8, 9, 10, len(packed) // 2, len(packed) - 1):
        with pytest.raises(EOFError) as caught:
            decompress(packed[:size])
        assert isinstance(caught.value, nncomp.FormatError)


def test_too_much_content_is_refused_before_it_is_decoded() -> None:
    packed = compress(bytes(1 << 20), block_size=1 << 16)
    assert decompress(packed, max_size=1 << 20) == bytes(1 << 20)
    assert decompress(compress(b""), max_size=0) == b""
    for size in (0, 1000, (1 << 20) - 1):
        with pytest.raises(nncomp.SizeLimitError, match=f"larger than {size} bytes"):
            decompress(packed, max_size=size)
    for wrong, error in ((-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            decompress(packed, max_size=wrong)  # type: ignore[arg-type]


class Full(Exception):
    pass


def test_a_failed_append_is_cut_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames before it stay readable: after errors in the statement, of the disk, at close."""
    good = compress(TEXT, model="none")
    options: dict[str, Any] = {"model": "none", "block_size": 1024}
    Path("a.nnc").write_bytes(good)
    with pytest.raises(Full), nncomp.open("a.nnc", "ab", **options) as file:
        file.write(TEXT * 3)
        assert Path("a.nnc").stat().st_size > len(good)
        raise Full
    assert Path("a.nnc").read_bytes() == good

    with pytest.raises(Full), nncomp.open("a.nnc", "at", **options) as text:
        text.write(TEXT.decode() * 3)
        raise Full
    assert Path("a.nnc").read_bytes() == good

    write_all = nncomp.rawio.write_all  # type: ignore[attr-defined]

    def fail_late(dst: Any, data: bytes) -> None:
        write_all(dst, data[: len(data) // 2])
        if isinstance(dst, io.FileIO):
            raise OSError(28, "No space left on device")
        write_all(dst, data[len(data) // 2 :])

    monkeypatch.setattr("nncomp.rawio.write_all", fail_late)
    file = nncomp.open("a.nnc", "ab", **options)
    with pytest.raises(OSError, match="No space"):
        file.write(TEXT * 3)
    file.close()
    assert Path("a.nnc").read_bytes() == good
    file = nncomp.open("a.nnc", "ab", **options)
    with pytest.raises(OSError, match="No space"):
        file.close()
    assert Path("a.nnc").read_bytes() == good


def test_a_failed_append_spares_what_others_have_added() -> None:
    """Before its first write, and after its last one."""
    options: dict[str, Any] = {"model": "none", "block_size": 1 << 10}

    def add(content: bytes) -> None:
        with nncomp.open("log.nnc", "ab", **options) as file:
            file.write(content)

    add(b"first ")
    with pytest.raises(KeyError), nncomp.open("log.nnc", "ab", **options):
        add(b"second ")
        raise KeyError
    assert decompress(Path("log.nnc").read_bytes()) == b"first second "
    with pytest.raises(KeyError), nncomp.open("log.nnc", "ab", **options) as file:
        add(b"third ")
        file.write(TEXT)
        raise KeyError
    assert decompress(Path("log.nnc").read_bytes()) == b"first second third "
    before = Path("log.nnc").read_bytes()
    with pytest.raises(KeyError), nncomp.open("log.nnc", "ab", **options) as file:
        file.write(TEXT)
        add(b"fourth")
        raise KeyError
    found = Path("log.nnc").read_bytes()
    assert found.startswith(before)
    assert decompress(found[found.rindex(b"\x89NP") :]) == b"fourth"


def test_exits_that_are_no_errors_complete_the_frame() -> None:
    def generator(path: str, text: bool) -> Iterator[int]:
        with nncomp.open(path, "wt" if text else "wb", model="none") as file:
            for _ in range(2):
                file.write(TEXT.decode() if text else TEXT)  # type: ignore[arg-type]
                yield 1

    def leave(status: Any) -> Callable[[], None]:
        def run() -> None:
            with nncomp.open("exit.nnc", "wb", model="none") as file:
                file.write(TEXT)
                raise SystemExit(status)

        return run

    for text in (False, True):
        running = generator("closed.nnc", text)
        next(running)
        running.close() if hasattr(running, "close") else None
        assert decompress(Path("closed.nnc").read_bytes()) == TEXT
    for status in (None, 0):
        with pytest.raises(SystemExit):
            leave(status)()
        assert decompress(Path("exit.nnc").read_bytes()) == TEXT
    for status in (1, "a message", ""):
        with pytest.raises(SystemExit):
            leave(status)()
        with pytest.raises(EOFError):
            decompress(Path("exit.nnc").read_bytes())


# ---- threads and copies ----


def test_threads_share_a_writer() -> None:
    """Each write is whole and for itself; so is each piece given to a compressor."""
    lines = [bytes([97 + i]) * 99 + b"\n" for i in range(4)]
    file = nncomp.open("a.nnc", "wb", model="none", block_size=1024)
    compressor = NNCompressor(model="none", block_size=1024)
    start = threading.Barrier(4)

    def work(line: bytes) -> None:
        start.wait()
        for _ in range(50):
            file.write(line)
            compressor.compress(line)

    workers = [threading.Thread(target=work, args=(line,)) for line in lines]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    file.close()
    compressor.flush()
    content = decompress(Path("a.nnc").read_bytes())
    assert sorted(content.splitlines(keepends=True)) == sorted(lines * 50)


def test_a_call_within_a_call_is_an_error() -> None:
    class Sink:
        def write(self, data: bytes) -> int:
            with pytest.raises(RuntimeError, match="reentrant"):
                file.write(b"more")
            return len(data)

    file = NNCompFile(Sink(), "w", model="none", block_size=1024)
    file.write(TEXT)
    file.close()


class Interrupted(Exception):
    """What a signal's handler raises."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_signals_do_not_leave_the_lock_taken() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    lock = Exclusive()
    free: list[bool] = []

    def take() -> None:
        with lock():
            free.append(True)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for i in range(3000):
            with contextlib.suppress(Interrupted):
                signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + i % 50))
                while True:
                    with lock():
                        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with lock():  # an error where this thread has it
        pass
    other = threading.Thread(target=take, daemon=True)
    other.start()
    other.join(10)
    assert free == [True]


def test_an_interrupted_compressor_is_not_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is added twice, or left out, wherever a signal's handler raises."""

    add = Encoder.add

    def interrupted(encoder: Encoder, src: Readable, *, last: bool) -> None:
        add(encoder, src, last=last)
        raise KeyboardInterrupt

    compressor = NNCompressor(1, model="none", block_size=1024)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Encoder, "add", interrupted)
        compressor.compress(TEXT)
    with pytest.raises(ValueError, match="failed before"):
        compressor.compress(TEXT)
    with pytest.raises(ValueError, match="failed before"):
        compressor.flush()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_works_can_be_pickled(protocol: int) -> None:
    Path("a.nnc").write_bytes(compress(TEXT, model="none"))
    with nncomp.open("a.nnc") as reader, nncomp.open("b.nnc", "wb") as writer:
        for thing in (NNCompressor(), NNDecompressor(), reader, writer):
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(thing, protocol)


def test_errors_can_be_pickled() -> None:
    for error in (nncomp.TruncatedError("x"), nncomp.MemoryLimitError.of("x", 1 << 30, 1000)):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error)
    assert str(nncomp.MemoryLimitError.of("decoding", (5 << 20) + 1, 1 << 20)) == (
        "decoding needs 5.1 MiB, more than the memory limit of 1 MiB"
    )
