"""How much faster are measures than the original's? `python benchmarks/metrics_suite.py [--json FILE]`.

Two tables, each from one process in which the ways take turns on the same chips, on one thread; times are the
processor's, so that other programs do not count. Medians over rounds; a ratio is the median of the rounds' ratios. The
original's way is in our words: one image at a time, a pass over the image for every displacement, and networks that
are built and read from disk anew for every image. Networks have their published sizes and seeded random numbers, which
cost the same. `lpips_vgg`, `lpips_alex` and `clipscore_openai` (ViT-B/16) stand for what the original asks. "Built"
is the share of the original's way that goes into networks before they see anything.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import open_clip
import torch
import torchvision
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from torch import Tensor, nn

from ssr.build.judges import Judges
from ssr.build.metrics import open_suite
from ssr.checkpoints.backbones import read_lpips_heads
from ssr.checkpoints.files import read_weights, write_torch
from ssr.config.metrics import MeasureName, MetricsOptions
from ssr.metrics.displaced import cpsnr, cpsnr_original
from ssr.metrics.lpips import SCALE, SHIFT
from ssr.metrics.measure import Judged

CHIP_PX, BORDER_PX, N_REPEATED = 128, 4, 5
MEASURES: tuple[MeasureName, ...] = ("psnr", "ssim", "cpsnr", "lpips_vgg", "lpips_alex", "clipscore_openai")
RELUS = {"vgg16": (3, 8, 15, 22, 29), "alexnet": (1, 4, 7, 9, 11)}
HEADS = {"vgg16": "vgg", "alexnet": "alex"}
STARTS_ORIGINAL = [(r, 8 - r) for r in range(9)]
STARTS_CORRECTED = [(3, r) for r in range(7)]
Pixels = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--n-chips", type=int, default=16)
    parser.add_argument("--n-original", type=int, default=2, help="chips a round that the original's way judges")
    parser.add_argument("--n-rounds", type=int, default=5)
    parser.add_argument("--only", choices=("cpsnr", "suite"), help="one of the tables")
    given = parser.parse_args()
    torch.set_num_threads(1)
    judged = chips(given.n_chips)
    figures: dict[str, object] = {
        "machine": platform.processor() or platform.machine(),
        "n_chips": given.n_chips,
        "n_rounds": given.n_rounds,
    }
    if given.only != "suite":
        figures["cpsnr_ms"] = compare_cpsnr(judged, given.n_rounds)
        print_table("cPSNR, milliseconds an image", figures["cpsnr_ms"])
    if given.only != "cpsnr":
        with tempfile.TemporaryDirectory() as folder:
            figures["suite_s"] = compare_suite(judged, stand_ins(Path(folder)), given.n_original, given.n_rounds)
        print_table("Suite, seconds an image", figures["suite_s"])
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def chips(n: int) -> Judged:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(n, 3, CHIP_PX // 4, CHIP_PX // 4, generator=generator)
    truth = nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)
    noise = torch.randn(truth.shape, generator=generator)
    return Judged((truth + 0.05 * noise).clamp(0, 1), truth, coarse[:, None])


# How long does cPSNR take?


def compare_cpsnr(judged: Judged, n_rounds: int) -> dict[str, dict[str, float]]:
    n_chips = len(judged.truth)
    pairs = [(as_bytes(a), as_bytes(b)) for a, b in zip(judged.super_res, judged.truth, strict=True)]
    images, truth = (
        torch.stack([torch.from_numpy(p[k]) for p in pairs]).permute(0, 3, 1, 2).double().contiguous() / 255
        for k in (0, 1)
    )
    ways: dict[str, Callable[[], list[float]]] = {
        "81 passes (original)": lambda: [by_passes(a, b, STARTS_ORIGINAL, 8) for a, b in pairs],
        "original, at once": lambda: cpsnr_original(images, truth, border_px=BORDER_PX).tolist(),
        "49 passes (corrected)": lambda: [by_passes(a, b, STARTS_CORRECTED, 6) for a, b in pairs],
        "corrected, at once": lambda: cpsnr(images, truth, border_px=BORDER_PX).tolist(),
    }
    found = {name: way() for name, way in ways.items()}  # warms up, too
    for slow, fast in (("81 passes (original)", "original, at once"), ("49 passes (corrected)", "corrected, at once")):
        assert max(abs(a - b) for a, b in zip(found[slow], found[fast], strict=True)) < 1e-4, (slow, fast)
    repeated = {
        name: (lambda way=way: [way() for _ in range(N_REPEATED)], N_REPEATED * n_chips) for name, way in ways.items()
    }
    return timed(repeated, n_rounds, unit_s=1e-3)


def by_passes(image: Pixels, truth: Pixels, starts: list[tuple[int, int]], lost: int) -> float:
    """Best of all displacements: a pass over the image for each."""
    a = image[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX].astype(np.float64)
    b = truth[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX].astype(np.float64)
    h, w = a.shape[0] - lost, a.shape[1] - lost
    least = np.inf
    for ya, yb in starts:
        for xa, xb in starts:
            x, y = a[ya : ya + h, xa : xa + w], b[yb : yb + h, xb : xb + w]
            bias = (y - x).mean((0, 1))
            least = min(least, np.mean((y - (x + bias)) ** 2))
    return 10 * np.log10(255**2 / least)


# How long does the suite take?


def compare_suite(
    judged: Judged, files: Mapping[str, Path], n_original: int, n_rounds: int
) -> dict[str, dict[str, float]]:
    device, n_chips = torch.device("cpu"), len(judged.truth)
    weights = {"vgg16": files["vgg16"], "alexnet": files["alexnet"], "openai": files["clip"]}
    config = MetricsOptions(measures=MEASURES, weights=weights)
    judges = Judges(config.weights, offline=True, device=device)
    started = time.process_time()
    both, missing = open_suite(config, device=device, judges=judges)
    opened_s = time.process_time() - started
    assert not missing, missing
    same, _ = open_suite(config.model_copy(update={"protocols": ("original",)}), device=device, judges=judges)
    plain, _ = open_suite(MetricsOptions(measures=("psnr", "ssim")), device=device)
    few = Judged(*(x[:n_original] for x in judged[:3]))
    found = {"original": original_suite(few, files), "ours": plain(few) | same(few)}
    for key, values in found["original"].items():
        assert np.allclose(values, found["ours"][key], rtol=1e-3, atol=1e-4), (key, values, found["ours"][key])
    table = timed(
        {
            "original's way": (lambda: original_suite(few, files), n_original),
            "built": (lambda: built_anew(files), 1),
            "same measures": (lambda: (plain(judged), same(judged)), n_chips),
            "both protocols": (lambda: both(judged), n_chips),
        },
        n_rounds,
        unit_s=1,
    )
    return {"opened once": {"median": round(opened_s, 3)}} | table


def original_suite(judged: Judged, files: Mapping[str, Path]) -> dict[str, list[float]]:
    """One image at a time; every network anew."""
    scores: dict[str, list[float]] = {}
    for made, target in zip(judged.super_res, judged.truth, strict=True):
        a, b = as_bytes(made), as_bytes(target)
        inner = (slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
        row = {
            "psnr": 10 * np.log10(255**2 / np.mean((a[inner].astype(np.float64) - b[inner]) ** 2)),
            "ssim": ssim_of_channels(a[inner].astype(np.float64), b[inner].astype(np.float64)),
            "cpsnr@original": by_passes(a, b, STARTS_ORIGINAL, 8),
            "lpips_vgg@original": lpips_anew(a, b, "vgg16", files["vgg16"]),
            "lpips_alex@original": lpips_anew(a, b, "alexnet", files["alexnet"]),
            "clipscore_openai@original": clip_anew(a, b, files["clip"]),
        }
        for key, value in row.items():
            scores.setdefault(key, []).append(float(value))
    return scores


def ssim_of_channels(a: Pixels, b: Pixels) -> float:
    kernel = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def blurred(x: Pixels) -> Pixels:
        return correlate1d(correlate1d(x, kernel, axis=0), kernel, axis=1)[5:-5, 5:-5]

    values = []
    for k in range(3):
        x, y = a[..., k], b[..., k]
        mean_x, mean_y = blurred(x), blurred(y)
        variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
        covariance = blurred(x * y) - mean_x * mean_y
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        values.append((above / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))).mean())
    return float(np.mean(values))


def lpips_anew(a: Pixels, b: Pixels, name: str, file: Path) -> float:
    network = built(name)
    network.load_state_dict(read_weights(file))
    heads = read_lpips_heads(HEADS[name])
    shift, scale = (torch.tensor(values).view(3, 1, 1) for values in (SHIFT, SCALE))
    features = []
    with torch.no_grad():
        for image in (a, b):
            x, kept = (blue_first(image) - shift) / scale, []
            for number, module in enumerate(network.features.eval()):
                x = module(x)
                if number in RELUS[name]:
                    kept.append(nn.functional.normalize(x, eps=1e-10))
            features.append(kept)
    layers = zip(*features, heads, strict=True)
    return sum(((x - y).square() * head.view(-1, 1, 1)).sum(1).mean().item() for x, y, head in layers)


def clip_anew(a: Pixels, b: Pixels, file: Path) -> float:
    model, _, _ = open_clip.create_model_and_transforms("ViT-B-16-quickgelu", pretrained=str(file))
    seen = [nn.functional.interpolate(blue_first(image), (224, 224), mode="nearest") for image in (a, b)]
    embeddings = [model.encode_image(image) for image in seen]  # with all that a gradient would need, as there
    return float(nn.functional.cosine_similarity(*embeddings).item())


def built_anew(files: Mapping[str, Path]) -> None:
    for name in RELUS:
        built(name).load_state_dict(read_weights(files[name]))
    open_clip.create_model_and_transforms("ViT-B-16-quickgelu", pretrained=str(files["clip"]))


def built(name: str) -> nn.Module:
    return torchvision.models.vgg16(init_weights=False) if name == "vgg16" else torchvision.models.alexnet()


def stand_ins(folder: Path) -> dict[str, Path]:
    """Files of the published sizes."""
    torch.default_generator.manual_seed(0)
    networks = {
        "vgg16": torchvision.models.vgg16(),
        "alexnet": torchvision.models.alexnet(),
        "clip": open_clip.create_model("ViT-B-16-quickgelu"),
    }
    files = {name: folder / f"{name}.pth" for name in networks}
    for name, network in networks.items():
        write_torch(files[name], network.state_dict())
    return files


def as_bytes(image: Tensor) -> NDArray[np.uint8]:
    return (image * 255).round().byte().permute(1, 2, 0).numpy()


def blue_first(image: Pixels) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1).flip(0)[None].float() / 255


# How is time taken?


def timed(
    ways: Mapping[str, tuple[Callable[[], object], int]], n_rounds: int, *, unit_s: float
) -> dict[str, dict[str, float]]:
    """Time an image of each way, and how many times as long the first takes."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_rounds):
        for name, (way, n_images) in ways.items():
            started = time.process_time()
            way()
            seconds[name].append((time.process_time() - started) / n_images)
    first = next(iter(seconds.values()))
    return {
        name: {
            "median": round(statistics.median(values) / unit_s, 3),
            "times_faster_than_the_first": round(
                statistics.median(a / b for a, b in zip(first, values, strict=True)), 1
            ),
        }
        for name, values in seconds.items()
    }


def print_table(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n## {title}\n\n| way | median | times as fast as the first way |\n|---|--:|--:|")
    for name, row in rows.items():
        print(f"| {name} | {row['median']:.3f} | {row.get('times_faster_than_the_first', '')} |")


if __name__ == "__main__":
    main()
