"""What does a network minimise, all terms together?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from ssr.losses.sharpening import sharpened

Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """A measure, how much it weighs, and what the result is compared with."""

    weight: float
    measure: Measure
    against: Literal["truth", "sharpened_truth", "dates"] = "truth"


class TotalLoss(nn.Module):
    """Weighted terms by name. Networks among the measures move with it.

    Args:
        border_px: high-resolution border left out of comparisons with the truth, where a network lacks context.
    """

    def __init__(self, terms: Mapping[str, Term], *, border_px: int = 0) -> None:
        super().__init__()
        self.terms = dict(terms)
        self.border_px = border_px
        self.networks = nn.ModuleList(t.measure for t in self.terms.values() if isinstance(t.measure, nn.Module))

    @property
    def weights(self) -> dict[str, float]:
        return {name: term.weight for name, term in self.terms.items()}

    def forward(self, super_res: Tensor, high_res: Tensor, low_res: Tensor) -> dict[str, Tensor]:
        """`b c H W` each of result and truth, `b t c h w` dates."""
        inner = slice(self.border_px, -self.border_px or None)
        asked = {term.against for term in self.terms.values()}
        sharp = sharpened(high_res)[..., inner, inner] if "sharpened_truth" in asked else None
        seen, truth = super_res[..., inner, inner], high_res[..., inner, inner]
        values = {}
        for name, term in self.terms.items():
            match term.against:
                case "truth":
                    value = term.measure(seen, truth)
                case "sharpened_truth":
                    assert sharp is not None
                    value = term.measure(seen, sharp)
                case "dates":
                    value = term.measure(super_res, low_res)
            values[name] = term.weight * value
        return values
