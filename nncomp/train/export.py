"""From a trained twin to the integer model, and to the half-precision master it continues from."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from nncomp.model import Model, ModelConfig
from nncomp.train.network import (
    LOGIT_UNIT,
    NORM_GAIN,
    SCORE_UNIT,
    Network,
    weight_scale,
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


def _s8(weight: torch.Tensor, scale: torch.Tensor) -> np.ndarray:
    return torch.floor(weight / scale + 0.5).clamp(-127, 127).numpy().astype(np.int8)


@torch.no_grad()
def to_model(network: Network, name: str) -> Model:
    """The integer model (arithmetic 1) of a trained network."""
    network = copy.deepcopy(network).double().cpu()  # the arithmetic of Mode.EXACT
    network.fit()
    config = network.config
    d, h, inner = config.d_model, config.d_head, config.n_heads * config.d_head
    norm = _c(NORM_GAIN * math.sqrt(d) * 2.0**30)
    tensors: dict[str, np.ndarray] = {"norm.c": norm}

    def table(key: str, weight: torch.Tensor) -> None:
        scale = weight.abs().amax() / 127.0
        tensors[f"{key}.weight"] = _s8(weight, scale)
        tensors[f"{key}.m"] = _m(scale * (network.residual_unit * 2.0**-10))

    def matrix(key: str, weight: torch.Tensor, unit: torch.Tensor | float) -> None:
        scale = weight_scale(weight)
        tensors[f"{key}.weight"] = _s8(weight, scale)
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
    return Model.build(config, tensors, name)


def save_master(network: Network, path: Path) -> None:
    """Half-precision weights: what a later training run starts from."""
    state = {k: v.detach().half().contiguous() for k, v in network.state_dict().items()}
    save_file(state, path, metadata={"nncomp.config": network.config.to_json()})


def load_master(path: Path) -> Network:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        config = ModelConfig.from_json(file.metadata()["nncomp.config"])
    network = Network(config)
    network.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return network
