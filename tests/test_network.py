"""The schema: what it says of every kind of layer, and who has to know all of them."""

from __future__ import annotations

import pytest

import models
from nncomp import _native
from nncomp.engine.reference import layers as of_reference
from nncomp.network import KINDS, Attention, FeedForward, ModelConfig, Role
from nncomp.network.layers import from_numbers

SMALLEST = (Attention(4, 16, 64), FeedForward(64))  # one of each kind


def test_every_kind_is_tried() -> None:
    assert {type(layer) for layer in SMALLEST} == set(KINDS)
    assert {type(layer) for layer in models.UNEVEN.layers} == set(KINDS)
    assert len({kind.kind for kind in KINDS}) == len(KINDS) < 256


def test_registers_have_all_kinds() -> None:
    assert of_reference.LAYERS.keys() == set(KINDS)
    for layer in SMALLEST:
        config = ModelConfig(1, 64, (layer,), ())
        model = models.natural(config)
        _native.Network(64, [(layer.kind, layer.numbers)], (), dict(model.tensors))


@pytest.mark.torch
def test_registers_that_need_torch_have_all_kinds() -> None:
    pytest.importorskip("torch")
    from nncomp.train import layers as of_trainer

    assert of_trainer.LAYERS.keys() == set(KINDS)
    pytest.importorskip("triton")
    from nncomp.engine.cuda import layers as of_cuda

    assert of_cuda.LAYERS.keys() == set(KINDS)


@pytest.mark.parametrize("layer", SMALLEST, ids=str)
def test_a_layer_is_its_kind_and_numbers(layer: Attention | FeedForward) -> None:
    assert from_numbers(layer.kind, [*layer.numbers]) == layer
    kind, *numbers = str(layer).split(":")
    assert (kind, [*map(int, numbers)]) == (layer.kind, [*layer.numbers])
    assert len(layer.limits) == len(layer.numbers)
    for limit in layer.limits:  # a packed model has a byte for each
        assert limit.high // limit.unit < 256 and limit.low % limit.unit == 0


@pytest.mark.parametrize("layer", SMALLEST, ids=str)
def test_rows_of_a_layer(layer: Attention | FeedForward) -> None:
    """Weights come with multipliers, and each kind of weights learns by itself when packed."""
    rows = {row.name: row for row in layer.tensors(128)}
    weights = [row for row in rows.values() if row.is_weight]
    for row in weights:
        outputs, _ = row.shape
        assert row.role is Role.MATRIX and rows[f"{row.key}.m"].shape == (outputs,)
    statistics = [row.statistics for row in weights]
    assert not set(statistics) & {0, 1, *range(6, 13)}  # of tables, the head, factors and others
    assert max(statistics) < 16 and len({*statistics}) == len(statistics)
