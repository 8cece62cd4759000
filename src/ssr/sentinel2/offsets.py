"""Do the stored numbers carry the +1000 of processing baseline 04.00, whatever a provider says?

Since baseline 04.00 products store reflectance × 10000 + 1000, and metadata name the offset −1000 that takes it out.
Some providers take it out and leave the metadata; some reprocess and drop the metadata. Pixels tell:

- The cirrus band (B10, L1C only) sees almost no ground: its dark pixels are near 0, or near 1000 with the offset. It
  decides.
- Numbers far below 1000 cannot carry it: the ground would have a reflectance of −0.05. So any dark band decides
  against the offset.
- Only bright numbers decide nothing: a desert looks like that without the offset. Then the metadata are believed, and
  where they say no offset a warning is due.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ssr.sentinel2.bands import CIRRUS_BAND

OFFSET_DN = -1000.0
FIRST_BASELINE_WITH_OFFSET = (4, 0)
SURELY_WITHOUT_DN = 500.0
"""A dark pixel below this would be −0.05 in reflectance if it carried the offset."""

PERHAPS_WITH_DN = 900.0
"""Below this, allowing for noise, no dark pixel carries the offset; L2A stores slightly negative reflectance."""

DARK_PERCENTILE = 1.0
"""A band's dark pixel: one in a hundred of those with data is darker."""


@dataclass(frozen=True)
class Verdict:
    """Which offset to use.

    note: what a user should know if that is not simply what the metadata say.
    evidence: the pixels that speak for it.
    """

    offset_dn: float
    note: str | None = None
    evidence: str = ""


def offset_of_baseline(baseline: str | None) -> float:
    """The offset of products of a processing baseline such as `04.00` or `0400`, 0 where it is not known."""
    digits = "".join(char for char in baseline or "" if char.isdigit())
    if len(digits) != 4:
        return 0.0
    return OFFSET_DN if (int(digits[:2]), int(digits[2:])) >= FIRST_BASELINE_WITH_OFFSET else 0.0


def judge_offset(claimed_dn: float, dark_dn: Mapping[str, float], *, told: bool = True) -> Verdict:
    """Hold a claim against the dark pixels.

    Args:
        claimed_dn: −1000 (or another number below 0) or 0.
        dark_dn: by band, the number of its dark pixels (`DARK_PERCENTILE`); empty when no pixel has data.
        told: whether metadata made the claim; otherwise nothing is known and the claim is 0.
    """
    said = f"the metadata say offset {claimed_dn:g}" if told else "nothing tells the offset"
    if not dark_dn:
        return Verdict(claimed_dn)
    cirrus = dark_dn.get(CIRRUS_BAND)
    darkest = min(dark_dn, key=lambda band: dark_dn[band])
    evidence = f"dark pixels of {darkest.upper()} at {dark_dn[darkest]:.0f}"
    if claimed_dn < 0:
        if dark_dn[darkest] >= SURELY_WITHOUT_DN:
            return Verdict(claimed_dn)
        note = f"{said}, but dark pixels lie far below 1000, so it has been taken out already: no offset is applied"
        return Verdict(0.0, note, evidence)
    if cirrus is not None and cirrus >= PERHAPS_WITH_DN:
        note = f"{said}, but dark pixels of B10 lie near 1000, not near 0: offset {OFFSET_DN:g} is applied"
        return Verdict(OFFSET_DN, note, f"dark pixels of B10 at {cirrus:.0f}")
    if cirrus is None and dark_dn[darkest] >= PERHAPS_WITH_DN:
        note = (
            f"{said}, yet no dark pixels lie below {PERHAPS_WITH_DN:.0f}: bright ground, cloud, or baseline 04.00 with "
            f"its +1000; offset {claimed_dn:g} is applied (if it looks washed out, say --offset-dn {OFFSET_DN:g})"
        )
        return Verdict(claimed_dn, note, evidence)
    return Verdict(claimed_dn)
