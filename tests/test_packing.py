"""Packed models: exact, small, equal on both coders, and an error for everything else."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import models
import nncomp
from conftest import some_quick
from nncomp import _native, packing, registry
from nncomp.container import Packed
from nncomp.engine.reference import integers as reference_integers
from nncomp.errors import FormatError, ModelError
from nncomp.model import Model
from nncomp.network import WAYS, ModelConfig, Role
from nncomp.packing import Factors, pack, read_config, unpack

Array = npt.NDArray[Any]

CODERS = (_native, reference_integers)
COARSE = np.arange(60)[:, None] % 4  # rows of multiples of 1, 2, 4, 8
TENSORS: list[tuple[int, Array, Array]] = [
    (0, models.integers(1, 600, -7, 7).reshape(20, 30).astype(np.int8), np.int8(0)),
    (1, models.integers(2, 600, -127, 127).reshape(60, 10).astype(np.int8), np.int8(1)),
    (0, np.zeros((40, 40), np.int8), np.int8(0)),
    (1, (models.integers(6, 600, -15, 15).reshape(60, 10) << COARSE).astype(np.int8), np.int8(0)),
    (2, models.integers(3, 50, 0, models.MAX_M).reshape(1, 50).astype(np.int32), np.int32(-1)),
    (3, models.integers(4, 90, -500, 100).reshape(9, 10).astype(np.int16), np.int16(0)),
    (15, models.integers(5, 20, -(2**61), 2**61).reshape(2, 10), np.int64(0)),
    (4, np.array([[2**62 - 1, -(2**62) + 1, 1, -1, 0]]), np.int64(0)),
    (5, np.array([[127, -128]], np.int8), np.int8(-128)),
]  # kind, values, what the base is everywhere


def change_of(base: Model, seed: int = 1) -> tuple[Model, dict[str, Factors]]:
    """A model near ``base``, and most of what distinguishes it."""
    tensors = {name: np.array(tensor) for name, tensor in base.tensors.items()}
    factors = {}
    for i, name in enumerate(n for n in sorted(tensors) if n.endswith(("up.weight", "d.weight"))):
        rows, columns = tensors[name].shape
        rank = 1 + i % 3
        left = models.integers(seed + i, rows * rank, -9, 9).reshape(rows, rank)
        right = models.integers(seed - i - 9, columns * rank, -9, 9).reshape(columns, rank)
        factors[name] = Factors(left.astype(np.int8), right.astype(np.int8), 7 + i)
        tensors[name] = factors[name].added_to(tensors[name])
    tensors["head.m"][::7] += 1000
    tensors["embed.weight"][5, ::3] = 1
    tensors["layers.0.attn.bias"][1, 2] = -32768
    return Model.build(base.config, tensors, "changed"), factors


def test_both_coders_write_and_read_the_same() -> None:
    payloads = []
    for coder in CODERS:
        encoder = coder.IntegerEncoder()
        for kind, values, base in TENSORS:
            encoder.put(kind, values, np.full_like(values, base))
        payloads.append(encoder.finish())
    assert payloads[0] == payloads[1]
    for coder in CODERS:
        decoder = coder.IntegerDecoder(b"head" + payloads[0], 4)
        for kind, values, base in TENSORS:
            found = np.full_like(values, base)
            decoder.add(kind, found)
            assert (found == values).all()
        decoder.finish()


def test_both_coders_refuse_the_same() -> None:
    encoder = _native.IntegerEncoder()
    for kind, values, base in TENSORS:
        encoder.put(kind, values, np.full_like(values, base))
    good = encoder.finish()
    draw = random.Random(1)
    flipped = []
    for _ in range(6):
        bad = bytearray(good)
        bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
        flipped.append(bytes(bad))
    cut = [b"", good[:9], good[:-1], good + b"\0", good + b"\1", b"\xff" * 9]
    for bad_payload in cut + flipped:
        results = []
        for coder in CODERS:
            found = [np.full_like(values, base) for _, values, base in TENSORS]
            try:
                decoder = coder.IntegerDecoder(bad_payload)
                for (kind, _, _), values in zip(TENSORS, found, strict=True):
                    decoder.add(kind, values)
                decoder.finish()
                results.append("read")
            except FormatError:
                results.append("refused")
        assert results in (["read"] * 2, ["refused"] * 2)
        if bad_payload in cut:  # a flipped bit may give other numbers: the id notices
            assert results[0] == "refused"


def test_encoder_and_decoder_check_their_arguments() -> None:
    encoder = _native.IntegerEncoder()
    values = np.zeros((2, 3), np.int8)
    for kind, one, other in (
        (-1, values, values),
        (16, values, values),
        (0, values, values[:1]),
        (0, values, values.astype(np.int16)),
        (0, values.astype(np.uint8), values.astype(np.uint8)),
        (0, np.array([[2**62]]), np.array([[0]])),
        (0, np.array([[2**62]]), np.array([[-(2**62)]])),
    ):
        with pytest.raises(ValueError):
            encoder.put(kind, one, other)
    odd = np.frombuffer(bytes(25), np.int32, count=6, offset=1).reshape(2, 3)
    with pytest.raises(ValueError, match="not aligned"):
        encoder.put(0, odd, odd)
    with pytest.raises(ValueError, match="start"):
        _native.IntegerDecoder(b"abc", 4)


def test_an_encoder_ends_once() -> None:
    encoder = _native.IntegerEncoder()
    values = np.ones((2, 3), np.int8)
    encoder.put(0, values, values - 1)
    assert encoder.finish()
    with pytest.raises(ValueError, match="it has ended"):
        encoder.finish()
    with pytest.raises(ValueError, match="it has ended"):
        encoder.put(0, values, values)


@pytest.mark.parametrize(
    "config", [models.TINY, models.WIDE_HEAD, models.UNEVEN, models.random_config(5)]
)
def test_models_come_back(config: ModelConfig) -> None:
    model = models.natural(config, 3)
    packed = pack(model)
    assert packed == pack(model)
    assert packing.base_id(packed) is None
    assert read_config(packed, None) == config
    found = unpack(packed, None)
    assert (found.id, found.name) == (model.id, model.name)
    if config not in (models.WIDE_HEAD, models.UNEVEN):  # what `change_of` changes is not there
        changed, factors = change_of(model)
        for packed in (pack(changed, model), pack(changed, model, factors)):
            assert packing.base_id(packed) == model.id
            assert read_config(packed, model) == config
            assert unpack(packed, model).id == changed.id


@pytest.mark.parametrize("rising", [True, False])
def test_known_contexts_come_back(rising: bool) -> None:
    """Checks of all values, in full and as a change, where those that stay take next to nothing;
    as training leaves them, rising in each bucket, they take 6 bits instead of 8."""
    model = models.natural(models.CONTEXTUAL)
    checks = [name for name in model.tensors if name.endswith(".check")]
    plain, tensors = ({**model.tensors} for _ in range(2))
    for i, name in enumerate(checks):
        drawn = models.integers(i, tensors[name].size, 0, 255).astype(np.uint8)
        plain[name] = np.zeros_like(drawn)
        tensors[name] = np.sort(drawn.reshape(-1, WAYS)).ravel() if rising else drawn
    other = Model.build(model.config, tensors, "other")
    base = Model.build(model.config, plain, "base")
    count = sum(tensors[name].size for name in checks)
    assert unpack(pack(other), None).id == other.id
    low, high = (0.78, 0.9) if rising else (1.08, 1.12)
    for before in (model, base):
        packed = pack(other, before)
        assert low < len(packed.data) / count < high
        assert unpack(packed, before).id == other.id
    assert len(pack(other, other).data) < 17 + 80


@pytest.mark.parametrize("extreme", ["plus", "minus", "signs", "zero", "small-scales", "steep"])
def test_extreme_models_come_back(extreme: str) -> None:
    model = models.EXTREMES[extreme](models.TINY)
    assert unpack(pack(model), None).id == model.id
    other = models.EXTREMES["minus"](models.TINY)
    assert unpack(pack(model, other), other).id == model.id


def test_sizes() -> None:
    """A wasteful coder also comes back: sizes for all, little, and nothing that is new."""
    model = models.tiny()
    noise = sum(tensor.size for name, tensor in model.tensors.items() if name.endswith(".weight"))
    assert noise < len(pack(model).data) < noise * 1.03 + 2000  # evenly drawn bytes, and the rest
    assert len(pack(model, model).data) < 17 + 12
    changed, factors = change_of(model)
    numbers = sum(f.left.size + f.right.size for f in factors.values())
    with_factors = len(pack(changed, model, factors).data)
    assert with_factors < numbers * 0.8 + 150  # of -9…9: 4.25 bits each
    assert with_factors * 4 < len(pack(changed, model).data)


def int4(model: Model) -> dict[str, Array]:
    """The model's weights in 15 steps of 16: those of a matrix by row, as the trainer has them."""
    found = {}
    for name, tensor in model.tensors.items():
        if name.endswith(".weight"):
            by_row = model.config.tensors[name].role is Role.MATRIX
            largest = np.abs(tensor.astype(np.int64)).max(1 if by_row else None, keepdims=True)
            scaled = 14 * tensor.astype(np.int64) + largest  # floor(7 w / largest + 1/2)
            steps = np.clip(scaled // (2 * np.maximum(largest, 1)), -7, 7)
            found[name] = (16 * steps).astype(np.int8)
    return found


def stored_bytes_a_weight(model: Model) -> float:
    """Of the model as int4, multipliers and everything else included."""
    small = int4(model)
    count = sum(tensor.size for tensor in small.values())
    packed = pack(Model.build(model.config, {**model.tensors, **small}, "int4"))
    assert unpack(packed, None).id
    return len(packed.data) / count


@pytest.mark.parametrize("name", some_quick(["nano-1", "nano-2", "small-2", "base-2"], "nano-1"))
def test_a_stored_int4_weight_of_a_trained_model(name: str) -> None:
    assert stored_bytes_a_weight(registry.find(name)) <= 0.45


def test_a_stored_int4_weight_of_a_gaussian_model() -> None:
    normal = np.random.default_rng(1).standard_normal

    def fill(key: str, count: int, index: int) -> Array | int:
        if key.endswith(".weight"):
            return np.clip(np.round(40 * normal(count)), -127, 127).astype(np.int64)
        return models.integers(index, count, 1 << 19, 1 << 20) if key.endswith(".m") else 1

    config = models.pairs(192, 4, 32, 512, (64,), ((3, 12, 32, 0),))
    assert stored_bytes_a_weight(models.build(config, fill)) <= 0.55


# ---- lies ----


def test_truncation_and_extension_are_errors() -> None:
    """Or at most another model, which has another id: the last weights may be cut."""
    model = models.tiny()
    changed, factors = change_of(model)
    for base, good in ((None, pack(model)), (model, pack(changed, model, factors))):
        sizes = [*range(40), len(good.data) // 2, len(good.data) - 2, len(good.data) - 1]
        for data in [*(good.data[:size] for size in sizes), good.data + b"\0", good.data + b"\1"]:
            try:
                assert unpack(Packed("x", data), base).id not in (model.id, changed.id)
            except ModelError:
                continue
            assert len(data) > len(good.data) - 2


def test_flipped_bits_give_an_error_or_another_model() -> None:
    model = models.natural(models.pairs(64, 4, 16, 64, (64,), ()))
    changed, factors = change_of(model)
    draw = random.Random(1)
    for base, right, good in ((None, model, pack(model)),
                              (model, changed, pack(changed, model, factors))):  # fmt: skip
        for i in range(60):
            bad = bytearray(good.data)
            place = i if i < 30 else draw.randrange(len(bad))
            bad[place] ^= 1 << draw.randrange(8)
            try:
                assert unpack(Packed("x", bytes(bad)), base).id != right.id
            except ModelError:
                pass


def test_another_base_is_an_error() -> None:
    model, other = models.tiny(1), models.tiny(2)
    packed = pack(change_of(model)[0], model)
    for base in (None, other):
        with pytest.raises(ModelError, match="another model"):
            unpack(packed, base)
    with pytest.raises(ValueError, match="dimensions"):
        pack(model, models.natural(models.WIDE_HEAD))


def edited(payload: Callable[[Any], None], head: bytes) -> Packed:
    encoder = _native.IntegerEncoder()
    payload(encoder)
    return Packed("x", head + encoder.finish())


@pytest.mark.parametrize("dimension", range(14))
@pytest.mark.parametrize("value", [0, 255])
def test_wrong_dimensions(dimension: int, value: int) -> None:
    good = pack(models.natural(models.pairs(64, 4, 16, 64, (64,), ((2, 8, 16, 0),)))).data
    bad = bytearray(good)
    bad[1 + dimension] = value
    if bad != good and (dimension, value) != (9, 0):  # which is another context
        with pytest.raises(ModelError):
            unpack(Packed("x", bytes(bad)), None)


def test_wrong_ranks() -> None:
    model = models.tiny()
    for rank, shift in ((-1, 1), (16, 1), (1, 0), (1, 31), (127, 1)):

        def payload(encoder: Any) -> None:
            encoder.put(7, np.zeros((1, 1), np.int32), np.zeros((1, 1), np.int32))  # embed.m
            encoder.put(10, np.array([[rank]], np.int8), np.zeros((1, 1), np.int8))  # noqa: B023
            encoder.put(10, np.array([[shift]], np.int8), np.zeros((1, 1), np.int8))  # noqa: B023
            encoder.put(11, np.ones((300, 40), np.int8), np.zeros((300, 40), np.int8))

        with pytest.raises(ModelError, match="factors"):
            unpack(edited(payload, b"\1" + model.id), model)


def test_weights_of_minus_128_are_refused() -> None:
    model = models.tiny()
    tensors = {name: np.array(tensor) for name, tensor in model.tensors.items()}
    tensors["embed.weight"][0, 0] = -128
    lie = Model(model.config, tensors, "lie", bytes(16))
    with pytest.raises(ModelError, match="-128"):
        unpack(pack(lie), None)
    with pytest.raises(ModelError, match="-128"):
        unpack(pack(lie, model), model)


def test_a_bias_out_of_range_is_refused() -> None:
    model = models.tiny()
    tensors = {name: np.array(tensor) for name, tensor in model.tensors.items()}
    tensors["layers.2.attn.bias"] = tensors["layers.2.attn.bias"].astype(np.int64)
    tensors["layers.2.attn.bias"][0, 5] = 32768
    with pytest.raises(ModelError, match="bias"):
        unpack(pack(Model(model.config, tensors, "lie", bytes(16))), None)


def test_embedded_models_go_with_their_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was unpacked for one frame is no memory of the next: neither tensors nor a kernel's."""
    seen = []

    def unpack_and_note(*arguments: Any) -> Model:
        model = unpack(*arguments)
        seen.append(weakref.ref(model))
        alive.append(sum(reference() is not None for reference in seen))
        return model

    alive: list[int] = []
    text = models.chained(2000)
    file = b"".join(
        nncomp.compress(text, model=models.chain_model(f"m{i}", i + 1), embed_model=True)
        for i in range(5)
    )
    monkeypatch.setattr(packing, "unpack", unpack_and_note)
    assert nncomp.decompress(file) == 5 * text
    gc.collect()
    assert len(seen) == 5 and max(alive) <= 2  # the last frame's and this one's
    assert [reference() for reference in seen] == [None] * 5
