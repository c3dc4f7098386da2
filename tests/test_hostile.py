"""Files made to do harm: checks that match, numbers that lie, models that are not models.

Whatever the bytes, decoding ends soon, within its memory, in the content or in one ``NNCompError``.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import commandline
import models
from conftest import examples, peak_of, some_quick
from nncomp import compress, container, decompress, model, packing, registry, varint
from nncomp.container import REACHES, Block, FrameWriter, Header, ModelRef
from nncomp.engine import native
from nncomp.errors import FormatError, MemoryLimitError, ModelNotFoundError, NNCompError
from nncomp.filters import FILTERS, numbers
from nncomp.filters import base64 as base64_filter
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.options import Options
from nncomp.plan import MAX_STREAM_SIZE, MAX_STREAMS, Copies, Plan, Stream, layout
from nncomp.rescue import rescue

MIB = 1 << 20
BLOCK = 1 << 10
TEXT = models.chained(1500)
LIMIT = 64 * MIB

some = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def _models(model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commandline.use_models(monkeypatch, model_directory)


PICTURE = Mixing(Profile.RICH, Contexts.PICTURE, period=60, stride=3)
RECORDS = Mixing(Profile.RICH, Contexts.RECORDS, period=7)
X86 = Mixing(Profile.RICH, Contexts.X86)
HEADER = Header(BLOCK, 2, model.ARITHMETIC, Profile.RICH)
NONE, REPEAT, PROGRAM = 0, 1, 2  # filters


def installed() -> model.Model:
    return registry.find("base-2")


def coded(stream: bytes, mixing: Mixing, *, network: bool = False) -> Stream:
    """A stream as the real engine codes it."""
    lanes = HEADER.lanes_of(len(stream)) if network else 1
    predictor = installed() if network else None
    payloads = native.encode_block(predictor, stream, lanes, mixing)
    return Stream(len(stream), tuple(payloads), mixing, network)


def stored(stream: bytes) -> Stream:
    return Stream(len(stream), (stream,))


def block_of(content: bytes, *streams: Stream, filter: int = NONE) -> Block:
    checks = zlib.crc32(content), container.lead_checksum(content)
    return layout.dumps(Plan(streams, filter), len(content), *checks)


@pytest.fixture
def packed() -> bytes:
    """A file with every filter and every way of a stream, coded by the real engine."""
    noise = models.noise(100)
    code = b"\xe8\1\2\3\0 call " * 40 + TEXT[:100]
    split = FILTERS[PROGRAM].split(code)
    assert split is not None
    return written(
        block_of(TEXT[:BLOCK], coded(TEXT[:BLOCK], RECORDS, network=True)),
        block_of(b"ab" * 512, stored(b"ab"), filter=REPEAT),
        block_of(noise, stored(noise)),
        block_of(TEXT[:BLOCK], coded(TEXT[:BLOCK], PICTURE)),
        block_of(TEXT[:300] * 3, coded(TEXT[:300], PICTURE, network=True), filter=REPEAT),
        block_of(code, coded(split.streams[0], X86), filter=PROGRAM),
        block_of(TEXT[BLOCK:], coded(TEXT[BLOCK:], Mixing(Profile.RICH), network=True)),
    )


def written(*blocks: Block, header: Header = HEADER) -> bytes:
    dst = io.BytesIO()
    writer = FrameWriter(dst, header)
    for block in blocks:
        first = block.network and not writer.has_network
        writer.write(block, ModelRef(installed().id, "base-2") if first else None)
    writer.end()
    return dst.getvalue()


def decode(data: bytes) -> bytes | NNCompError:
    """The content, or the one kind of error that there may be."""
    try:
        return decompress(data, memory_limit=LIMIT)
    except NNCompError as error:
        return error


def blocks_of(data: bytes) -> list[Block]:
    return [item for item in container.read(io.BytesIO(data), LIMIT) if isinstance(item, Block)]


def rewrite(data: bytes, change: Callable[[Plan], Plan]) -> bytes:
    """The file with its plans changed, and right checks and index for what came of them."""
    dst = io.BytesIO()
    writer = FrameWriter(dst, HEADER)
    ref: ModelRef | None = None
    for item in container.read(io.BytesIO(data), LIMIT):
        if isinstance(item, ModelRef):
            ref = item
        elif isinstance(item, Block):
            plan = change(layout.loads(item, HEADER))
            checks = item.content_checksum, item.lead_checksum
            writer.write(layout.dumps(plan, item.size, *checks), ref)
            ref = None
    writer.end()
    return dst.getvalue()


WAYS = {"mix": False, "network+mix": True}  # of coded streams: whether with the network
some_way = pytest.mark.parametrize("way", list(WAYS))


def with_payloads(way: str, change: Callable[[list[bytes]], None]) -> Callable[[Plan], Plan]:
    """Changes the payloads of streams that are coded in this way."""

    def changed(stream: Stream) -> Stream:
        if stream.label != way:
            return stream
        payloads = list(stream.payloads)
        change(payloads)
        return dataclasses.replace(stream, payloads=tuple(payloads))

    return lambda plan: dataclasses.replace(plan, streams=tuple(map(changed, plan.streams)))


def test_rewrite_alone_changes_nothing(packed: bytes) -> None:
    plans = [layout.loads(block, HEADER) for block in blocks_of(packed)]
    assert {plan.filter for plan in plans} == {NONE, REPEAT, PROGRAM}
    assert {s.label for plan in plans for s in plan.streams} == {"stored", *WAYS}
    assert rewrite(packed, lambda plan: plan) == packed
    assert isinstance(decode(packed), bytes)


# ---- payloads with checks that match: the coder itself must notice ----


@some_way
def test_payload_truncation_is_noticed(packed: bytes, way: str) -> None:
    for size in (0, 1, 20, -5, -2, -1):

        def cut(payloads: list[bytes]) -> None:
            payloads[0] = payloads[0][:size]  # noqa: B023

        assert isinstance(decode(rewrite(packed, with_payloads(way, cut))), FormatError)


@some_way
def test_payload_extension_is_noticed(packed: bytes, way: str) -> None:
    for tail in (b"\0", b"\xff", b"\0" * 9):

        def extend(payloads: list[bytes]) -> None:
            payloads[-1] += tail  # noqa: B023

        assert isinstance(decode(rewrite(packed, with_payloads(way, extend))), FormatError)


@pytest.mark.parametrize("way", some_quick(WAYS, "network+mix"))
def test_payload_bit_flips_are_noticed(packed: bytes, way: str) -> None:
    draw = random.Random(1)
    for _ in range(60):

        def flip(payloads: list[bytes]) -> None:
            bad = bytearray(payloads[0])
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
            payloads[0] = bytes(bad)

        assert isinstance(decode(rewrite(packed, with_payloads(way, flip))), FormatError)


DIGESTS = [hashlib.sha512(bytes([i])).digest() for i in range(10)]


@pytest.mark.parametrize(
    "text",
    [
        DIGESTS[0].hex().encode() + b"\n",
        b"".join(digest[:20].hex().encode() + b"  name\n" for digest in DIGESTS),
        b"".join(DIGESTS)[:200].hex().encode(),
        base64.b64encode(b"".join(DIGESTS)[:96]),
        base64.encodebytes(b"".join(DIGESTS)[:600]),
    ],
    ids=["sha512", "sha1", "hex", "base64", "mime"],
)
def test_every_bit_of_a_small_frame_is_checked(text: bytes) -> None:
    """Where filters undo what is stored, a bit and what becomes of it change at once."""
    packed = compress(text, model="none")
    assert len(packed) < len(text)  # a filter is in use
    for bit in range(8 * len(packed)):
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << bit % 8
        assert isinstance(decode(bytes(changed)), NNCompError), bit


def test_stored_bytes_that_change_are_noticed(packed: bytes) -> None:
    def flip(payloads: list[bytes]) -> None:
        payloads[0] = bytes([payloads[0][0] ^ 1]) + payloads[0][1:]

    assert isinstance(decode(rewrite(packed, with_payloads("stored", flip))), FormatError)


@pytest.mark.parametrize(
    "mixing",
    [
        Mixing(Profile.RICH, Contexts.CODE),
        Mixing(Profile.RICH, Contexts.X86, period=65535),
        Mixing(Profile.RICH, Contexts.RECORDS, period=65535),
        Mixing(Profile.RICH, Contexts.PICTURE, period=65535, stride=8),
        Mixing(Profile.RICH, Contexts.PICTURE, period=2, stride=1),
        Mixing(Profile.RICH, period=2),
    ],
    ids=lambda mixing: mixing.label,
)
def test_another_mixing_is_noticed(packed: bytes, mixing: Mixing) -> None:
    """Whatever the parameters are, decoding ends well: in an error."""
    for way in WAYS:

        def change(plan: Plan) -> Plan:
            streams = [
                dataclasses.replace(s, mixing=mixing) if s.label == way else s  # noqa: B023
                for s in plan.streams
            ]
            return dataclasses.replace(plan, streams=tuple(streams))

        assert isinstance(decode(rewrite(packed, change)), FormatError)


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_another_filter_is_noticed(packed: bytes, number: int) -> None:
    def change(plan: Plan) -> Plan:
        return dataclasses.replace(plan, filter=number)

    for block in blocks_of(packed):
        plan = layout.loads(block, HEADER)
        checks = block.content_checksum, block.lead_checksum
        changed = layout.dumps(change(plan), block.size, *checks)
        result = decode(written(changed))
        if isinstance(result, bytes):  # without a call it is the same to the filters of programs
            assert zlib.crc32(result) == block.content_checksum
        else:
            assert isinstance(result, FormatError)


# ---- plans that lie ----


def planned(
    plan: bytes, payload: bytes = b"", size: int = BLOCK, *, network: bool = False
) -> bytes:
    """A file of one block with such a plan, and right checks but for that of the content."""
    return written(Block(size, network, plan, payload, 0))


def test_plans_of_many_streams() -> None:
    """As many as there may be are read; that they do not suit the filter shows afterwards."""
    for count in (2, MAX_STREAMS, MAX_STREAMS + 1, MAX_STREAMS * 100):
        result = decode(planned(b"\1" + b"\x80\0" * count))
        assert isinstance(result, FormatError)
        assert ("too many streams" in str(result)) == (count > MAX_STREAMS)


def of_tiny_streams(count: int) -> tuple[bytes, bytes]:
    """A content of 496 bytes, and a file of it, in 248 streams of two: ``count`` are coded."""
    content = bytes(31 * 16)
    kinds = [numbers.Kind(8, numbers.Change.DIFFERENCES, i + 1, 7) for i in range(31)]
    split = numbers.take_apart(content, [numbers.Run(16 * i, 2, k) for i, k in enumerate(kinds)])
    rest, *tiny = split.streams
    (payload,) = native.encode_block(None, tiny[0], 1, Mixing(Profile.RICH))
    streams = [Stream(2, (payload,), Mixing(Profile.RICH))] * count
    streams = [stored(rest), *streams, *map(stored, tiny[count:])]
    plan = Plan(tuple(streams), FILTERS.index(numbers), split.side)
    return content, written(layout.dumps(plan, len(content), zlib.crc32(content)))


def test_many_tiny_streams_are_not_decoded() -> None:
    """What codes a stream takes long to set up, also for two bytes."""
    content, data = of_tiny_streams(31)
    assert decode(data) == content
    for count in (32, 248):
        content, data = of_tiny_streams(count)
        result = decode(data)
        assert isinstance(result, FormatError) and "coded streams than its size" in str(result)
        whole, dst = compress(b"whole", model="none"), io.BytesIO()
        (gap,) = rescue(io.BytesIO(whole + data), dst, Options()).gaps
        assert dst.getvalue() == b"whole" and gap.stop == 5 + len(content)
        assert gap.reason == str(result)


@pytest.mark.parametrize("filter", range(len(FILTERS)))
@pytest.mark.parametrize(
    "size", [BLOCK + 1, 1 << 26, MAX_STREAM_SIZE // 2, MAX_STREAM_SIZE, 1 << 62]
)
def test_streams_that_claim_much_are_not_decoded(filter: int, size: int) -> None:
    """Zeros, of which a few bytes are enough for minutes of work, in a block of a KiB."""
    zeros = native.encode_block(None, bytes(BLOCK), 1, Mixing(Profile.RICH))[0]
    stream = b"\x90" + varint.dumps(size) + b"\0"
    plans = [stream, stream + varint.dumps(len(zeros)) + stream]
    started = time.process_time()
    for plan in plans:
        result = decode(planned(bytes([filter]) + plan, zeros * 2))
        assert isinstance(result, FormatError) and "lane" not in str(result)
    assert time.process_time() - started < 1


def copying(size: int) -> bytes:
    """A file whose last block has a list of copies of so many bytes, all zero."""
    content = models.noise(BLOCK)
    zeros = native.encode_block(None, bytes(size), 1, Mixing(Profile.LEAN))
    copies = Copies((1,), 16, Stream(size, tuple(zeros), Mixing(Profile.LEAN)))
    plan = Plan((stored(content[:16]),), copies=copies)
    block = layout.dumps(plan, BLOCK, zlib.crc32(content))
    header = Header(BLOCK, 1, model.ARITHMETIC, Profile.LEAN, reach=REACHES[1])
    return written(block_of(content, stored(content)), block, header=header)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, 1 << 16])
def test_copies_that_claim_much_are_not_decoded(size: int) -> None:
    result = decode(copying(size))
    assert isinstance(result, FormatError)
    assert ("stream of copies is not smaller" in str(result)) == (size >= BLOCK)


def base64_in_one_line(line: int) -> tuple[bytes, bytes]:
    """A content, and a file of it whose line of base64 could have ``line`` characters."""
    payload = models.noise(120)
    places = varint.dumps(5) + varint.dumps(len(payload)) + varint.dumps(line) + b"\0\1\n"
    content = b"head " + base64.b64encode(payload) + b" tail"
    streams = map(stored, (b"head  tail", places, payload))
    return content, written(block_of(content, *streams, filter=FILTERS.index(base64_filter)))


@pytest.mark.parametrize("line", [160, 161, 1 << 62, (1 << 63) - 1])
def test_lines_that_never_end(line: int) -> None:
    content, data = base64_in_one_line(line)
    assert decode(data) == content


@pytest.mark.parametrize("filter", [NONE, PROGRAM])
def test_memory_is_refused_before_it_is_taken(filter: int) -> None:
    size = 16 * MIB
    header = Header(size, 1, model.ARITHMETIC, Profile.RICH)
    data = written(Block(size, False, bytes([filter, 0x10, 0]), b"x", 0), header=header)

    def refused() -> None:
        assert isinstance(decode(data), MemoryLimitError)

    assert peak_of(refused) < MIB


@some
@given(st.binary(min_size=1, max_size=30), st.binary(max_size=60), st.booleans())
def test_any_plan_is_content_or_an_error(plan: bytes, payload: bytes, network: bool) -> None:
    assert isinstance(decode(planned(plan, payload, 60, network=network)), (NNCompError, bytes))


@pytest.mark.parametrize("profile", some_quick(Profile, Profile.LEAN))
def test_any_content_with_any_mixing(profile: Profile) -> None:
    """Contents that steer contexts to their ends come back."""
    calls = bytes.fromhex("E8 FF FF FF FF E9 00 00 00 00 E8 E8 E8 E8 00 00")
    bl = bytes.fromhex("FF FF FF 97 00 00 00 94")
    contents = [b"\n" * 9 + b" ", bytes(300), b"\xff" * 300, calls * 30, bl * 60 + b"\x97"]
    for content in (*contents, TEXT[:600], models.noise(500), b"x"):
        for contexts in Contexts if profile == Profile.RICH else [Contexts.GENERAL]:
            for period in (2, 300, 65532):
                if contexts in (Contexts.WIDE, Contexts.FLOATS):
                    mixing = Mixing(profile, contexts, period=period + 2 & ~3, stride=2)
                else:
                    mixing = Mixing(profile, contexts, period=period)
                payloads = native.encode_block(None, content, 1, mixing)
                assert native.decode_block(None, payloads, len(content), mixing) == content


@pytest.mark.slow
@some_way
def test_garbage_payloads_end_at_once(way: str) -> None:
    """Content of 4 MiB is claimed; the payload is used up early, even where the adaptive stage has
    learnt that nothing but zeros comes."""
    header = Header(4 * MIB, 1, model.ARITHMETIC, Profile.RICH)
    for payload in (b"", b"\0" * 9, b"\xff" * 50, models.noise(50)):
        stream = Stream(4 * MIB, (payload,), Mixing(Profile.RICH), WAYS[way])
        data = written(layout.dumps(Plan((stream,)), 4 * MIB, 0), header=header)
        started = time.process_time()
        with pytest.raises(FormatError):
            decompress(data)
        assert time.process_time() - started < 10


# ---- structure ----


@some
@given(st.data())
def test_mutations_give_the_content_or_an_error(data: st.DataObject) -> None:
    good = compress(TEXT[:BLOCK] + b"ab" * 512 + models.noise(60), block_size=BLOCK)
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(bad) - 1))
        how = data.draw(st.sampled_from("replace insert delete double".split()))
        piece = data.draw(st.binary(min_size=1, max_size=4))
        if how == "replace":
            bad[position : position + len(piece)] = piece
        elif how == "insert":
            bad[position:position] = piece
        elif how == "delete":
            del bad[position : position + len(piece)]
        else:
            bad[position:position] = bad[position : position + 50]
    result = decode(bytes(bad))
    assert isinstance(result, NNCompError) or bytes(bad) == good


@some
@given(st.binary(max_size=300))
def test_garbage_after_a_good_head_is_an_error(garbage: bytes) -> None:
    head = compress(b"")[:9]
    assert isinstance(decode(garbage), NNCompError)
    assert isinstance(decode(head + garbage), NNCompError) or head + garbage == compress(b"")


def sealed(record: bytes) -> bytes:
    """A head and one record with a check that matches."""
    head = compress(b"", 1)[:9]
    return head + record + zlib.crc32(head + record).to_bytes(4, "little")


def network_record(model_id: bytes, data: bytes | None, name: bytes = b"base-2") -> bytes:
    flags = len(name) - 1 | (0 if data is None else 0x80)
    embedded = b"" if data is None else varint.dumps(len(data)) + data
    description = bytes([flags]) + name + model_id + embedded
    plan = b"\0\x20\0"  # no filter; network and mix, general contexts, no period
    return b"\2\x40" + description + b"\3" + plan + b"\2" + bytes(4) + b"xy"


def hostile_models() -> Iterator[bytes]:
    good = model.dumps(models.tiny())
    size = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + size]
    yield b""
    yield b"{}"
    yield (1 << 63).to_bytes(8, "little") + good[8:]
    yield (MIB * 64).to_bytes(8, "little") + good[8:]
    yield good[:-1]
    yield good + b"\0"
    for old, new in [
        (b'"I8"', b'"F8"'),
        (b"[0,", b"[1,"),
        (b'"shape":[', b'"shape":[9'),
        (b'"shape":[', b'"shape":[99999999999999999999,'),
        (b"__metadata__", b"__Metadata__"),
        (b"d_model", b"d_mode1"),
        (b'\\"d_model\\":64', b'\\"d_model\\":2048'),
        (b"{", b"[" * 100_000),
        (b"nncomp.id", b"nncomp.ID"),
    ]:
        assert old in header
        changed = header.replace(old, new, 1)
        yield len(changed).to_bytes(8, "little") + changed + good[8 + size :]


def hostile_packed_models() -> Iterator[bytes]:
    good = models.tiny()
    packed = packing.pack(good).data
    for size in (1, 2, 6, 16, 17, 18, 100, len(packed) - 1):
        yield packed[:size]
    yield packed + b"\0"
    yield b"\2" + packed[1:]
    for position in range(1, 14):  # dimensions
        for value in (0, packed[position] + 1, 255):
            yield packed[:position] + bytes([value]) + packed[position + 1 :]
    base = installed()
    change = packing.pack(base, base).data
    for size in (1, 16, 17, 18, len(change) - 1):
        yield change[:size]
    yield change + b"\0"
    yield change  # a model, but not the one that is named
    yield packing.pack(models.tiny(2)).data


def test_hostile_embedded_models() -> None:
    good = models.tiny()
    for data in (*hostile_models(), *hostile_packed_models()):
        result = decode(sealed(network_record(good.id, data, b"test")))
        assert isinstance(result, FormatError), data[:100]


def test_the_base_of_a_change_is_missing() -> None:
    base = models.tiny(7)
    data = packing.pack(models.tiny(8), base).data
    result = decode(sealed(network_record(models.tiny(8).id, data, b"test")))
    assert isinstance(result, ModelNotFoundError)
    assert base.id.hex() in str(result)


def test_models_that_lie_about_their_size_do_not_allocate() -> None:
    """A few bytes that claim tensors of 55 MiB."""
    large = bytes([0, 16, 6, *[0, 8, 8, 1, 1, 128] * 3, 0])
    record = sealed(network_record(bytes(16), large + bytes(99), b"test"))

    def refused() -> None:
        with pytest.raises(MemoryLimitError, match="embedded model"):
            decompress(record, memory_limit=100 * MIB)

    assert peak_of(refused) < MIB
    assert isinstance(decode(record), FormatError | MemoryLimitError)


def test_names_cannot_reach_files_or_terminals() -> None:
    for name in (b"../../etc/passwd", b"\x1b[2J", b"a b", b"A", b"a\0", b"\xff"):
        assert isinstance(decode(sealed(network_record(bytes(16), None, name))), FormatError)


def test_sizes_that_lie_do_not_allocate() -> None:
    """Huge claims with nothing behind them."""
    huge = varint.dumps((1 << 62) + 5)
    named = b"\2\x40\5base-2" + bytes(16)
    records = [
        b"\1" + huge,
        b"\2" + huge,
        b"\3" + huge,
        b"\1\x40" + huge,
        b"\1\x40\2\0\0" + huge,
        b"\1\x40\1\0" + huge,
        named + huge,
        named + b"\1\0" + huge,
        b"\2\x40\x85base-2" + bytes(16) + huge,
        b"\0" + huge,
    ]
    inside = [b"\x81" + huge, b"\0\x80" + huge, b"\0\x10" + huge, b"\0\x20\0" + huge]
    records += [b"\1\x40" + bytes([len(p)]) + p + b"\2" + bytes(4) + b"xy" for p in inside]
    for record in records:
        assert isinstance(decode(sealed(record)), (FormatError, MemoryLimitError))


# ---- in a process of its own: what it really takes ----


WITH_PEAK = """
import re, runpy, sys
try:
    runpy.run_path(sys.argv.pop(1))
finally:
    print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def peak_memory(*args: str, data: bytes, status: int) -> int:
    """Bytes of resident memory that nncomp takes at most; its exit status is checked.

    Asked of the process itself: rusage would count what this one had before it was forked.
    """
    result = subprocess.run(
        [sys.executable, "-c", WITH_PEAK, commandline.LAUNCH, *args],
        input=data,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert result.returncode == status
    return int(result.stderr.split()[-1]) * 1024


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")


@pytest.mark.slow
@needs_proc
def test_memory_of_expanding_files() -> None:
    """36 bytes that give 64 MiB, ten times over: block by block, never all at once."""
    bomb = compress(bytes(64 * MIB), block_size=64 * MIB)
    assert len(bomb) < 50
    assert peak_memory("-dc", "-T1", data=bomb * 10, status=0) < 300 * MIB
    assert peak_memory("-dc", "--memory", "100MiB", data=bomb, status=1) < 100 * MIB


@pytest.mark.slow
@needs_proc
def test_memory_of_ordinary_work() -> None:
    data = models.noise(12 * MIB) + bytes(12 * MIB) + TEXT
    assert peak_memory("-c", data=data, status=0) < 300 * MIB
    assert peak_memory("-dc", data=compress(data), status=0) < 300 * MIB
