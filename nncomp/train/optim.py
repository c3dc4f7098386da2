"""Muon for the matrices inside the layers, AdamW for everything else.

Muon (K. Jordan et al., 2024) replaces a matrix's momentum by the nearest semi-orthogonal matrix,
found by a quintic Newton-Schulz iteration.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nncomp.train.network import Network

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic, from the Muon write-up
STEPS = 5  # of the iteration
MOMENTUM = 0.95


def orthogonalise(g: Tensor, compute: torch.dtype) -> Tensor:
    """The semi-orthogonal factor of ``g`` (…, rows, columns), roughly: singular values 0.7…1.2.

    ``compute`` is the type of its products: bfloat16 is precise enough.
    """
    a, b, c = NEWTON_SCHULZ
    x = g.to(compute)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        s = x @ x.mT
        s = torch.baddbmm(s, s, s, beta=b, alpha=c)
        x = torch.baddbmm(x, s, x, beta=a)
    result: Tensor = (x.mT if tall else x).to(g.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum; ``lr`` is per unit of spectral norm.

    ``decay`` is the share of a weight that a step at a rate of 1 would take away. Without it,
    matrices keep growing, until a layer adds either nothing or thousands.
    """

    def __init__(
        self,
        params: list[Tensor],
        lr: float,
        compute: torch.dtype,
        decay: float,
    ) -> None:
        super().__init__(params, {"lr": lr})
        self.compute, self.decay = compute, decay

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                by_shape.setdefault(p.shape, []).append(p)
            for shape, params in by_shape.items():
                updates = []
                for p in params:
                    assert p.grad is not None
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - MOMENTUM)
                    updates.append(p.grad.lerp(m, MOMENTUM))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                found = orthogonalise(torch.stack(updates), self.compute)
                for p, u in zip(params, found, strict=True):
                    p.mul_(1 - group["lr"] * self.decay)
                    p.add_(u, alpha=-group["lr"] * scale)


def build(network: Network, *others: nn.Module, decay: float = 0.0) -> list[torch.optim.Optimizer]:
    """Return [Muon, AdamW] for the parameters of ``network`` and ``others``. Each group keeps its
    peak rate in ``peak``. Muon computes in the type of the network's products; ``decay`` is its
    weight decay.
    """
    matrices: list[Tensor] = []
    biases: list[Tensor] = []
    clips: list[Tensor] = []
    for layer in network.layers:
        for name, parameter in layer.named_parameters():
            known = matrices if name in layer.matrices else biases
            (clips if name.startswith("clips.") else known).append(parameter)
    rest = [parameter for other in others for parameter in other.parameters()]
    groups = [([network.head], 0.003), (biases, 0.01), (clips, 0.0005), (rest, 0.003)]
    optimizers: list[torch.optim.Optimizer] = [
        Muon(matrices, lr=0.02, compute=network.compute, decay=decay),
        torch.optim.AdamW(
            [{"params": params, "lr": rate} for params, rate in groups],
            betas=(0.9, 0.98),
            eps=1e-10,
            weight_decay=0.0,
            foreach=True,
        ),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def step(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Take one step at ``factor`` times each group's peak rate, and clear the gradients."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
