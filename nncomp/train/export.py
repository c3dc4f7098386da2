"""Converts a trained network to an integer model and back, and saves masters to continue from.

A *master* holds the network's weights in half precision. The integer model holds fewer scales than
the network: ``from_model`` chooses those that the function does not depend on.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from nncomp.errors import ModelError
from nncomp.model import MAX_FILE_SIZE, Model, load
from nncomp.network import ModelConfig, Role
from nncomp.train.arithmetic import (
    LOGIT_UNIT,
    NORM_GAIN,
    RESIDUAL_UNIT,
    constant,
    integer_weight,
    multipliers,
    weight_scale,
)
from nncomp.train.layers.layer import Integers
from nncomp.train.network import BITS, WEIGHT_BITS, Network

_CONFIG, _STATE = "nncomp.config", "nncomp.state"  # metadata of a master
_REST = ("residual_unit", "weight_bits", "calibrated")  # attributes that a master stores as JSON


def _s8(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> np.ndarray:
    return integer_weight(weight, scale, bits).numpy().astype(np.int8)


def _norm_constant(config: ModelConfig) -> np.ndarray:
    return constant(NORM_GAIN * math.sqrt(config.d_model) * 2.0**30)


@torch.no_grad()
def to_model(network: Network, name: str, notes: Mapping[str, str] | None = None) -> Model:
    """The integer model of a calibrated network; ``notes`` as in ``Model.build``."""
    assert network.calibrated
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
                scale = network.table(row.key).scale
                m = scale * (network.residual_unit * 2.0**-10)
            else:
                scale = weight_scale(weight, bits)
                m = (scale * units[row.key])[:, 0]
            tensors[row.name] = _s8(weight, scale, bits)
            tensors[f"{row.key}.m"] = multipliers(m)
        elif row.role is Role.CHECK:
            check = network.table(row.key).check
            assert check is not None
            tensors[row.name] = check.numpy()
        elif row.key.endswith("norm"):
            tensors[row.name] = _norm_constant(network.config)
    return Model.build(network.config, tensors, name, notes)


@torch.no_grad()
def from_model(model: Model) -> Network:
    """A network from which ``to_model`` makes this model, except for rounding of multipliers.

    A multiplier is a product of a weight's scale and one or two activation steps, so some scales
    can be exchanged for others without any effect on the function; each kind of layer chooses.
    """
    if int(model.tensors["norm.c"][0]) != int(_norm_constant(model.config)[0]):
        raise ModelError("the model's norms are not the trainer's")
    network = Network(model.config)
    integers = Integers(model)
    for row in model.config.tensors.values():
        if row.role is Role.TABLE:
            table = network.table(row.key)
            table.scale.fill_(integers.number(f"{row.key}.m") * 2.0**-20 / RESIDUAL_UNIT)
            table.weight.copy_(integers[row.name] * table.scale)
        elif row.role is Role.CHECK:
            network.table(row.key).check = torch.from_numpy(np.array(model.tensors[row.name]))
    network.head.copy_(integers.scaled("head") * (NORM_GAIN / LOGIT_UNIT))
    for layer in network.layers:
        layer.read(Integers(model, layer.prefix), RESIDUAL_UNIT)
    network.calibrated = network.chosen = True
    network.fit()
    return network


_OPTIONAL = ("moment", "scale", *(f"clips.{site}" for site in "uqkvo"))


def save_master(network: Network, path: Path) -> None:
    """Write weights in half precision, from which a later training run can start.

    Moments, scales and clips stay in single precision. A network that was never rounded needs no
    scales and clips; without moments, rows of tables begin with none.
    """
    single = ("moment", "scale")
    state = {
        name: (v.half() if v.dim() and v.is_floating_point() and not name.endswith(single) else v)
        for name, v in network.state_dict().items()
    }
    rest = {name: getattr(network, name) for name in _REST}
    metadata = {_CONFIG: network.config.to_json(), _STATE: json.dumps(rest)}
    path.write_bytes(save({k: v.detach().contiguous() for k, v in state.items()}, metadata))


def load_master(path: Path) -> Network:
    """Load a network that ``save_master`` has written. Raises ``ModelError``, ``OSError`` and what
    safetensors and torch raise for other files."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    config = ModelConfig.from_json(metadata[_CONFIG])
    if config.stored_size > MAX_FILE_SIZE:
        raise ModelError(f"{path} is of a network larger than models may be")
    rest = _rest(metadata.get(_STATE, "{}"))
    network = Network(config)
    missing, unexpected = network.load_state_dict(load_file(path), strict=False)
    if unexpected or not all(name.endswith(_OPTIONAL) for name in missing):
        raise RuntimeError(f"tensors are missing or too many: {[*missing, *unexpected]}")
    network.chosen = True
    network.fit()
    for name, value in rest.items():
        setattr(network, name, value)
    return network


def _rest(text: str) -> dict[str, Any]:
    """The attributes that a master stores as JSON. Raises ``ModelError`` for others."""
    try:
        rest = json.loads(text)
        unit, bits = rest.get("residual_unit", 1.0), rest.get("weight_bits", WEIGHT_BITS)
        good = (
            rest.keys() <= set(_REST)
            and isinstance(unit, float)
            and 0 < unit < math.inf
            and bits.keys() == WEIGHT_BITS.keys()
            and all(type(value) is int and value in BITS for value in bits.values())
            and isinstance(rest.get("calibrated", False), bool)
        )
    except (ValueError, AttributeError):  # it is no JSON, or no object
        good = False
    if not good:
        raise ModelError("a master's attributes are malformed")
    return cast("dict[str, Any]", rest)


def load_network(path: Path) -> Network:
    """The network of a master or of an integer model. Raises ``ModelError`` and ``OSError``."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        is_master = _CONFIG in metadata and "nncomp.id" not in metadata
        return load_master(path) if is_master else from_model(load(path))
    except (SafetensorError, RuntimeError) as error:  # RuntimeError: tensors missing or too many
        raise ModelError(f"{path} is neither a model nor a master: {error}") from None
