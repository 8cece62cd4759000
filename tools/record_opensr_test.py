"""What does opensr-test say of arrays made from seeds? `python tools/record_opensr_test.py` where it is installed.

Writes `tests/unit/metrics/opensr_test_values.json`. The arrays are those of `tests/support/triplets.py`. Its LPIPS is
given a distance that needs no download, so that what is recorded is how it cuts and enlarges patches.
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests" / "unit" / "metrics" / "opensr_test_values.json"
sys.path.insert(0, str(ROOT))

from tests.support.triplets import CASES, EdgeDistance, made  # noqa: E402

WAYS: dict[str, dict[str, Any]] = {
    "nd": {"agg_method": "pixel", "correctness_distance": "nd"},
    "l1_patches": {"agg_method": "patch", "patch_size": 16, "correctness_distance": "l1"},
    "lpips": {"agg_method": "patch", "patch_size": 16, "correctness_distance": "lpips"},
}


def main() -> None:
    values = {name: {way: measured(name, way) for way in WAYS} for name in CASES}
    packages = {name: version(name) for name in ("opensr-test", "satalign", "scikit-image", "opencv-python-headless")}
    TARGET.write_text(json.dumps({"packages": packages, "values": values}, indent=2) + "\n", encoding="utf-8")


def measured(name: str, way: str) -> dict[str, float | None]:
    """What the package says of one image; None where it says NaN."""
    import lpips
    import opensr_test

    lpips.LPIPS = lambda **_: EdgeDistance()
    images = made(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a displacement is too large
        said = opensr_test.Metrics(**WAYS[way]).compute(
            lr=images.low_res[0, 0], sr=images.super_res[0], hr=images.truth[0]
        )
    return {key: None if value != value else value for key, value in said.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
