"""The golden corpus: ``python tests/golden/files.py`` writes the .nnc files beside this script.

What a file's name begins with is the expected result: ``good-`` gives the content whose size and
digest are in files.json, ``bad-`` is an error for ever, ``unsupported-`` one that a later version
may read. Those whose name goes on with ``primed`` need ``PRIME``. They freeze format version 26 and
arithmetic version 1: new files may be added, but none that was released is ever written again, so
this script leaves alone what is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import io
import itertools
import json
import quopri
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import models
from nncomp import compress, container, decompress, packing
from nncomp.container import Block, FrameWriter, Header, ModelRef, Packed
from nncomp.engine import native, reference
from nncomp.errors import FormatError, ModelError
from nncomp.filters import (
    FILTERS,
    arm64,
    base64,
    copies,
    deflate,
    gif,
    hexadecimal,
    jpeg,
    numbers,
    quoted,
    repeat,
    x86,
)
from nncomp.filters.numbers import Change, Kind, Run
from nncomp.mixing import Contexts, Mixing, NumberKind, Profile
from nncomp.model import Model
from nncomp.network import FeedForward, ModelConfig, Table
from nncomp.plan import Copies, Joined, Part, Plan, Stream, layout, order
from nncomp.prime import Prime

HERE = Path(__file__).parent
KIB = 1 << 10
TEXT, NOISE = models.text(700), models.noise(300)
L16, L24 = base64.letters(NOISE[:12]), base64.letters(NOISE[:18])
H4, H8 = NOISE[:4].hex().encode(), NOISE[:8].hex().encode()
HEAD = compress(b"")[:9]  # of the rich profile
PRIME = Prime(models.text(2000)[300:])
PRIMED_HEAD = HEAD[:6] + bytes([HEAD[6] | 0x80]) + HEAD[7:] + PRIME.digest
RICH, LEAN = Mixing(Profile.RICH), Mixing(Profile.LEAN)
RECORDS = Mixing(Profile.RICH, Contexts.RECORDS, period=13)


def golden_model() -> Model:
    """The model of the whole corpus, as small as models can be; one file brings it along."""
    return models.natural(models.pairs(64, 4, 16, 64, (64,), ()))


def table_model() -> Model:
    """One of few weights, beside a hashed table and one of known contexts."""
    tables = (Table("3", 8, 16, 16, 0), Table("word", 8, 16, 48, 8))
    model = models.natural(ModelConfig(1, 64, (FeedForward(64),), tables), head_m=1 << 29)
    own = {name: t // 40 if t.dtype == np.int8 else t for name, t in model.tensors.items()}  # small
    return Model.build(model.config, own, "tables")


def changed(base: Model) -> tuple[Model, dict[str, packing.Factors]]:
    """The model a little different: by factors, and by numbers of every kind of tensor."""
    tensors = {name: np.array(tensor) for name, tensor in base.tensors.items()}
    factors = {}
    for seed, name in enumerate(("layers.1.up.weight", "head.weight")):
        rows, columns = tensors[name].shape
        left = models.integers(seed + 1, 2 * rows, -3, 3).reshape(rows, 2).astype(np.int8)
        right = models.integers(seed + 9, 2 * columns, -3, 3).reshape(columns, 2).astype(np.int8)
        factors[name] = packing.Factors(left, right, 7 + 3 * seed)
        tensors[name] = factors[name].added_to(tensors[name])
    tensors["layers.0.qkv.weight"][::9, 3] //= 2
    tensors["layers.0.attn.bias"][1] += 5
    tensors["head.m"][7:40] += 1 << 10
    tensors["norm.c"] += 1
    return Model.build(base.config, tensors, "changed"), factors


def expected(predictor: Model, size: int) -> bytes:
    """What the model expects, byte by byte, with a surprise now and then."""
    network, out = reference.Network(predictor, 1), bytearray()
    for i in range(size):
        said = network.step([out[-1] if i else reference.network.START])
        out.append(int(said.frequencies[0].argmax()) ^ (i & 255 if i % 40 == 39 else 0))
    return bytes(out)


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def sealed(head: bytes, *records: bytes) -> bytes:
    """A frame of ``records``, each with the check that it needs."""
    out, covered = head, head
    for record in records:
        check = u32(zlib.crc32(covered + record))
        out, covered = out + record + check, check
    return out


def end(*blocks: tuple[bytes, int], count: int | None = None) -> bytes:
    """The end record for (record without check, content size) pairs."""
    body = b"\0" + varint(len(blocks) if count is None else count)
    for record, size in blocks:
        body += varint(len(record) + 4) + varint(size)
    return body + varint(2 * len(body))[::-1]


def raw(content: bytes, plan: bytes, payload: bytes, size: int | None = None) -> bytes:
    """A block without network, but for its check; ``size`` in place of the content's."""
    head = b"\1" + varint(len(content) if size is None else size) + varint(len(plan)) + plan
    lead = u32(container.lead_checksum(content)) if len(content) > container.LEAD_SIZE else b""
    return head + varint(len(payload)) + lead + u32(zlib.crc32(content)) + payload


def stored(content: bytes) -> bytes:
    return raw(content, STORED, content)


STORED = b"\0\0"  # a plan: no filter, one stream, as it is


def block(content: bytes, *streams: Part, number: int = 0, side: bytes = b"") -> Block:
    checks = zlib.crc32(content), container.lead_checksum(content)
    return layout.dumps(Plan(streams, number, side), len(content), *checks)


def mix(stream: bytes, mixing: Mixing) -> Stream:
    return Stream(len(stream), tuple(native.encode_block(None, stream, 1, mixing)), mixing)


def network(predictor: Model, stream: bytes, mixing: Mixing, lanes: int = 1) -> Stream:
    payloads = native.encode_block(predictor, order.spread(stream, lanes), lanes, mixing)
    return Stream(len(stream), tuple(payloads), mixing, True)


def as_it_is(stream: bytes) -> Stream:
    return Stream(len(stream), (stream,))


def changed_streams(stream: Stream, *payloads: bytes) -> Stream:
    return dataclasses.replace(stream, payloads=payloads)


def long(known: bytes) -> bytes:
    """One byte more than a multiple of four, and more than a lead: lines that differ a little."""
    lines = [known[:80] + b"%d" % i for i in range(0, 5000, 7)]
    return b"".join(lines * 2)[:100_001]


def records(count: int) -> bytes:
    """Of 13 bytes, with some noise."""
    noise = models.noise(2 * count)
    return b"".join(bytes(5) + b"ab" + bytes([i & 255, 7, noise[i] & 3, noise[-i], 0, i >> 4])
                    for i in range(count))  # fmt: skip


def program(count: int) -> bytes:
    """Calls of x86 and ARM64 of a few functions, at the very ends too."""
    out = b""
    for i in range(count):
        x86 = b"\xe8" + (1000 * (i % 3) - len(out) & 0xFFFFFFFF).to_bytes(4, "little")
        arm64 = (0x94000000 | 500 * (i % 5) - len(out) // 4 & 0x3FFFFFF).to_bytes(4, "little")
        out += x86 + b"\x90\x48\x89" + arm64
    return out + b"\xe8\xff\xff\xff"


def floats(kind: NumberKind, count: int) -> bytes:
    """Numbers that grow, fall and change their sign, among them some that are none, 0, and huge."""
    noise = models.noise(count)
    out = b""
    for i in range(count):
        v = (i % 40 - 19) * (i % 40 - 31) * (40 + noise[i] % 3) / 64
        if kind == NumberKind.IBM32:
            digits = abs(int(v * 256))
            size = -(-digits.bit_length() // 4)
            bits = (62 + size << 24) | digits << 24 - 4 * size if digits else 0
            out += (bits | (v < 0) << 31).to_bytes(4, "big")
        elif kind.base == 0:
            out += int(v * 999).to_bytes(kind.width, "big", signed=True)
        else:
            v = {3: 0.0, 4: float("inf"), 5: -float("inf"), 6: 1e-40, 7: -3e38}.get(i, v)
            out += struct.pack(">f" if kind == NumberKind.FLOAT32 else ">d", v)
    return out


def picture(width: int, height: int) -> bytes:
    """Pixels of three bytes."""
    return bytes(x // 2 + y * c + (x * y & 3) & 255
                 for y in range(height) for x in range(width) for c in range(3))  # fmt: skip


def mixings() -> Iterator[tuple[bytes, Mixing]]:
    """Streams, and ways to code them."""
    texts = [
        models.text(3000),
        models.text(900),
        "Größe, 圧縮\n".encode() * 20,
        b"\n\n a",
        b"xyzxyzxy",
    ]
    for content in texts:
        yield content, RICH
    for contexts in [c for c in Contexts if c != Contexts.FLOATS]:
        for content in (records(150), program(80), models.text(300)):
            for period in (4, 13, 65535):
                wide = contexts == Contexts.WIDE
                stride = 2 if wide else 1
                yield (
                    content,
                    Mixing(Profile.RICH, contexts, period=period & -stride, stride=stride),
                )
    for contexts in (Contexts.CODE, Contexts.X86):
        yield program(150), Mixing(Profile.RICH, contexts)
        yield program(150)[3:], Mixing(Profile.RICH, contexts)
    for stride in (1, 2, 3, 4, 8):
        for period in (90, 9):
            yield (
                picture(30, 12),
                Mixing(Profile.RICH, Contexts.PICTURE, period=period, stride=stride),
            )
    for period, stride in ((90, 6), (4, 2), (8, 4), (1000, 8)):
        yield (
            picture(30, 12),
            Mixing(Profile.RICH, Contexts.WIDE, period=period, stride=stride),
        )

    for kind in NumberKind:
        for count in (1, 10) if kind == NumberKind.FLOAT32 else (4,):
            mixing = Mixing(Profile.RICH, Contexts.FLOATS, count * kind.width, kind)
            yield floats(kind, 64 // kind.width), mixing


def mixings_of_max() -> Iterator[tuple[bytes, Mixing]]:
    """Contents, and how each is mixed with the max profile: every third of the rich one."""
    for content, mixing in itertools.islice(mixings(), 0, None, 3):
        yield content, dataclasses.replace(mixing, profile=Profile.MAX)
    fields = b"a,12;b,3;c\n" * 20, b"," * 90 + b"\n" + b"," * 99
    for content in (*fields, b"f(a[1], {b: <c>}) " * 12):
        yield content, Mixing(Profile.MAX)


def mixings_of_lean() -> Iterator[tuple[bytes, Mixing]]:
    for content in (models.text(3000), records(150), program(80), b"\n\n a a a"):
        for period in (0, 13, 65535):
            yield content, Mixing(Profile.LEAN, Contexts.GENERAL, period)


def frame(header: Header, ref: ModelRef, *blocks: Block) -> bytes:
    dst = io.BytesIO()
    writer = FrameWriter(dst, header)
    for written in blocks:
        first = written.network and not writer.has_network
        writer.write(written, ref if first else None)
    writer.end()
    return dst.getvalue()


def unpacked(data: bytes, base: Model) -> Model:
    return packing.unpack(Packed("other-end", data), base)


def other_end(payload: bytes, decode: Callable[[bytes], object]) -> bytes:
    """A payload that stands for the same symbols and is not the one that an encoder writes.

    Raises ``LookupError`` where every last byte is another content.
    """
    for last in range(256):
        forged = payload[:-1] + bytes([last])
        try:
            decode(forged)
        except (FormatError, ModelError) as error:
            if last and "left over" in str(error):
                return forged
    raise LookupError("every last byte is another content")


def other_primed_end() -> tuple[int, bytes]:
    """Likewise of the longest piece of ``TEXT`` that has one, behind ``PRIME``; and its size."""
    for size in range(len(TEXT), 0, -1):
        (payload,) = behind(None, TEXT[:size], 1).payloads

        def decode(p: bytes, size: int = size) -> bytes:
            return native.decode_block(None, [p], size, RICH, prime=PRIME)

        with contextlib.suppress(LookupError):
            return size, other_end(payload, decode)
    raise LookupError("no piece has one")


def filtered(*, lean: bool = False) -> Iterator[tuple[bytes, Block]]:
    """Contents, and a block with each filter, its stream stored and coded."""
    general = LEAN if lean else RICH
    for module, contexts in ((x86, Contexts.X86), (arm64, Contexts.CODE)):
        for content in (
            program(150),
            program(150)[3:],
            b"\xe8\0\0\0\0",
            b"\0\0\0\x94" * 3,
            b"\xe8",
        ):
            (stream,) = module.split(content).streams
            mixing = general if lean else Mixing(Profile.RICH, contexts)
            number = FILTERS.index(module)
            yield content, block(content, as_it_is(stream), number=number)
            if len(content) > 100:
                yield content, block(content, mix(stream, mixing), number=number)
                yield content, block(content, mix(stream, general), number=number)
    number = FILTERS.index(repeat)
    for pattern, size in ((b"ab", 9), (b"a", 2), (TEXT, 701), (TEXT, 3000)):
        content = (pattern * size)[:size]
        yield content, block(content, as_it_is(pattern), number=number)
        if len(pattern) > 100:
            yield content, block(content, mix(pattern, general), number=number)


def deflated() -> Iterator[bytes]:
    """Contents with deflate streams: as zlib makes them, as others do, wrapped in all ways."""
    for name in ("7zip-9", "isal-2", "zopfli"):
        yield HERE.parent.joinpath("deflate", name).read_bytes()
    yield gzip.compress(TEXT, 9, mtime=0) + b"between" + zlib.compress(TEXT, 1) + TEXT
    coder = zlib.compressobj(4, zlib.DEFLATED, -9, 1, zlib.Z_FILTERED)
    text = models.text(3000)
    yield coder.compress(text[:2000]) + coder.flush(zlib.Z_SYNC_FLUSH) + coder.flush()
    yield gzip.compress(NOISE + text + NOISE, 6, mtime=0)
    chunks = zlib.compress(records(400), 6)
    parts = [b"IDAT" + part for part in (chunks[:600], chunks[600:1200], chunks[1200:])]
    checked = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    yield b"a picture" + b"".join(checked) + b"IEND"
    yield models.text(4000) + rows_of_pixels()


def rows_of_pixels() -> bytes:
    """Pictures whose rows have all filters, of 8 and of 16 bits."""
    pictures = []
    for width, depth, colours, pixel in ((37, 8, 2, 3), (40, 16, 4, 4)):
        row = width * pixel + 1
        content = bytearray(b & 1 for b in models.noise(row * 50))
        content[::row] = bytes(i % 5 for i in range(50))
        head = struct.pack(">4sIIBBBBB", b"IHDR", width, 50, depth, colours, 0, 0, 0)
        pictures += [head, b"IDAT" + zlib.compress(bytes(content), 9), b"IEND"]
    return b"".join(
        struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in pictures
    )


def across() -> Iterator[tuple[bytes, deflate.Inside | None]]:
    """A stream's beginning, a piece from inside of it, and its end."""
    data = gzip.compress(models.text(30_000), 3, mtime=0)
    for start, end in ((0, 5000), (301, 7000), (1000, len(data))):
        yield data[start:end], deflate.follow(data[:start], None)


def undone() -> Iterator[tuple[bytes, Block]]:
    """Those contents, and a block for each."""
    for content, inside in (*((content, None) for content in deflated()), *across()):
        split = deflate.split(content, inside)
        assert split is not None
        streams = map(shorter, split.streams)
        yield content, block(content, *streams, number=FILTERS.index(deflate))


def apart() -> Iterator[tuple[bytes, Block]]:
    """Numbers of all widths and changes, alone, in a program, and of several kinds."""
    content = b"".join(i.to_bytes(8, "little") for i in range(7, 1 << 17, 999)) + program(20)
    kinds = [Kind(width) for width in (2, 4, 8)]
    kinds += [Kind(width, Change.ROTATED, 0, width - 1) for width in (2, 4, 8)]
    kinds.append(Kind(3, Change.SWAPPED))
    kinds += [Kind(w, Change.DIFFERENCES, d, 1) for w, d in ((2, 4), (4, 2), (8, 1), (8, 255))]
    for kind in kinds:
        split = numbers.take_apart(content, [Run(3, 900 // kind.width, kind)])
        yield content, block(content, *map(shorter, split.streams), number=5, side=split.side)
    runs = [Run(0, 40, kinds[2]), Run(330, 70, kinds[4]), Run(611, 9, kinds[2])]
    split = numbers.take_apart(content, runs)
    rest, *others = map(shorter, split.streams)
    for number in (0, 2, 3):
        first = filtered_once(split.streams[0], number) if number else rest
        yield content, block(content, first, *others, number=5, side=split.side)


def filtered_once(stream: bytes, number: int) -> Joined:
    split = FILTERS[number].split(stream)
    assert split is not None
    return Joined(len(stream), (*map(shorter, split.streams),), number, split.side)


def nested() -> Iterator[tuple[bytes, Block]]:
    """Deflate in deflate in base64, beside other things; and as many filters as there may be."""
    inner = b"inner" + zlib.compress(TEXT, 9) + NOISE[:9] + zlib.compress(program(40))
    outer = zlib.compress(inner * 2, 0)
    content = b"content: " + base64.letters(outer) + b"."
    made, opened = base64.split(content), deflate.split(outer)
    assert made is not None and opened is not None
    parts = [filtered_once(s, 4) if deflate.split(s) else as_it_is(s) for s in opened.streams]
    bytes_ = Joined(len(outer), (*parts,), 4)
    yield content, block(content, *map(as_it_is, made.streams[:2]), bytes_, number=7)
    content = part = program(9)
    for _ in range(6):
        part = x86.split(part).streams[0]
    chain: Part = as_it_is(part)
    for _ in range(5):
        chain = Joined(len(content), (chain,), 2)
    yield content, block(content, chain, number=2)


def shorter(stream: bytes) -> Stream:
    """Coded, where that is shorter."""
    coded = mix(stream, RICH) if len(stream) > 50 else as_it_is(stream)
    return coded if coded.stored_size < len(stream) else as_it_is(stream)


def pictures() -> Iterator[tuple[bytes, Block]]:
    """JPEG pictures, alone, in two blocks, and between deflate streams."""
    one, two, three = (
        HERE.parent.joinpath("jpeg", f"{name}.jpg").read_bytes()
        for name in ("420", "progressive", "restarts")
    )
    between = zlib.compress(TEXT) + three + zlib.compress(TEXT, 1)
    followed = jpeg.follow(one[:1400], 0, None)
    assert followed is not None
    end, inside = followed
    first, second = one[:end], one[end:]
    for content in (first, second, two, between):
        split = jpeg.split(content, inside if content is second else None)
        assert split is not None
        rest, coded = split.streams
        around = filtered_once(rest, 4) if deflate.split(rest) else shorter(rest)
        yield content, block(content, around, as_it_is(coded), number=6, side=split.side)


def letters() -> Iterator[tuple[bytes, Block]]:
    """Base64 in one line, in lines with different ends, and of two runs."""
    text = base64.letters(TEXT)
    for first, line, end in ((76, 76, b"\r\n"), (64, 64, b"\\n"), (61, 77, b"\n "), (940, 1, b"")):
        lines = [text[:first], *(text[i : i + line] for i in range(first, len(text), line))]
        content = b"what it is: " + end.join(lines) + b" and " + base64.letters(NOISE) + b"."
        split = base64.split(content)
        assert split is not None
        yield content, block(content, *map(shorter, split.streams), number=7)


def digits() -> Iterator[tuple[bytes, Block]]:
    """Hexadecimal text: a string; a dump with addresses and a column of text; records with
    checksums."""
    dump = "".join(
        f"{at + 0xFFF8:06x}: {line.hex(' ')}  {line.decode()}\n"
        for at, line in ((at, TEXT[at : at + 14]) for at in range(0, 420, 14))
    )
    records = ""
    for at in range(0, 160, 8):
        record = bytes([8, at >> 8, at & 255, 0]) + NOISE[at : at + 8]
        records += f":{record.hex().upper()}{-sum(record) & 255:02X}\n"
    for text in (f"X'{NOISE.hex()}'", f"dump:\n{dump}{records}", records + NOISE.hex().upper()):
        content = text.encode()
        split = hexadecimal.split(content)
        assert split is not None
        yield content, block(content, *map(shorter, split.streams), number=8)


def quotes() -> Iterator[tuple[bytes, Block]]:
    """Quoted-printable text as it is expected; in short lines that end otherwise, behind a line."""
    text = TEXT.replace(b"e", b"\xe9") + b"\n"
    lines = (TEXT[i : i + 40].replace(b"e", b"=E9") for i in range(0, len(TEXT), 40))
    words = b"".join(line + (b"=\r\n" if b"z" in line else b"\r\n") for line in lines)
    for content in (quopri.encodestring(text), b'a="mail":\n\n' + words + b"\r\n."):
        split = quoted.split(content)
        assert split is not None
        yield content, block(content, *map(shorter, split.streams), number=9)


def numbered(*numbers: int) -> Stream:
    return as_it_is(b"".join(map(varint, numbers)))


def again() -> Iterator[tuple[bytes, Block]]:
    """Content that has parts of itself again: at once, of a copy, at its end; and found."""
    content = TEXT[:90] + TEXT[:90] + b"abc" + TEXT[20:60] + TEXT[80:90]
    places = numbered(90, 90, 90, 3, 40, 73, 0, 10, 53)
    yield content, block(content, as_it_is(TEXT[:90] + b"abc"), places, number=10)
    content = b"some" + models.noise(1300) + b"and" + models.noise(1200) + b"more"
    split = copies.split(content)
    assert split is not None
    yield content, block(content, *map(as_it_is, split.streams), number=10)


def far() -> Iterator[tuple[bytes, Block]]:
    """Contents, and blocks of which some copy from the first two."""
    yield TEXT, block(TEXT, as_it_is(TEXT))
    yield NOISE, block(NOISE, as_it_is(NOISE))
    code = program(40)
    both = numbered(0, 90, 0, 0, 0, 500, 1, 200, 3, 20, 1, 2 * 600 - 1)
    for content, literals, plan in (
        (TEXT, b"", Copies((2,), 0, numbered(0, 700, 0, 0))),
        (NOISE[:90] + TEXT[100:600] + b"abc" + TEXT[:20] + b"d", b"abcd", Copies((2, 3), 4, both)),
        (TEXT[:600] + code, code, Copies((4,), len(code), numbered(0, 600, 0, 0))),
    ):
        checks = zlib.crc32(content), container.lead_checksum(content)
        number = FILTERS.index(x86) if len(literals) > 100 else 0
        stream = as_it_is(FILTERS[number].split(literals).streams[0])
        assert plan.literals == len(literals)
        yield content, layout.dumps(Plan((stream,), number, copies=plan), len(content), *checks)


def good(predictor: Model) -> Iterator[tuple[str, bytes, bytes]]:
    """(name, file, content)"""
    known = expected(predictor, 2000)
    ref = ModelRef(predictor.id, predictor.name)
    small, lean = Header(KIB, 1, 1), Header(KIB, 1, 1, Profile.LEAN)
    yield "empty", compress(b""), b""
    yield "stored", sealed(HEAD, stored(NOISE), end((stored(NOISE), len(NOISE)))), NOISE
    yield "stored-1-byte", sealed(HEAD, stored(b"x"), end((stored(b"x"), 1))), b"x"
    record = stored(bytes(500))  # no encoder of ours would
    yield "stored-zeros", sealed(HEAD, record, end((record, 500))), bytes(500)
    yield "repeat", compress(b"abc" * 1000), b"abc" * 1000
    yield "repeat-1000000", compress(bytes(1_000_000)), bytes(1_000_000)
    part = known[:600]
    for name, header, mixing in (("network", small, RICH), ("network-lean", lean, LEAN)):
        yield name, frame(header, ref, block(part, network(predictor, part, mixing))), part
    yield from small_frames(predictor)
    yield "network-embedded", compress(part, model=predictor, embed_model=True), part
    tuned, factors = changed(predictor)
    packed = packing.pack(tuned, predictor, factors)
    lent = ModelRef(tuned.id, tuned.name, packed.data)
    yield "network-change", frame(small, lent, block(part, network(tuned, part, RICH))), part
    tabled = table_model()
    lent = ModelRef(tabled.id, tabled.name, packing.pack(tabled).data)
    text = expected(tabled, 600)
    yield "network-tables", frame(small, lent, block(text, network(tabled, text, RICH))), text
    for name, profile, ways in (
        ("mix", Profile.RICH, [*mixings()]),
        ("mix-lean", Profile.LEAN, [*mixings_of_lean()]),
        ("mix-max", Profile.MAX, [*mixings_of_max()]),
    ):
        streams = [(content, mix(content, mixing)) for content, mixing in ways]
        blocks = [(c, block(c, s)) for c, s in streams if s.stored_size < s.size]
        assert len(blocks) > len(ways) * 3 // 4
        file = frame(Header(4 * KIB, 1, 1, profile), ref, *(b for _, b in blocks))
        yield name, file, b"".join(c for c, _ in blocks)
    for name, profile in (("filters", Profile.RICH), ("filters-lean", Profile.LEAN)):
        pairs = [*filtered(lean=profile == Profile.LEAN)]
        file = frame(Header(4 * KIB, 1, 1, profile), ref, *(b for _, b in pairs))
        yield name, file, b"".join(c for c, _ in pairs)
    pairs = [*undone()]
    file = frame(Header(8 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "deflate", file, b"".join(c for c, _ in pairs)
    pairs = [*apart()]
    file = frame(Header(2 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "numbers", file, b"".join(c for c, _ in pairs)
    pairs = [*pictures()]
    file = frame(Header(8 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "jpeg", file, b"".join(c for c, _ in pairs)
    pairs = [*nested()]
    file = frame(Header(4 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "nested", file, b"".join(c for c, _ in pairs)
    pairs = [*letters()]
    file = frame(Header(2 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "base64", file, b"".join(c for c, _ in pairs)
    pairs = [*digits()]
    file = frame(Header(4 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "hex", file, b"".join(c for c, _ in pairs)
    pairs = [*quotes()]
    file = frame(Header(4 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "quoted", file, b"".join(c for c, _ in pairs)
    pairs = [*again()]
    file = frame(Header(4 * KIB, 1, 1), ref, *(b for _, b in pairs))
    yield "copies", file, b"".join(c for c, _ in pairs)
    side = b"\0\2\1\1\0\2"
    pair = block(b"ab.cd", as_it_is(b"abcd"), as_it_is(b"."), number=11, side=side)
    yield "sections", frame(Header(KIB, 1, 1), ref, pair), b"ab.cd"
    content = HERE.parent.joinpath("gif", "frames.gif").read_bytes()
    made = gif.split(content)
    assert made is not None
    picture = block(content, *map(shorter, made.streams), number=12)
    yield "gif", frame(Header(2 * KIB, 1, 1), ref, picture), content
    pairs = [*far()]
    file = frame(Header(4 * KIB, 1, 1, reach=container.REACHES[1]), ref, *(b for _, b in pairs))
    yield "far", file, b"".join(c for c, _ in pairs)
    yield "x86", compress(program(1500), model="none"), program(1500)
    large = models.text(20_000) + records(1000) + models.text(7000)
    yield "mix-40000", frame(Header(64 * KIB, 1, 1), ref, block(large, mix(large, RICH))), large
    many = compress(known, model=predictor, block_size=KIB)
    yield "blocks", many, known
    for level in (1, 5):
        none = compress(TEXT * 3 + known, level, model="none")
        yield f"no-model-{level}", none, TEXT * 3 + known
    content = known[:1023]
    lanes = block(content, network(predictor, content, RECORDS, 4))
    yield "lanes", frame(Header(KIB, 4, 1), ref, lanes), content
    content = known[:1490]
    wide = block(content, network(predictor, content, RICH, 64))
    yield "lanes-64", frame(Header(2 * KIB, 128, 1), ref, wide), content
    content = known[:KIB]
    wide = block(content, network(predictor, content, LEAN, 128))
    yield "lanes-128", frame(Header(KIB, 128, 1, Profile.LEAN), ref, wide), content
    content = long(known)
    header = Header(128 * KIB, 4, 1)  # four lanes for the content
    yield "lead", frame(header, ref, block(content, mix(content, RICH))), content
    of_lanes = block(content, network(predictor, content, RICH, 4))
    yield "lead-of-lanes", frame(header, ref, of_lanes), content
    (calls,) = x86.split(program(60)).streams
    parts = [NOISE, TEXT, known[:700], b"ababababa", known[700:1724], program(60), b"z"]
    mixed = frame(
        Header(KIB, 2, 1),
        ref,
        block(NOISE, as_it_is(NOISE)),
        block(TEXT, mix(TEXT, RICH)),
        block(parts[2], network(predictor, parts[2], RICH)),
        block(parts[3], as_it_is(b"ab"), number=FILTERS.index(repeat)),
        block(parts[4], network(predictor, parts[4], RECORDS, 2)),
        block(parts[5], network(predictor, calls, RICH), number=FILTERS.index(x86)),
        block(b"z", as_it_is(b"z")),
    )
    content = b"".join(parts)
    yield "kinds", mixed, content
    largest = sealed(HEAD[:8] + b"\xf0", stored(TEXT), end((stored(TEXT), len(TEXT))))
    yield "geometry-64MiB", largest, TEXT
    noisy = compress(NOISE, model=predictor, block_size=KIB)
    frames = [(compress(b""), b""), (mixed, content), (noisy, NOISE), (largest, TEXT)]
    yield "frames", b"".join(f for f, _ in frames), b"".join(c for _, c in frames)
    yield from primed(predictor)


def small_frames(predictor: Model) -> Iterator[tuple[str, bytes, bytes]]:
    """In every form, by encoders and by hand."""
    ref, known = ModelRef(predictor.id, predictor.name), expected(predictor, 900)
    yield "small-stored", compress(NOISE), NOISE
    yield "small-1-byte", compress(b"x"), b"x"
    for level in (1, 2, 9):
        yield f"small-{level}", compress(TEXT, level, model="none"), TEXT
    wide = Header(1 << 22, 8, 1)
    for name, part in (("small-network", known), ("small-network-40-bytes", known[:40])):
        yield name, short(wide, block(part, network(predictor, part, RICH)), ref), part
    for name, coded in (
        ("small-planned", block(records(60), mix(records(60), RECORDS))),
        ("small-planned-network", block(records(60), network(predictor, records(60), RECORDS))),
        ("small-planned-stored", block(b"ababa", as_it_is(b"ab"), number=FILTERS.index(repeat))),
    ):
        content = b"ababa" if name.endswith("stored") else records(60)
        yield name, short(wide, coded, ref if coded.network else None), content
    many = short(wide, block(known, network(predictor, known, RICH)), ref)
    yield "small-frames", many + compress(b"") + compress(NOISE) + many, known + NOISE + known


def short(header: Header, written: Block, ref: ModelRef | None) -> bytes:
    made = container.small_frame(header, written, ref)
    assert made is not None
    return made


def bad_small(predictor: Model) -> Iterator[tuple[str, bytes]]:
    """What only frames without a prime can have wrong."""
    content = records(60)
    coded = block(content, mix(content, RECORDS))
    whole = short(Header(1 << 22, 8, 1), coded, None)
    size = varint(len(content))

    def planned(kind: int, plan: bytes, payload: bytes, size: bytes = size) -> bytes:
        fields = size + varint(len(plan)) + plan + varint(len(payload)) + payload
        made = whole[:5] + bytes([kind]) + (predictor.id[:4] if kind == 2 else b"") + fields
        made += varint(2 * len(made) + 1)[::-1]
        return made + u32(zlib.crc32(content + made))

    assert planned(1, coded.plan, coded.payload) == whole
    yield "small-plan-size-0", planned(1, b"", coded.payload)
    yield "small-type-of-network", planned(2, coded.plan, coded.payload)
    (payload,) = mix(content, RICH).payloads
    yield "small-plan-needless", planned(1, b"\0\x10\0", payload)
    yield "small-plan-needless-stored", planned(1, b"\0\0", content)
    (payload,) = network(predictor, content, RICH).payloads
    yield "small-plan-needless-network", planned(2, b"\0\x20\0", payload)
    yield "small-type-of-none", planned(1, b"\0\x21\x0d", payload)
    yield "small-copies", planned(1, b"\x40\0\0\1\0\0", content[:1])
    yield "small-primed", planned(1, b"\0\x50", coded.payload)
    for cut in (1, 4, 6, 8, len(whole) - 5):
        yield f"small-cut-{cut}", whole[:cut]
    named = short(
        Header(1 << 22, 8, 1),
        block(content, network(predictor, content, RICH)),
        ModelRef(predictor.id, predictor.name),
    )
    yield "small-cut-model", named[:8]
    yield "small-size", planned(1, coded.plan, coded.payload, varint(len(content) - 1))


def primed(predictor: Model) -> Iterator[tuple[str, bytes, bytes]]:
    """Small frames and others, which go on from the prime."""
    ref, known = ModelRef(predictor.id, predictor.name), expected(predictor, 900)
    for level in (1, 2, 9):
        yield f"primed-small-{level}", compress(TEXT, level, model="none", prime=PRIME), TEXT
    yield "primed-small-stored", compress(NOISE, prime=PRIME), NOISE
    yield "primed-small-1-byte", compress(b"x", prime=PRIME), b"x"
    yield "primed-empty", compress(b"", prime=PRIME), b""
    wide = Header(1 << 22, 8, 1, prime=PRIME.digest)
    yield "primed-small-network", short(wide, block(known, behind(predictor, known, 1)), ref), known
    without = block(TEXT, mix(TEXT, RICH))
    yield "primed-small-without", short(wide, without, None), TEXT
    header = Header(KIB, 4, 1, prime=PRIME.digest)
    of_lanes = block(known, behind(predictor, known, 4))
    yield "primed-lanes", frame(header, ref, of_lanes), known
    one = Header(KIB, 1, 1, Profile.MAX, prime=PRIME.digest)
    alone = block(TEXT, behind(None, TEXT, 1, Profile.MAX))
    joined = block(TEXT, behind(predictor, TEXT, 1, Profile.MAX))
    others = block(NOISE, as_it_is(NOISE)), block(TEXT, mix(TEXT, Mixing(Profile.MAX)))
    mixed = frame(one, ref, alone, joined, *others)
    yield "primed-blocks", mixed, TEXT + TEXT + NOISE + TEXT
    small = compress(TEXT, prime=PRIME, model="none")
    yield (
        "primed-frames",
        small + compress(NOISE) + small + mixed,
        (TEXT + NOISE + TEXT + TEXT + TEXT + NOISE + TEXT),
    )


def behind(
    predictor: Model | None, stream: bytes, lanes: int, profile: Profile = Profile.RICH
) -> Stream:
    how = Mixing(profile)
    payloads = native.encode_block(predictor, stream, lanes, how, prime=PRIME)
    return Stream(len(stream), tuple(payloads), how, predictor is not None, True)


def bad_primed() -> Iterator[tuple[str, bytes]]:
    whole = compress(TEXT, prime=PRIME, model="none")
    size = len(TEXT)

    def small(
        *, method: int = whole[4], prime: bytes = whole[5:9], sizes: bytes, rest: bytes
    ) -> bytes:
        frame = whole[:4] + bytes([method]) + prime + sizes + rest
        return ended(frame)

    def ended(frame: bytes) -> bytes:
        frame += varint(2 * len(frame) + 1)[::-1]
        return frame + u32(zlib.crc32(TEXT + frame))

    (payload,) = behind(None, TEXT, 1).payloads
    sizes = varint(size) + varint(len(payload))
    assert small(sizes=sizes, rest=payload) == whole
    yield "primed-without-name", sealed(HEAD, *closed(TEXT, b"\0\x50", payload))
    yield "primed-other", compress(TEXT, prime=b"another one")
    yield "primed-other-small", small(prime=bytes(4), sizes=sizes, rest=payload)
    yield "primed-other-digest", sealed(PRIMED_HEAD[:-1] + b"x", b"\3" + end()[1:])
    yield "primed-end", sealed(PRIMED_HEAD, end())
    yield "primed-end-of-none", sealed(HEAD, b"\3" + end()[1:])
    yield "primed-check", whole[:-1] + bytes([whole[-1] ^ 1])
    yield "primed-cut", whole[:-1]
    yield "primed-cut-head", whole[:7]
    yield "primed-cut-magic", whole[:2]
    yield "primed-garbage", whole + b"x"
    yield "primed-size-0", small(sizes=b"\0\0", rest=b"")
    yield "primed-size-65537", small(sizes=varint(65537) + varint(len(payload)), rest=payload)
    yield "primed-size-other", small(sizes=varint(size - 1) + varint(len(payload)), rest=payload)
    yield "primed-size-too-long", small(sizes=b"\xbc\x85\0" + sizes[2:], rest=payload)
    yield "primed-not-smaller", small(sizes=varint(size) * 2, rest=TEXT)
    yield "primed-larger", small(sizes=varint(3) + varint(4), rest=b"abcd")
    yield "primed-footer", whole[:-5] + bytes([whole[-5] ^ 2]) + whole[-4:]
    yield "primed-footer-even", whole[:-5] + bytes([whole[-5] & 0xFE]) + whole[-4:]
    for name, forged in {
        "extended": payload + b"\0",
        "shortened": payload[:-1],
        "noise": NOISE,
    }.items():
        yield f"primed-{name}", small(sizes=varint(size) + varint(len(forged)), rest=forged)
    size, forged = other_primed_end()
    yield "primed-other-end", small(sizes=varint(size) + varint(len(forged)), rest=forged)
    wrong = small(sizes=varint(size) + varint(len(payload)), rest=payload[:9] + b"?" + payload[10:])
    yield "primed-content", wrong


def bad(predictor: Model) -> Iterator[tuple[str, bytes]]:
    known = expected(predictor, 900)
    ref = ModelRef(predictor.id, predictor.name)
    header = Header(KIB, 1, 1)
    stream = network(predictor, known, RICH)
    whole_block = block(known, stream)
    file = frame(header, ref, whole_block)
    noise, text = stored(NOISE), stored(TEXT)
    whole = sealed(HEAD, noise, text, end((noise, 300), (text, 700)))

    yield "nothing", b""
    yield "not-nnc", TEXT
    yield "gzip", b"\x1f\x8b\x08" + NOISE
    yield "line-ends", file.replace(b"\r\n", b"\n", 1)
    for size in (3, 8, 9, 20, 40, len(file) - 14, len(file) - 5, len(file) - 1):
        yield f"truncated-{size}", file[:size]
    for position in (0, 5, 8, 9, 15, 31, 60, len(file) // 2, len(file) - 9, len(file) - 1):
        flipped = bytearray(file)
        flipped[position] ^= 1 << position % 8
        yield f"flipped-{position}", bytes(flipped)
    yield "trailing-garbage", file + b"garbage"
    yield "trailing-zero", file + b"\0"
    yield "trailing-half-magic", file + file[:4]
    yield "leading-byte", b"\0" + file
    check = len(HEAD) + len(noise)
    yield "wrong-check", whole[:check] + bytes(4) + whole[check + 4 :]
    wrong = noise.replace(u32(zlib.crc32(NOISE)), bytes(4))
    yield "wrong-content-check", sealed(HEAD, wrong, end((wrong, 300)))
    content = long(known)
    for name, *checks in (
        ("wrong-lead-check", zlib.crc32(content), 0),
        ("wrong-content-check-after-lead", 0, container.lead_checksum(content)),
    ):
        streams = (mix(content, RICH),)
        broken = layout.dumps(Plan(streams), len(content), *checks)
        yield name, frame(Header(128 * KIB, 1, 1), ref, broken)
    yield "blocks-swapped", _rearranged(whole, noise, text, [1, 0])
    yield "block-doubled", _rearranged(whole, noise, text, [0, 0, 1])
    yield "block-dropped", _rearranged(whole, noise, text, [1])
    yield "block-count", sealed(HEAD, noise, end((noise, 300), count=2))
    yield "index-sizes", sealed(HEAD, noise, end((noise, 299)))
    yield "footer", sealed(HEAD, noise, end((noise, 300))[:-1] + b"\x7f")
    yield "no-end", sealed(HEAD, noise)
    yield "arithmetic-0", sealed(HEAD[:7] + b"\x20" + HEAD[8:], end())
    yield "block-size-128MiB", sealed(HEAD[:8] + b"\x11", end())
    yield "number-too-long", sealed(HEAD, b"\1\x85\x00" + noise[3:])
    yield "size-0", sealed(HEAD, stored(b""), end((stored(b""), 0)))
    yield "size-above-block", sealed(HEAD[:8] + b"\0", stored(bytes(1025)))
    huge = b"\xfb" + b"\xff" * 7 + b"\x3f"  # almost 2^62
    yield "size-huge", sealed(HEAD, b"\1" + huge)
    yield "size-endless", HEAD + b"\1" + b"\xff" * 50
    yield "plan-size-0", sealed(HEAD, *closed(TEXT, b"", TEXT))
    yield "plan-size-huge", sealed(HEAD, b"\1\x40" + huge)
    yield "payload-huge", sealed(HEAD, b"\1\x40\2" + STORED + huge)
    yield "payload-above-content", sealed(HEAD, *closed(TEXT, STORED, TEXT + b"x"))
    yield "model-huge", sealed(HEAD, b"\2\x40\x83test" + predictor.id + huge)
    yield "model-no-model", sealed(HEAD, b"\2\x40\x83test" + predictor.id + b"\2{}\2" + bytes(6))
    yield "model-name", sealed(HEAD, b"\2\x40\3../x" + predictor.id + b"\2" + bytes(6))
    tuned, factors = changed(predictor)
    packed = packing.pack(tuned, predictor, factors).data
    of_tuned = block(known, network(tuned, known, RICH))
    for name, data in {
        "model-cut": packed[:-1],
        "model-extended": packed + b"\0",
        "model-flipped": packed[:40] + bytes([packed[40] ^ 1]) + packed[41:],
        "model-other": packing.pack(predictor, predictor).data,
        "model-form-2": b"\2" + packed[1:],
        "model-end": other_end(packed, lambda d: unpacked(d, predictor)),
    }.items():
        yield name, frame(header, ModelRef(tuned.id, tuned.name, data), of_tuned)
    yield "index-huge", sealed(HEAD, b"\0" + huge)
    decode = functools.partial(native.decode_block, predictor, size=stream.size, mixing=RICH)
    (payload,) = stream.payloads
    for name, forged in {
        "network-end": other_end(payload, lambda p: decode([p])),
        "network-extended": payload + b"\0",
        "network-cut": payload[:-1],
        "network-noise": NOISE,
    }.items():
        yield name, frame(header, ref, block(known, changed_streams(stream, forged)))
    yield "network-in-other-block", sealed(HEAD, *closed(TEXT, b"\0\x20\0", payload))
    stranger = dataclasses.replace(block(TEXT, mix(TEXT, RICH)), network=True)
    yield "network-block-without", frame(header, ref, stranger)
    yield from bad_filters()
    yield from bad_far()
    yield from bad_mixings(ref)
    yield from bad_primed()
    yield from bad_small(predictor)


def bad_filters() -> Iterator[tuple[str, bytes]]:
    for name, content, plan, payload in (
        ("repeat-empty", bytes(50), b"\1\x80\0", b""),
        ("repeat-not-smaller", b"ab", b"\1\0", b"ab"),
        ("repeat-two-streams", b"ababa", b"\1\x80\1\x80\1", b"ab"),
        ("repeat-side", b"ababa", b"\x81\1\0\x80\2", b"ab"),
        ("none-two-streams", TEXT, b"\0\x80\x64\x80\xd8\4", TEXT),
        ("none-short", TEXT, b"\0\x80\x64", TEXT[:100]),
        ("none-side", TEXT, b"\x80\1x\0", TEXT),
        ("x86-short", program(50), b"\2\x80\x64", x86.split(program(50)).streams[0][:100]),
        ("x86-side", program(50), b"\x82\1x\0", x86.split(program(50)).streams[0]),
        ("x86-unfiltered", program(50), b"\2\0", program(50)),
        ("arm64-two-streams", bytes(8), b"\3\x80\4\x80\4", bytes(8)),
        ("arm64-side", program(50), b"\x83\1x\0", arm64.split(program(50)).streams[0]),
        ("arm64-unfiltered", program(50), b"\3\0", program(50)),
        ("numbers-no-side", bytes(8), b"\5\0", bytes(8)),
        ("numbers-of-nothing", bytes(8), b"\x85\3\0\0\0\0\x80\0", bytes(8)),
        ("numbers-cut", bytes(8), b"\x85\2\0\4\x80\0\0", bytes(8)),
        ("numbers-of-3-bytes-as-they-are", bytes(6), b"\x85\3\0\2\3\x80\0\0", bytes(6)),
        ("numbers-all-apart", bytes(8), b"\x85\3\0\4\x20\x80\0\x80\4\x80\4\x80\0", bytes(8)),
        ("numbers-distance-0", bytes(8), b"\x85\4\0\4\x08\0\x80\0\0", bytes(8)),
        ("numbers-too-many", bytes(8), b"\x85\3\0\5\0\x80\0\0", bytes(8)),
        ("numbers-short", bytes(8), b"\x85\3\0\4\0\x80\0\x80\7", bytes(7)),
        ("numbers-rest-too-long", bytes(8), b"\x85\3\0\3\0\x80\1\x80\6", bytes(7)),
        (
            "numbers-257-runs",
            bytes(514),
            b"\x85\x83\6" + b"\0\1\0" * 257 + b"\x80\0\0",
            bytes(514),
        ),
        ("base64-side", b"." + L16, b"\x87\1\0\x80\1\x80\3\x80\x0c", b".\1\x0c\0" + NOISE[:12]),
        ("base64-two-streams", b"." + L16, b"\7\x80\1\x80\3", b".\1\x0c\0"),
        ("base64-too-large", b"." + L16, b"\7\x80\1\x80\4\x80\x0c", b".\1\x0c\0\0" + NOISE[:12]),
        ("base64-cut", b"." + L16, b"\7\x80\1\x80\2\x80\x0c", b".\1\x0c" + NOISE[:12]),
        ("base64-of-nothing", b"." + L16, b"\7\x80\1\x80\3\x80\x0c", b".\1\0\0" + NOISE[:12]),
        ("base64-beyond-rest", b"." + L16, b"\7\x80\1\x80\3\x80\x0c", b".\2\x0c\0" + NOISE[:12]),
        ("base64-left", b"." + L16, b"\7\x80\1\x80\3\x80\x0c", b".\1\x0b\0" + NOISE[:12]),
        ("base64-no-line", L24, b"\7\x80\0\x80\5\x80\x12", b"\0\x12\4\4\0" + NOISE[:18]),
        ("base64-long-end", L24, b"\7\x80\0\x80\5\x80\x12", b"\0\x12\4\0\x10" + NOISE[:18]),
        ("base64-too-long", L24, b"\7\x80\0\x80\5\x80\x12", b"\0\x15\0\0\0" + NOISE[:18]),
        ("hex-side", b"." + H4, b"\x88\1\0\x80\1\x80\5\x80\4", b".\1\4\2\x80\x82" + NOISE[:4]),
        ("hex-cut", b"." + H4, b"\x08\x80\1\x80\4\x80\4", b".\1\4\2\x80" + NOISE[:4]),
        ("hex-of-nothing", b"." + H4, b"\x08\x80\1\x80\5\x80\2", b".\1\0\2\x80\x82" + NOISE[:2]),
        ("hex-no-line", b"." + H4, b"\x08\x80\1\x80\3\x80\4", b".\1\4\0" + NOISE[:4]),
        ("hex-no-byte", b"." + H4, b"\x08\x80\1\x80\5\x80\2", b".\1\2\2ab" + NOISE[:2]),
        ("hex-half", b"." + H4, b"\x08\x80\1\x80\5\x80\2", b".\1\2\2\x82\x80" + NOISE[:2]),
        ("hex-reserved", b"." + H4, b"\x08\x80\1\x80\5\x80\2", b".\1\2\2\x82\xb0" + NOISE[:2]),
        ("hex-shown-twice", H8, b"\x08\x80\0\x80\6\x80\4", b"\0\4\3\x82\x84\x84" + NOISE[:4]),
        ("hex-no-address", H8, b"\x08\x80\0\x80\5\x80\4", b"\0\4\2\x82\x90" + NOISE[:4]),
        ("hex-no-check", H8, b"\x08\x80\0\x80\5\x80\4", b"\0\4\2\x82\x86" + NOISE[:4]),
        ("hex-beyond-rest", b"." + H4, b"\x08\x80\1\x80\5\x80\2", b".\2\2\2\x80\x82" + NOISE[:2]),
        ("hex-left", H8 + H4, b"\x08\x80\0\x80\5\x80\6", b"\0\5\2\x80\x82" + NOISE[:6]),
        ("hex-too-long", H8, b"\x08\x80\0\x80\5\x80\2", b"\0\2\5\x82abcd" + NOISE[:2]),
        ("quoted-side", b"a=3D", b"\x89\1\0\x80\2\x80\1", b"a=\0"),
        ("quoted-three-streams", b"a=3D", b"\x09\x80\2\x80\1\x80\0", b"a=\0"),
        ("quoted-too-large", b"a=3D", b"\x09\x80\2\x80\2", b"a=\0\0"),
        ("quoted-cut", b"a=3D=3D=3D", b"\x09\x80\4\x80\3", b"a===\1\3\x50"),
        ("quoted-beyond", b"a=3D=3D=3D", b"\x09\x80\4\x80\4", b"a===\1\4\x50\0"),
        ("quoted-too-long", b"a=3D=3D=3D", b"\x09\x80\5\x80\4", b"a====\1\4\x50\0"),
        ("quoted-too-short", b"a=3D=3D=3D", b"\x09\x80\3\x80\4", b"a==\1\2\x50\0"),
        ("quoted-surprise-beyond", b"a=3D=3D=3D", b"\x09\x80\4\x80\5", b"a===\1\3\x50\1\6"),
        ("copies-side", b"ab" * 5, b"\x8a\1\0\x80\2\x80\3", b"ab\2\2\2"),
        ("copies-one-stream", b"ab" * 5, b"\x0a\x80\2", b"ab"),
        ("copies-three-streams", b"ab" * 5, b"\x0a\x80\2\x80\3\x80\0", b"ab\2\2\2"),
        ("copies-too-large", b"ab" * 5, b"\x0a\x80\7\x80\3", b"ab" * 3 + b"a\6\4\4"),
        ("copies-cut", b"ab" * 5, b"\x0a\x80\6\x80\2", b"ab" * 3 + b"\6\4"),
        ("copies-of-nothing", b"ab" * 5, b"\x0a\x80\6\x80\3", b"ab" * 3 + b"\6\0\4"),
        ("copies-over-themselves", b"ab" * 5, b"\x0a\x80\2\x80\3", b"ab\2\x08\2"),
        ("copies-of-before", b"ab" * 5, b"\x0a\x80\6\x80\3", b"ab" * 3 + b"\6\4\7"),
        ("copies-beyond-literals", b"ab" * 5, b"\x0a\x80\6\x80\3", b"ab" * 3 + b"\7\4\4"),
        ("copies-too-long", b"ab" * 5, b"\x0a\x80\6\x80\3", b"ab" * 3 + b"\6\5\6"),
        ("copies-too-short", b"ab" * 5, b"\x0a\x80\6\x80\3", b"ab" * 3 + b"\6\3\4"),
        ("sections-of-one", b"ab.", b"\x8b\6\0\1\0\1\1\1\x80\2\x80\1", b"ab."),
        ("sections-skip", b"ab", b"\x8b\4\0\1\2\1\x80\1\x80\1", b"ab"),
        ("sections-left", b"ab", b"\x8b\4\0\1\1\1\x80\2\x80\1", b"ab."),
        ("side-empty", TEXT, b"\x80\0\0", TEXT),
        ("side-too-long", TEXT, b"\x80\7\0\0", TEXT),
        ("no-streams", TEXT, b"\0", TEXT),
        ("257-streams", bytes(257), b"\0" + b"\x80\1" * 257, bytes(257)),
        ("nested-7-deep", bytes(8), b"\2" + b"\x30\2\0" * 6 + b"\0", bytes(8)),
        ("nested-in-none", bytes(8), b"\0\x30\2\0\0", bytes(8)),
        ("nested-two-streams", bytes(8), b"\2\x30\2\1\x80\4\x80\4", bytes(8)),
        ("nested-side", bytes(8), b"\2\x30\x82\1x\0\0", bytes(8)),
        ("nested-side-empty", bytes(8), b"\2\x30\x82\0\0\0", bytes(8)),
        ("nested-size-of-content", bytes(8), b"\2\xb0\x08\2\0\0", bytes(8)),
        ("nested-short", bytes(8), b"\2\xb0\x07\2\0\0", bytes(7)),
        ("nested-streams-missing", bytes(8), b"\2\x30\4\3\x80\4\x80\4", bytes(8)),
        ("nested-257-streams", bytes(8), b"\2\x30\4\x80\2" + b"\x80\0" * 257, b""),
        ("stream-size-of-content", TEXT, b"\0\x80\xbc\5", TEXT),
        ("stream-huge", TEXT, b"\0\x90\x81\x80\x80\x80\1\0", TEXT[:-1]),
        ("streams-huge", TEXT, b"\0" + b"\x90\x80\x80\x80\x40\0\1" * 5, TEXT[:5]),
        ("payload-left-over", TEXT, b"\1\x80\2", TEXT),
        ("payload-missing", TEXT, STORED, TEXT[:-1]),
        ("last-size-written", TEXT, b"\0\x10\0\5", b"abcde"),
        ("stored-contexts", TEXT, b"\0\1\0", TEXT),
    ):
        yield name, sealed(HEAD, *closed(content, plan, payload))


def bad_far() -> Iterator[tuple[str, bytes]]:
    first = stored(TEXT)
    for name, plan, payload in (
        ("before-the-frame", "40 00 01 00 80 05 00", "00 BC 05 00 00"),
        ("itself", "40 00 FF FF FF FF FF FF FF FF 7F 00 80 05 00", "00 BC 05 00 00"),
        ("17-sources", "40 10" + "00" * 17 + "00 80 05 00", "00 BC 05 00 00"),
        ("nothing", "40 00 00 BC 05 80 00 00", TEXT.hex()),
        ("too-much", "40 00 00 00 80 09 00", "00 BC 05 00 00 00 01 00 01"),
        ("too-little", "40 00 00 00 80 05 00", "00 BB 05 00 00"),
        ("beyond-the-source", "40 00 00 00 80 05 00", "00 BC 05 00 02"),
        ("before-the-source", "40 00 00 00 80 05 00", "00 BC 05 00 01"),
        ("no-such-source", "40 00 00 00 80 05 00", "00 BC 05 01 00"),
        ("literals-missing", "40 00 00 00 80 05 00", "01 BB 05 00 00"),
        ("literals-left", "40 00 00 01 80 05 00", "00 BC 05 00 00 78"),
        ("copy-of-nothing", "40 00 00 00 80 09 00", "00 00 00 00 00 BC 05 00 00"),
        ("cut", "40 00 00 00 80 04 00", "00 BC 05 00"),
        ("number-too-long", "40 00 00 00 80 06 00", "80 00 BC 05 00 00"),
        ("other-content", "40 00 00 01 80 05 00", "01 BB 05 00 02 7E"),
    ):
        second = raw(TEXT, bytes.fromhex(plan), bytes.fromhex(payload))
        yield f"far-{name}", sealed(HEAD, first, second, end((first, 700), (second, 700)))
    alone = HEAD[:7] + bytes([HEAD[7] & 0x3F]) + HEAD[8:]
    second = raw(TEXT, bytes.fromhex("40 00 00 00 80 05 00"), bytes.fromhex("00 BC 05 00 00"))
    decompress(sealed(HEAD, first, second, end((first, 700), (second, 700))))  # all but the head
    yield "far-no-reach", sealed(alone, first, second, end((first, 700), (second, 700)))


def bad_mixings(ref: ModelRef) -> Iterator[tuple[str, bytes]]:
    header = Header(KIB, 1, 1)
    stream = mix(TEXT, RICH)
    (payload,) = stream.payloads
    decode = functools.partial(native.decode_block, None, size=stream.size, mixing=RICH)
    for name, forged in {
        "mix-end": other_end(payload, lambda p: decode([p])),
        "mix-extended": payload + b"\0",
        "mix-cut": payload[:-1],
        "mix-noise": NOISE,
        "mix-empty": b"",
    }.items():
        yield name, frame(header, ref, block(TEXT, changed_streams(stream, forged)))
    yield "mix-other", frame(header, ref, block(TEXT, dataclasses.replace(stream, mixing=RECORDS)))
    lean = HEAD[:7] + b"\x11" + HEAD[8:]
    for name, head, plan in (
        ("mix-no-profile", HEAD[:7] + b"\1" + HEAD[8:], b"\x10\0"),
        ("mix-lean-records", lean, b"\x11\x0d"),
        ("mix-lean-code", lean, b"\x12\0"),
        ("mix-lean-x86", lean, b"\x13\0"),
        ("mix-lean-picture", lean, b"\x14\x0d\3"),
        ("mix-period-1", HEAD, b"\x10\1"),
        ("mix-period-65536", HEAD, b"\x10\x80\x80\4"),
        ("mix-period-too-long", HEAD, b"\x10\x8d\0"),
        ("mix-no-period", HEAD, b"\x10"),
        ("mix-records-no-period", HEAD, b"\x11\0"),
        ("mix-picture-no-period", HEAD, b"\x14\0\1"),
        ("mix-picture-period-3-stride-3", HEAD, b"\x14\3\3"),
        ("mix-wide-no-period", HEAD, b"\x15\0\2"),
        ("mix-wide-odd-period", HEAD, b"\x15\x0d\2"),
        ("mix-wide-odd-stride", HEAD, b"\x15\x0c\3"),
        ("mix-stride-0", HEAD, b"\x14\x0d\0"),
        ("mix-stride-9", HEAD, b"\x14\x0d\x09"),
        ("mix-floats-half-a-number", HEAD, b"\x16\6\2"),
        ("mix-stride-missing", HEAD, b"\x14\x0d"),
        ("mix-other-bytes", HEAD, b"\x10\0\xff"),
    ):
        yield name, sealed(head, *closed(TEXT, b"\0" + plan, payload))
    yield "mix-not-smaller", sealed(HEAD, *closed(b"abc", b"\0\x10\0", b"abc"))


def closed(content: bytes, plan: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """A block and the end that belongs to it."""
    record = raw(content, plan, payload)
    return record, end((record, len(content)))


def _rearranged(file: bytes, first: bytes, second: bytes, order: list[int]) -> bytes:
    """The file with its two blocks, checks included, in another order."""
    cut = 9 + len(first) + 4
    pieces = [file[9:cut], file[cut : cut + len(second) + 4]]
    return file[:9] + b"".join(pieces[i] for i in order) + file[cut + len(second) + 4 :]


def unsupported(predictor: Model) -> Iterator[tuple[str, bytes]]:
    for version in (*range(1, 26), 27):
        yield f"version-{version}", sealed(HEAD[:6] + bytes([version]) + HEAD[7:], end())
    yield "arithmetic-2", sealed(HEAD[:7] + b"\x22" + HEAD[8:], end())
    yield "profile-0", sealed(HEAD[:7] + b"\x01" + HEAD[8:], end())
    (payload,) = mix(TEXT, RICH).payloads
    for name, plan in (
        ("contexts-7", b"\0\x17\0"),
        ("contexts-of-nothing", b"\2\x31\2\0\0"),
        (f"nested-filter-{len(FILTERS)}", bytes([2, 0x30, len(FILTERS), 0, 0])),
        ("nested-filter-bit", b"\2\x30\x42\0\0"),
        ("coding-bit", b"\0\x70\0"),
        ("filter-100", b"\x64\x10\0"),
        ("filter-127", b"\x7f\x10\0"),
    ):
        yield name, sealed(HEAD, *closed(TEXT, plan, payload))
    for kind in (3, 255):
        yield f"block-type-{kind}", sealed(HEAD, bytes([kind]) + stored(TEXT)[1:])
    small = compress(TEXT, prime=PRIME, model="none")
    yield "small-type", compress(records(60), model="none")[:5] + b"\3" + bytes(30)
    yield "primed-arithmetic-2", small[:4] + b"\x22" + small[5:]
    yield "primed-profile-0", small[:4] + b"\x01" + small[5:]
    yield "primed-version-27", small[:3] + b"\x9b" + small[4:]
    yield "small-version-27", small[:3] + b"\x1b" + small[4:]
    named = short(
        Header(1 << 22, 8, 1), block(TEXT, network(predictor, TEXT, RICH)), ModelRef(bytes(16), "?")
    )
    yield "small-model", named
    for name, plan in (("primed-stored", b"\0\x40"), ("primed-records", b"\0\x51\x0d")):
        record = raw(TEXT, plan, payload)
        yield name, sealed(PRIMED_HEAD, record, b"\3" + end((record, len(TEXT)))[1:])
    yield "model-bit", sealed(HEAD, b"\2\x40\x43test" + predictor.id + b"\2" + bytes(6))
    other = models.tiny(5)
    content = expected(other, 600)
    ref = ModelRef(other.id, other.name)
    of_other = block(content, network(other, content, RICH))
    yield "model", frame(Header(KIB, 1, 1), ref, of_other)
    base_missing = ModelRef(other.id, other.name, packing.pack(*[models.tiny(6)] * 2).data)
    yield "model-base", frame(Header(KIB, 1, 1), base_missing, of_other)


def main() -> None:
    predictor = golden_model()
    path = HERE / "files.json"
    index = json.loads(path.read_text()) if path.exists() else {"model": predictor.id.hex()}
    for name, data, content in good(predictor):
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        if _write(f"good-{name}.nnc", data):
            index[f"good-{name}.nnc"] = {"size": len(content), "blake2b": digest}
    for prefix, files in (("bad", bad(predictor)), ("unsupported", unsupported(predictor))):
        for name, data in files:
            _write(f"{prefix}-{name}.nnc", data)
    path.write_text(json.dumps(index, indent=1) + "\n")


def _write(name: str, data: bytes) -> bool:
    try:
        with open(HERE / name, "xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    main()
