"""Statistics of a call that compresses or decompresses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from nncomp.plan import Plan

__all__ = ["Summary"]


@dataclass
class Summary:
    """Sizes in bytes, and how many blocks and streams there are of each kind."""

    content_size: int = 0
    stored_size: int = 0
    frames: int = 0
    plans: Counter[str] = field(default_factory=Counter)  # blocks, by the label of their plan
    networks: int = 0  # blocks with the network
    primed: int = 0  # blocks of which a stream is coded with the prime
    mixings: Counter[str] = field(default_factory=Counter)  # streams, by how the stage codes them

    def count(self, plan: Plan) -> None:
        self.plans[plan.label] += 1
        self.networks += plan.network
        self.primed += any(stream.primed for stream in plan.every_stream)
        for stream in plan.every_stream:
            if stream.mixing is not None:
                self.mixings[stream.mixing.label] += 1
