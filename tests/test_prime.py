"""What is primed: engines agree, files need their prime and no other, small frames are small."""

from __future__ import annotations

import io
import json
import os
import threading
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import nncomp
from commandline import Run, Terminal, errors
from conftest import examples, some_quick
from nncomp import PrimeError, container, rescue
from nncomp.cli.report import size_text
from nncomp.container import Block, Header
from nncomp.engine import native, reference
from nncomp.errors import ChecksumError, FormatError, MemoryLimitError
from nncomp.mixing import Mixing, Profile
from nncomp.model import Model
from nncomp.options import Options
from nncomp.plan import Plan, Stream, memory
from nncomp.prime import MAX_PRIME_SIZE, Prime

TEXT = models.text(6000)
PRIME = Prime(TEXT[:3000])
RECORD = TEXT[3000:3300]


@cache
def network() -> Model:
    return models.natural(models.UNEVEN)


# ---- engines ----


@cache
def expected(known: int, size: int, lanes: int, profile: Profile, *, joined: bool) -> list[bytes]:
    model = network() if joined else None
    data = TEXT[3000 : 3000 + size]
    how = Mixing(profile)
    return reference.encode_block(model, data, lanes, how, prime=Prime(TEXT[:known]))


CASES = [  # bytes of the prime and of the block, lanes, whether there is a network
    (1, 1, 1, False),
    (300, 90, 1, False),
    (1, 5, 2, True),
    (127, 40, 1, True),
    (131, 70, 3, True),
    (200, 3, 4, True),
]


@pytest.mark.parametrize("profile", some_quick(Profile, Profile.RICH))
@pytest.mark.parametrize("case", CASES, ids=str)
def test_native_equals_the_reference(
    case: tuple[int, int, int, bool], profile: Profile, kernel: str
) -> None:
    known, size, lanes, joined = case
    model, prime, how = network() if joined else None, Prime(TEXT[:known]), Mixing(profile)
    data = TEXT[3000 : 3000 + size]
    payloads = expected(known, size, lanes, profile, joined=joined)
    for threads in (1, 3):
        more = {"threads": threads, "prime": prime}
        assert native.encode_block(model, data, lanes, how, **more) == payloads
        assert native.decode_block(model, payloads, size, how, **more) == data
    encoding = native.start_encoding(model, data, lanes, how, prime)
    encoding.encode(0)
    assert encoding.finish() == payloads
    decoding = native.start_decoding(model, payloads, size, how, 1, prime=prime)
    decoding.decode(2)
    assert decoding.part(0, min(2, size // lanes)) == data[: min(2, size // lanes)]
    assert decoding.finish() == data


def test_the_reference_decodes() -> None:
    for known, size, lanes, joined in CASES[:4]:
        model = network() if joined else None
        payloads = expected(known, size, lanes, Profile.RICH, joined=joined)
        more = {"mixing": Mixing(Profile.RICH), "prime": Prime(TEXT[:known])}
        assert reference.decode_block(model, payloads, size, **more) == TEXT[3000 : 3000 + size]


def test_one_lane_goes_on_as_a_block_does_that_begins_with_the_prime() -> None:
    for model in (None, network()):
        whole = native.cost_rows(model, PRIME.data + RECORD, Mixing(Profile.RICH)).reshape(-1)
        (payload,) = native.encode_block(model, RECORD, 1, Mixing(Profile.RICH), prime=PRIME)
        bits = whole[len(PRIME) :].sum(dtype="u8") / 2**24
        assert -1 <= len(payload) * 8 - bits <= 32


def test_long_lanes_and_chunks_that_a_prime_has_shifted(kernel: str) -> None:
    """Where the window of attention moves, at any offset."""
    data = TEXT[:2500]
    for known in (1, 15, 16, 129, 2999):
        prime = Prime(TEXT[3000 : 3000 + known])
        for lanes in (1, 2):
            how = Mixing(Profile.LEAN)
            payloads = native.encode_block(network(), data, lanes, how, prime=prime)
            found = native.decode_block(network(), payloads, len(data), how, prime=prime)
            assert found == data


def test_threads_share_what_is_ready() -> None:
    prime, found = Prime(TEXT[:2000]), []

    def work() -> None:
        for _ in range(5):
            found.append(nncomp.compress(RECORD, 2, prime=prime))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {*found} == {nncomp.compress(RECORD, 2, prime=prime.data)}


# ---- files ----


@settings(max_examples=examples(60), deadline=None)
@given(
    known=st.binary(min_size=1, max_size=300) | st.integers(1, 6000).map(lambda n: TEXT[:n]),
    content=st.binary(max_size=300) | st.integers(0, 6000).map(lambda n: TEXT[n:]),
    level=st.sampled_from([1, 2, 7]),
    block_size=st.sampled_from([None, 1 << 10]),
)
def test_round_trip(known: bytes, content: bytes, level: int, block_size: int | None) -> None:
    options = {"level": level, "model": "none", "block_size": block_size}
    packed = nncomp.compress(content, prime=known, **options)
    assert nncomp.compress(content, prime=Prime(known), threads=3, **options) == packed
    compressor = nncomp.NNCompressor(prime=known, **options)
    parts = [compressor.compress(content[i : i + 500]) for i in range(0, len(content), 500)]
    assert b"".join([*parts, compressor.flush()]) == packed
    assert nncomp.decompress(packed, prime=known) == content
    decompressor = nncomp.NNDecompressor(prime=known)
    out = b"".join(decompressor.decompress(packed[i : i + 1]) for i in range(len(packed)))
    assert (out, decompressor.eof) == (content, True)
    for other in (None, known + b"x"):
        with pytest.raises(PrimeError, match="written with a"):
            nncomp.decompress(packed, prime=other)
    info = nncomp.get_frame_info(packed, prime=known)
    assert (info.content_size, info.stored_size) == (len(content), len(packed))
    assert info.prime is not None and Prime(known).digest.hex().startswith(info.prime)


def test_what_is_like_the_prime_is_small() -> None:
    packed = nncomp.compress(RECORD, prime=TEXT)
    assert packed[:3] == container.SMALL_MAGIC and len(packed) < 40
    assert len(nncomp.compress(RECORD)) > 120
    big = nncomp.compress(TEXT[:3000] * 30, 2, prime=PRIME)
    assert big[:6] == container.MAGIC
    assert len(big) < len(nncomp.compress(TEXT[:3000] * 30, 2)) - 400


def test_what_is_not_like_it_costs_little_more() -> None:
    for content in (models.noise(1000), models.text(4000)[::-1], b"\0" * 5000, b"", b"x"):
        primed, usual = (nncomp.compress(content, 2, prime=p) for p in (PRIME, None))
        assert len(primed) <= len(usual) * 17 // 16 + 16


def test_network_and_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.natural(models.TINY)
    content = b"".join(bytes(TEXT[i : i + 64]) for i in range(0, 5900, 7))[:40000]
    options = {"model": model, "block_size": 1 << 15}
    packed = nncomp.compress(content, 6, prime=PRIME, **options)
    for threads in (1, 2):
        assert nncomp.decompress(packed, prime=PRIME, model=model, threads=threads) == content


def test_concatenated_frames_with_and_without() -> None:
    contents = [RECORD, b"", RECORD[:100], TEXT, models.noise(50), RECORD]
    frames = [
        nncomp.compress(c, 2, prime=None if i % 3 == 1 else PRIME) for i, c in enumerate(contents)
    ]
    data, whole = b"".join(frames), b"".join(contents)
    assert nncomp.decompress(data, prime=PRIME) == whole
    with nncomp.open(io.BytesIO(data), prime=PRIME) as file:
        for place in (len(whole) - 10, 0, 350, 3000):
            file.seek(place)
            assert file.read(200) == whole[place : place + 200]
    with nncomp.open(io.BytesIO(data)) as file, pytest.raises(PrimeError):
        file.read()
    index = container.read_index(io.BytesIO(data), 1 << 30)
    assert [frame.stored_size for frame in index] == [len(frame) for frame in frames]
    walked, end = container.walk(io.BytesIO(data), 1 << 30)
    assert end == len(data)
    assert [frame.entries for frame in walked] == [frame.entries for frame in index]
    sizes = [e.content_size for frame in index for e in frame.entries]
    assert sizes == [len(c) for c in contents if c]


def test_appended_and_rescued(tmp_path: Path) -> None:
    path = tmp_path / "a.nnc"
    for _ in range(3):
        with nncomp.open(path, "ab", level=2, prime=PRIME) as file:
            file.write(RECORD)
    data = bytearray(path.read_bytes())
    one = len(data) // 3
    assert nncomp.open(path, prime=PRIME).read() == RECORD * 3
    data[one + one // 2] ^= 1
    out = io.BytesIO()
    found = rescue.rescue(io.BytesIO(data), out, Options(prime=PRIME))
    assert (found.size, out.getvalue()) == (2 * len(RECORD), RECORD * 2)
    assert [(gap.start, gap.stop) for gap in found.gaps] == [(len(RECORD), 2 * len(RECORD))]


def test_wrong_primes() -> None:
    for prime, error in ((b"", ValueError), (bytes(MAX_PRIME_SIZE + 1), ValueError)):
        with pytest.raises(error, match="a prime is"):
            nncomp.compress(b"x", prime=prime)
    with pytest.raises(TypeError):
        nncomp.compress(b"x", prime="text")  # type: ignore[arg-type]
    assert len(Prime(bytearray(MAX_PRIME_SIZE))) == MAX_PRIME_SIZE
    assert Prime(b"a") == Prime(b"a") != Prime(b"b")
    assert Prime(b"a").digest.hex() in repr(Prime(b"a"))


def test_memory_counts_the_prime() -> None:
    packed = nncomp.compress(TEXT, 2, prime=PRIME)
    need = nncomp.get_frame_info(packed, prime=PRIME).memory_needed
    assert need is not None and nncomp.get_frame_info(packed).memory_needed is None
    usual = nncomp.get_frame_info(nncomp.compress(TEXT, 2)).memory_needed
    assert usual is not None and need > 2 * usual
    assert nncomp.decompress(packed, prime=PRIME, memory_limit=need) == TEXT
    with pytest.raises(MemoryLimitError):
        nncomp.decompress(packed, prime=PRIME, memory_limit=need - 1)


def test_cached_states_give_way() -> None:
    """They take of the memory, and a block that fits into it alone fits behind any other."""
    prime, file = Prime(TEXT[:2000]), nncomp.compress(TEXT, 5, model="none")
    need = nncomp.get_frame_info(file).memory_needed
    assert need is not None
    for contexts in (Profile.LEAN, Profile.RICH):
        native.encode_block(None, RECORD, 1, Mixing(contexts), prime=prime)
    kept = native.primed_memory(prime)
    assert kept > 1 << 20
    for limit, left in ((need + kept, kept), (need, 0)):
        assert nncomp.decompress(file, prime=prime, memory_limit=limit) == TEXT
        assert native.primed_memory(prime) == left


def test_states_of_any_streams_of_a_block_are_counted() -> None:
    """Those of one that was primed are there while another one is decoded."""
    mixing, costly = Mixing(Profile.LEAN), Mixing(Profile.MAX)
    primed = Stream(1000, (b"a",), mixing, False, True)
    alone = Stream(900, (b"a",), costly)
    need = memory.of_block(Plan((primed, alone), 2), 1000, None, PRIME)
    states = 2 * PRIME.memory(1000 + len(PRIME), mixing, None)
    assert need == 3000 + 1900 + costly.memory(900, 1) + states


# ---- small frames ----


def test_every_truncation_and_bit_flip_of_a_small_frame_is_an_error() -> None:
    packed = nncomp.compress(RECORD, 1, prime=PRIME)
    assert packed[:3] == container.SMALL_MAGIC
    for size in range(len(packed)):
        with pytest.raises(FormatError):
            nncomp.decompress(packed[:size], prime=PRIME)
    for place in range(8 * len(packed)):
        bad = bytearray(packed)
        bad[place >> 3] ^= 1 << (place & 7)
        with pytest.raises((FormatError, PrimeError)):
            nncomp.decompress(bytes(bad), prime=PRIME)


def test_a_small_frame_names_the_prime() -> None:
    header = Header(1 << 10, 1, 1, prime=PRIME.digest)
    for plan, size in ((b"\0\x50", 18), (b"\0\0", 18), (b"\0\x10\0", 23)):
        payload = b"abc" if plan == b"\0\0" else b"ab"
        frame = container.small_frame(header, Block(3, False, plan, payload, 1), None)
        assert frame is not None and len(frame) == size
        assert frame[3] & 0x80 and frame[5:9] == PRIME.digest[:4]
    large = Block(container.MAX_SMALL_SIZE + 1, False, b"\0\x50", b"ab", 1)
    assert container.small_frame(header, large, None) is None
    for digest, small in ((b"abc", False), (PRIME.digest, True)):
        with pytest.raises(ValueError, match="digest"):
            Header(1 << 16, 1, 1, prime=digest, small=small)


def test_content_that_is_not_the_checks() -> None:
    packed = bytearray(nncomp.compress(RECORD, 1, prime=PRIME))
    packed[-1] ^= 1
    with pytest.raises(ChecksumError):
        nncomp.decompress(bytes(packed), prime=PRIME)


# ---- command line ----


def test_commands(run: Run, tmp_path: Path) -> None:
    Path("p").write_bytes(PRIME.data)
    Path("q").write_bytes(b"another")
    Path("a").write_bytes(RECORD)
    run("-2", "--prime", "p", "a")
    assert nncomp.decompress(Path("a.nnc").read_bytes(), prime=PRIME) == RECORD
    for command in (["-d", "-c"], ["cat"], ["cat", "--bytes", "0:99999"]):
        assert run(*command, "--prime", "p", "a.nnc").stdout == RECORD
    run("test", "--prime", "p", "a.nnc")
    digest = PRIME.digest.hex()[:8]
    shown = json.loads(run("info", "--json", "--prime", "p", "a.nnc").stdout)
    assert shown[0]["frames"][0]["prime"] == digest and shown[0]["frames"][0]["memory"]
    assert f"primed with {digest}" in run("info", "-v", "a.nnc").stdout.decode()
    for prime, said in (([], "needs it: use --prime"), (["--prime", "q"], "another prime")):
        for command in ("decompress", "test", "cat"):
            done = (
                run(command, "-f", *prime, "a.nnc", "-c", status=1)
                if command != "test"
                else (run(command, *prime, "a.nnc", status=1))
            )
            (line,) = done.stderr.decode().splitlines()
            assert said in line and digest in line
    for name, said in (("no", "No such file"), ("/dev/null", "a prime is empty")):
        (line,) = run("-c", "--prime", name, "a", status=1).stderr.decode().splitlines()
        assert said in line
    run("-c", "--prime", "-", "a", status=2)
    run("-f", "-o", "p", "--prime", "p", "a", status=1)
    assert Path("p").read_bytes() == PRIME.data


def test_a_prime_is_not_removed(run: Run) -> None:
    """Without it, nothing that was written with it could be read."""
    Path("tree").mkdir()
    for name in ("tree/p", "tree/a"):
        Path(name).write_bytes(RECORD + name.encode())
    result = run("-1", "--rm", "-r", "--prime", "tree/p", "tree", status=1)
    assert b"nncomp: tree/p: what is compressed with it needs it" in result.stderr
    assert sorted(os.listdir("tree")) == ["a.nnc", "p"]
    run("-d", "--rm", "--prime", "tree/p", "tree/a.nnc")
    assert Path("tree/a").read_bytes() == RECORD + b"tree/a"


def test_make(run: Run, terminal: Terminal) -> None:
    for name, text in (("a", RECORD), ("b", TEXT[:9000])):
        Path(name).write_bytes(text)
    assert errors(run("prime", "make", "-o", "p", "a", "b", "--size", "4KiB")) == [
        f"p : {size_text(len(Path('p').read_bytes()))} of 2 files"
    ]
    made = Path("p").read_bytes()
    assert 0 < len(made) <= 4096
    result = run("prime", "make", "-o", "-", "a", "b", "--size", "4KiB")
    assert result.stdout == made and "(stdout) : " in errors(result)[0]
    assert not Path("-").exists()
    result = run("prime", "make", "-o", "-", "a", status=1, stdout=terminal.slave)
    assert errors(result) == ["nncomp: a prime is not written to a terminal; use -f to force it"]
    for args, said in (
        (["-o", "q", "a", "no-such", "b"], "nncomp: no-such: No such file or directory"),
        (["-o", "q", "a", "."], "nncomp: .: is a directory"),
        (["-o", "q", "/dev/null"], "nncomp: the samples are empty"),
        (["-o", "p", "a"], "nncomp: p: already exists; use -f to overwrite"),
        (["-fo", "a", "a"], "nncomp: a: would overwrite a sample"),
    ):
        assert errors(run("prime", "make", *args, status=1)) == [said]
    assert not Path("q").exists() and Path("p").read_bytes() == made
    for size in ("4095", "2MiB"):
        run("prime", "make", "-o", "q", "a", "--size", size, status=2)


def test_make_of_samples_that_share_nothing(run: Run) -> None:
    for name, text in (("none", b""), ("one", b"a"), ("noise", models.noise(6000))):
        Path(name).write_bytes(text)
    for names in (["none", "noise"], ["noise", "none"], ["one", "noise"]):
        run("prime", "make", "-fo", "p", *names, "--size", "4KiB")
        assert len(Path("p").read_bytes()) == 4096


def test_what_is_no_prime() -> None:
    for wrong in ("text", 5, [1]):
        for make in (nncomp.Prime, lambda data: nncomp.compress(b"", prime=data)):
            with pytest.raises(TypeError, match=r"^a prime must be bytes or another buffer, not"):
                make(wrong)  # type: ignore[arg-type]
