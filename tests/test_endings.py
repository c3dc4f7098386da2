"""Ends, forks and missing threads: what was written is complete, and nobody waits for ever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import models
from nncomp.api import compress, decompress

pytestmark = pytest.mark.slow  # each starts processes

BLOCK = 1 << 12
DATA = models.chained(5 * BLOCK + 77)

START = f"""
import os, sys
import nncomp
from pathlib import Path
data = Path("data").read_bytes()
options = dict(threads=int(sys.argv[1]), block_size={BLOCK}, level=1)
"""


def script(code: str, threads: int, directory: Path, **environment: str) -> str:
    """Run a script, which must succeed within a minute without a word on stderr."""
    directory.joinpath("data").write_bytes(DATA)
    directory.joinpath("packed").write_bytes(compress(DATA, 1, block_size=BLOCK))
    result = subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(code), str(threads)],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


threads = pytest.mark.parametrize("threads", [1, 2])


# ---- ends of the interpreter ----


@pytest.mark.slow
@threads
@pytest.mark.parametrize(
    "code",
    [
        "file = nncomp.open('out', 'wb', **options); file.write(data)",
        "file = nncomp.open('out', 'wt', **options); file.write(data.decode('ascii'))",
        """
        file = nncomp.open('out', 'wb', **options)
        file.write(data)
        import atexit; atexit.register(file.close)
        """,
        """
        import atexit; atexit.register(
            lambda: Path('out').write_bytes(nncomp.compress(data, **options)))
        """,
        """
        import weakref
        class Owner: pass
        owner, file = Owner(), nncomp.open('out', 'wb', **options)
        file.write(data)
        weakref.finalize(owner, file.close)
        """,
        """
        import logging
        class Handler(logging.FileHandler):
            terminator = ''
            def _open(self):
                return nncomp.open(self.baseFilename, 'wt', **options)
        handler = Handler('out')
        logging.getLogger().addHandler(handler)
        logging.error(data.decode('ascii'))
        """,
        """
        import threading, time
        def late():
            threading.main_thread().join()
            with nncomp.open('out', 'wb', **options) as file:
                file.write(data)
        threading.Thread(target=late).start()
        """,
        """
        import threading
        def late():
            threading.main_thread().join()
            Path('out').write_bytes(nncomp.compress(nncomp.decompress(
                nncomp.compress(data, **options), threads=options['threads']), **options))
        threading.Thread(target=late).start()
        """,
    ],
    ids=[
        "never closed",
        "text never closed",
        "closed in atexit",
        "compressed in atexit",
        "closed by finalize",
        "logging",
        "written by a late thread",
        "compressed by a late thread",
    ],
)
def test_files_that_the_end_closes(code: str, threads: int, tmp_path: Path) -> None:
    script(code, threads, tmp_path)
    assert decompress(tmp_path.joinpath("out").read_bytes()) == DATA


@threads
def test_readers_at_the_end(threads: int, tmp_path: Path) -> None:
    """One is left in the middle of the file, another is read in atexit."""
    code = """
        import atexit
        left, late = (nncomp.open('packed', threads=options['threads']) for _ in range(2))
        assert left.read(10) == late.read(10) == data[:10]
        atexit.register(lambda: print(late.read() == data[10:]))
    """
    assert script(code, threads, tmp_path) == "True\n"


@threads
def test_daemon_threads_at_the_end(threads: int, tmp_path: Path) -> None:
    """They are at work when the interpreter ends, which does not wait for them."""
    code = """
        import threading, time
        def work():
            while True:
                nncomp.decompress(nncomp.compress(data, **options), threads=options['threads'])
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
    """
    script(code, threads, tmp_path)


# ---- the garbage collector ----


@threads
def test_writers_in_cycles(threads: int, tmp_path: Path) -> None:
    """Collected at any moment, also while another call is about to start a thread."""
    code = """
        import faulthandler, gc
        faulthandler.dump_traceback_later(50, exit=True)
        gc.freeze()  # what is there stays: only what is new is looked at, often
        gc.set_threshold(3, 2, 2)
        for i in range(12):
            cycle = [nncomp.open(f'out{i % 3}', 'wb', model='none', **options)]
            cycle[0].write(data)
            cycle.append(cycle)
            del cycle
            nncomp.compress(data, model='none', **options)
        gc.collect()
    """
    script(code, threads, tmp_path)
    for i in range(3):
        assert decompress(tmp_path.joinpath(f"out{i}").read_bytes()) == DATA


# ---- fork ----


@threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_goes_on(threads: int, tmp_path: Path) -> None:
    """With a reader and a writer that its parent has used."""
    code = """
        reader = nncomp.open('packed', threads=options['threads'])
        assert reader.read(10) == data[:10]
        writer = nncomp.NNCompressor(**options)
        start = writer.compress(data[:-5])
        child = os.fork()
        if child == 0:
            right = reader.read() == data[10:]
            end = writer.compress(data[-5:]) + writer.flush()
            right &= nncomp.decompress(start + end, threads=options['threads']) == data
            os._exit(0 if right else 1)
        _, status = os.waitpid(child, 0)
        print(status)
    """
    assert script(code, threads, tmp_path) == "0\n"


@threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_made_while_other_threads_compress(threads: int, tmp_path: Path) -> None:
    """It works, and ends without a word about what those threads had."""
    code = """
        import threading, time
        def work(data=data):
            return nncomp.decompress(nncomp.compress(data, **options), threads=options['threads'])
        work(data[:100])  # what a child may not do is import what its parent just imports
        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        time.sleep(0.02)
        child = os.fork()
        if child == 0:
            sys.exit(0 if work() == data else 1)
        for worker in workers:
            worker.join()
        print(os.waitpid(child, 0)[1])
    """
    assert script(code, threads, tmp_path) == "0\n"


@threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_leaves_the_frame_to_its_parent(threads: int, tmp_path: Path) -> None:
    """At its end it does not complete what is not its own, text neither."""
    code = """
        binary, text = nncomp.open('bytes', 'wb', **options), nncomp.open('text', 'wt', **options)
        binary.write(data[:1000])
        text.write('first, ')
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        binary.write(data[1000:])
        text.write('second')
        binary.close()
        text.close()
        with nncomp.open('bytes') as binary, nncomp.open('text', 'rt') as text:
            print(binary.read() == data, text.read())
    """
    assert script(code, threads, tmp_path) == "True first, second\n"


@threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_made_within_a_write(threads: int, tmp_path: Path) -> None:
    """It closes the file, without waiting for a thread that it has not, and without an end."""
    code = """
        import io, signal, threading
        writes, ends = threading.Event(), threading.Event()
        class Slow(io.FileIO):
            def write(self, data):
                writes.set()
                ends.wait()
                return super().write(data)
        file = nncomp.NNCompFile(Slow('out', 'w'), 'w', **options)
        writer = threading.Thread(target=file.write, args=(data,))
        writer.start()
        writes.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            file.close()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        ends.set()
        writer.join()
        file.close()
        print(nncomp.decompress(Path('out').read_bytes()) == data)
    """
    assert script(code, threads, tmp_path) == "0\nTrue\n"


@threads
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_a_signal_while_a_failed_frame_is_closed(threads: int, tmp_path: Path) -> None:
    """An exception leaves the ``with`` statement, and closing waits for another thread's write."""
    code = """
        import gc, io, signal, threading, time
        signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
        waiting = threading.Event()
        class Slow(io.BytesIO):
            def write(self, data):
                waiting.set()
                time.sleep(0.5)
                return super().write(data)
        sink = Slow()
        def fill():
            with nncomp.open(sink, 'wb', **options) as file:
                file.write(b'half')
                writer = threading.Thread(target=file.write, args=(data,))
                writer.start()
                waiting.wait()
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                raise KeyError
        try:
            fill()
        except ZeroDivisionError:
            pass
        [t.join() for t in threading.enumerate() if t is not threading.main_thread()]
        gc.collect()
        try:
            nncomp.decompress(sink.getvalue())
        except nncomp.FormatError:
            print('incomplete')
    """
    assert script(code, threads, tmp_path) == "incomplete\n"


# ---- no threads ----

NO_THREADS = """
#include <errno.h>
int pthread_create(void* thread, const void* attributes, void* (*start)(void*), void* argument) {
  return EAGAIN;
}
"""


@pytest.fixture(scope="module")
def no_threads(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that, loaded first, lets no thread start, as a full container does."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler, or not Linux")
    directory = tmp_path_factory.mktemp("shim")
    source, library = directory / "shim.c", directory / "shim.so"
    source.write_text(NO_THREADS)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


@threads
def test_no_thread_can_be_created(threads: int, no_threads: str, tmp_path: Path) -> None:
    code = """
        import threading
        try:
            threading.Thread(target=print).start()
            print("there are threads")
        except RuntimeError:
            pass
        packed = nncomp.compress(data, **options)
        assert packed == Path('packed').read_bytes()
        assert nncomp.decompress(packed, threads=options['threads']) == data
        with nncomp.open('packed', threads=options['threads']) as file:
            assert file.read() == data
        whole = nncomp.compress(data * 9, 5, threads=options['threads'])  # lanes on threads
        assert nncomp.decompress(whole, threads=options['threads']) == data * 9
    """
    limits = {"LD_PRELOAD": no_threads, "OPENBLAS_NUM_THREADS": "1"}
    assert script(code, threads, tmp_path, **limits) == ""


@threads
def test_the_command_without_threads(threads: int, no_threads: str, tmp_path: Path) -> None:
    tmp_path.joinpath("data").write_bytes(DATA)
    environment = {**os.environ, "LD_PRELOAD": no_threads}
    environment.pop("OPENBLAS_NUM_THREADS", None)
    for args in (["-k", "data"], ["-dfo", "back", "data.nnc"], ["-tq", "data.nnc"]):
        line = [sys.executable, "-m", "nncomp", f"-T{threads}", "--block-size=4KiB", *args]
        subprocess.run(line, cwd=tmp_path, env=environment, check=True, timeout=60)
    assert tmp_path.joinpath("back").read_bytes() == DATA


@pytest.mark.skipif(sys.version_info[:2] > (3, 11), reason="numpy refuses subinterpreters")
def test_isolated_subinterpreter(tmp_path: Path) -> None:
    code = f"""
        import _xxsubinterpreters as interpreters
        import warnings
        inner = '''
        import warnings
        warnings.simplefilter("ignore")  # numpy warns
        import nncomp
        data = open("data", "rb").read()
        packed = nncomp.compress(data, 1, block_size={BLOCK}, threads=2)
        packed += nncomp.compress(data, 3, embed_model=True)
        print(nncomp.decompress(packed, threads=2) == 2 * data)
        '''
        import textwrap
        interpreters.run_string(interpreters.create(isolated=True), textwrap.dedent(inner))
    """
    assert script(code, 1, tmp_path) == "True\n"
