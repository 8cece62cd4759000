"""How long until something happens: `ssr --help`, `import ssr`, and a first prediction of the bundled model?

The smallest of several starts, in processes of their own: seconds on the clock, which others at work lengthen, and of
the processor, which they do not.
"""

import json
import sys
from pathlib import Path

import timing

FIRST_PREDICTION = """
import numpy as np, ssr
ssr.super_resolve_array(ssr.bundled_model(), np.full((2, 3, 32, 32), 0.5, np.float32))
"""
FLOORS_S = {"ssr --help": 0.4, "import ssr": 0.2, "first prediction": 3.0}


def main(n_starts: int = 5) -> dict[str, dict[str, float]]:
    ssr = str(Path(sys.executable).with_name("ssr"))
    commands = {
        "ssr --help": [ssr, "--help"],
        "import ssr": [sys.executable, "-c", "import ssr"],
        "first prediction": [sys.executable, "-c", FIRST_PREDICTION],
    }
    figures = {}
    for name, command in commands.items():
        starts = [timing.run_child(command) for _ in range(n_starts)]
        figures[name] = {
            "clock_s": round(min(clock for clock, _, _ in starts), 2),
            "core_s": round(min(core for _, core, _ in starts), 2),
            "floor_s": FLOORS_S[name],
        }
    return figures


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
