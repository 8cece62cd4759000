"""Does what lies elsewhere in a window tint the rest of it? `python benchmarks/sr3_colour.py NAME=WEIGHTS …`

A flat-colour scene (water, say) is drawn twice by each SR3: alone, and with a bright built-up block at its far end.
Printed per network, in steps of 255: how much the flat part's colour moves between the two, and how far it is from
the input's colour, both as means over the part of the scene that is more than 40 pixels away from the block. Then the
same for the network held to the input (`models.fidelity`). Each samples from pure noise, as published, and from the
noised enlargement, as is the default here. WEIGHTS are safetensors files that say their architecture
(`ssr weights convert … --model CONFIG`).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from ssr.build.networks import load_model
from ssr.data.ground import draw_ground
from ssr.models.fidelity import Fidelity

HEIGHT_PX, WIDTH_PX, BLOCK_PX, FLAT_PX = 32, 96, 40, 16
COLOURS = {"water": (0.10, 0.16, 0.22), "field": (0.30, 0.36, 0.26), "sand": (0.62, 0.56, 0.46)}


def scenes(colour: tuple[float, float, float], n_dates: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The flat scene and the one with a block: `1 t 3 h w`."""
    flat = torch.tensor(colour).view(1, 1, 3, 1, 1).repeat(1, n_dates, 1, HEIGHT_PX, WIDTH_PX)
    flat = (flat * 255).round() / 255
    ground = torch.from_numpy(draw_ground(3, BLOCK_PX * 4).copy()).permute(2, 0, 1).float() / 255
    block = torch.nn.functional.avg_pool2d(ground, 4)[:, :HEIGHT_PX]
    mixed = flat.clone()
    mixed[..., WIDTH_PX - BLOCK_PX :] = (0.4 + 0.6 * block).clamp(0, 1)
    return flat, mixed


@torch.no_grad()
def measure(network) -> dict[str, dict[str, float]]:
    figures = {}
    for name, colour in COLOURS.items():
        drawn = [network(scene).clamp(0, 1)[..., : FLAT_PX * 4] for scene in scenes(colour, network.n_revisits)]
        alone, beside = (image.mean((0, 2, 3)) * 255 for image in drawn)
        figures[name] = {
            "moved_mean": round((alone - beside).abs().mean().item(), 3),
            "moved_max_px": round((drawn[0] - drawn[1]).abs().max().item() * 255, 3),
            "off_alone": round((alone - torch.tensor(colour) * 255).abs().mean().item(), 3),
            "off_beside": round((beside - torch.tensor(colour) * 255).abs().mean().item(), 3),
        }
    return figures


def main(arguments: list[str]) -> None:
    for argument in arguments:
        name, _, path = argument.partition("=")
        network = load_model(Path(path))
        default = network.sampler
        for start, sampler in (("noise", replace(default, start_signal=0.0)), ("enlargement", default)):
            network.sampler = sampler
            print(json.dumps({"network": name, "from": start, **measure(network)}), flush=True)
            print(json.dumps({"network": f"{name}, held", "from": start, **measure(Fidelity(network))}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
