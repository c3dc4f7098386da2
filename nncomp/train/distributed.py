"""Training of one network by several processes, each with a share of a batch's rows.

They are started by ``torchrun``. Gradients are summed in one message per step: at these sizes there
is nothing to gain from overlapping it with the backward pass. With a single process, all functions
here do nothing.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

_PATIENCE = datetime.timedelta(days=7)  # others wait while the first one records, or chooses rows


def start(device: str) -> str:
    """Join the processes that ``torchrun`` has started, if it did; returns this one's device."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return device
    if device.startswith("cuda"):
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    return device


def end() -> None:
    """Leave the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """The number of processes, at least 1."""
    return dist.get_world_size() if dist.is_initialized() else 1


def add(tensors: Sequence[Tensor]) -> None:
    """Replace every tensor by its sum over all processes, which have to agree on the shapes."""
    if world() == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def joined(rows: list[Tensor], gradient: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
    """Collect the rows of tables, (B, T) each, and the gradient, (B, T, d), of all processes.

    Of the ``count`` sequences, this process has every ``world()``-th from ``rank()`` on.
    """
    if world() == 1:
        return rows, gradient
    own = torch.stack(rows, -1)
    all_rows = own.new_zeros(count, *own.shape[1:])
    all_rows[rank() :: world()] = own
    whole = gradient.new_zeros(count, *gradient.shape[1:])
    whole[rank() :: world()] = gradient
    add([all_rows])
    add([whole])
    return list(all_rows.unbind(-1)), whole


def any_of(condition: bool, device: torch.device) -> bool:
    """Whether ``condition`` holds in any process; all of them have to ask at the same step."""
    if world() == 1:
        return condition  # the device is not waited for
    flag = torch.tensor([float(condition)], device=device)
    add([flag])
    return bool(flag.item() > 0)


def first(value: float, device: torch.device) -> float:
    """The value of the first process."""
    if world() == 1:
        return value
    shared = torch.tensor([value if rank() == 0 else 0.0], dtype=torch.float64, device=device)
    add([shared])
    return shared.item()
