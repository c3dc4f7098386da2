"""What is fuzzed: how a case is made, and what must hold for it, whatever it is.

A case is bytes, and all that a check needs, so that a file with one can be replayed for ever.
``make`` depends on its draw alone; ``check`` raises where something does not hold.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import quopri
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

import models
import nncomp
from fuzz.mutate import damaged, damaged_inside
from nncomp import NNCompressor, NNDecompressor, _native, container, model, packing
from nncomp.container import Block, FrameWriter, Header, ModelRef, Packed
from nncomp.engine import native, reference
from nncomp.engine.reference import integers as reference_integers
from nncomp.errors import FormatError, ModelError, NNCompError
from nncomp.filters import FILTERS, Split, base64, hexadecimal, numbers, quoted, sections
from nncomp.filters.numbers import Change, Kind, Run
from nncomp.info import read_frame_infos
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.model import Model
from nncomp.plan import Joined, Part, Plan, Stream, layout

LIMIT = 64 << 20  # bytes of memory that decoding may take
BLOCK = 1 << 10
# The target of native code for containers has this prime, too.
PRIME = nncomp.Prime(
    re.findall(
        r'PRIME\[\] = "(.*)";',
        Path(__file__).with_name("native").joinpath("container.cpp").read_text("utf-8"),
    )[0].encode()
)
HEADER = Header(BLOCK, 2, model.ARITHMETIC, Profile.RICH)
(NONE, REPEAT, X86, ARM64, DEFLATE, NUMBERS, JPEG, BASE64, HEX, QUOTED, COPIES, SECTIONS, GIF) = (
    range(len(FILTERS))
)
SMALL = models.pairs(64, 1, 64, 64, (64,), ((2, 8, 16, 0),))


@dataclass(frozen=True)
class Target:
    """One kind of case; ``cases`` of them take a few seconds."""

    make: Callable[[Random], bytes]
    check: Callable[[bytes], None]
    cases: int


# Models, of which one is installed


@functools.cache
def installed() -> Model:
    return models.chain_model("fuzzed")


@functools.cache
def small() -> Model:
    return models.natural(SMALL)


@functools.cache
def tiny() -> Model:
    return models.tiny()


def install() -> None:
    """Let files find ``installed`` by its name, for as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="nncomp-fuzz-")
    _kept.append(folder)
    Path(folder.name, "fuzzed.safetensors").write_bytes(model.dumps(installed()))
    os.environ["NNCOMP_MODELS"] = folder.name


_kept: list[tempfile.TemporaryDirectory[str]] = []


# Frames


def _mixing(draw: Random) -> Mixing:
    """Any that the format allows."""
    while True:
        try:
            return Mixing(
                draw.choice(list(Profile)),
                draw.choice([Contexts.GENERAL, *Contexts]),
                draw.choice([0, 0, 2, 3, 8, 30, draw.randrange(1 << 16)]),
                draw.choice([1, 1, 2, 3, 4, 8]),
            )
        except ValueError:
            continue


def _content(draw: Random, size: int) -> bytes:
    """Text that the installed model knows, other text, noise, one byte over and over, calls."""
    seed = draw.randint(1, 99)
    kind = draw.randrange(5)
    if kind == 0:
        return models.chained(size, seed)
    if kind == 1:
        return models.text(size, seed)
    if kind == 2:
        return draw.randbytes(size)
    if kind == 3:
        return bytes([draw.randrange(256)]) * size
    return (b"\xe8\xff\xff\xff\xff\0\x94\x97" * (size // 8 + 1))[:size]


def _stored(stream: bytes) -> Stream:
    return Stream(len(stream), (stream,))


def _coded(stream: bytes, mixing: Mixing, *, network: bool = False) -> Stream:
    lanes = HEADER.lanes_of(len(stream)) if network else 1
    payloads = native.encode_block(installed() if network else None, stream, lanes, mixing)
    return Stream(len(stream), tuple(payloads), mixing, network)


def _smaller(stream: bytes) -> Stream:
    """Stored, or coded where that is smaller."""
    if len(stream) < 100:
        return _stored(stream)
    return _coded(stream, Mixing(Profile.RICH))


def _block(content: bytes, *streams: Part, filter: int = NONE, side: bytes = b"") -> Block:
    checks = zlib.crc32(content), container.lead_checksum(content)
    return layout.dumps(Plan(streams, filter, side), len(content), *checks)


@functools.cache
def frames() -> tuple[bytes, ...]:
    """Whole frames to be damaged: with all filters and ways, embedded models, and none of all."""
    text, noise = models.chained(1400), models.noise(100)
    calls, branches = b"\xe8\1\2\3\0 call " * 70, b"\1\2\3\x97 b, " * 90
    packed = zlib.compress(text[:700]) + b"between" + zlib.compress(calls, 1)
    parts = FILTERS[DEFLATE].split(packed)
    assert parts is not None
    inner = Joined(len(packed), tuple(map(_smaller, parts.streams)), DEFLATE)
    mail = b"in a mail: " + base64.letters(packed)
    letters = base64.split(mail)
    assert letters is not None
    dump = b"as digits:\n" + _digits(packed[:99], 16)
    digits = hexadecimal.split(dump)
    assert digits is not None
    escaped = b"a mail:\n" + quopri.encodestring(calls[:110] + b"\n")
    plain = quoted.split(escaped)
    assert plain is not None
    runs = [Run(9, 99, Kind(4, Change.ROTATED, 0, 3)), Run(600, 50, Kind(8))]
    apart = numbers.take_apart(text[:BLOCK], runs)
    mixed = text[:400] + noise + text[400:800]
    cut = sections.take_apart(
        mixed, [(400, "text"), (400 + len(noise), None), (len(mixed), "text")]
    )
    assert cut is not None
    drawing = Path(__file__).parents[1].joinpath("gif", "frames.gif").read_bytes()
    drawn = FILTERS[GIF].split(drawing)
    assert drawn is not None
    moved = {number: _moved(number, code) for number, code in ((X86, calls), (ARM64, branches))}
    general = Mixing(Profile.RICH, period=7)
    records = Mixing(Profile.RICH, Contexts.RECORDS, period=7)
    picture = Mixing(Profile.RICH, Contexts.PICTURE, period=60, stride=3)
    dst = io.BytesIO()
    writer = FrameWriter(dst, HEADER)
    writer.write(
        _block(text[:BLOCK], _coded(text[:BLOCK], general, network=True)),
        ModelRef(installed().id, "fuzzed"),
    )
    for block in (
        _block(b"ab" * (BLOCK // 2), _stored(b"ab"), filter=REPEAT),
        _block(text[100:800], _coded(text[100:800], records, network=True)),
        _block(noise, _stored(noise)),
        _block(text[:BLOCK], _coded(text[:BLOCK], picture)),
        _block(text[:300] * 3, _coded(text[:300], general, network=True), filter=REPEAT),
        _block(calls, _coded(moved[X86], Mixing(Profile.RICH, Contexts.X86)), filter=X86),
        _block(branches, _coded(moved[ARM64], records), filter=ARM64),
        _block(packed, *map(_smaller, parts.streams), filter=DEFLATE),
        _block(mail, *map(_stored, letters.streams[:2]), inner, filter=BASE64),
        _block(dump, *map(_stored, digits.streams), filter=HEX),
        _block(escaped, *map(_stored, plain.streams), filter=QUOTED),
        _block(noise * 3, _stored(noise), _stored(bytes([99, 90, 99, 1, 110, 190])), filter=COPIES),
        _block(text[:BLOCK], *map(_smaller, apart.streams), filter=NUMBERS, side=apart.side),
        _block(mixed, *map(_smaller, cut.streams), filter=SECTIONS, side=cut.side),
        _block(drawing, *map(_smaller, drawn.streams), filter=GIF),
    ):
        writer.write(block)
    writer.end()
    packed = packing.pack(small())
    data = models.text(600)
    return (
        dst.getvalue(),
        nncomp.compress(b""),
        nncomp.compress(data * 3, model="none", block_size=BLOCK),
        nncomp.compress(models.chained(1100), model="fuzzed", block_size=BLOCK),
        nncomp.compress(data * 3, model=Packed("small", packed.data), block_size=BLOCK),
        nncomp.compress(b"x" * 5000, block_size=BLOCK) + nncomp.compress(noise),
    )


@functools.cache
def short() -> tuple[bytes, ...]:
    """Small frames in every form."""
    text, noise = models.text(200), models.noise(30)
    calls, known = b"\xe8\1\2\3\0 call " * 30, models.chained(300)
    records = Mixing(Profile.RICH, Contexts.RECORDS, period=7)
    model = ModelRef(installed().id, "fuzzed")
    blocks = (
        _block(known, _coded(known, Mixing(Profile.RICH), network=True)),
        _block(calls, _coded(calls, records)),
        _block(calls, _coded(_moved(X86, calls), records, network=True), filter=X86),
    )
    made = [
        container.small_frame(HEADER, block, model if block.network else None) for block in blocks
    ]
    usual = nncomp.compress(text, 1, model="none"), nncomp.compress(noise)
    return (*usual, *filter(None, made), usual[0] + usual[1] + usual[0])


@functools.cache
def primed() -> tuple[bytes, ...]:
    """Small frames, mixed and stored, and one of the usual form, of several blocks."""
    prime = {"prime": PRIME}
    return (
        nncomp.compress(models.text(90), 1, **prime),
        nncomp.compress(models.noise(30), 1, **prime),
        nncomp.compress(models.noise(30), 1, **prime)
        + nncomp.compress(models.text(50), 2, **prime),
        nncomp.compress(models.chained(1400), 5, model="fuzzed", block_size=BLOCK, **prime),
    )


def _moved(number: int, content: bytes) -> bytes:
    """What a filter of programs makes of ``content``."""
    split = FILTERS[number].split(content)
    assert split is not None
    return split.streams[0]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or that it failed in the one way there may be: with a line."""
    try:
        return call()
    except NNCompError as error:
        assert "\n" not in str(error) and len(str(error)) < 500, str(error)
        return "error"


def _in_pieces(data: bytes, sizes: list[int], most: int) -> bytes:
    """All frames of ``data`` by NNDecompressor, fed with pieces and asked for ``most`` bytes."""
    out, waiting, turn = bytearray(), data, 0
    while waiting or not turn:
        decompressor = NNDecompressor(memory_limit=LIMIT, prime=PRIME)
        while not decompressor.eof:
            piece = b""
            if decompressor.needs_input:
                if not waiting:
                    raise FormatError("ends early")
                size = sizes[turn % len(sizes)]
                piece, waiting = waiting[:size], waiting[size:]
                turn += 1
            out += decompressor.decompress(piece, most)
        waiting = decompressor.unused_data + waiting
    return bytes(out)


def check_frame(case: bytes) -> None:
    """Content or an error, the same in every way of reading."""
    options = {"memory_limit": LIMIT, "prime": PRIME}
    whole = outcome(lambda: nncomp.decompress(case, **options))
    again = outcome(lambda: nncomp.decompress(case, **options, threads=2))
    assert again == whole, "threads"
    draw = Random(zlib.crc32(case))
    sizes = [draw.choice([1, 7, 100, 5000]) for _ in range(4)]
    most = draw.choice([-1, -1, 1000])
    assert outcome(lambda: _in_pieces(case, sizes, most)) == whole, "pieces"

    def by_file() -> bytes:
        with nncomp.NNCompFile(io.BytesIO(case), **options) as file:
            return file.read()

    assert outcome(by_file) == whole, "file"
    infos = outcome(lambda: [*read_frame_infos(io.BytesIO(case), LIMIT)])
    if whole != "error":  # of all frames: a case may be several
        assert infos != "error" and sum(i.content_size for i in infos) == len(whole), "info"


def make_frame(draw: Random) -> bytes:
    return damaged(draw, draw.choice((*frames(), *short(), *primed())))


def make_fields(draw: Random) -> bytes:
    with_blocks = [frame for frame in (*frames()[:-1], primed()[-1]) if len(frame) > 30]
    return damaged_inside(draw, draw.choice(with_blocks))


# Filters


def _split(draw: Random, number: int, content: bytes) -> Split | None:
    if number == SECTIONS:
        stops = sorted({draw.randint(0, len(content)) for _ in range(6)} | {len(content)})
        return sections.take_apart(content, [(stop, draw.randrange(3)) for stop in stops])
    if number != NUMBERS or not content:
        return FILTERS[number].split(content)
    runs, last = [], 0
    while len(content) - last >= 16 and len(runs) < 4:
        width, change = draw.choice([2, 4, 8]), draw.choice(list(Change))
        distance = draw.randint(1, 255) if change == Change.DIFFERENCES else 0
        start = last + draw.randrange(8)
        count = draw.randint(1, (len(content) - start) // width)
        runs.append(Run(start, count, Kind(width, change, distance, draw.randrange(width))))
        last = runs[-1].stop
    return numbers.take_apart(content, runs) if runs else None


def _digits(content: bytes, size: int) -> bytes:
    """Records of it, with addresses and checksums."""
    lines = []
    for at in range(0, len(content), size):
        part = content[at : at + size]
        record = bytes([len(part), at >> 8 & 255, at & 255, 0]) + part
        lines.append(f":{record.hex()}{-sum(record) & 255:02x}\n".encode())
    return b"".join(lines)


def make_joined(draw: Random) -> bytes:
    """A filter, a content, and what may be the streams of one."""
    number = draw.randrange(len(FILTERS))
    content = _content(draw, draw.choice([0, 3, 40, 300]))
    if number == BASE64:
        text, line = base64.letters(content), draw.choice([60, 76, 400])
        end = draw.choice([b"\n", b"\r\n", b"\\n", b"\n "])
        content = end.join(text[i : i + line] for i in range(0, len(text), line))
    if number == QUOTED:
        content = quopri.encodestring(content, draw.random() < 0.5)
    if number == HEX:
        content = draw.choice([_digits(content, draw.choice([8, 16, 100])), content.hex().encode()])
    split = _split(draw, number, content)
    streams = [] if split is None else list(split.streams)
    side = draw.randbytes(draw.choice([0, 0, 0, 1, 9]))
    if split is not None and draw.random() < 0.7:
        side = split.side if draw.random() < 0.3 else damaged(draw, split.side)
    if draw.random() < 0.5:
        streams = [damaged(draw, stream) for stream in streams]
    elif draw.random() < 0.5:
        streams.append(draw.randbytes(draw.randrange(9)))
    entries = {
        "filter": number,
        "content": content.hex(),
        "streams": [stream.hex() for stream in streams],
        "side": side.hex(),
        "size": draw.choice([len(content), len(content), draw.randint(0, 400)]),
    }
    return json.dumps(entries).encode()


def check_joined(case: bytes) -> None:
    """What is split can be joined; whatever is joined is of the size that was asked for."""
    entries = json.loads(case)
    filter, content = FILTERS[entries["filter"]], bytes.fromhex(entries["content"])
    split = filter.split(content)
    if split is not None:
        assert filter.join(split.streams, split.side, len(content)) == content
    streams, side = [bytes.fromhex(s) for s in entries["streams"]], bytes.fromhex(entries["side"])
    joined = outcome(lambda: filter.join(streams, side, entries["size"]))
    assert joined == "error" or len(joined) == entries["size"]


# Blocks, below all checks


def _described(case: bytes) -> tuple[dict[str, Any], Model | None, Mixing]:
    entries = json.loads(case)
    predictor = {"tiny": tiny, "small": small}.get(entries["model"], lambda: None)()
    profile, contexts, period, stride = entries["mixing"]
    mixing = Mixing(Profile(profile), Contexts(contexts), period, stride)
    return entries, predictor, mixing


def _description(draw: Random, largest: int) -> dict[str, Any]:
    """A block to code: model, mixing, lanes, size."""
    name = draw.choice(["none", "tiny", "small"])
    mixing = _mixing(draw)
    fields = [int(mixing.profile), int(mixing.contexts), mixing.period, mixing.stride]
    lanes = 1 if name == "none" else draw.choice([1, 1, 2, 3, 7])
    return {"model": name, "mixing": fields, "lanes": lanes, "size": draw.randint(0, largest)}


def _kernels() -> Iterator[str]:
    """Native code runs with each in turn."""
    for kernel in _native.kernels():
        with mock.patch.dict(os.environ, NNCOMP_KERNEL=kernel):
            yield kernel


def make_content(draw: Random) -> bytes:
    entries = _description(draw, draw.choice([3, 40, 40, 3000]))
    content = _content(draw, entries["size"])
    return json.dumps({**entries, "content": content.hex()}).encode()


def check_content(case: bytes) -> None:
    """Every kernel and number of threads gives the reference's payloads, and the content back."""
    entries, predictor, mixing = _described(case)
    content, lanes = bytes.fromhex(entries["content"]), entries["lanes"]
    expected = None
    if len(content) <= 60:
        expected = reference.encode_block(predictor, content, lanes, mixing)
    for kernel in _kernels():
        for threads in (1, 2):
            payloads = native.encode_block(predictor, content, lanes, mixing, threads=threads)
            expected = expected or payloads
            assert payloads == expected, kernel
            back = native.decode_block(
                predictor, payloads, len(content), mixing, threads=3 - threads
            )
            assert back == content, kernel


def make_payload(draw: Random) -> bytes:
    entries = _description(draw, 40)
    _, predictor, mixing = _described(json.dumps(entries).encode())
    content = _content(draw, entries["size"])
    payloads = native.encode_block(predictor, content, entries["lanes"], mixing)
    which = draw.randrange(len(payloads))
    payloads[which] = (
        draw.randbytes(draw.randrange(60))
        if draw.random() < 0.1
        else damaged(draw, payloads[which])
    )
    if draw.random() < 0.2:
        entries["size"] = draw.randint(0, 60)
    return json.dumps({**entries, "payloads": [p.hex() for p in payloads]}).encode()


def check_payload(case: bytes) -> None:
    """Every kernel and number of threads makes of it what the reference does; and a content has one
    payload a lane."""
    entries, predictor, mixing = _described(case)
    payloads = [bytes.fromhex(p) for p in entries["payloads"]]
    size = entries["size"]
    expected = outcome(lambda: reference.decode_block(predictor, payloads, size, mixing))
    for kernel in _kernels():
        for threads in (1, 2):
            found = outcome(
                lambda n=threads: native.decode_block(predictor, payloads, size, mixing, threads=n)
            )
            assert found == expected, (kernel, threads)
    if expected != "error":
        lanes = len(payloads)
        assert native.encode_block(predictor, expected, lanes, mixing) == payloads


# Models


def make_packed(draw: Random) -> bytes:
    return damaged(draw, draw.choice(_packed_models()))


@functools.cache
def _packed_models() -> tuple[bytes, ...]:
    factors = packing.Factors(
        models.integers(1, 64, -9, 9).reshape(64, 1).astype(np.int8),
        models.integers(2, 64, -9, 9).reshape(64, 1).astype(np.int8),
        7,
    )
    tensors = {name: np.array(tensor) for name, tensor in small().tensors.items()}
    name = "layers.1.up.weight"
    tensors[name] = factors.added_to(tensors[name])
    tensors["head.m"][::7] += 1
    changed = Model.build(SMALL, tensors, "changed")
    return (
        packing.pack(small()).data,
        packing.pack(changed, small(), {name: factors}).data,
        packing.pack(small(), small()).data,
    )


def _usable(found: Model) -> None:
    """A model that was accepted is one for engines, too, and they agree on it."""
    if found.config.stored_size < 1 << 20:
        assert np.array_equal(native.frequencies(found, b"ab"), reference.frequencies(found, b"ab"))


def check_packed(case: bytes) -> None:
    """A model that engines agree on and that can be packed again, or one kind of error."""
    packed = Packed("fuzzed", case)
    try:
        base = None if packing.base_id(packed) is None else small()
        if packing.read_config(packed, base).stored_size > LIMIT:
            return  # files refuse it for its size
        found = packing.unpack(packed, base)
    except ModelError as error:
        assert "\n" not in str(error)
        return
    assert packing.unpack(packing.pack(found), None).id == found.id
    _usable(found)


def make_integers(draw: Random) -> bytes:
    """Shapes and types of tensors, and what may be their payload."""
    encoder = _native.IntegerEncoder()
    tensors = []
    for _ in range(draw.randint(1, 3)):
        dtype = draw.choice(["int8", "int16", "int32", "int64"])
        shape = draw.randint(1, 6), draw.randint(1, 9)
        ends = np.iinfo(dtype)
        low = max(ends.min, -(1 << draw.randrange(61)))
        high = min(ends.max, 1 << draw.randrange(61))
        values = []
        for _ in range(shape[0]):
            step = 1 << draw.choice([0, 0, 1, 4, 9])
            values.append([int(draw.randint(low, high) / step) * step for _ in range(shape[1])])
        kind = draw.randrange(16)
        encoder.put(kind, np.array(values, dtype), np.zeros(shape, dtype))
        tensors.append([kind, dtype, *shape])
    payload = encoder.finish()
    payload = damaged(draw, payload) if draw.random() < 0.8 else draw.randbytes(60)
    return json.dumps({"tensors": tensors, "payload": payload.hex()}).encode()


def check_integers(case: bytes) -> None:
    """Native code and the reference read the same numbers, or both refuse."""
    entries = json.loads(case)

    def read(coder: Any) -> list[list[int]]:
        decoder = coder.IntegerDecoder(bytes.fromhex(entries["payload"]))
        found = []
        for kind, dtype, rows, columns in entries["tensors"]:
            values = np.zeros((rows, columns), dtype)
            decoder.add(kind, values)
            found.append(values.ravel().tolist())
        decoder.finish()
        return found

    assert outcome(lambda: read(_native)) == outcome(lambda: read(reference_integers))


def make_safetensors(draw: Random) -> bytes:
    """A model's file whose header is damaged, with its length mended as a rule; or all of it."""
    data = model.dumps(small())
    size = int.from_bytes(data[:8], "little")
    if draw.random() < 0.2:
        return damaged(draw, data)
    header = data[8 : 8 + size]
    if draw.random() < 0.5:
        entries = json.loads(header)
        _change_json(draw, entries)
        header = json.dumps(entries, separators=(",", ":")).encode()
    else:
        header = damaged(draw, header)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def _change_json(draw: Random, value: Any) -> None:
    """Replace, drop or add something somewhere in lists and dictionaries."""
    odd = [None, True, -1, 0, 1.5, 1 << 70, 1e999, "", "x" * 300, [], {}, [[[0]]], "\ud800"]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = draw.choice(keys)
    inner = value[key]
    if isinstance(inner, (list, dict)) and draw.random() < 0.8:
        _change_json(draw, inner)
    elif draw.random() < 0.2:
        del value[key]
    elif isinstance(inner, int) and draw.random() < 0.7:
        value[key] = inner + draw.choice([-64, -8, -1, 1, 8, 64])
    elif isinstance(inner, str) and draw.random() < 0.7:
        value[key] = damaged(draw, inner.encode()).decode("latin-1")
    else:
        value[key] = draw.choice(odd)


def check_safetensors(case: bytes) -> None:
    """A model that engines agree on and that can be written again, or one kind of error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        path.write_bytes(case)
        try:
            found = model.loads(case)
        except ModelError as error:
            assert "\n" not in str(error)
            with contextlib.suppress(ModelError):
                model.read_header(path)  # which reads less, and may be content
            return
        name, stored, config, _ = model.read_header(path)
    assert (name, stored, config) == (found.name, found.id, found.config)
    assert model.loads(model.dumps(found)).id == found.id
    _usable(found)


# The incremental API


def make_pieces(draw: Random) -> bytes:
    content = b"".join(
        _content(draw, draw.choice([0, 1, 500, BLOCK, 1500])) for _ in range(draw.randint(0, 4))
    )
    entries = {
        "content": content.hex(),
        "sizes": [draw.choice([0, 1, 500, BLOCK, 3000]) for _ in range(3)] + [draw.randint(1, 999)],
        "packed_sizes": [draw.choice([1, 2, 30, 400, 9999]) for _ in range(3)],
        "most": draw.choice([-1, 1, 100, 4000]),
        "threads": draw.randint(1, 3),
        "model": draw.choice(["none", "fuzzed"]),
    }
    return json.dumps(entries).encode()


def check_pieces(case: bytes) -> None:
    """However content and file are cut, the bytes are those of the one-shot functions."""
    entries = json.loads(case)
    content = bytes.fromhex(entries["content"])
    options = {"model": entries["model"], "block_size": BLOCK}
    packed = nncomp.compress(content, **options)
    compressor = NNCompressor(threads=entries["threads"], **options)
    parts, position, turn = [], 0, 0
    while position < len(content):
        size = entries["sizes"][turn % len(entries["sizes"])]
        parts.append(compressor.compress(content[position : position + size]))
        position, turn = position + size, turn + 1
    assert b"".join([*parts, compressor.flush()]) == packed
    assert _in_pieces(packed, entries["packed_sizes"], entries["most"]) == content
    assert nncomp.decompress(packed, threads=2) == content


TARGETS = {
    "frame": Target(make_frame, check_frame, 1500),
    "fields": Target(make_fields, check_frame, 1500),
    "joined": Target(make_joined, check_joined, 3000),
    "payload": Target(make_payload, check_payload, 120),
    "content": Target(make_content, check_content, 100),
    "packed": Target(make_packed, check_packed, 1000),
    "integers": Target(make_integers, check_integers, 2000),
    "safetensors": Target(make_safetensors, check_safetensors, 1500),
    "pieces": Target(make_pieces, check_pieces, 100),
}
