"""What users of gzip, xz and zstd expect, row by row: flags, environment, exit status, behaviour.

Every test's docstring names its row. What takes a machine in distress (signals, full disks) is in
test_cli_hardship.py, directories are in test_cli_trees.py, models in test_cli_models.py.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import lzma
import os
import re
import stat
import time
from pathlib import Path

import click
import pytest

import models
import nncomp
from commandline import Run, Terminal, errors, untimed
from nncomp import model
from nncomp.api import compress, decompress
from nncomp.cli.parameters import byte_size
from nncomp.cli.report import duration_text, size_text

TEXT = models.chained(1200)
NOISE = models.noise(3000)


@pytest.fixture
def a(run: Run) -> Path:
    """A file to compress, in the current directory."""
    path = Path("a")
    path.write_bytes(TEXT)
    return path


def listing() -> list[str]:
    return sorted(os.listdir())


# ---- flags ----


@pytest.mark.parametrize("args", [["compress"], [], ["compress", "-1"], ["-1", "-q"]])
def test_compress_is_the_default(run: Run, a: Path, args: list[str]) -> None:
    """compress"""
    run(*args, "a")
    assert decompress(Path("a.nnc").read_bytes()) == TEXT
    assert listing() == ["a", "a.nnc"]


@pytest.mark.parametrize(
    "args", ["decompress", "-d", "--decompress", "compress -d", "-dk", "-dq1", "-9 -d", "-dT2"]
)
def test_decompress(run: Run, args: str) -> None:
    """decompress, alias -d"""
    Path("a.nnc").write_bytes(compress(TEXT))
    run(*args.split(), "a.nnc")
    assert Path("a").read_bytes() == TEXT


@pytest.mark.parametrize(
    ("args", "mode"),
    [
        ("-z", "z"),
        ("--compress", "z"),
        ("compress -z", "z"),
        ("decompress -z", "z"),
        ("decompress --compress -5", "z"),
        ("-d -z", "z"),
        ("-z -d", "d"),
        ("-dzd", "d"),
        ("-tz", "z"),
        ("-zltd", "d"),
        ("-dlt", "t"),
        ("-dtz -l", "l"),
        ("test -d", "d"),
        ("test -d -t", "t"),
    ],
)
def test_last_mode_counts(run: Run, a: Path, args: str, mode: str) -> None:
    """-z, -d, -t, -l: the last one counts, as in xz"""
    packed = compress(TEXT)
    Path("x").write_bytes(TEXT if mode == "z" else packed)
    result = run(*args.split(), *(["-c"] if mode in "zd" else []), "x")
    table = result.stdout.startswith(b"Frames")
    assert table == (mode == "l") and listing() == ["a", "x"]
    if not table:
        assert result.stdout == {"z": packed, "d": TEXT, "t": b""}[mode]


@pytest.mark.parametrize("args", ["-c a", "--stdout a", "a -c", "-ck1 a", "-o - a", "--output=- a"])
def test_stdout(run: Run, a: Path, args: str) -> None:
    """to stdout: -c"""
    assert decompress(run(*args.split()).stdout) == TEXT
    assert listing() == ["a"]


@pytest.mark.parametrize("args", ["-dc", "-dkc", "-cd", "-dcf", "-d --stdout", "decompress -c"])
def test_decompress_to_stdout(run: Run, args: str) -> None:
    """to stdout: -dc"""
    Path("a.nnc").write_bytes(compress(TEXT))
    assert run(*args.split(), "a.nnc").stdout == TEXT
    assert listing() == ["a.nnc"]


def test_output_name(run: Run, a: Path) -> None:
    """output name: -o FILE, single input; several inputs + -o: usage error"""
    run("a", "-o", "x")
    run("-d", "x", "--output", "y")
    assert Path("y").read_bytes() == TEXT
    for args in (["a", "x", "-o", "z"], ["-d", "a", "x", "-o", "z"], ["-c", "-o", "z", "a"]):
        assert "Error" in errors(run(*args, status=2))[-1]
    assert listing() == ["a", "x", "y"]


def test_input_is_kept(run: Run, a: Path) -> None:
    """keep input: by default; -k says it again, and goes before --rm"""
    for args in ([], ["-k"], ["--keep"], ["-d", "-k"], ["-dkf"]):
        run("-f", *args, "a.nnc" if "-d" in args or "-dkf" in args else "a")
        assert listing() == ["a", "a.nnc"]
    for args in (["-k", "--rm"], ["--rm", "-k"], ["--rm", "--keep"], ["-dk", "--rm"]):
        run("-f", *args, "a.nnc" if "-dk" in args else "a")
        assert listing() == ["a", "a.nnc"]


def test_force(run: Run, a: Path) -> None:
    """force/overwrite: -f"""
    Path("a.nnc").write_bytes(b"old")
    run("a", status=1)
    assert Path("a.nnc").read_bytes() == b"old"
    for args in (["-f"], ["--force"], ["-kf1"]):
        Path("a.nnc").write_bytes(b"old")
        run(*args, "a")
        assert decompress(Path("a.nnc").read_bytes()) == TEXT
    run("-d", "a.nnc", status=1)
    a.write_bytes(b"old")
    run("-dkf", "a.nnc")
    assert a.read_bytes() == TEXT


@pytest.mark.parametrize("args", [["test"], ["-t"], ["--test"], ["-dt"], ["compress", "-t"]])
def test_test(run: Run, args: list[str]) -> None:
    """test, alias -t: decodes, compares checksums, writes nothing"""
    good = compress(TEXT)
    Path("good.nnc").write_bytes(good)
    Path("bad.nnc").write_bytes(good[:300] + b"?" + good[301:])
    result = run(*args, "good.nnc")
    assert result.stdout == b"" and untimed(result) == ["good.nnc : 1200 bytes"]
    result = run(*args, "good.nnc", "bad.nnc", status=1)
    assert untimed(result)[-1] == "1 of 2 files : 1200 bytes"
    result = run(*args, "-v", "good.nnc", "bad.nnc", status=1)
    assert untimed(result)[0] == "good.nnc : 1200 bytes, OK"
    assert errors(result)[0].endswith(", OK") and errors(result)[2].startswith("nncomp: bad.nnc: ")
    assert listing() == ["bad.nnc", "good.nnc"]


def test_test_as_json(run: Run) -> None:
    """test --json: sizes of what is intact, errors of what is not"""
    Path("good.nnc").write_bytes(good := compress(TEXT))
    Path("bad.nnc").write_bytes(good[:-1])
    for args in (["test", "--json"], ["-t", "--json"]):
        result = run(*args, "good.nnc", "bad.nnc", "missing", status=1)
        first, second, third = json.loads(result.stdout)
        sizes = {"content_size": len(TEXT), "stored_size": len(good)}
        assert first == {"name": "good.nnc", "ok": True, **sizes}
        assert (second["name"], second["ok"]) == ("bad.nnc", False)
        assert "end-of-stream" in second["error"]
        assert third == {"name": "missing", "ok": False, "error": "No such file or directory"}
        assert len(errors(result)) == 2
    for args in (["--json", "a"], ["-d", "--json", "good.nnc"]):
        run(*args, status=2)


@pytest.mark.parametrize("args", [["list"], ["info"], ["-l"], ["--list"], ["-dl"], ["-q", "list"]])
def test_list(run: Run, args: list[str]) -> None:
    """list, alias -l, --json"""
    Path("a.nnc").write_bytes(packed := compress(TEXT) + compress(NOISE))
    table = run(*args, "a.nnc").stdout.decode().splitlines()
    assert table[0].split() == ["Frames", "Blocks", "Stored", "Content", "Ratio", "Model", "Name"]
    assert table[1].split()[:2] == ["2", "2"] and table[1].endswith("small-2          a.nnc")
    (entry,) = json.loads(run(*args, "--json", "a.nnc").stdout)
    assert (entry["content_size"], entry["stored_size"]) == (4200, len(packed))
    assert len(run(*args, "-v", "a.nnc").stdout.splitlines()) == 4
    Path("b.nnc").write_bytes(compress(b"", model="none"))
    lines = run(*args, "a.nnc", "missing", "b.nnc", status=1).stdout.decode().splitlines()
    assert len(lines) == 4 and lines[1] == table[1]
    name = "3 2 {} 4.10 KiB {:.2f}% small-2 2 files"
    stored = len(packed) + os.path.getsize("b.nnc")
    shown = name.format(size_text(stored), stored / 42)
    assert lines[3].split() == shown.split()


def test_verbosity(run: Run, a: Path) -> None:
    """verbosity: -v -q, repeatable"""
    (line,) = errors(run("a", "-f"))
    assert untimed(run("a", "-fvv"))[0] == re.sub(
        ", [0-9.]+ s.*", "", line
    )  # how blocks are coded follows
    assert errors(run("a", "-fq")) == []
    assert len(errors(run("missing", "-q", status=1))) == 1
    assert errors(run("missing", "-qq", status=1)) == errors(run("-q", "x", "-q", status=1)) == []
    assert errors(run("-qq", "list", "missing", status=1)) == []
    assert errors(run("a", "-c")) == [] and len(errors(run("a", "-cv"))) == 2


def test_levels(run: Run, a: Path) -> None:
    """levels: -1…-9, --fast = -1, --best = -9; the last one counts"""
    assert run("-c", "a").stdout == compress(TEXT, 5)
    for level in range(1, 10):
        assert run(f"-{level}", "-c", "a").stdout == compress(TEXT, level)
    for args, level in {"--fast": 1, "--best": 9, "-1 -9": 9, "-9 --fast": 1, "-9c1": 1}.items():
        assert run("-c", *args.split(), "a").stdout == compress(TEXT, level)
    run("--level", "3", "a", status=2)
    for args in ("-19", "-0", "-10", "-c91", "-d19", "-c0", "-1 -22"):
        wrong = args.split()[-1].lstrip("-cd")
        line = errors(run(*args.split(), "a", status=2))[-1]
        assert line == f"Error: -{wrong} is not a level: they are -1 to -9."
    for args in ("-cT19", "-c -T 10", "-c --threads 22"):  # numbers of something else
        assert run(*args.split(), "a").stdout == compress(TEXT, 5)


def test_threads(run: Run, a: Path) -> None:
    """threads: -T, --threads, 0 = all; they never change output bytes"""
    expected = compress(TEXT, block_size=1024)
    for args in (["-T1"], ["-T", "2"], ["-T0"], ["--threads=5"], ["--threads", "16"]):
        assert run("--block-size=1K", *args, "-c", "a").stdout == expected
        assert run("-d", *args, input=expected).stdout == TEXT


def test_memory(run: Run) -> None:
    """memory: --memory, the decoder refuses above"""
    packed = compress(TEXT)
    for limit in ("1", "64K", "5MiB"):
        for args in ([], ["-t"], ["-d", "-o", "x"]):
            (line,) = errors(run(*(args or ["-d"]), "--memory", limit, input=packed, status=1))
            assert "memory limit" in line
    for limit in ("512M", "512MiB", str(512 << 20), "1g"):
        assert run("-d", f"--memory={limit}", input=packed).stdout == TEXT
    assert listing() == []


def test_max_size(run: Run, a: Path) -> None:
    """memory: --max-size bounds the content, of each file"""
    Path("bomb.nnc").write_bytes(compress(bytes(1 << 22)) * 30)
    Path("a.nnc").write_bytes(compress(TEXT))
    for args in (["-df"], ["-t"], ["-dc"]):
        lines = errors(run(*args, "-q", "--max-size=1MiB", "bomb.nnc", "a.nnc", status=1))
        assert lines == ["nncomp: bomb.nnc: the content is larger than 1048576 bytes"]
    assert listing() == ["a", "a.nnc", "bomb.nnc"]
    for size, status in (("1200", 0), ("2KiB", 0), ("1199", 1), ("0", 1)):
        run("-df", "--max-size", size, "a.nnc", status=status)
    run("-f", "--verify", "--max-size", "1", "a")  # an option of decompression
    run("-f", "--max-size", "much", "a", status=2)


def test_embedded_model_that_is_not_needed(run: Run, a: Path) -> None:
    """--embed-model: said where the output has none"""
    Path("noise").write_bytes(models.noise(3000))
    (said, line) = errors(run("--model", "nano-1", "--embed-model", "noise"))
    assert said == "nncomp: noise: no block is smaller with the model, so it is not in the output"
    assert line.startswith("noise : ")
    assert errors(run("-c", "--embed-model", "noise")) == [said]
    assert errors(run("-q", "-f", "--embed-model", "noise")) == []
    assert len(errors(run("--embed-model", "a"))) == 1
    assert len(errors(run("-f", "noise"))) == len(errors(run("-d", "-f", "noise.nnc"))) == 1


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, None])
def test_compressed_data_is_stored(run: Run, pack: object) -> None:
    """skip compressed: not needed, raw blocks"""
    data = models.text(40_000)
    packed = pack(data) if callable(pack) else models.noise(100_000)
    assert len(run(input=packed).stdout) < len(packed) + 64


NO_OPTIONS = (
    "-F xz, --format=xz, --rsyncable, --adapt, -C crc32, --check, "
    "--no-check, -n, -N, -M 1MiB, -e, --ultra, -b1, -i 3"
)


@pytest.mark.parametrize("args", NO_OPTIONS.split(", "))
def test_what_there_is_not(run: Run, a: Path, args: str) -> None:
    """format, adapt/rsync, checksum switch, name stored: none of them"""
    result = run(*args.split(), "a", status=2)
    assert "No such option" in result.stderr.decode()
    assert listing() == ["a"]


def test_model_option(run: Run, a: Path) -> None:
    """--model NAME/FILE"""
    assert run("--model", "nano-1", "-c", "a").stdout == compress(TEXT, model="nano-1")
    path = f"{os.environ['TEST_MODELS']}/nano-1.safetensors"
    assert run("--model", path, "-c", "a").stdout == compress(TEXT, model="nano-1")
    assert "not found" in errors(run("--model", "nobody", "a", status=1))[0]


def test_no_name_and_no_time_stored(run: Run, a: Path) -> None:
    """name/time stored: no; compressing twice gives the same file"""
    run("a")
    Path("another name").write_bytes(TEXT)
    os.utime("another name", ns=(0, 1))
    run("another name")
    assert Path("a.nnc").read_bytes() == Path("another name.nnc").read_bytes()
    assert Path("a.nnc").read_bytes() == run(input=TEXT).stdout == compress(TEXT)


def test_version_and_help(run: Run) -> None:
    """version/help: -V -h, in every place"""
    for args in (["-V"], ["--version"], ["-q", "-V"], ["compress", "-V"], ["-dV"]):
        assert run(*args).stdout.decode() == f"nncomp {nncomp.__version__}\n"
    shown = run("--help").stdout.decode()
    for option in "-z -d -t -l -c -o -k -f -r -T -1 -9 -q -v --best --threads".split():
        assert re.search(rf"^  (-., )?{option}\b", shown, re.MULTILINE), option
    help_of_filter = run("-q", "-h", process=True).stdout  # click keeps what it saw first
    assert help_of_filter.startswith(b"Usage: nncomp compress")
    commands = "compress decompress test info list bench models train completion"
    for command in ["", *commands.split()]:
        for flag in ("-h", "--help"):
            assert run(*command.split(), flag).stdout.startswith(b"Usage: nncomp")


def test_help_is_of_what_a_command_does(run: Run, a: Path) -> None:
    """accept every option of compress in decompress; help shows those that mean something"""
    shown = {name: run(name, "--help").stdout for name in ("compress", "decompress", "test", "cat")}
    for name, text in shown.items():
        assert (b"--block-size" in text and b"--best" in text) == (name == "compress")
        assert (b"--output-dir" in text) == (name in ("compress", "decompress"))
        assert (
            b"--keep-going" in text
            and b"--max-size" in text
            and b"--prime" in text
            and b"--model" in text
        )
    run("a")
    run("test", "--block-size", "1KiB", "--best", "a.nnc")
    (*_, said) = errors(run("cat", "-o", "b", "a.nnc", status=2))
    assert said == "Error: cat writes to stdout; nncomp -d -o FILE writes to a file"


SIZES = {
    **{"0": 0, "65536": 65536, "1b": 1, "64K": 65536, "64k": 65536, "64KB": 65536},
    **{"64KiB": 65536, "64 kib": 65536, "2M": 2 << 20, "2MiB": 2 << 20, "3G": 3 << 30},
    **{" 3GiB ": 3 << 30, "1T": 1 << 40},
}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes(text: str, size: int) -> None:
    """integer suffixes: KiB MiB GiB"""
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1", "1.5M", "1KK", "1Kib2", "0x10", "max", "50%", "٣"])
def test_no_sizes(text: str) -> None:
    """integer suffixes: and nothing else"""
    with pytest.raises(click.BadParameter):
        byte_size(text)


def test_device(run: Run, a: Path) -> None:
    """--device auto|cpu|cuda: never changes the output"""
    for device in ("auto", "cpu"):
        assert run("--device", device, "-c", "a").stdout == compress(TEXT)
    for device in ("gpu", "cuda:x", ""):
        run("--device", device, "a", status=2)


# ---- environment, exit status ----


def test_exit_status(run: Run, a: Path) -> None:
    """0 = all files fine, 1 = any file failed, 2 = usage; no warning status"""
    run("a", status=0)
    run("a", status=1)  # exists
    run("a", "missing", "-f", status=1)
    run("--no-such-option", "a", status=2)
    run("-T", "many", "a", status=2)
    run("no-such-command", status=1)  # a file that is missing, as with gzip
    assert b"2 for wrong usage" in run("--help").stdout


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ("", "compress"),
        ("-9k", "compress"),
        ("-d", "decompress"),
        ("-9d", "decompress"),
        ("--decompress", "decompress"),
        ("compress -d", "decompress"),
        ("-t", "test"),
        ("-dt", "test"),
        ("-l", "list"),
        ("--list", "list"),
        ("info", "info"),
    ],
)
def test_wrong_usage_names_the_command(run: Run, a: Path, args: str, name: str) -> None:
    """usage: the command is what the options make of it"""
    lines = errors(run(*args.split(), "--bogus", status=2))
    assert lines[0].startswith(f"Usage: nncomp {name} ")
    assert f"'nncomp {name} --help'" in lines[1]
    if args:
        assert run(*args.split(), "--help").stdout.startswith(f"Usage: nncomp {name} ".encode())


def test_empty_names(run: Run, a: Path) -> None:
    """usage: a name that is empty is not one that is absent"""
    for args in (["-o", ""], ["--output="], ["--output-dir", ""], ["--output-dir="]):
        for mode in ([], ["-d"]):
            assert "the name is empty" in errors(run(*mode, *args, "a", status=2))[-1]
    for option in ("--csv", "--plot"):
        assert "the name is empty" in errors(run("bench", "a", option, "", status=2))[-1]
    assert listing() == ["a"]


def test_environment_changes_speed_only(run: Run, a: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NNCOMP_THREADS, NNCOMP_DEVICE, NNCOMP_MODELS and no others"""
    for name in ("NNCOMP", "NNCOMP_OPT", "NNCOMP_DEFAULTS", "NNCOMP_LEVEL", "NNCOMP_CLEVEL"):
        monkeypatch.setenv(name, "-1")
    for name in ("NNCOMP_MEMORY", "NNCOMP_BLOCK_SIZE", "NNCOMP_COMPRESS_FORCE", "NNCOMP_OUTPUT"):
        monkeypatch.setenv(name, "1024")
    for threads in ("0", "1", "7"):
        monkeypatch.setenv("NNCOMP_THREADS", threads)
        monkeypatch.setenv("NNCOMP_DEVICE", "cpu")
        assert run("-c", "a").stdout == compress(TEXT)
    usual = compress(TEXT)
    data = model.dumps(models.build(models.TINY, lambda *_: 1, "base-2"))
    Path("base-2.safetensors").write_bytes(data)  # not what is released under this name
    monkeypatch.setenv("NNCOMP_MODELS", os.getcwd())
    assert run("-c", "a").stdout == usual
    places = run("models", "path").stdout.decode().splitlines()
    assert places[:2] == [os.environ["TEST_MODELS"], os.getcwd()]


# ---- behaviours ----


def test_no_arguments_on_a_terminal(run: Run, terminal: Terminal) -> None:
    """no args, stdin is a terminal: print help, exit 2"""
    result = run(stdin=terminal.slave, status=2)
    assert result.stderr.startswith(b"Usage: nncomp") and result.stdout == b""


@pytest.mark.parametrize("args", [[], ["-c", "a"], ["-9", "-c", "a"], ["-o", "-", "a"]])
def test_compressed_data_and_terminals(
    run: Run, a: Path, terminal: Terminal, args: list[str]
) -> None:
    """stdout is a terminal: refuse rc1, unless -f"""
    (line,) = errors(run(*args, input=b"x", stdout=terminal.slave, status=1))
    assert "not written to a terminal; use -f" in line
    assert terminal.text() == ""
    run("-f", *args, input=b"x", stdout=terminal.slave)
    assert "NP" in terminal.text()


def test_decompressing_from_a_terminal(run: Run, terminal: Terminal) -> None:
    """decompress from terminal stdin: refuse unless -f"""
    for args in (["-d"], ["-t"], ["-d", "-"], ["-dc"]):
        (line,) = errors(run(*args, stdin=terminal.slave, status=1))
        assert "not read from a terminal; use -f" in line
    for args in (["-l"], ["-l", "-"], ["list"], ["info"]):  # which is of no use even with -f
        (line,) = errors(run(*args, stdin=terminal.slave, status=1))
        assert "not read from a terminal" in line
    os.write(terminal.master, b"hello\n\4")
    assert "not an .nnc file" in errors(run("-df", stdin=terminal.slave, status=1))[0]


@pytest.mark.parametrize("kind", ["file", "directory", "link", "dangling"])
def test_target_exists(run: Run, a: Path, kind: str, terminal: Terminal) -> None:
    """target exists: rc1, never prompt, say 'use -f'"""
    target = Path("a.nnc")
    if kind == "file":
        target.write_bytes(b"old")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to("old" if kind == "link" else "nowhere")
        Path("old").write_bytes(b"old")
    before = listing()
    (line,) = errors(run("a", stdin=terminal.slave, status=1))
    assert ("Is a directory" if kind == "directory" else "use -f") in line
    assert listing() == before
    assert terminal.text() == ""


def test_already_compressed(run: Run) -> None:
    """input already .nnc: skip with message, rc1; -f to insist"""
    Path("a.nnc").write_bytes(packed := compress(TEXT))
    Path("b").write_bytes(TEXT)
    assert errors(run("-q", "a.nnc", "b", status=1)) == [
        "nncomp: a.nnc: already has the suffix .nnc; use -f to compress it again"
    ]
    assert listing() == ["a.nnc", "b", "b.nnc"]
    run("-f", "a.nnc")
    assert decompress(Path("a.nnc.nnc").read_bytes()) == packed
    assert decompress(run("-c", "a.nnc", status=0).stdout) == packed


def test_name_without_suffix(run: Run) -> None:
    """decompress name without suffix: error rc1, suggest -o"""
    Path("a").write_bytes(compress(TEXT))
    assert "use -o" in errors(run("-d", "a", status=1))[0]
    run("-d", "a", "-o", "b")
    assert Path("b").read_bytes() == TEXT


@pytest.mark.parametrize("args", [["-d"], ["-df"], ["-dc"], ["-dcf"], ["-t"], ["-l"]])
def test_not_our_format(run: Run, args: list[str]) -> None:
    """not our format: rc1 'not an .nnc file'; no pass-through with -dcf"""
    for data in (b"", b"x", TEXT, gzip.compress(TEXT)):
        Path("a.nnc").write_bytes(data)
        result = run(*args, "a.nnc", status=1)
        (line,) = errors(result)
        assert line.startswith("nncomp: a.nnc: not an .nnc file") and result.stdout == b""
    assert listing() == ["a.nnc"]


def test_truncated(run: Run) -> None:
    """truncated file: rc1, output never visible"""
    packed = compress(TEXT, block_size=1024)
    for size in (8, 30, len(packed) // 2, len(packed) - 1):
        Path("a.nnc").write_bytes(packed[:size])
        assert "end-of-stream" in errors(run("-d", "a.nnc", status=1))[0]
    assert listing() == ["a.nnc"]


def test_trailing_garbage(run: Run) -> None:
    """trailing garbage: rc1"""
    for tail in (b"\0", b"garbage", compress(TEXT)[:-1]):
        Path("a.nnc").write_bytes(compress(TEXT) + tail)
        for args in (["-d"], ["-t"], ["-l"]):
            run(*args, "a.nnc", status=1)
    assert listing() == ["a.nnc"]


def test_concatenated_frames(run: Run, a: Path) -> None:
    """concatenated frames: content is the concatenation"""
    run("a")
    Path("b").write_bytes(NOISE)
    run("-1", "b")
    both = Path("a.nnc").read_bytes() + Path("b.nnc").read_bytes()
    assert run("-d", input=both).stdout == TEXT + NOISE
    assert run("-dc", "a.nnc", "b.nnc").stdout == TEXT + NOISE
    assert run("-d", input=run("-c", "a", "b").stdout).stdout == TEXT + NOISE


def test_empty_input(run: Run) -> None:
    """empty input: a valid frame of at most 32 B"""
    Path("empty").touch()
    run("empty")
    assert os.path.getsize("empty.nnc") <= 32
    run("-df", "empty.nnc")
    assert Path("empty").read_bytes() == b""
    assert run().stdout == Path("empty.nnc").read_bytes()


def test_directory(run: Run, a: Path) -> None:
    """directory: error rc1, the other files are done"""
    os.mkdir("d")
    for args in ([], ["-d"], ["-t"], ["-c"], ["-l"]):
        assert "Is a directory" in errors(run(*args, "d", status=1))[0]
    run("d", "a", status=1)
    assert listing() == ["a", "a.nnc", "d"]


def test_symlink(run: Run, a: Path) -> None:
    """symlink: follow; refuse with --rm"""
    os.symlink("a", "link")
    run("link")
    assert decompress(Path("link.nnc").read_bytes()) == TEXT
    assert not Path("link.nnc").is_symlink()
    assert "symbolic link" in errors(run("-f", "--rm", "link", status=1))[0]
    assert listing() == ["a", "link", "link.nnc"]
    os.symlink("nowhere", "dangling")
    assert "No such file" in errors(run("dangling", status=1))[0]


def test_hard_link(run: Run, a: Path) -> None:
    """hard-linked input: ok; refuse with --rm"""
    os.link("a", "b")
    run("a")
    assert "hard link" in errors(run("-f", "--rm", "a", status=1))[0]
    assert listing() == ["a", "a.nnc", "b"]


def test_attributes(run: Run, a: Path) -> None:
    """mtime copied with ns; mode copied & 0777, never setuid/setgid/sticky"""
    for mode, expected in ((0o640, 0o640), (0o7755, 0o755), (0o444, 0o444)):
        os.chmod("a", mode)
        os.utime("a", ns=(987_654_321_987_654_321, 123_456_789_123_456_789))
        run("-f", "a")
        os.replace("a", "old")
        run("-d", "a.nnc")
        for name in ("a", "a.nnc"):
            status = os.stat(name)
            assert stat.S_IMODE(status.st_mode) == expected
            assert status.st_mtime_ns == 123_456_789_123_456_789
        os.unlink("old")


def test_several_files_one_bad(run: Run, a: Path) -> None:
    """several files, one bad: continue, rc1"""
    Path("z").write_bytes(NOISE)
    result = run("a", "missing", "z", status=1)
    assert errors(result)[1] == "nncomp: missing: No such file or directory"
    assert errors(result)[-1].startswith("2 of 3 files : ")
    packed = Path("a.nnc").read_bytes()
    Path("b.nnc").write_bytes(packed[:-1])
    run("-df", "a.nnc", "b.nnc", "z.nnc", status=1)
    assert listing() == ["a", "a.nnc", "b.nnc", "z", "z.nnc"]


@pytest.mark.parametrize("args", ["--rm -c a", "--rm -o - a", "--rm", "--rm -", "a --rm -"])
def test_rm_and_stdout(run: Run, a: Path, args: str) -> None:
    """--rm when output is stdout: usage error"""
    run(*args.split(), status=2)
    assert listing() == ["a"]


def test_rm(run: Run, a: Path) -> None:
    """keep input: --rm, and --rm deletes only after the new file was decoded and compared"""
    run("--rm", "a")
    assert listing() == ["a.nnc"]
    run("-d", "--rm", "a.nnc")
    assert listing() == ["a"] and a.read_bytes() == TEXT
    for args in (["--rm", "a", "-o", "/dev/null"], ["--rm", "-d", "b.nnc", "-o", "/dev/null"]):
        Path("b.nnc").write_bytes(compress(TEXT))
        assert "not a regular file" in errors(run(*args, status=1))[0]
    assert listing() == ["a", "b.nnc"]


@pytest.mark.parametrize("option", ["--rm", "--verify"])
def test_output_is_verified(
    run: Run, a: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """An engine that codes something else is found out: no output, input kept."""
    from nncomp import engine
    from nncomp.engine import native

    class Wrong:
        decode_block = staticmethod(native.decode_block)

        @staticmethod
        def encode_block(model: object, data: bytes, *args: object, **more: object) -> list[bytes]:
            return native.encode_block(model, data[:-1] + b"?", *args, **more)  # type: ignore

    monkeypatch.setattr(engine, "get", lambda *arguments: Wrong)
    assert compress(TEXT)  # is not noticed otherwise
    (line,) = errors(run(option, "a", status=1))
    assert line.startswith("nncomp: a: ")
    assert listing() == ["a"]


def test_verify(run: Run, a: Path) -> None:
    """--verify: decode and compare after writing; pipes as input, too"""
    run("--verify", "a")
    run("--verify", "-o", "b", input=TEXT)
    assert Path("a.nnc").read_bytes() == Path("b").read_bytes() == compress(TEXT)
    assert listing() == ["a", "a.nnc", "b"]
    for args in (["--verify"], ["--verify", "-c", "a"], ["--verify", "-o", "-", "a"]):
        run(*args, status=2)
    assert "not a regular file" in errors(run("--verify", "a", "-o", "/dev/null", status=1))[0]
    # Decompression takes and ignores it: 'tar -I' gives it all options.
    assert run("-d", "--verify", input=compress(TEXT)).stdout == TEXT
    run("-d", "--verify", "-o", "/dev/null", input=compress(TEXT))


def test_input_that_changes_is_not_removed(
    run: Run, a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--rm: what is compared is what is there"""
    from nncomp import api

    original = api.decompress_stream

    def change_meanwhile(*args: object, **more: object) -> object:
        a.write_bytes(b"new " + TEXT)
        return original(*args, **more)  # type: ignore

    monkeypatch.setattr(api, "decompress_stream", change_meanwhile)
    assert "changes" in errors(run("--rm", "a", status=1))[0]
    assert listing() == ["a"]


def test_decompress_ignores_options_of_compress(run: Run) -> None:
    """tar: decompress must accept and ignore every compress option"""
    packed = compress(TEXT)
    options = "-9 --fast --best -1 --model x --embed-model --block-size 1MiB --verify -k -v"
    for args in (["-d"], ["decompress"], ["compress", "-d"]):
        assert run(*args, *options.split(), input=packed).stdout == TEXT
        assert run(*options.split(), *args[-1:], input=packed).stdout == TEXT


# ---- options before the command ----


@pytest.mark.parametrize(
    "args",
    [
        "-q compress -1 -o x a",
        "-q -T 2 compress a -o x",
        "--threads 1 compress a -o x",
        "-1 compress -o x a",
        "-o x compress a",
        "--no-progress -kf compress -o x -- a",
    ],
)
def test_options_before_the_command(run: Run, a: Path, args: str) -> None:
    """-q and others before a command: it is still the command"""
    run(*args.split())
    assert decompress(Path("x").read_bytes()) == TEXT
    assert listing() == ["a", "x"]


def test_words_that_are_files(run: Run, a: Path) -> None:
    """A command behind options is a file where there is one, and behind -d, -t, -l and '--'; where
    nothing follows it, that is an error."""
    packed = compress(TEXT)
    assert run("-q", "decompress", input=packed).stdout == TEXT
    assert run("-q", "test", input=packed).stdout == b""
    for args in (["-d", "test"], ["-t", "info"], ["-q", "--", "compress"], ["-q", "a", "test"]):
        lines = errors(run(*args, "-f", status=1))
        assert lines[-1].endswith("No such file or directory") or "1 of 2" in lines[-1]
    Path("test").write_bytes(TEXT)
    run("-q", "test")
    assert decompress(Path("test.nnc").read_bytes()) == TEXT
    assert run("test", "-", input=packed).stdout == b""  # first, it is the command
    run("test", input=packed, status=2)  # alone, it may be either


# ---- what people see ----


def test_summary_lines(run: Run, a: Path) -> None:
    """one summary line like zstd's on stderr, a total for several files"""
    Path("b").write_bytes(b"x" * 100_000)
    result = run("a", "b")
    first, second, total = untimed(result)
    assert re.fullmatch(r"a : [0-9]{2}\.[0-9]{2}% \(1\.17 KiB => [0-9]{3} B, a\.nnc\)", first)
    assert second == "b : 0.04% (97.7 KiB => 42 B, b.nnc)"
    assert re.fullmatch(r"2 files : 0\.[0-9]{2}% \(98\.8 KiB => [0-9]{3} B\)", total)
    assert result.stdout == b""
    assert untimed(run("-t", "a.nnc", "b.nnc"))[-1] == "2 files : 101200 bytes"
    assert untimed(run("-df", "b.nnc")) == ["b.nnc : 100000 bytes"]
    assert untimed(run("-cv", "b"))[0] == "b : 0.04% (97.7 KiB => 42 B, (stdout))"
    Path("empty").touch()
    assert untimed(run("empty")) == ["empty : (0 B => 16 B, empty.nnc)"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.004, "0.00 s"),
        (0.41, "0.41 s"),
        (9.99, "9.99 s"),
        (9.996, "10.0 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (125.4, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (11250, "3 h 07 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_time_and_speed(run: Run, a: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind what scripts may look for: seconds, and content a second; for all files, of all"""
    clock = itertools.count(step=0.25)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    Path("b").write_bytes(b"x" * 100_000)
    Path("empty").touch()
    ends = [line.split(")")[1] for line in errors(run("-T1", "a", "b", "empty"))]
    of_all = f", 1.75 s, {size_text(round(101_200 / 1.75))}/s"
    assert ends == [", 0.25 s, 4.69 KiB/s", ", 0.25 s, 391 KiB/s", ", 0.25 s", of_all]
    assert errors(run("-df", "a.nnc")) == ["a.nnc : 1200 bytes, 0.25 s, 4.69 KiB/s"]


def test_names_cannot_move_the_cursor(run: Run) -> None:
    """Everything for humans is printable."""
    name = "\x1b[2J\r\n"
    Path(name).write_bytes(TEXT)
    for line in errors(run(name)) + errors(run(name, status=1)):
        assert line.isprintable() and r"\x1b[2J\r\n" in line
    table = run("list", f"{name}.nnc").stdout.decode()
    assert "\x1b" not in table


def test_number_of_the_file_in_the_bar(
    run: Run, a: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """progress for many files: which one of how many; no bar with -q or --no-progress"""
    import tqdm

    original = tqdm.tqdm
    monkeypatch.setattr(
        tqdm, "tqdm", lambda **more: original(**{**more, "delay": 0, "mininterval": 0})
    )
    Path("b").write_bytes(TEXT)
    run("-T1", "a", "b", "-f", stderr=terminal.slave)
    text = terminal.text()
    assert "[1/2] a" in text and "[2/2] b" in text and "%|" in text
    for args in (["-q"], ["--no-progress"]):
        terminal.seen = b""
        run("a", "b", "-f", *args, stderr=terminal.slave)
        assert "[1/2]" not in terminal.text()
    terminal.seen = b""
    run("--verify", "a", "-f", stderr=terminal.slave)
    assert "a (verify)" in terminal.text()


def test_time_left_only_if_known(
    run: Run, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ETA only when the size is known: pipes of unknown length"""
    import tqdm

    original = tqdm.tqdm
    monkeypatch.setattr(tqdm, "tqdm", lambda **more: original(**{**more, "delay": 0}))
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:
        os.write(writing, TEXT)
        os.close(writing)
        run("-o", "x", stdin=pipe, stderr=terminal.slave)
    text = terminal.text()
    assert "(stdin): " in text and "B/s" in text and "%|" not in text and "<" not in text
