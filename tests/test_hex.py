"""The filter for hexadecimal text: exact for any text, as docs/format.md says.

Joining is written a second time here, in plain Python, from that page.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filtering
import models
import nncomp
from conftest import examples
from nncomp.errors import FormatError
from nncomp.filters import FILTERS, Split, hexadecimal

NOISE = models.noise(5000)
PROGRAM = bytes(range(256)) * 2 + NOISE[:1000]


def found(content: bytes) -> Split:
    """What is made of it, which is seen to give ``content`` again."""
    return filtering.exact(hexadecimal, content, 3, joined)


def joined(rest: bytes, places: bytes, payload: bytes) -> bytes:
    """Section 7 of the page."""
    left, content = list(places), b""
    while left:
        gap, count, width = models.varint(left), models.varint(left), models.varint(left)
        content, rest = content + rest[:gap], rest[gap:]
        line = [left.pop(0) for _ in range(width)]
        size = sum(place in (0x82, 0x83) for place in line)
        address = models.varint(left) if any(place >= 0x90 for place in line) else 0
        total = left.pop(0) if any(0x86 <= place <= 0x89 for place in line) else 0
        for i in range(count):
            part, payload = payload[:size], payload[size:]
            content += one_line(line, part, (address + i * size) % 2**64, total)
    assert payload == b""
    return content + rest


def one_line(line: list[int], payload: bytes, address: int, total: int) -> bytes:
    check = total - sum(payload)
    for place in line:
        if place >= 0x90:
            k = (place - 0x90) // 2
            check -= (address >> 4 * k & 15) * (16 if k % 2 else 1)
    text, at, shown = "", 0, 0
    for place in line:
        if place < 0x80:
            text += chr(place)
            continue
        if place == 0x84:
            text += chr(payload[shown]) if 0x20 <= payload[shown] <= 0x7E else "."
            shown += 1
            continue
        if place < 0x84:
            value = payload[at] >> (4 if place < 0x82 else 0)
            at += place >= 0x82
        elif place < 0x90:
            value = check >> (4 if place < 0x88 else 0)
        else:
            value = address >> 4 * ((place - 0x90) // 2)
        digit = f"{value & 15:x}"
        text += digit.upper() if place & 1 else digit
    return text.encode("latin-1")


# ---- texts as programs write them ----


def lines(payload: bytes, size: int) -> list[tuple[int, bytes]]:
    return [(at, payload[at : at + size]) for at in range(0, len(payload), size)]


def printed(payload: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in payload)


def xxd(payload: bytes) -> str:
    return "".join(
        f"{at:08x}: {part.hex(' ', -2):39}  {printed(part)}\n" for at, part in lines(payload, 16)
    )


def hexdump(payload: bytes) -> str:
    return "".join(
        f"{at:08x}  {part[:8].hex(' '):23}  {part[8:].hex(' '):23}  |{printed(part)}|\n"
        for at, part in lines(payload, 16)
    )


def intel(payload: bytes) -> str:
    text = ""
    for at, part in lines(payload, 16):
        if at % 65536 == 0:
            record = bytes([2, 0, 0, 4, at >> 24, at >> 16 & 255])
            text += f":{record.hex()}{-sum(record) & 255:02x}\r\n"
        record = bytes([len(part), at >> 8 & 255, at & 255, 0]) + part
        text += f":{record.hex()}{-sum(record) & 255:02x}\r\n"
    return text.upper() + ":00000001FF\r\n"


def motorola(payload: bytes, address: int = 3) -> str:
    text = "S0030000FC\n"
    for at, part in lines(payload, 32):
        record = bytes([len(part) + address + 1]) + at.to_bytes(address, "big") + part
        text += f"S{address - 1}{record.hex().upper()}{~sum(record) & 255:02X}\n"
    return text + "S9030000FC\n"


def array(payload: bytes) -> str:
    rows = ["  " + ", ".join(f"0x{byte:02x}" for byte in part) for _, part in lines(payload, 12)]
    return "unsigned char data[] = {\n" + ",\n".join(rows) + "\n};\n"


def plain(payload: bytes) -> str:
    return "".join(f"{part.hex()}\n" for _, part in lines(payload, 30))


def colons(payload: bytes) -> str:
    return "".join(f"    {part.hex(':')}:\n" for _, part in lines(payload, 15))


def escaped(payload: bytes) -> str:
    rows = ("".join(f"\\x{byte:02X}" for byte in part) for _, part in lines(payload, 16))
    return "".join(f'  "{row}"\n' for row in rows)


def capitals_but_for_addresses(payload: bytes) -> str:
    return "".join(f"{at:06x} {part.hex(' ').upper()}\n" for at, part in lines(payload, 16))


FORMS = [
    xxd,
    hexdump,
    intel,
    motorola,
    lambda payload: motorola(payload, 2),
    lambda payload: motorola(payload, 4),
    array,
    plain,
    colons,
    escaped,
    capitals_but_for_addresses,
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "payload", [PROGRAM, NOISE, NOISE[:300]], ids=["program", "noise", "short"]
)
def test_lines(form: Callable[[bytes], str], payload: bytes) -> None:
    """All but the last line, or what is behind a line that is too short to tell."""
    content = b"before\n" + form(payload).encode() + b"behind\n"
    rest, places, bytes_ = found(content).streams
    assert len(payload) - len(bytes_) <= 48 and bytes_ in payload
    assert len(rest) + len(places) < 400


@pytest.mark.parametrize("size", [64, 65, 100, 5000])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        "INSERT INTO t VALUES (12, 'a', X'%s');",
        "(3,0x%s),",
        "\\\\x%s\tNULL\n",
        '{"data": "%s", "more": 1}',
        "%s",
    ],
)
def test_strings(form: str, upper: bool, size: int) -> None:
    digits = NOISE[:size].hex()
    content = (form % (digits.upper() if upper else digits)).encode()
    rest, _, payload = found(content).streams
    assert rest == (form % "").encode() and payload == NOISE[:size]


def test_many() -> None:
    payloads = [NOISE[i : i + 64 + i] for i in range(200)]
    text = json.dumps({str(i): payload.hex() for i, payload in enumerate(payloads)}, indent=1)
    split = found(text.encode())
    assert split.streams[2] == b"".join(payloads)
    assert len(split.streams[1]) < 6 * len(payloads) + 200


def test_a_gap_in_a_dump() -> None:
    """As hexdump has it, for lines that are all the same."""
    text = hexdump(NOISE[:320]) + "*\n" + hexdump(NOISE[:640])[len(hexdump(NOISE[:320])) :]
    assert found(text.encode()).streams[2] == NOISE[:640]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        NOISE,
        models.text(9000),
        NOISE[:63].hex().encode(),
        b"0123456789" * 100,
        b"abcdef" * 100,
        b"ACGT" * 1000,
        b"aB1" * 500,
        b"".join(b"%s  file\n" % NOISE[i : i + 32].hex().encode() for i in range(200)),
        b"".join(b"%d %d %d\n" % (i, i * i, 77 * i) for i in range(2000)),
        b"".join(b"%05x %07x %03x,\n" % (i, i * i, i) for i in range(2000)),
        (b"2a," * 19 + b"\n" + b"3b," * 18 + b"\n") * 50,
    ],
)
def test_other_things_are_left_alone(content: bytes) -> None:
    assert hexadecimal.split(content) is None


def test_behind_many_numbers() -> None:
    """What only looks like it lets it be searched less closely, but not for long."""
    numbers = b"".join(b"%x, %x, %x, %x\n" % (i, i * i, 7 * i, i**3) for i in range(1000))
    assert found(numbers + xxd(NOISE).encode()).streams[2].endswith(NOISE[2000:-8])


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_any_text_comes_back(data: st.DataObject) -> None:
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, 4000))
        payload = NOISE[start : start + data.draw(st.integers(60, 700))]
        text = data.draw(st.sampled_from([*FORMS, bytes.hex]))(payload).encode()
        parts += [data.draw(st.binary(max_size=9)), text]
    content = filtering.changed(data, b"".join(parts), 0)
    split = hexadecimal.split(content)
    if split is not None:
        assert found(content) == split


@pytest.mark.parametrize("level", [1, 5])
def test_files(level: int) -> None:
    text = models.text(30_000)
    plain = nncomp.compress(text, level=level, model="none")
    for form in (xxd, hexdump, intel, motorola, array):
        content = form(text).encode()
        packed = nncomp.compress(content, level=level, model="none")
        assert nncomp.decompress(packed) == content
        assert len(plain) < len(packed) < len(plain) + 250


# ---- what is refused ----

LINE = bytes([0x90, *b": ", 0x80, 0x82, 0x81, 0x83, 0x84, 0x87, 0x88])


def test_by_example() -> None:
    streams = b"a.", bytes([1, 2, 10]) + LINE + bytes([14, 0x80]), b"Hi\xaa!"
    assert hexadecimal.join(streams, b"", 22) == b"ae: 4869HC10: aa21.B5."
    assert joined(*streams) == b"ae: 4869HC10: aa21.B5."


@pytest.mark.parametrize("size", [1000])
@pytest.mark.parametrize(
    ("places", "message"),
    [
        (b"", "not as long"),
        (b"\1", "end too early"),
        (b"\1\1\2\x80", "end too early"),
        (b"\1\1\3\x80\x82\x90", "end too early"),
        (b"\1\1\3\x80\x82\x86", "end too early"),
        (b"\1\0\2\x80\x82", "no form"),
        (b"\1\1\0", "no form"),
        (b"\1\1\2ab", "no form"),
        (b"\1\1\2\x82\x80", "no form"),
        (b"\1\1\3\x82\x84\x84", "no form"),
        (b"\1\1\3\x82\x84\x85", "no form"),
        (b"\1\1\3\x80\x82\x8a", "no form"),
        (b"\1\1\3\x80\x82\xb0", "no form"),
        (b"\1\1\x80\2" + b"\x82" * 256, "no form"),
        (b"\1\x80\x80\x80\x80\x10\2\x80\x82", "no form"),
        (b"\1\xff\xff\xff\xff\x0f\2\x80\x82", "more than"),
        (b"\3\1\2\x80\x82", "more than"),
        (b"\1\5\2\x80\x82", "more than"),
        (b"\1\1\xff\1" + b"\x82" * 3 + b" " * 252, "not as long"),
        (b"\1\4\xff\1" + b"\x82" + b" " * 254, "more than"),
        (b"\1\3\2\x80\x82", "not as long"),
        (b"\0\x81\0\2\x80\x82", "shortest form"),
    ],
)
def test_bad_places(places: bytes, message: str, size: int) -> None:
    with pytest.raises(FormatError, match=message) as info:
        hexadecimal.join([b"a.", places, b"abcd"], b"", size)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([2, 7, 19], b""), ([2, 7, 13], b"\0"), ([2, 7], b""), ([2, 7, 13, 0], b""), ([], b"")],
)
def test_bad_streams(sizes: list[int], side: bytes) -> None:
    hexadecimal.check([2, 7, 13], b"", 28)
    with pytest.raises(FormatError, match="not those of hex"):
        hexadecimal.check(sizes, side, 28)


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data())
def test_damaged_places_give_content_or_one_error(data: st.DataObject) -> None:
    content = b"a" + NOISE[:99].hex().encode() + b"\n" + intel(NOISE[:400]).encode()
    rest, places, payload = found(content).streams
    damaged = filtering.changed(data, places, 1)
    again = filtering.rejoined(hexadecimal, [rest, damaged, payload], len(content))
    assert again is None or again == joined(rest, damaged, payload)


def test_memory() -> None:
    content = xxd(models.noise(1 << 18)).encode()
    streams = found(content).streams
    peak = filtering.peak_of_joining(hexadecimal, streams, len(content))
    need = hexadecimal.memory([len(stream) for stream in streams], b"", len(content))
    assert peak < need < 3 * len(content) + (1 << 16)


def test_number() -> None:
    assert FILTERS.index(hexadecimal) == 8
