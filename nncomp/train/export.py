"""From a trained network to the integer model and back, and to the master it continues from.

A *master* holds the network's weights in half precision. The integer model holds fewer scales than
the network: ``from_model`` chooses those that the function does not depend on.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from nncomp.errors import ModelError
from nncomp.model import Model, load
from nncomp.network import ModelConfig, Role
from nncomp.train.arithmetic import (
    LOGIT_UNIT,
    NORM_GAIN,
    RESIDUAL_UNIT,
    constant,
    largest_weight,
    multipliers,
    table_scale,
    weight_scale,
    weight_step,
)
from nncomp.train.layers.layer import Integers
from nncomp.train.network import Network


def _s8(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> np.ndarray:
    step, largest = weight_step(bits), largest_weight(bits)
    whole = torch.floor(weight / (scale * step) + 0.5) * step
    return whole.clamp(-largest, largest).numpy().astype(np.int8)


def _norm_constant(config: ModelConfig) -> np.ndarray:
    return constant(NORM_GAIN * math.sqrt(config.d_model) * 2.0**30)


@torch.no_grad()
def to_model(network: Network, name: str, notes: Mapping[str, str] | None = None) -> Model:
    """The integer model (arithmetic 1) of a trained network; ``notes`` as in ``Model.build``."""
    network = copy.deepcopy(network).double().cpu()  # the arithmetic of Mode.EXACT
    network.hold()
    units: dict[str, torch.Tensor | float] = {"head": LOGIT_UNIT / NORM_GAIN}
    tensors: dict[str, np.ndarray] = {}
    for layer in network.layers:
        units |= {layer.prefix + n: u for n, u in layer.units(network.residual_unit).items()}
        tensors |= {layer.prefix + n: values for n, values in layer.integers().items()}
    for row in network.config.tensors.values():
        if row.is_weight:
            weight, bits = network.weight(row.key), network.bits_of(row.key)
            if row.role is Role.TABLE:
                scale = table_scale(weight, bits)
                m = scale * (network.residual_unit * 2.0**-10)
            else:
                scale = weight_scale(weight, bits)
                m = (scale * units[row.key])[:, 0]
            tensors[row.name] = _s8(weight, scale, bits)
            tensors[f"{row.key}.m"] = multipliers(m)
        elif row.key.endswith("norm"):
            tensors[row.name] = _norm_constant(network.config)
    for i in range(len(network.config.tables)):
        check = network.check(i)
        if check is not None:
            tensors[f"table.{i}.check"] = check.numpy()
    return Model.build(network.config, tensors, name, notes)


@torch.no_grad()
def from_model(model: Model) -> Network:
    """A network that ``to_model`` makes this model of, but for the last digits of multipliers.

    A multiplier is a product of a weight's scale and one or two activation steps, so some scales
    can be exchanged for others without any effect on the function; each kind of layer chooses.
    """
    if int(model.tensors["norm.c"][0]) != int(_norm_constant(model.config)[0]):
        raise ModelError("the model's norms are not the trainer's")
    network = Network(model.config)
    integers = Integers(model)
    for row in model.config.tensors.values():
        if row.role is Role.TABLE:
            table = integers.scaled(row.key) * 2.0**10 / RESIDUAL_UNIT
            network.weight(row.key).copy_(table)
    for i in range(len(model.config.tables)):
        check = network.check(i)
        if check is not None:
            check.copy_(torch.from_numpy(np.array(model.tensors[f"table.{i}.check"])))
    network.head.copy_(integers.scaled("head") * (NORM_GAIN / LOGIT_UNIT))
    for layer in network.layers:
        layer.read(Integers(model, layer.prefix), RESIDUAL_UNIT)
    network.fit()
    return network


def save_master(network: Network, path: Path) -> None:
    """Half-precision weights: what a later training run starts from."""
    state = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in network.state_dict().items()
    }
    path.write_bytes(save(state, metadata={"nncomp.config": network.config.to_json()}))


def load_master(path: Path) -> Network:
    """The network of ``save_master``."""
    with safe_open(path, "pt") as file:
        config = ModelConfig.from_json(file.metadata()["nncomp.config"])
    network = Network(config)
    network.load_state_dict(load_file(path))
    network.fit()
    return network


def load_network(path: Path) -> Network:
    """The network of a master or of an integer model. Raises ``ModelError`` and ``OSError``."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        is_master = "nncomp.config" in metadata and "nncomp.id" not in metadata
        return load_master(path) if is_master else from_model(load(path))
    except (SafetensorError, RuntimeError) as error:  # RuntimeError: tensors missing or too many
        raise ModelError(f"{path} is neither a model nor a master: {error}") from None
