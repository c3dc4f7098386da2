"""The golden corpus: ``python tests/golden/files.py`` writes the .nnc files beside this script.

What a file's name begins with is the expected result: ``good-`` gives the content whose size and
digest are in files.json, ``bad-`` is an error for ever, ``unsupported-`` one that a later version
may read. They freeze format version 5 and arithmetic version 1: new files may be added, but none
that was released is ever written again, so this script leaves alone what is there.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import models
from nncomp import weights
from nncomp.codec import compress
from nncomp.container import Block, BlockType, FrameWriter, Header, ModelRef, Packed
from nncomp.engine import native, reference
from nncomp.errors import FormatError, ModelError
from nncomp.mixing import Contexts, Mixing, Profile, Transform
from nncomp.model import Model

HERE = Path(__file__).parent
KIB = 1 << 10
TEXT, NOISE = models.text(700), models.noise(300)
HEAD = compress(b"")[:9]  # of the rich profile
RICH, LEAN = Mixing(Profile.RICH), Mixing(Profile.LEAN)
RECORDS = Mixing(Profile.RICH, Contexts.RECORDS, period=13)


def golden_model() -> Model:
    """The model of the whole corpus, as small as models can be; one file brings it along."""
    return models.natural(models.pairs(64, 4, 16, 64, (64,), ()))


def changed(base: Model) -> tuple[Model, dict[str, weights.Factors]]:
    """The model a little different: by factors, and by numbers of every kind of tensor."""
    tensors = {name: np.array(tensor) for name, tensor in base.tensors.items()}
    factors = {}
    for seed, name in enumerate(("layers.1.up.weight", "head.weight")):
        rows, columns = tensors[name].shape
        left = models.integers(seed + 1, 2 * rows, -3, 3).reshape(rows, 2).astype(np.int8)
        right = models.integers(seed + 9, 2 * columns, -3, 3).reshape(columns, 2).astype(np.int8)
        factors[name] = weights.Factors(left, right, 7 + 3 * seed)
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
        past = bytes(out[-6:][::-1]).ljust(6, b"\0")
        frequencies = network.step(np.frombuffer(past, np.uint8)[None])
        out.append(int(frequencies[0].argmax()) ^ (i & 255 if i % 40 == 39 else 0))
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
    return body + varint(len(body))[::-1]


def stored(content: bytes) -> bytes:
    return b"\1" + varint(len(content)) + u32(zlib.crc32(content)) + content


def repeat(pattern: bytes, size: int) -> bytes:
    content = (pattern * (size // max(len(pattern), 1) + 1))[:size]
    return b"\2" + varint(size) + varint(len(pattern)) + u32(zlib.crc32(content)) + pattern


def network(predictor: Model, content: bytes, lanes: int = 1) -> Block:
    payloads = reference.encode_block(predictor, content, lanes)
    return Block(BlockType.NETWORK, len(content), tuple(payloads), zlib.crc32(content))


def mix(content: bytes, mixing: Mixing) -> Block:
    payloads = native.encode_block(None, content, 1, mixing)
    return Block(BlockType.MIX, len(content), tuple(payloads), zlib.crc32(content), mixing)


def network_mix(predictor: Model, content: bytes, mixing: Mixing, lanes: int = 1) -> Block:
    payloads = native.encode_block(predictor, content, lanes, mixing)
    checksum = zlib.crc32(content)
    return Block(BlockType.NETWORK_MIX, len(content), tuple(payloads), checksum, mixing)


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


def picture(width: int, height: int) -> bytes:
    """Pixels of three bytes."""
    return bytes(x // 2 + y * c + (x * y & 3) & 255
                 for y in range(height) for x in range(width) for c in range(3))  # fmt: skip


def mixings() -> Iterator[tuple[bytes, Mixing]]:
    """Contents, and ways to code them."""
    texts = [
        models.text(3000),
        models.text(900),
        "Größe, 圧縮\n".encode() * 20,
        b"\n\n a",
        b"xyzxyzxy",
    ]
    for content in texts:
        yield content, RICH
    for contexts in Contexts:
        for content in (records(150), program(80), models.text(300)):
            for period in (4, 13, 65535):
                wide = contexts == Contexts.WIDE
                stride = 2 if wide else 1
                yield (
                    content,
                    Mixing(Profile.RICH, contexts, period=period & -stride, stride=stride),
                )
    for transform in Transform:
        yield program(150), Mixing(Profile.RICH, Contexts.CODE, transform)
        yield program(150)[3:], Mixing(Profile.RICH, transform=transform)
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


def mixings_of_lean() -> Iterator[tuple[bytes, Mixing]]:
    for content in (models.text(3000), records(150), program(80), b"\n\n a a a"):
        for period in (0, 13, 65535):
            for transform in Transform:
                yield content, Mixing(Profile.LEAN, Contexts.GENERAL, transform, period)


def frame(header: Header, ref: ModelRef, *blocks: Block) -> bytes:
    dst = io.BytesIO()
    writer = FrameWriter(dst, header)
    for block in blocks:
        first = block.type.has_network and not writer.has_network
        writer.write(block, ref if first else None)
    writer.end()
    return dst.getvalue()


def unpacked(data: bytes, base: Model) -> Model:
    return weights.unpack(Packed("other-end", data), base)


def other_end(payload: bytes, decode: Callable[[bytes], object]) -> bytes:
    """A payload that stands for the same symbols and is not the one that an encoder writes."""
    for last in range(256):
        forged = payload[:-1] + bytes([last])
        try:
            decode(forged)
        except (FormatError, ModelError) as error:
            if last and "left over" in str(error):
                return forged
    raise AssertionError("every last byte is another content")


def good(predictor: Model) -> Iterator[tuple[str, bytes, bytes]]:
    """(name, file, content)"""
    known = expected(predictor, 2000)
    ref = ModelRef(predictor.id, predictor.name)
    yield "empty", compress(b""), b""
    yield "stored", compress(NOISE, model=predictor), NOISE
    yield "stored-1-byte", compress(b"x"), b"x"
    record = stored(bytes(500))  # no encoder of ours would
    yield "stored-zeros", sealed(HEAD, record, end((record, 500))), bytes(500)
    yield "repeat", compress(b"abc" * 1000), b"abc" * 1000
    yield "repeat-1000000", compress(bytes(1_000_000)), bytes(1_000_000)
    alone = frame(Header(KIB, 1, 1), ref, network(predictor, known[:600]))
    yield "network", alone, known[:600]
    both = frame(Header(KIB, 1, 1, 2), ref, network_mix(predictor, known[:600], RICH))
    yield "network-mix", both, known[:600]
    lean = frame(Header(KIB, 1, 1, 1), ref, network_mix(predictor, known[:600], LEAN))
    yield "network-mix-lean", lean, known[:600]
    yield "network-embedded", compress(known[:600], model=predictor, embed_model=True), known[:600]
    tuned, factors = changed(predictor)
    packed = weights.pack(tuned, predictor, factors)
    of_change = frame(
        Header(KIB, 1, 1), ModelRef(tuned.id, tuned.name, packed.data), network(tuned, known[:600])
    )
    yield "network-change", of_change, known[:600]
    for name, profile, ways in (("mix", 2, [*mixings()]), ("mix-lean", 1, [*mixings_of_lean()])):
        blocks = [mix(content, mixing) for content, mixing in ways]
        good_ones = [b for b in blocks if sum(map(len, b.payloads)) < b.size]
        assert len(good_ones) > len(blocks) * 3 // 4
        content = b"".join(c for (c, _), b in zip(ways, blocks, strict=True) if b in good_ones)
        yield name, frame(Header(4 * KIB, 1, 1, profile), ref, *good_ones), content
    large = models.text(30_000) + records(1000) + models.text(7000)
    yield "mix-50000", frame(Header(64 * KIB, 1, 1, 2), ref, mix(large, RICH)), large
    many = compress(known, model=predictor, block_size=KIB)
    yield "blocks", many, known
    for level in (1, 5):
        none = compress(TEXT * 3 + known, level, model="none")
        yield f"no-model-{level}", none, TEXT * 3 + known
    lanes = frame(Header(KIB, 4, 1), ref, network(predictor, known[:800], 3))
    yield "lanes", lanes, known[:800]
    wide = frame(Header(KIB, 128, 1), ref, network(predictor, known[:KIB], 128))
    yield "lanes-128", wide, known[:KIB]
    lanes = frame(Header(KIB, 4, 1, 2), ref, network_mix(predictor, known[:800], RECORDS, 3))
    yield "lanes-mix", lanes, known[:800]
    wide = frame(Header(2 * KIB, 128, 1, 2), ref, network_mix(predictor, known[:1490], RICH, 93))
    yield "lanes-93-mix", wide, known[:1490]
    mixed = frame(
        Header(KIB, 2, 1, 2),
        ref,
        Block(BlockType.STORED, 300, (NOISE,), zlib.crc32(NOISE)),
        mix(TEXT, RICH),
        network(predictor, known[:700]),
        Block(BlockType.REPEAT, 9, (b"ab",), zlib.crc32(b"ababababa")),
        network_mix(predictor, known[700:1724], RECORDS, 2),
        Block(BlockType.STORED, 1, (b"z",), zlib.crc32(b"z")),
    )
    content = NOISE + TEXT + known[:700] + b"ababababa" + known[700:1724] + b"z"
    yield "kinds", mixed, content
    largest = sealed(HEAD[:8] + b"\xf0", stored(TEXT), end((stored(TEXT), len(TEXT))))
    yield "geometry-64MiB", largest, TEXT
    noisy = compress(NOISE, model=predictor, block_size=KIB)
    frames = [(compress(b""), b""), (mixed, content), (noisy, NOISE), (largest, TEXT)]
    yield "frames", b"".join(f for f, _ in frames), b"".join(c for _, c in frames)


def bad(predictor: Model) -> Iterator[tuple[str, bytes]]:
    known = expected(predictor, 900)
    ref = ModelRef(predictor.id, predictor.name)
    block = network(predictor, known)
    file = frame(Header(KIB, 1, 1), ref, block)
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
    yield "wrong-content-check", sealed(HEAD, noise[:3] + bytes(4) + noise[7:], end((noise, 300)))
    yield "blocks-swapped", _rearranged(whole, noise, text, [1, 0])
    yield "block-doubled", _rearranged(whole, noise, text, [0, 0, 1])
    yield "block-dropped", _rearranged(whole, noise, text, [1])
    yield "block-count", sealed(HEAD, noise, end((noise, 300), count=2))
    yield "index-sizes", sealed(HEAD, noise, end((noise, 299)))
    yield "footer", sealed(HEAD, noise, end((noise, 300))[:-1] + b"\x7f")
    yield "no-end", sealed(HEAD, noise)
    yield "arithmetic-0", sealed(HEAD[:7] + b"\0" + HEAD[8:], end())
    yield "block-size-128MiB", sealed(HEAD[:8] + b"\x11", end())
    yield "number-too-long", sealed(HEAD, b"\1\x85\x00" + noise[3:])
    yield "size-0", sealed(HEAD, stored(b""), end((stored(b""), 0)))
    yield "size-above-block", sealed(HEAD[:8] + b"\0", stored(bytes(1025)))
    huge = b"\xfb" + b"\xff" * 7 + b"\x3f"  # almost 2^62
    yield "size-huge", sealed(HEAD, b"\1" + huge)
    yield "size-endless", HEAD + b"\1" + b"\xff" * 50
    yield "pattern-huge", sealed(HEAD, b"\2\x40" + huge)
    yield "pattern-empty", sealed(HEAD, repeat(b"", 50), end((repeat(b"", 50), 50)))
    yield "pattern-not-smaller", sealed(HEAD, repeat(b"ab", 2), end((repeat(b"ab", 2), 2)))
    yield "payload-huge", sealed(HEAD, b"\3\x40\3test" + predictor.id + huge)
    yield "model-huge", sealed(HEAD, b"\3\x40\x83test" + predictor.id + huge)
    yield "model-no-model", sealed(HEAD, b"\3\x40\x83test" + predictor.id + b"\2{}\2" + bytes(6))
    yield "model-name", sealed(HEAD, b"\3\x40\3../x" + predictor.id + b"\2" + bytes(6))
    tuned, factors = changed(predictor)
    packed = weights.pack(tuned, predictor, factors).data
    for name, data in {
        "model-cut": packed[:-1],
        "model-extended": packed + b"\0",
        "model-flipped": packed[:40] + bytes([packed[40] ^ 1]) + packed[41:],
        "model-other": weights.pack(predictor, predictor).data,
        "model-form-2": b"\2" + packed[1:],
    }.items():
        lie = ModelRef(tuned.id, tuned.name, data)
        yield name, frame(Header(KIB, 1, 1), lie, network(tuned, known))
    lie = ModelRef(tuned.id, tuned.name, other_end(packed, lambda d: unpacked(d, predictor)))
    yield "model-end", frame(Header(KIB, 1, 1), lie, network(tuned, known))
    yield "index-huge", sealed(HEAD, b"\0" + huge)
    decode = functools.partial(native.decode_block, predictor, size=block.size)
    for name, payload in {
        "payload-end": other_end(block.payloads[0], lambda p: decode([p])),
        "payload-extended": block.payloads[0] + b"\0",
        "payload-cut": block.payloads[0][:-1],
        "payload-noise": NOISE,
    }.items():
        yield name, frame(Header(KIB, 1, 1), ref, dataclasses.replace(block, payloads=(payload,)))
    yield from bad_mixings(ref)


def bad_mixings(ref: ModelRef) -> Iterator[tuple[str, bytes]]:
    header = Header(KIB, 1, 1, 2)
    block = mix(TEXT, RICH)
    decode = functools.partial(native.decode_block, None, size=block.size, mixing=RICH)
    for name, payload in {
        "mix-end": other_end(block.payloads[0], lambda p: decode([p])),
        "mix-extended": block.payloads[0] + b"\0",
        "mix-cut": block.payloads[0][:-1],
        "mix-noise": NOISE,
        "mix-empty": b"",
    }.items():
        yield name, frame(header, ref, dataclasses.replace(block, payloads=(payload,)))
    yield "mix-other", frame(header, ref, dataclasses.replace(block, mixing=RECORDS))
    for name, head, mixing in (
        ("mix-no-profile", HEAD[:7] + b"\1" + HEAD[8:], b"\0\0"),
        ("mix-lean-records", HEAD[:7] + b"\x11" + HEAD[8:], b"\1\x0d"),
        ("mix-lean-code", HEAD[:7] + b"\x11" + HEAD[8:], b"\2\0"),
        ("mix-lean-picture", HEAD[:7] + b"\x11" + HEAD[8:], b"\3\x0d\3"),
        ("mix-period-1", HEAD, b"\0\1"),
        ("mix-period-65536", HEAD, b"\0\x80\x80\4"),
        ("mix-period-too-long", HEAD, b"\0\x8d\0"),
        ("mix-records-no-period", HEAD, b"\1\0"),
        ("mix-picture-no-period", HEAD, b"\3\0\1"),
        ("mix-picture-period-3-stride-3", HEAD, b"\3\3\3"),
        ("mix-wide-no-period", HEAD, b"\4\0\2"),
        ("mix-wide-odd-period", HEAD, b"\4\x0d\2"),
        ("mix-wide-odd-stride", HEAD, b"\4\x0c\3"),
        ("mix-stride-0", HEAD, b"\3\x0d\0"),
        ("mix-stride-9", HEAD, b"\3\x0d\x09"),
        ("mix-with-model", HEAD, b"\3test" + ref.id + b"\0\0"),
    ):
        yield name, sealed(head, *_mix_records(block, mixing))
    big = b"\5" + varint(3) + b"\0\0\3" + u32(zlib.crc32(b"abc")) + b"abc"
    yield "mix-not-smaller", sealed(HEAD, big, end((big, 3)))


def _mix_records(block: Block, mixing: bytes) -> tuple[bytes, bytes]:
    """The block with another description, and the end that belongs to it."""
    (payload,) = block.payloads
    sizes = varint(block.size) + mixing + varint(len(payload))
    record = b"\5" + sizes + u32(block.content_checksum) + payload
    return record, end((record, block.size))


def _rearranged(file: bytes, first: bytes, second: bytes, order: list[int]) -> bytes:
    """The file with its two blocks, checks included, in another order."""
    cut = 9 + len(first) + 4
    pieces = [file[9:cut], file[cut : cut + len(second) + 4]]
    return file[:9] + b"".join(pieces[i] for i in order) + file[cut + len(second) + 4 :]


def unsupported(predictor: Model) -> Iterator[tuple[str, bytes]]:
    for version in (1, 2, 3, 4, 6):
        yield f"version-{version}", sealed(HEAD[:6] + bytes([version]) + HEAD[7:], end())
    yield "arithmetic-2", sealed(HEAD[:7] + b"\2" + HEAD[8:], end())
    yield "profile-3", sealed(HEAD[:7] + b"\x31" + HEAD[8:], end())
    block = mix(TEXT, RICH)
    for name, mixing in (("contexts-5", b"\5\0"), ("transform-3", b"\x30\0")):
        yield name, sealed(HEAD, *_mix_records(block, mixing))
    for kind in (6, 255):
        yield f"block-type-{kind}", sealed(HEAD, bytes([kind]) + stored(TEXT)[1:])
    yield "model-bit", sealed(HEAD, b"\3\x40\x43test" + predictor.id + b"\2" + bytes(6))
    other = models.tiny(5)
    content = expected(other, 600)
    ref = ModelRef(other.id, other.name)
    yield "model", frame(Header(KIB, 1, 1), ref, network(other, content))
    base_missing = ModelRef(other.id, other.name, weights.pack(*[models.tiny(6)] * 2).data)
    yield "model-base", frame(Header(KIB, 1, 1), base_missing, network(other, content))


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
