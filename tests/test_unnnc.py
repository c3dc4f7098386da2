"""unnnc, the decoder without Python: the same content of the same files, the same refusals."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import commandline
import models
import test_hostile as hostile
import unnnc
from fuzz import mutate
from golden.files import PRIME, golden_model
from nncomp import Prime, compress, container, decompress, levels, model, packing, varint
from nncomp.container import FrameWriter, Header, ModelRef
from nncomp.engine import native
from nncomp.errors import MemoryLimitError, ModelNotFoundError, NNCompError, PrimeError
from nncomp.filters import FILTERS, jpeg
from nncomp.mixing import Mixing, Profile
from nncomp.plan import Stream
from unnnc import ROOT, Program

pytestmark = pytest.mark.slow  # it takes minutes to build

GOLDEN = Path(__file__).parent / "golden"
FIXTURE = Path(__file__).parent / "conformance" / "fixture" / "nncomp"
INDEX = json.loads((GOLDEN / "files.json").read_text())
TEXT = b"".join((ROOT / "docs" / name).read_bytes() for name in ("format.md", "numerics.md"))


def named(prefix: str) -> list[Path]:
    return sorted(GOLDEN.glob(f"{prefix}-*.nnc"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the model and the prime of the golden corpus."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "test.safetensors").write_bytes(model.dumps(golden_model()))
    (folder / "prime").write_bytes(PRIME.data)
    return folder


@pytest.fixture(autouse=True)
def _models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commandline.use_models(monkeypatch, folder)


@pytest.fixture(scope="module", params=unnnc.PROCESSORS)
def anywhere(request: pytest.FixtureRequest) -> Program:
    return unnnc.build(request.param)


@pytest.fixture(scope="module")
def here() -> Program:
    return unnnc.build()


@pytest.fixture(scope="module")
def sanitized() -> Program:
    return unnnc.build_sanitized()


def with_network(
    used: model.Model, prime: Prime | None = None, *, embedded: bool = True
) -> tuple[bytes, bytes]:
    """A frame of one block with the network, and its content."""
    content, mixing = TEXT[:900], Mixing(Profile.RICH)
    digest = prime.digest if prime else b""
    payloads = native.encode_block(used, content, 1, mixing, prime=prime)
    stream = Stream(len(content), tuple(payloads), mixing, True, prime is not None)
    dst = io.BytesIO()
    writer = FrameWriter(dst, Header(1 << 16, 1, model.ARITHMETIC, Profile.RICH, prime=digest))
    packed = packing.pack(used).data if embedded else None
    writer.write(hostile.block_of(content, stream), ModelRef(used.id, "a", packed))
    writer.end()
    return dst.getvalue(), content


# What every decoder has to do


def test_golden_files(anywhere: Program, folder: Path) -> None:
    for path in named("good"):
        content = anywhere.run("-c", "-m", folder, "--prime", folder / "prime", path).stdout
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        assert INDEX[path.name] == {"size": len(content), "blake2b": digest}


def test_what_is_refused(anywhere: Program, folder: Path) -> None:
    paths = [*named("bad"), *named("unsupported")]
    done = anywhere.run("-t", "-m", folder, "--prime", folder / "prime", *paths, status=1)
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ")[1] for line in lines] == [str(path) for path in paths]


def test_what_other_libraries_keep(anywhere: Program) -> None:
    stored = sorted(FIXTURE.glob("codec.*/*.dat"))
    assert len(stored) == 10
    for path in stored:
        assert anywhere.run("-c", path).stdout == decompress(path.read_bytes())


@pytest.mark.parametrize("level", [1, 3, 5, 9])
def test_levels(anywhere: Program, level: int) -> None:
    data = TEXT[: 3000 if anywhere.emulated else 90_000]
    name = levels.get(level).model
    shipped = name if name == levels.NO_MODEL else ROOT / "models" / f"{name}.safetensors"
    file = compress(data, level, model=shipped, threads=2)
    assert anywhere.run("-m", ROOT / "models", stdin=file).stdout == data


def test_kinds_of_data(anywhere: Program) -> None:
    """Of which each is coded with other contexts and filters."""
    for path in sorted((ROOT / "tests" / "data").iterdir()):
        data = path.read_bytes()[: 20_000 if anywhere.emulated else None]
        file = compress(data, 5, model="none", block_size=1 << 16, threads=2)
        assert anywhere.run(stdin=file).stdout == data


# The same words


def test_refusals_read_the_same(here: Program, folder: Path) -> None:
    for path in [*named("bad"), *named("unsupported")]:
        if path.name.startswith("bad-mix"):
            continue  # the engine's own words
        with pytest.raises(NNCompError) as caught:
            decompress(path.read_bytes(), prime=PRIME)
        prime = folder / "prime"
        line = here.run("-t", "-m", folder, "--prime", prime, path, status=1).stderr.decode()
        said = str(caught.value).partition(" was not found in")[0]
        assert line.startswith(f"unnnc: {path}: {said}")


# Models


def test_a_model_in_the_program(here: Program) -> None:
    file = compress(TEXT[:20_000], 1, model=unnnc.BUILT_IN)
    assert here.run(stdin=file).stdout == TEXT[:20_000]


def test_a_model_beside_the_file(here: Program, folder: Path, tmp_path: Path) -> None:
    file = GOLDEN / "good-network.nnc"
    (tmp_path / "a.nnc").write_bytes(file.read_bytes())
    here.run("-t", tmp_path / "a.nnc", status=1)
    (tmp_path / "b.safetensors").write_bytes((folder / "test.safetensors").read_bytes())
    here.run("-t", tmp_path / "a.nnc")


def test_a_damaged_model(here: Program, folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "test.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "test.safetensors").write_bytes(data)
    done = here.run("-t", "-m", tmp_path, GOLDEN / "good-network.nnc", status=1)
    assert b"test.safetensors: model content does not have the stored id" in done.stderr
    (tmp_path / "whole.safetensors").write_bytes((folder / "test.safetensors").read_bytes())
    here.run("-t", "-m", tmp_path, GOLDEN / "good-network.nnc")


def test_an_embedded_model_is_of_its_frame_alone(here: Program) -> None:
    first, content = with_network(models.tiny())
    data = first + with_network(models.tiny(), embedded=False)[0]
    done = here.run(stdin=data, status=1)
    assert done.stdout == content and b" was not found in " in done.stderr
    with pytest.raises(ModelNotFoundError):
        decompress(data)


def test_a_model_with_an_endless_header(here: Program, folder: Path, tmp_path: Path) -> None:
    data = (folder / "test.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    for spaces, status in ((1000, 0), (1 << 20, 1)):
        longer = (size + spaces).to_bytes(8, "little") + data[8 : 8 + size] + b" " * spaces
        (tmp_path / "test.safetensors").write_bytes(longer + data[8 + size :])
        here.run("-t", "-m", tmp_path, GOLDEN / "good-network.nnc", status=status)


# The command


def test_output(here: Program, tmp_path: Path) -> None:
    source = tmp_path / "a.nnc"
    source.write_bytes(compress(TEXT, 1, model="none"))
    source.chmod(0o640)
    os.utime(source, ns=(10**18, 10**18))
    here.run("-d", "-k", source)
    target = tmp_path / "a"
    assert target.read_bytes() == TEXT
    assert target.stat().st_mode & 0o7777 == 0o640 and target.stat().st_mtime_ns == 10**18
    target.write_bytes(b"old")
    done = here.run(source, status=1)
    assert b"already exists; use -f to overwrite" in done.stderr and target.read_bytes() == b"old"
    here.run("-f", source)
    assert target.read_bytes() == TEXT
    here.run("-o", tmp_path / "b", source)
    assert (tmp_path / "b").read_bytes() == TEXT
    assert {path.name for path in tmp_path.iterdir()} == {"a", "a.nnc", "b"}
    here.run("-o", "/dev/null", source)
    assert here.run("-f", "-o", "/dev/stdout", source).stdout == TEXT


@contextlib.contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder in /dev that any user may write to."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("no /dev/shm here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_a_file_in_dev_is_like_others(here: Program) -> None:
    with folder_for_all() as place:
        (place / "a.nnc").write_bytes(compress(b"new", 1, model="none"))
        (place / "a").write_bytes(b"old and longer")
        done = here.run(place / "a.nnc", status=1)
        assert b"already exists; use -f to overwrite" in done.stderr
        here.run("-f", place / "a.nnc")
        assert (place / "a").read_bytes() == b"new"


def test_descriptors_are_written_as_they_are(here: Program, tmp_path: Path) -> None:
    file = compress(b"new", 1, model="none")
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        with (tmp_path / "out").open("w+b") as out:
            out.write(b"old and longer")
            out.flush()
            subprocess.run([*here.command, "-o", name], input=file, stdout=out, check=True)
            assert (tmp_path / "out").read_bytes() == b"old and longernew"
        assert here.run("-o", name, stdin=file).stdout == b"new"
    assert b"Bad file descriptor" in here.run("-o", "/dev/fd/99", stdin=file, status=1).stderr


def test_links_and_pipes(here: Program, tmp_path: Path) -> None:
    file = compress(b"new", 1, model="none")
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("/dev/null")
    assert b"already exists" in here.run("-o", link, stdin=file, status=1).stderr
    here.run("-f", "-o", link, stdin=file)
    assert not link.is_symlink() and link.read_bytes() == b"new"
    os.mkfifo(pipe)
    done = here.run("-o", pipe, stdin=file, status=1)
    assert b"pipe: is not a regular file; use -f to write to it" in done.stderr
    process = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    here.run("-f", "-o", pipe, stdin=file)
    assert process.communicate()[0] == b"new"


def test_pipes_with_names_are_not_waited_for(here: Program, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.nnc")
    for options in ([], ["-t"]):
        result = here.run(*options, str(tmp_path / "x.nnc"), status=1)
        assert result.stderr.endswith(b"is not a regular file; give it as standard input\n")


def test_streams_that_do_not_wait(here: Program) -> None:
    """O_NONBLOCK, set by whoever shares a pipe: nothing is lost, and nothing ends too early."""
    content = models.noise(300_000)
    file = compress(content, 1, model="none")
    (source, feed), (result, sink) = os.pipe(), os.pipe()
    for descriptor in (source, sink):
        os.set_blocking(descriptor, False)
    process = subprocess.Popen([*here.command, "-c"], stdin=source, stdout=sink)
    os.close(source)
    os.close(sink)
    with open(feed, "wb", buffering=0) as input, open(result, "rb") as output:
        for start in range(0, len(file), 50_000):
            time.sleep(0.02)  # there is nothing to read
            input.write(file[start : start + 50_000])
        input.close()
        time.sleep(0.2)  # there is no room to write
        assert output.read() == content
    assert process.wait(60) == 0


def test_the_input_is_not_replaced(here: Program, tmp_path: Path) -> None:
    path, link = tmp_path / "a.nnc", tmp_path / "b"
    path.write_bytes(compress(TEXT, 1, model="none"))
    link.hardlink_to(path)
    for name in (path, link):
        done = here.run("-f", "-o", name, path, status=1)
        assert done.stderr.decode() == f"unnnc: {path}: input and output are the same file\n"
    with open(path, "ab") as output:
        command = [*here.command, "-c", str(path)]
        done = subprocess.run(command, check=False, stdout=output, stderr=subprocess.PIPE)
    assert (done.returncode, b"same file" in done.stderr) == (1, True)
    assert decompress(path.read_bytes()) == TEXT


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_owner_and_group(here: Program) -> None:
    with folder_for_all() as place:
        source, target, program = place / "a.nnc", place / "a", place / "unnnc"
        source.write_bytes(compress(b"new", 1, model="none"))
        source.chmod(0o664)
        os.chown(source, 12345, 54321)
        here.run(source)
        found = target.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (12345, 54321, 0o664)
        target.unlink()
        program.write_bytes(Path(here.command[0]).read_bytes())
        program.chmod(0o755)
        # Another user's group must not get the rights of that one.
        subprocess.run([program, source], check=True, user=12346, group=54322, extra_groups=[])
        found = target.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (12346, 54322, 0o644)


def test_damage_leaves_no_output(here: Program, tmp_path: Path) -> None:
    data = bytearray(compress(TEXT, 1, model="none", block_size=1 << 14))
    data[-1] ^= 1  # the very last check
    (tmp_path / "a.nnc").write_bytes(data)
    (tmp_path / "a").write_bytes(b"old")
    here.run("-f", tmp_path / "a.nnc", status=1)
    assert (tmp_path / "a").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
    # A pipe has what is right.
    assert here.run("-c", tmp_path / "a.nnc", status=1).stdout == TEXT


def test_one_of_several(here: Program, tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("c", b"two")):
        (tmp_path / f"{name}.nnc").write_bytes(compress(data, model="none"))
    done = here.run("-c", *(tmp_path / f"{name}.nnc" for name in "abc"), status=1)
    assert done.stdout == b"onetwo"
    assert done.stderr == f"unnnc: {tmp_path}/b.nnc: No such file or directory\n".encode()
    done = here.run(tmp_path / "a", status=1)


def test_wrong_usage(here: Program) -> None:
    for words in (["-Q"], ["-M", "much"], ["-o", "a", "b", "c"], ["-o", "a", "-t"], ["-T", "-1"]):
        done = subprocess.run([*here.command, *words], capture_output=True)
        assert done.returncode == 2 and done.stdout == b""
    file = GOLDEN / "good-base64.nnc"
    assert here.run(file, "-c").stdout == here.run("-c", "--", file).stdout  # behind files, too
    assert b"Usage: unnnc" in here.run("-h").stdout
    assert here.run("-V").stdout.startswith(b"unnnc 0.")


def test_what_is_not_printed(here: Program) -> None:
    for option in ("-h", "-V"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*here.command, option], stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert done.stderr == b"unnnc: (stdout): No space left on device\n"
    said = here.run("\x1b[2J\x9b2J\x7f é", status=1).stderr.decode()
    assert said == "unnnc: \\x1b[2J\\x9b2J\\x7f é: No such file or directory\n"


def behind(here: Program, setting: str) -> list[str]:
    """The command, which begins with what a shell has set."""
    return ["sh", "-c", f'{setting}; exec "$0" "$@"', *here.command]


ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGXCPU"]


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_leaves_nothing(here: Program, tmp_path: Path, name: str, ignored: bool) -> None:
    """What ignores it, as with nohup, goes on."""
    source, target, number = tmp_path / "pipe", tmp_path / "out", signal.Signals[name]
    os.mkfifo(source)
    setting = f"trap '' {name.removeprefix('SIG')}" if ignored else "ulimit -c 0"
    process = subprocess.Popen([*behind(here, setting), "-o", target, source])
    with source.open("wb") as pipe:
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        time.sleep(0.05)
        process.send_signal(number)
        if ignored:
            pipe.write(compress(b"new", 1, model="none"))
        else:
            assert process.wait() == -number
    assert process.wait() == (0 if ignored else -number)
    assert set(tmp_path.iterdir()) == ({source, target} if ignored else {source})


def test_a_signal_at_once_leaves_nothing(here: Program, tmp_path: Path) -> None:
    """When the temporary file is just made, and is only then known to what removes it."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here")
    (tmp_path / "a.nnc").write_bytes(compress(b"new", 1, model="none"))
    words = [*here.command, "-f", tmp_path / "a.nnc"]
    trace = ["strace", "-o", tmp_path / "trace", "-e", "trace=openat,open"]
    done = subprocess.run([*trace, *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(done.stderr)  # where nothing may be traced
    opened = [line for line in (tmp_path / "trace").read_text().splitlines() if "open" in line]
    (number,) = (i for i, line in enumerate(opened, 1) if ".unnnc." in line)
    (tmp_path / "a").unlink()
    inject = ["-e", f"inject=openat,open:signal=SIGTERM:when={number}"]
    subprocess.run([*trace, *inject, *words], capture_output=True)
    assert "killed by SIGTERM" in (tmp_path / "trace").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"a.nnc", "trace"}


def test_a_limit_for_files_leaves_nothing(here: Program, tmp_path: Path) -> None:
    source = tmp_path / "a.nnc"
    source.write_bytes(compress(bytes(1 << 18), 1, model="none"))
    done = subprocess.run([*behind(here, "ulimit -f 8"), source], capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode() == f"unnnc: {source}: {tmp_path}/a: File too large\n"
    assert list(tmp_path.iterdir()) == [source]


def test_limit_of_memory(here: Program, tmp_path: Path) -> None:
    (tmp_path / "a.nnc").write_bytes(compress(TEXT, 5, model="none", block_size=1 << 20))
    done = here.run("-t", "-M", "4MiB", tmp_path / "a.nnc", status=1)
    assert b"more than the memory limit of 4 MiB" in done.stderr
    here.run("-t", "-M", "64MiB", tmp_path / "a.nnc")


def least_memory(refusal: Callable[[int], str]) -> int:
    """A limit that suffices, by what is said at those that do not: 0.1 MiB above the least."""
    limit = 1
    while said := refusal(limit):
        found = re.search(r"needs ([0-9.]+) (bytes|MiB), more than", said)
        assert found, said
        limit = math.ceil(float(found[1]) * {"bytes": 1, "MiB": 1 << 20}[found[2]])
    return limit


def least_address_space(here: Program, *arguments: str | Path) -> int:
    """In KiB, up to 512 too much."""

    def suffices(kib: int) -> bool:
        command = [*behind(here, f"ulimit -v {kib}"), "-t", "-T", "1", *map(str, arguments)]
        return subprocess.run(command, capture_output=True).returncode == 0

    return next(filter(suffices, range(4096, 1 << 20, 512)))


def test_many_blocks_take_no_memory(here: Program, tmp_path: Path) -> None:
    few, many = tmp_path / "few.nnc", tmp_path / "many.nnc"
    few.write_bytes(of_small_blocks(10))
    many.write_bytes(of_small_blocks(500_000))
    least = least_address_space(here, few)
    done = subprocess.run(
        [*behind(here, f"ulimit -v {least + 512}"), "-c", "-T", "1", many], stdout=subprocess.PIPE
    )
    assert done.returncode == 0 and done.stdout == b"A" * 500_000
    many.write_bytes(of_small_blocks(500_000, method=0x51))  # with a reach
    subprocess.run([*behind(here, f"ulimit -v {least + 3072}"), "-t", "-T", "1", many], check=True)
    many.write_bytes(of_small_blocks(500_000, wrong=250_000))
    assert b"index does not match" in here.run("-t", many, status=1).stderr


def of_small_blocks(count: int, wrong: int = -1, method: int = 0x11) -> bytes:
    """A file of blocks of one byte, and an index whose entry ``wrong`` is wrong."""
    checks = zlib.crc32(b"A").to_bytes(4, "little")
    record = bytes([1, 1, 2, 0, 0, 1]) + checks + b"A"
    file = bytearray(container.MAGIC + bytes([container.VERSION, method, 0]))
    check = b""
    for i in range(count):
        check = zlib.crc32(record, zlib.crc32(check) if i else zlib.crc32(file)).to_bytes(
            4, "little"
        )
        file += record + check
    entries = bytearray([len(record) + 4, 1]) * count
    if wrong >= 0:
        entries[2 * wrong] ^= 1
    end = b"\0" + varint.dumps(count) + entries
    end += varint.dumps(2 * len(end))[::-1]
    return bytes(file + end) + zlib.crc32(end, zlib.crc32(check)).to_bytes(4, "little")


def test_what_a_prime_keeps_gives_way(here: Program, tmp_path: Path) -> None:
    """A file that fits into the memory alone fits behind another one, which is primed."""
    first, second, prime = tmp_path / "a.nnc", tmp_path / "b.nnc", tmp_path / "prime"
    prime.write_bytes(PRIME.data)
    first.write_bytes(compress(TEXT[:150_000], 5, model="none", prime=PRIME))
    content = bytes(random.Random(1).choices(b"abcd", k=1 << 20))
    second.write_bytes(compress(content, 2, model="none"))

    def refusal(limit: int) -> str:
        command = [*here.command, "-t", "-M", str(limit), second]
        return subprocess.run(command, capture_output=True, text=True).stderr

    options = ["-M", str(least_memory(refusal)), "--prime", prime]
    least = least_address_space(here, *options, second)
    command = [*behind(here, f"ulimit -v {least + 2048}"), "-t", "-T", "1", *options]
    subprocess.run([*command, first, second], check=True)


@pytest.mark.parametrize("path", named("good"), ids=lambda path: path.stem)
def test_what_nncomp_reads_in_some_memory_is_read_in_it(
    here: Program, folder: Path, path: Path
) -> None:
    """unnnc counts what it takes, nncomp what it takes at most: less, and not much."""
    options = ["-m", str(folder), "--prime", str(folder / "prime")]

    def by_nncomp(limit: int) -> str:
        try:
            decompress(path.read_bytes(), memory_limit=limit, prime=PRIME)
        except MemoryLimitError as error:
            return str(error)
        return ""

    def by_unnnc(limit: int) -> str:
        command = [*here.command, "-t", "-M", str(limit), *options, str(path)]
        return subprocess.run(command, capture_output=True, text=True).stderr

    least = least_memory(by_nncomp)
    here.run("-t", "-M", str(least), *options, path)
    assert least < 2 * least_memory(by_unnnc)


def test_threads(here: Program) -> None:
    """Blocks that copy from others, and such that do not."""
    data = (models.noise(40_000) + TEXT) * 3
    file = compress(data, 5, model="none", block_size=1 << 14)
    damaged = bytearray(file)
    damaged[len(file) * 2 // 3] ^= 1
    before = set()
    for threads in ("1", "3", "40"):
        assert here.run("-T", threads, stdin=file).stdout == data
        before.add(here.run("-T", threads, stdin=bytes(damaged), status=1).stdout)
    (content,) = before
    assert content and data.startswith(content)


def test_primes(here: Program, tmp_path: Path) -> None:
    prime, other = tmp_path / "prime", tmp_path / "other"
    prime.write_bytes(PRIME.data)
    other.write_bytes(b"another")
    for content in (TEXT[:300], TEXT[:90_000]):
        file = compress(content, 2, prime=PRIME)
        assert here.run("--prime", prime, stdin=file).stdout == content
        for words in ([], ["--prime", other]):
            line = here.run("-t", *words, stdin=file, status=1).stderr.decode()
            with pytest.raises(PrimeError) as caught:
                decompress(file, prime=b"another" if words else None)
            assert line == f"unnnc: (stdin): {caught.value}\n"
    (tmp_path / "a.nnc").write_bytes(file)
    piped = here.run("-c", "--prime", "/dev/stdin", tmp_path / "a.nnc", stdin=PRIME.data)
    assert piped.stdout == content
    other.write_bytes(b"")
    for name in (other, tmp_path / "none"):
        here.run("--prime", name, stdin=compress(b"x", 1), status=1)


def test_a_prime_and_one_network_after_the_other(here: Program, tmp_path: Path) -> None:
    """What has read the prime for one is nothing to the next, wherever that is in memory."""
    (tmp_path / "prime").write_bytes(PRIME.data)
    paths, contents = [tmp_path / "a.nnc", tmp_path / "b.nnc"], []
    for path, config in zip(paths, (models.WIDE_WINDOW, models.TINY), strict=True):
        data, content = with_network(models.natural(config), PRIME)
        path.write_bytes(data)
        contents.append(content)
    done = here.run("-c", "-T", "1", "--prime", tmp_path / "prime", *paths)
    assert done.stdout == b"".join(contents)


# What is damaged


@pytest.mark.parametrize("size", [hostile.BLOCK - 1, hostile.BLOCK, 1 << 16])
def test_copies_that_claim_much(here: Program, size: int) -> None:
    data = hostile.copying(size)
    with pytest.raises(NNCompError) as caught:
        decompress(data)
    said = here.run("-t", stdin=data, status=1).stderr.decode()
    assert said == f"unnnc: (stdin): {caught.value}\n"


def test_many_tiny_streams(here: Program) -> None:
    content, data = hostile.of_tiny_streams(31)
    assert here.run(stdin=data).stdout == content
    _, data = hostile.of_tiny_streams(32)
    with pytest.raises(NNCompError) as caught:
        decompress(data)
    said = here.run("-t", stdin=data, status=1).stderr.decode()
    assert said == f"unnnc: (stdin): {caught.value}\n"


@pytest.mark.parametrize("blocks", [1 << 14, 1 + (1 << 14)])
def test_pictures_that_claim_much(here: Program, blocks: int) -> None:
    side = varint.dumps(blocks)
    plan = bytes([0x80 | FILTERS.index(jpeg), len(side)]) + side + b"\x80\2\x80\4"
    data = hostile.planned(plan, b"abcdef")
    with pytest.raises(NNCompError) as caught:
        decompress(data)
    assert ("pictures are too large" in str(caught.value)) == (blocks > 16 * hostile.BLOCK)
    said = here.run("-t", stdin=data, status=1).stderr.decode()
    assert said == f"unnnc: (stdin): {caught.value}\n"


def test_a_line_of_base64_without_end(here: Program) -> None:
    content, data = hostile.base64_in_one_line((1 << 63) - 1)
    assert here.run(stdin=data).stdout == decompress(data) == content


def test_models_made_to_do_harm(
    sanitized: Program, model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commandline.use_models(monkeypatch, model_directory)
    cases = [*hostile.hostile_models(), *hostile.hostile_packed_models()]
    paths = [tmp_path / f"{i}.nnc" for i in range(len(cases))]
    for path, case in zip(paths, cases, strict=True):
        record = hostile.network_record(models.tiny().id, case, b"test")
        path.write_bytes(hostile.sealed(record))
    lines = sanitized.run("-t", "-m", model_directory, *paths, status=1).stderr.decode()
    assert [line.split(": ")[1] for line in lines.splitlines()] == [*map(str, paths)]


def test_damaged_files(sanitized: Program, folder: Path, tmp_path: Path) -> None:
    """Damaged at random, most with checks that match: refused wherever nncomp refuses them."""
    draw = random.Random(1)
    seeds = [path.read_bytes() for path in named("good") if path.stat().st_size < 9000]
    primed = {path.read_bytes() for path in named("good-primed")}
    paths, expected = [], []
    for number in range(150):
        seed = draw.choice(seeds)
        inside = draw.random() < 0.8 and b"NNC" not in seed[9:] and seed not in primed
        data = mutate.damaged_inside(draw, seed) if inside else mutate.damaged(draw, seed)
        path = tmp_path / f"{number}.nnc"
        path.write_bytes(data)
        try:
            decompress(data, memory_limit=1 << 28, max_size=1 << 22, prime=PRIME)
            good = True
        except NNCompError as error:
            if "larger than" in str(error) and "bytes" in str(error):
                continue  # it may be right
            good = False
        paths.append(path)
        expected.append(good)
    options = ["-t", "-M", "256MiB", "-m", folder, "--prime", folder / "prime"]
    done = subprocess.run([*sanitized.command, *options, *paths], capture_output=True)
    assert done.returncode == 1, done.stderr.decode()
    refused = {line.split(": ")[1] for line in done.stderr.decode().splitlines()}
    assert [str(path) not in refused for path in paths] == expected
