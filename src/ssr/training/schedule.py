"""How fast does a run learn at each step?"""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Linear warm-up, then a half cosine to `final`, or a drop by `gamma` at each milestone."""

    kind: Literal["cosine", "multistep"]
    peak: float
    final: float
    n_steps: int
    n_warmup_steps: int
    milestones: tuple[int, ...]
    gamma: float

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.n_warmup_steps:
            return self.peak * (step + 1) / self.n_warmup_steps
        if self.kind == "multistep":
            return self.peak * self.gamma ** sum(step >= m for m in self.milestones)
        progress = (step - self.n_warmup_steps) / max(1, self.n_steps - self.n_warmup_steps)
        return self.final + (self.peak - self.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
