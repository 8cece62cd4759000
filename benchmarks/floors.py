"""Does a model keep its floors on places it never saw? `python benchmarks/floors.py IMAGERY [--model NAME|FILE]`.

IMAGERY is the folder that holds `train/`. Simulated dates of the held-out city; cPSNR over displacements of whole
pixels, as in `score_bundled.py`. A floor that is missed is printed as missed; nothing stops.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path

import torch
from score_bundled import BORDER_PX, HELD_OUT, N_DATES, best_then_ranked, chips_of
from torch import Generator, Tensor

from ssr.data.simulate import Degradation, simulate_series
from ssr.evaluation.scores import best_single_date, predict
from ssr.metrics.displaced import cpsnr
from ssr.metrics.pixelwise import rounded_to_bytes
from ssr.models.protocol import SuperResolver
from ssr.workflows.models import open_model

PLACE = "city (Claremont 2020, 1.2 m)"
COUNTS = (1, 2, 4, 8)
CLEAR = Degradation(cloud_probability=0.0, haze_probability=0.0, no_data_probability=0.0)
PLAIN = Degradation(
    blur_sigma_px=(0.5, 0.5),
    channel_blur=(1.0, 1.0, 1.0, 1.0),
    resampling_probability=0.0,
    parallax_sigma_px=0.0,
    gain_sigma=0.0,
    channel_gain_sigma=0.0,
    bias_sigma=0.0,
    haze_probability=0.0,
    noise_floor=0.0,
    noise_slope=0.0,
    cloud_probability=0.0,
    no_data_probability=0.0,
    transient_probability=0.0,
    look_probability=0.0,
)
SIMULATIONS = {
    "as fitted": Degradation(),
    "as fitted, but no cloud, haze or missing data": CLEAR,
    "displacement, half a pixel of blur and 8 bits, nothing else": PLAIN,
}
"""The floors are held against the first; the others tell what weather and instrument cost."""
BOAT = (slice(13, 15), slice(13, 16))
BOAT_BRIGHTNESS = 0.9
CLOUD_BRIGHTNESS = 0.85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--model", default="compact-8")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    network = open_model(given.model).network
    folder, pattern = HELD_OUT[PLACE]
    ground = torch.cat([chips_of(path) for path in sorted((given.imagery / folder).glob(pattern))])
    by_simulation = {name: gains_by_count(network, ground, ranges) for name, ranges in SIMULATIONS.items()}
    for name, gains in by_simulation.items():
        print(f"{name}: " + ", ".join(f"{n} {gain:+.3f}" for n, gain in zip(COUNTS, gains, strict=True)))
    gains = by_simulation["as fitted"]
    found = {f"gain over bicubic, {n} dates": round(gain, 3) for n, gain in zip(COUNTS, gains, strict=True)}
    loss_db, boat = loss_by_clouds(network, ground), left_of_a_boat(network, ground)
    found |= {"dB lost by clouds over 2 of 8": round(loss_db, 3), "share of a boat that is left": round(boat, 4)}
    floors = {
        "8 dates at least 3 dB over bicubic of the best date": gains[-1] >= 3,
        "8 dates at least 0.8 dB over 1": gains[-1] - gains[0] >= 0.8,
        "no worse with more dates": all(b >= a for a, b in pairwise(gains)),
        "no more than 0.2 dB lost by clouds over 2 of 8": loss_db <= 0.2,
        "of a boat in one date of 8 no more than 5 % left": boat <= 0.05,
    }
    for name, value in found.items():
        print(f"{name:45} {value:+.3f}")
    for name, is_kept in floors.items():
        print(f"{name:60} {'kept' if is_kept else 'MISSED'}")
    if given.json:
        given.json.write_text(
            json.dumps({"gains": by_simulation, "found": found, "floors": floors}, indent=2) + "\n", encoding="utf-8"
        )


def gains_by_count(network: SuperResolver, ground: Tensor, ranges: Degradation) -> list[float]:
    """Mean gain over bicubic of the best date, dB, at 1, 2, 4 and 8 dates."""
    gains: dict[int, list[Tensor]] = {n: [] for n in COUNTS}
    for k, chips in enumerate(ground.split(16)):
        generator = Generator().manual_seed(20_000 + k)
        made = simulate_series(chips, n_revisits=N_DATES, generator=generator, ranges=ranges)
        baseline, best = best_single_date(made.low_res, made.high_res, 4)
        ordered = torch.stack([best_then_ranked(s, int(b)) for s, b in zip(made.low_res, best, strict=True)])
        floor = score(baseline, made.high_res)
        for n in COUNTS:
            gains[n].append(score(predict(network, ordered[:, :n]), made.high_res) - floor)
    return [float(torch.cat(gains[n]).mean()) for n in COUNTS]


def loss_by_clouds(network: SuperResolver, ground: Tensor) -> float:
    """What eight clear dates lose when opaque cloud covers about half of two of them, dB."""
    lost = []
    for k, chips in enumerate(ground.split(16)):
        generator = Generator().manual_seed(30_000 + k)
        made = simulate_series(chips, n_revisits=N_DATES, generator=generator, ranges=CLEAR)
        b, _, _, h, w = made.low_res.shape
        field = torch.randn(b, 2, 5, 5, generator=generator)
        field = torch.nn.functional.interpolate(field, (h, w), mode="bicubic").unsqueeze(2)
        opacity = torch.sigmoid(8 * field)
        cloudy = made.low_res.clone()
        cloudy[:, 3:5] = cloudy[:, 3:5] * (1 - opacity) + CLOUD_BRIGHTNESS * opacity
        clear_score, cloudy_score = (score(predict(network, s), made.high_res) for s in (made.low_res, cloudy))
        lost.append(clear_score - cloudy_score)
    return float(torch.cat(lost).mean())


def left_of_a_boat(network: SuperResolver, ground: Tensor) -> float:
    """How much of a bright boat, painted into one of eight clear dates, is in the result: 1 would be all of it."""
    left = []
    for k, chips in enumerate(ground.split(16)):
        generator = Generator().manual_seed(40_000 + k)
        made = simulate_series(chips, n_revisits=N_DATES, generator=generator, ranges=CLEAR)
        painted = made.low_res.clone()
        painted[:, 2, :, *BOAT] = BOAT_BRIGHTNESS
        height = (painted - made.low_res)[:, 2, :, *BOAT].abs().mean((1, 2, 3))
        fine = tuple(slice(s.start * 4, s.stop * 4) for s in BOAT)
        change = (predict(network, painted) - predict(network, made.low_res))[:, :, *fine]
        left.append(change.mean((1, 2, 3)).abs() / height.clamp_min(0.1))
    return float(torch.cat(left).mean())


def score(images: Tensor, truth: Tensor) -> Tensor:
    return cpsnr(rounded_to_bytes(images), rounded_to_bytes(truth), border_px=BORDER_PX)


if __name__ == "__main__":
    main()
