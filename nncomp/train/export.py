"""From a trained twin to the integer model and back, and to the master it continues from.

A *master* holds the twin's weights in half precision. The integer model holds fewer scales than the
twin: ``from_model`` chooses those that the function does not depend on.
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
from nncomp.model import Model, ModelConfig, load
from nncomp.train.network import (
    LOGIT_UNIT,
    NORM_GAIN,
    RESIDUAL_UNIT,
    SCORE_UNIT,
    Network,
    largest_weight,
    units,
    weight_scale,
    weight_step,
)


def _round(x: torch.Tensor) -> torch.Tensor:
    return torch.floor(x.double() + 0.5)


def _m(scale: torch.Tensor | float) -> np.ndarray:
    """Multipliers m (int32) of a scale: m = scale · 2^30 rounded, below 2^31."""
    m = _round(torch.as_tensor(scale).double().reshape(-1) * 2.0**30)
    if not bool(((m >= 0) & (m < 2.0**31)).all()):
        raise ValueError("a scale is too large for the integer engine")
    return m.to(torch.int64).numpy().astype(np.int32)


def _c(value: float) -> np.ndarray:
    return np.array([math.floor(value + 0.5)], np.int64)


def _s8(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> np.ndarray:
    step, largest = weight_step(bits), largest_weight(bits)
    whole = torch.floor(weight / (scale * step) + 0.5) * step
    return whole.clamp(-largest, largest).numpy().astype(np.int8)


@torch.no_grad()
def to_model(network: Network, name: str, notes: Mapping[str, str] | None = None) -> Model:
    """The integer model (arithmetic 1) of a trained network; ``notes`` as in ``Model.build``."""
    network = copy.deepcopy(network).double().cpu()  # the arithmetic of Mode.EXACT
    network.hold()
    config = network.config
    d, h, inner = config.d_model, config.d_head, config.n_heads * config.d_head
    norm = _c(NORM_GAIN * math.sqrt(d) * 2.0**30)
    tensors: dict[str, np.ndarray] = {"norm.c": norm}

    def table(key: str, weight: torch.Tensor) -> None:
        bits = network.weight_bits["tables"]
        scale = weight.abs().amax().clamp_min(1e-8) / largest_weight(bits)
        tensors[f"{key}.weight"] = _s8(weight, scale, bits)
        tensors[f"{key}.m"] = _m(scale * (network.residual_unit * 2.0**-10))

    def matrix(key: str, weight: torch.Tensor, unit: torch.Tensor | float) -> None:
        bits = network.weight_bits["head" if key == "head" else "layers"]
        scale = weight_scale(weight, bits)
        tensors[f"{key}.weight"] = _s8(weight, scale, bits)
        tensors[f"{key}.m"] = _m((scale * unit)[:, 0])

    table("embed", network.embed)
    for i, weight in enumerate(network.ngrams):
        table(f"ngram.{i}", weight)
    for i, layer in enumerate(network.layers):
        key = f"layers.{i}"
        unit = {n: layer.step(n) for n in ("q", "k", "v", "o", "u")}
        rows = torch.cat([unit["q"].expand(inner), unit["k"].expand(h), unit["v"].expand(h)])
        tensors[f"{key}.norm1.c"] = tensors[f"{key}.norm2.c"] = norm
        matrix(f"{key}.qkv", layer.qkv, 1.0 / (NORM_GAIN * rows[:, None]))
        tensors[f"{key}.attn.m"] = _m(unit["q"] * unit["k"] * (SCORE_UNIT / math.sqrt(h)))
        bias = torch.floor(layer.bias * SCORE_UNIT + 0.5).clamp(-32767, 32767)
        tensors[f"{key}.attn.bias"] = bias.numpy().astype(np.int16)
        tensors[f"{key}.attn.c"] = _c(float(unit["v"] / unit["o"]) * 2.0**30)
        matrix(f"{key}.out", layer.out, unit["o"] * network.residual_unit)
        matrix(f"{key}.up", layer.up, 1.0 / (NORM_GAIN * unit["u"]))
        matrix(f"{key}.down", layer.down, unit["u"] * unit["u"] * (65536 * network.residual_unit))
    matrix("head", network.head, LOGIT_UNIT / NORM_GAIN)
    return Model.build(config, tensors, name, notes)


@torch.no_grad()
def from_model(model: Model) -> Network:
    """A network that ``to_model`` makes this model of, but for the last digits of multipliers.

    A multiplier is a product of a weight's scale and one or two activation steps, so some scales
    can be exchanged for others without any effect on the function: those of q and k, of v and the
    output matrix, of both feed-forward matrices. They are set so that the two have rows of equal
    mean length, as training tends to make them.
    """
    config = model.config
    d, h, inner = config.d_model, config.d_head, config.n_heads * config.d_head
    if int(model.tensors["norm.c"][0]) != int(_c(NORM_GAIN * math.sqrt(d) * 2.0**30)[0]):
        raise ModelError("the model's norms are not the trainer's")
    network = Network(config)

    def integers(key: str) -> torch.Tensor:
        return torch.from_numpy(model.tensors[key].astype(np.float64))

    def scaled(key: str) -> torch.Tensor:  # integer weights times what m stands for
        return integers(f"{key}.weight") * (integers(f"{key}.m")[:, None] * 2.0**-30)

    network.embed.copy_(scaled("embed") * 2.0**10 / RESIDUAL_UNIT)
    for i, table in enumerate(network.ngrams):
        table.copy_(scaled(f"ngram.{i}") * 2.0**10 / RESIDUAL_UNIT)
    network.head.copy_(scaled("head") * (NORM_GAIN / LOGIT_UNIT))
    for i, layer in enumerate(network.layers):
        key = f"layers.{i}"
        q, k, v = (scaled(f"{key}.qkv") * NORM_GAIN).split([inner, h, h])  # per unit of its step
        out = scaled(f"{key}.out") / RESIDUAL_UNIT  # times the step of o
        up = scaled(f"{key}.up") * NORM_GAIN
        down = scaled(f"{key}.down") / (65536 * RESIDUAL_UNIT)  # times the squared step of u
        qk = max(float(integers(f"{key}.attn.m")[0]), 1.0) * 2.0**-30 * math.sqrt(h) / SCORE_UNIT
        vo = float(integers(f"{key}.attn.c")[0]) * 2.0**-30  # step of v / step of o
        step = {
            "q": math.sqrt(qk * _length(k) / _length(q)),
            "v": math.sqrt(vo * _length(out) / _length(v)),
            "u": (_length(down) / _length(up)) ** (1 / 3),
        }
        step |= {"k": qk / step["q"], "o": step["v"] / vo}
        layer.qkv.copy_(torch.cat([q * step["q"], k * step["k"], v * step["v"]]))
        layer.out.copy_(out / step["o"])
        layer.up.copy_(up * step["u"])
        layer.down.copy_(down / step["u"] ** 2)
        layer.bias.copy_(integers(f"{key}.attn.bias") / SCORE_UNIT)
        for name, value in step.items():
            layer.clips[name].fill_(math.log(value * units(name)))
    network.fit()
    return network


def _length(matrix: torch.Tensor) -> float:
    """Mean length of the rows, at least a little."""
    return max(float(matrix.norm(dim=1).mean()), 1e-6)


def save_master(network: Network, path: Path) -> None:
    """Half-precision weights: what a later training run starts from."""
    state = {k: v.detach().half().contiguous() for k, v in network.state_dict().items()}
    path.write_bytes(save(state, metadata={"nncomp.config": network.config.to_json()}))


def load_master(path: Path) -> Network:
    """The network of ``save_master``."""
    with safe_open(path, "pt") as file:
        config = ModelConfig.from_json(file.metadata()["nncomp.config"])
    network = Network(config)
    network.load_state_dict({k: v.float() for k, v in load_file(path).items()})
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
