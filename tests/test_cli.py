"""The command line as users and scripts meet it, beyond the rows of test_conventions.py."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import commandline
import models
from commandline import Run, Terminal, command, errors
from nncomp import model
from nncomp.api import compress, decompress

TEXT = models.chained(20_000)
NOISE = models.noise(80_000)


def letters(size: int) -> bytes:
    """Random letters in large amounts: what takes a while."""
    return models.noise(size).translate(bytes(97 + i % 26 for i in range(256)))


# ---- the usual ----


def test_round_trip_by_name(run: Run) -> None:
    Path("a.txt").write_bytes(TEXT)
    run("compress", "a.txt")
    packed = Path("a.txt.nnc").read_bytes()
    assert len(packed) < 0.65 * len(TEXT)
    assert Path("a.txt").read_bytes() == TEXT
    Path("a.txt").unlink()
    run("decompress", "a.txt.nnc")
    assert Path("a.txt").read_bytes() == TEXT
    assert Path("a.txt.nnc").exists()


@pytest.mark.slow
def test_file_pipe_and_threads_give_the_same_bytes(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    run("--block-size", "4KiB", "a")
    packed = Path("a.nnc").read_bytes()
    for threads in ("1", "3"):
        assert run("--block-size=4K", "-T", threads, input=TEXT).stdout == packed
    assert run("-d", input=packed).stdout == TEXT


@pytest.mark.slow
def test_a_file_that_is_called_like_a_command(run: Run) -> None:
    """A loop over files writes no './' in front: 'nncomp test' would take the rest of its list."""
    Path("a").write_bytes(b"text")
    run("a")
    for name in ("test", "cat", "models", "list"):
        Path(name).mkdir()
        run(name, "-h")
        Path(name).rmdir()
        Path(name).write_bytes(b"text")
        (line,) = errors(run(name, status=2))[-1:]
        assert f"write ./{name}." in line
        run("-z", name, f"./{name}", "-f")
        run(name, "-h")
    for option in ("-q", "-1", "-T1"):
        assert "write ./test." in errors(run("test", option, status=2))[-1]
    run("test", "a.nnc")
    run("test", "-", input=Path("a.nnc").read_bytes())
    run("models", "--json")


@pytest.mark.slow
def test_filter_options(run: Run) -> None:
    packed = run(input=TEXT).stdout
    assert run("compress", input=TEXT).stdout == run("-c", "-", input=TEXT).stdout == packed
    for args in (["-d"], ["decompress"], ["compress", "-d"], ["-9", "-d"], ["-dc"], ["-kd9T2"]):
        assert run(*args, input=packed).stdout == TEXT
    # Decompression takes every option of compression.
    options = [
        "-1",
        "--fast",
        "--best",
        "--model",
        "x",
        "--embed-model",
        "--block-size",
        "1MiB",
        "-k",
    ]
    assert run("decompress", *options, input=packed).stdout == TEXT
    assert run("-t", input=packed).stdout == run("test", input=packed).stdout == b""


@pytest.mark.slow
def test_output_option(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    run("a", "-o", "b")
    run("-d", "b", "-o", "c")
    assert Path("c").read_bytes() == TEXT
    assert run("-d", "b", "-o", "-").stdout == run("-dc", "b").stdout == TEXT
    run("-d", "-o", "d", input=Path("b").read_bytes())
    assert Path("d").read_bytes() == TEXT
    run("a", "-o", "/dev/null")
    assert sorted(os.listdir()) == ["a", "b", "c", "d"]


@pytest.mark.slow
def test_odd_names(run: Run) -> None:
    for name in ("-dash", "ä ö", "new\nline", os.fsdecode(b"\xff"), "compress"):
        path = Path(f"./{name}")
        path.write_bytes(TEXT)
        run(f"./{name}")
        path.unlink()
        run("-d", "--", f"{name}.nnc")
        assert path.read_bytes() == TEXT
    result = run("-d", "new\nline.nnc", status=1)
    assert errors(result) == [r"nncomp: new\nline: already exists; use -f to overwrite"]


# ---- refusals ----


def test_unusual_inputs(run: Run) -> None:
    os.mkdir("directory")
    for args in (["directory"], ["-d", "directory"]):
        (line,) = errors(run(*args, status=1))
        assert line == "nncomp: directory: Is a directory; use -r"
    assert "not a regular file" in errors(run("/dev/null", status=1))[0]
    assert run("-dc", input=run("-c", "/dev/null").stdout).stdout == b""
    Path("a").write_bytes(TEXT)
    os.symlink("a", "link")
    run("link")
    assert decompress(Path("link.nnc").read_bytes()) == TEXT
    assert "same file" in errors(run("-f", "a", "-o", "link", status=1))[0]
    with open("a", "ab") as output:  # as by 'nncomp -c a >> a'
        assert "same file" in errors(run("-c", "a", stdout=output, status=1))[0]
        assert "same file" in errors(run("-dc", "a", stdout=output, status=1))[0]
        assert run("test", "link.nnc", "-qq", stdout=output).returncode == 0
    assert Path("a").read_bytes() == TEXT
    assert "No such file" in errors(run("a", "-o", "no/where", status=1))[0]


@pytest.mark.parametrize(
    "args",
    [
        ["--bogus"],
        ["a", "b", "-o", "c"],
        ["-c", "-o", "c", "a"],
        ["-c", "--rm", "a"],
        ["--rm"],
        ["--rm", "-t", "a"],
        ["-T", "-1", "a"],
        ["-T", "x", "a"],
        ["--block-size", "3MiB", "a"],
        ["--block-size", "128MiB", "a"],
        ["--block-size", "1 parsec", "a"],
        ["--device", "gpu", "a"],
        ["--memory", "lots", "a"],
        ["--long", "512MiB", "--no-long", "a"],
        ["train"],
    ],
)
def test_wrong_usage_is_2(run: Run, args: list[str]) -> None:
    Path("a").write_bytes(TEXT)
    result = run(*args, status=2)
    assert result.stdout == b"" and b"Error: " in result.stderr
    assert os.listdir() == ["a"]


def test_wrong_environment_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCOMP_THREADS", "many")
    assert b"the environment variable NNCOMP_THREADS: " in run(status=2).stderr
    monkeypatch.setenv("NNCOMP_THREADS", "2")
    monkeypatch.setenv("NNCOMP_DEVICE", "abacus")
    assert b"the environment variable NNCOMP_DEVICE: " in run(status=2).stderr
    assert run("--device", "cpu", input=TEXT).stdout == compress(TEXT)


def test_damaged_files_leave_no_output(run: Run) -> None:
    packed = compress(TEXT, block_size=4096)
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 8
    damaged = {
        "end-of-stream marker": packed[:-1],
        "end-of-stream": packed[: len(packed) // 2],
        "checksum": bytes(flipped),
        "trailing bytes": packed + b"\0",
    }
    for message, data in damaged.items():
        Path("a.nnc").write_bytes(data)
        for args in (["-d"], ["test"]):
            (line,) = errors(run(*args, "a.nnc", status=1))
            assert line.startswith("nncomp: a.nnc: ") and message in line
    assert os.listdir() == ["a.nnc"]


# ---- --rm ----


def test_rm_keeps_what_it_should_not_remove(run: Run) -> None:
    Path("a").write_bytes(TEXT)
    os.link("a", "hard")
    os.symlink("a", "soft")
    assert "hard link" in errors(run("--rm", "a", status=1))[0]
    assert "symbolic link" in errors(run("--rm", "soft", status=1))[0]
    os.unlink("hard")
    Path("a.nnc").write_bytes(b"old")
    run("--rm", "a", status=1)
    Path("b.nnc").write_bytes(compress(TEXT)[:-1])
    run("-d", "--rm", "b.nnc", status=1)
    assert sorted(os.listdir()) == ["a", "a.nnc", "b.nnc", "soft"]


# ---- models ----


def test_own_model(run: Run) -> None:
    own = models.tiny(7)
    Path("own.safetensors").write_bytes(model.dumps(own))
    Path("text").write_bytes(own_text := sample(own))
    run("--model", "own.safetensors", "text")
    assert compress(own_text, model=own) == Path("text.nnc").read_bytes()
    (line,) = errors(run("-t", "text.nnc", status=1))
    assert own.id.hex() in line and "'test'" in line
    run("-t", "--model", "own.safetensors", "text.nnc")
    run("-f", "--model", "own.safetensors", "--embed-model", "text")
    run("-t", "text.nnc")
    # Noise needs no model, but a wrong name is a mistake all the same.
    for wanted in ("no-such", "./no-such.safetensors"):
        (line,) = errors(run("--model", wanted, input=NOISE, status=1))
        assert "no-such" in line


def sample(predictor: model.Model) -> bytes:
    """Bytes that the model expects: the most probable one, again and again."""
    from nncomp.engine import native

    out = bytearray()
    for _ in range(600):
        out.append(int(native.frequencies(predictor, bytes(out) + b"\0")[-1].argmax()))
    # Some surprises, so that it is no mere repetition.
    for i in range(0, 600, 50):
        out[i] ^= i & 255
    return bytes(out)


# ---- info ----


def test_info(run: Run) -> None:
    Path("a.nnc").write_bytes(compress(TEXT, block_size=4096) + compress(NOISE, 1))
    (a,) = json.loads(run("info", "--json", "a.nnc").stdout)
    assert (a["name"], a["content_size"]) == ("a.nnc", len(TEXT) + len(NOISE))
    assert a["stored_size"] == os.path.getsize("a.nnc")
    first, second = a["frames"]
    assert first["blocks"] == {"network+mix": 5} and second["blocks"] == {"stored": 1}
    assert first["mixings"] == {"general": 5} and second["mixings"] == {}
    assert (first["profile"], second["profile"]) == ("rich", "lean")
    assert first["model"]["name"] == "small-2" and second["model"] is None
    assert first["memory"] > second["block_size"] >> 8
    table = run("list", "-v", "a.nnc").stdout.decode()
    assert run("-lv", "a.nnc").stdout.decode() == table
    assert (
        first["model"]["id"] in table and "5 network+mix; mixing: 5 general; profile rich" in table
    )
    packed = Path("a.nnc").read_bytes()
    assert b"(stdin)" in run("info", input=packed).stdout
    result = run("info", "--json", "missing", "a.nnc", status=1)
    missing, good = json.loads(result.stdout)
    assert missing == {"name": "missing", "ok": False, "error": "No such file or directory"}
    assert (good["name"], good["ok"]) == ("a.nnc", True)
    Path("a.nnc").write_bytes(packed[:-1])
    assert "end-of-stream" in errors(run("-l", "a.nnc", status=1))[0]
    for args in (["-l"], ["list"], ["info", "-qq"]):
        (broken,) = json.loads(run(*args, "--json", "a.nnc", status=1).stdout)
        assert (broken["name"], broken["ok"]) == ("a.nnc", False)
        assert "end-of-stream" in broken["error"]


def test_verbose_tells_how_blocks_are_coded(run: Run) -> None:
    Path("a").write_bytes(TEXT[:4096] + b"ab" * 2048 + NOISE[:4096])
    assert len(errors(run("a"))) == 1
    lines = errors(run("-vf", "--block-size=4K", "a"))
    assert len(lines) == 2 and "a.nnc" in lines[0]
    assert lines[1] == "    1 network+mix, 1 repeat+stored, 1 stored; mixing: 1 general"
    assert errors(run("-vt", "a.nnc"))[1] == lines[1]
    Path("empty").write_bytes(b"")
    assert errors(run("-v", "empty"))[1] == "    no blocks"


def test_no_network(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    commandline.use_models(monkeypatch, Path("/nowhere"))
    Path("a").write_bytes(TEXT)
    run("--model", "none", "a")
    packed = Path("a.nnc").read_bytes()
    assert packed == compress(TEXT, model="none")
    (entry,) = json.loads(run("info", "--json", "a.nnc").stdout)
    (frame,) = entry["frames"]
    assert frame["blocks"] == {"mix": 1} and frame["model"] is None
    for args in (["-d"], ["-d", "--model", "none"], ["-d", "--model=none", "--embed-model"]):
        assert run(*args, input=packed).stdout == TEXT
    run("--model", "none", "--embed-model", "-f", "a", status=2)


def test_info_needs_no_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = compress(TEXT), compress(TEXT * 2, block_size=1024)
    known = json.loads(run("info", "--json", input=packed[0]).stdout)[0]["frames"][0]["model"]
    assert known["name"] == "small-2" and len(known["id"]) == 8
    commandline.use_models(monkeypatch, Path("/nowhere"))
    for data, name in zip(packed, (known["id"], "small-2"), strict=True):
        (entry,) = json.loads(run("info", "--json", input=data).stdout)
        assert entry["frames"][0]["model"]["name"] == name


# ---- other programs ----


@pytest.mark.slow
def test_reader_that_leaves(run: Run) -> None:
    Path("a.nnc").write_bytes(compress(models.noise(400_000), block_size=1 << 16))
    for unbuffered in ("", "1"):
        env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        process = subprocess.Popen(
            command("-dc", "a.nnc"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        )
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(10) == NOISE[:10]
        process.stdout.close()
        assert process.wait(60) == -signal.SIGPIPE
        assert process.stderr.read() == b""
        process.stderr.close()


def test_what_is_before_damage_is_written(run: Run) -> None:
    """Of a block whose end is wrong that is its first 64 KiB."""
    golden = Path(__file__).parent / "golden"
    content = run("-dc", str(golden / "good-lead.nnc")).stdout
    result = run("-dc", str(golden / "bad-wrong-content-check-after-lead.nnc"), status=1)
    assert result.stdout == content[: 1 << 16]


def test_unbuffered_python_writes_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    data = models.noise(300_000)  # more than a pipe holds
    assert run("-dc", input=compress(data), process=True).stdout == data


# ---- signals ----


@pytest.fixture
def working(run: Run) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts something that takes a while, and waits until its temporary file is there."""
    Path("big").write_bytes(letters(16 << 20))
    started = []

    def start(*args: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command(*args, "big"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        deadline = time.monotonic() + 30
        while not list(Path().glob(".big.nnc.*.tmp")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.5)  # into the first block
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGTERM, 143),
        (signal.SIGHUP, -signal.SIGHUP),
    ],
)
def test_signals_leave_nothing_and_act_at_once(
    working: Callable[..., subprocess.Popen[bytes]], number: signal.Signals, status: int
) -> None:
    process = working("--block-size", "16MiB")
    sent = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - sent < 2
    assert process.returncode == status
    assert stderr == b""
    assert os.listdir() == ["big"]


@pytest.mark.slow
def test_old_target_survives_a_signal(working: Callable[..., subprocess.Popen[bytes]]) -> None:
    Path("big.nnc").write_bytes(b"old")
    process = working("-f")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert sorted(os.listdir()) == ["big", "big.nnc"]
    assert Path("big.nnc").read_bytes() == b"old"


@pytest.mark.slow
def test_ignored_interrupts_stay_ignored(run: Run) -> None:
    """A job in the background of a script must not die of the foreground's Ctrl-C."""
    Path("a").write_bytes(letters(1 << 19))
    process = subprocess.Popen(
        command("a"),
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert Path("a.nnc").exists()


# ---- terminals ----


def test_content_may_go_to_a_terminal(run: Run, terminal: Terminal) -> None:
    run("-d", input=compress(b"hello"), stdout=terminal.slave)
    assert terminal.text() == "hello"


@pytest.mark.slow
def test_bar_on_a_terminal_only(run: Run, terminal: Terminal) -> None:
    Path("a").write_bytes(letters(1 << 20))
    for args, name in (("a",), "a.nnc"), (("-d", "a.nnc", "-o", "b"), "bytes"):
        terminal.seen = b""
        run("-T1", *args, stderr=terminal.slave)
        text = terminal.text()
        assert "%|" in text and "B/s" in text and "<" in text  # percent, rate, time left
        assert name in text.splitlines()[-1] and "%|" not in text.splitlines()[-1]
    terminal.seen = b""
    run("-T1", "-f", "--no-progress", "a", stderr=terminal.slave)
    assert "%|" not in terminal.text()
    assert b"%|" not in run("-T1", "-f", "a").stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "to", "bar"),
    [
        (["-c", "a"], "file", True),
        (["-c", "a"], "null", True),
        (["-c", "a"], "pipe", False),
        (["-cf", "a"], "terminal", False),
        (["-dc", "a.nnc"], "pipe", False),
        (["-d"], "pipe", False),
        (["-d", "-o", "-"], "pipe", False),
        (["-dc", "a.nnc"], "terminal", False),
        (["--progress", "-dc", "a.nnc"], "pipe", True),
        (["--progress", "-dc", "a.nnc"], "terminal", True),
        (["-df", "a.nnc"], "pipe", True),
        (["-d", "-o", "b"], "pipe", True),
        (["-t", "a.nnc"], "pipe", True),
        (["--no-progress", "-t", "a.nnc"], "pipe", False),
    ],
)
def test_bar_is_not_drawn_over_the_output(
    run: Run,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    to: str,
    bar: bool,
) -> None:
    """Behind a pipe there may be a pager, on the same terminal."""
    import tqdm

    original = tqdm.tqdm
    monkeypatch.setattr(tqdm, "tqdm", lambda **more: original(**{**more, "delay": 0}))
    Path("a").write_bytes(TEXT)
    Path("a.nnc").write_bytes(packed := compress(TEXT))
    reading, writing = os.pipe()
    with open("file", "wb") as file, open("/dev/null", "wb") as null:
        places = {"file": file, "null": null, "pipe": writing, "terminal": terminal.slave}
        run(*args, input=packed, stdout=places[to], stderr=terminal.slave)
    os.close(reading)
    os.close(writing)
    assert ("B/s]" in terminal.text()) == bar


# ---- start ----


def test_version_starts_at_once(run: Run) -> None:
    """CPU time, because a test machine is busy: imports that belong inside commands would show."""

    def children() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(3):
        before = children()
        subprocess.run([sys.executable, "-m", "nncomp", "--version"], check=True)
        times.append(children() - before)
    assert min(times) < 0.15
    code = "import sys, nncomp.cli.main as m; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {b"numpy", b"tqdm", b"zstandard", b"torch", b"safetensors"} & set(loaded.split())
