"""How much faster is a compiled training step?

One process, both in turn, the published ESRGAN (64 features, 23 blocks, growth 32) with and without its discriminator
on the same random chips. Compiling is the time of the first compiled step less that of a plain one.
"""

import json
import statistics
import time

from training_step import chips, our_step

from ssr.data.pairs import Batch
from ssr.device import Compute, choose_compute
from ssr.training.compiling import check_compiler, compile_calls

N_CHIPS, N_ROUNDS = 2, 4


def main(n_chips: int = N_CHIPS, n_rounds: int = N_ROUNDS) -> dict[str, object]:
    figures: dict[str, object] = {"n_chips": n_chips}
    for precision in ("fp32", "bf16"):
        compute = choose_compute(precision=precision)
        check_compiler(compute.device)
        for name, has_judge in (("l1", False), ("gan", True)):
            figures[f"{name} {compute}"] = compare(compute, chips(n_chips), n_rounds, has_judge=has_judge)
    return figures


def compare(compute: Compute, batch: Batch, n_rounds: int, *, has_judge: bool) -> dict[str, float]:
    plain, compiled = (our_step(compute, has_judge) for _ in range(2))
    for descent in (compiled.generator, compiled.discriminator) if has_judge else (compiled.descent,):
        compile_calls(descent.network)
    plain_s, compiled_s = [], []
    for k in range(n_rounds + 1):
        for step, times in ((plain, plain_s), (compiled, compiled_s)):
            started = time.perf_counter()
            step(batch, k)
            times.append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(plain_s[1:], compiled_s[1:], strict=True)]
    return {
        "compiling_s": round(compiled_s[0] - plain_s[0], 1),
        "plain_s": round(statistics.median(plain_s[1:]), 2),
        "compiled_s": round(statistics.median(compiled_s[1:]), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
