"""On which engine and in which windows is a scene computed?"""

from dataclasses import dataclass, replace

from ssr.device import Compute
from ssr.inference.budget import Budget, plan_within
from ssr.inference.engines.choice import Placement, place
from ssr.inference.engines.placed import EngineChoice
from ssr.inference.predictor import DEFAULT_OVERLAP_PX
from ssr.inference.windows import WindowPlan, plan_windows
from ssr.models.protocol import SuperResolver


@dataclass(frozen=True)
class Job:
    """Both decisions; each needs the other: what goes row by row stays with PyTorch."""

    placement: Placement
    budget: Budget

    def plan_for(self, seen: SuperResolver, shape_hw: tuple[int, int]) -> WindowPlan:
        """The windows for the network with all that was put around it, which may look farther."""
        plan = self.budget.plan
        if plan.by_rows or seen.halo_px == self.placement.network.halo_px:
            return plan
        wider = plan_windows(
            shape_hw,
            core_px=self.budget.core_px,
            halo_px=seen.halo_px,
            overlap_px=DEFAULT_OVERLAP_PX,
            multiple=seen.size_multiple,
        )
        return replace(wider, n_together=plan.n_together)


def prepare(
    network: SuperResolver,
    shape_hw: tuple[int, int],
    compute: Compute,
    engine: EngineChoice,
    *,
    n_dates: int,
    memory_bytes: int | None,
    is_plain: bool,
    name: str = "this model",
) -> Job:
    """Choose windows, then the engine for the pixels that they hold.

    Args:
        n_dates: that the network sees at once.
        is_plain: nothing is put around the network: no averages, no fidelity, no trust.
        name: what to call the network.
    """
    budget = plan_within(
        network,
        shape_hw,
        compute,
        n_dates=n_dates,
        memory_bytes=memory_bytes,
        may_stream=is_plain and engine in ("auto", "torch"),
    )
    placement = place(
        network,
        compute,
        engine,
        n_dates=n_dates,
        n_pixels=budget.n_pixels,
        streams=budget.plan.by_rows,
        name=name,
    )
    return Job(placement, budget)
