"""Does simulated Sentinel-2 look like the real one? `python benchmarks/degradation.py IMAGERY [--picture FILE]`.

IMAGERY is the folder that holds `scenes/` and `train/`. Measures blur, agreement of dates, noise, parallax and look
in real scenes, and the same in dates simulated from ground of 2.5 m, with today's ranges and with those before the
fit. The real pairs with truth are not opened: nothing may be fitted to them.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np
import rasterio
import torch
from degradation_measures import BIN_WIDTH, BINS, coherence, displacements, edge_sigmas, quietest_noise, spectrum_db
from PIL import Image

from ssr.data.imagery import draw_chips, read_folder
from ssr.data.simulate import Degradation, simulate_series
from ssr.sentinel2.radiometry import true_colour

BANDS = ("B04", "B03", "B02", "B08")
GROUND = {"naip_rural_2.5m": ("naip_train_*.png",), "south_africa_2.5m": ("3420B_*.png",)}
SIDE_PX = 256
CALM = {
    "cloud_probability": 0.0,
    "no_data_probability": 0.0,
    "transient_probability": 0.0,
    "haze_probability": 0.0,
}
BEFORE = {
    "blur_sigma_px": (0.42, 0.62),
    "channel_blur": (1.0, 1.0, 1.0, 1.0),
    "resampling_probability": 0.0,
    "parallax_sigma_px": 0.0,
    "gain_sigma": 0.06,
    "channel_gain_sigma": 0.02,
    "noise_floor": 0.00375,
    "noise_slope": 0.0,
    "noise_factor": (0.4, 1.6),
    "look_probability": 0.8,
    "look_gain": (0.45, 1.1),
    "look_gamma": (0.8, 1.3),
    "look_tilt": (0.0, 0.0),
    "look_veil": (0.0, 0.2),
}
SIMULATED = {"simulated": Degradation(**CALM), "simulated before": Degradation(**CALM | BEFORE)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    scenes = given.imagery / "scenes"
    images, dates = l1c_images(scenes), pairs_of_dates(scenes)
    made = {name: simulated(given.imagery / "train", ranges) for name, ranges in SIMULATED.items()}
    print_spectra(images, made)
    print_edges(images)
    agreement = print_agreement(dates, made)
    print_noise(scenes, images)
    print_displacements(images, scenes)
    print_looks(images, scenes, made)
    if given.picture:
        draw(given.picture, images, made, agreement)


def l1c_images(scenes: Path) -> dict[str, np.ndarray]:
    """Reflectance of B04, B03, B02 and B08, `4 h w`."""
    found = {}
    for path in sorted((scenes / "dubai_l1c").glob("*.tif")):
        found[f"Dubai {path.stem[:4]}"] = read(path, [4, 3, 2, 8]) / 1e4
    with h5py.File(next((scenes / "denmark_l1c_native").glob("*.mat"))) as file:
        found["Denmark"] = file["im10"][:].transpose(0, 2, 1).astype(float) / 1e4
    for name, file, offset in (("UTM 22 S", "282D_485L_3_3", 1000), ("UTM 36 S", "38D_378R_2_3", 0)):
        found[name] = (read(scenes / "l1c_13_bands" / f"{file}.tif", [4, 3, 2, 8]) - offset) / 1e4
    return found


def read(path: Path, bands: list[int] | None = None) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(bands).astype(float)


def venice(scenes: Path) -> dict[str, np.ndarray]:
    paths = sorted((scenes / "venice_rgb_8_dates").glob("*.png"))
    return {p.stem[4:14]: np.asarray(Image.open(p)).transpose(2, 0, 1) / 255.0 for p in paths}


def pairs_of_dates(scenes: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Two dates of one place, its red band."""
    images = venice(scenes)
    pairs = {
        f"Venice {a} and {b}": (images[a][0], images[b][0])
        for a, b in (("2020-01-01", "2020-01-11"), ("2020-01-09", "2020-01-11"), ("2020-03-16", "2020-04-05"))
    }
    folder = scenes / "boadella_l2a_12_dates"
    for a, b in (("2021-07-16", "2021-07-21"), ("2020-06-21", "2022-06-01")):
        pairs[f"Boadella {a} and {b}"] = tuple(read(folder / f"Boadella_{day}.tif", [4])[0] / 1e4 for day in (a, b))
    return pairs


def simulated(train: Path, ranges: Degradation) -> torch.Tensor:
    """Two dates each of places at 2.5 m, `n 2 3 h w`, the same places whatever the ranges."""
    folders = [
        read_folder(train / name, include=include, exclude=(), share=0.5, min_side_px=SIDE_PX - 16)
        for name, include in GROUND.items()
    ]
    ground, _ = draw_chips(folders, n=60, side_px=SIDE_PX - 16, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    return simulate_series(ground, n_revisits=2, generator=generator, ranges=ranges).low_res


def row(name, values, form="{:.1f}"):
    print(f"| {name} | " + " | ".join(form.format(v) for v in values) + " |")


def head(title, columns):
    print(f"\n**{title}**\n\n| | " + " | ".join(columns) + " |\n|---|" + "--:|" * len(columns))


def print_spectra(images, made):
    head(
        "Power in dB below 0.06…0.14 c/px, and its fall from 0.18 to 0.5", [f"{f + 0.03:.2f}" for f in BINS] + ["fall"]
    )
    for name, image in images.items():
        for band, pixels in zip(BANDS, image, strict=True):
            row(f"{name} {band}", with_fall(spectrum_db(pixels)))
    for name, series in made.items():
        for channel, colour in enumerate(("red", "green", "blue")):
            row(f"{name} {colour}", with_fall(mean_spectrum(series, channel)))


def mean_spectrum(series, channel):
    return np.nanmean([spectrum_db(s[0, channel].numpy()) for s in series], 0)


def with_fall(spectrum):
    return [*spectrum, spectrum[2] - spectrum[-1]]


def print_edges(images):
    head("Slanted edges: sigma in px of the sharpest tenth, quarter, half", ["edges", "10 %", "25 %", "50 %"])
    for name, image in images.items():
        for band, pixels in zip(BANDS, image, strict=True):
            sigmas = edge_sigmas(pixels)
            if len(sigmas) >= 5:
                row(f"{name} {band}", [len(sigmas), *np.quantile(sigmas, [0.1, 0.25, 0.5])], "{:.3g}")


def print_agreement(dates, made):
    head("Coherence of two dates by frequency", [f"{f + BIN_WIDTH / 2:.2f}" for f in BINS])
    found = {name: coherence(*pair) for name, pair in dates.items()}
    for name, series in made.items():
        found[name] = np.concatenate([coherence(*s[:, 0].numpy().astype(float)) for s in series])
    for name, rows in found.items():
        row(f"{name} ({len(rows)} windows)", rows.mean(0), "{:.2f}")
    return {name: rows.mean(0) for name, rows in found.items()}


def print_noise(scenes, images):
    head("Quietest blocks: brightness and noise", ["brightness", "noise", "law of the simulation"])
    law = Degradation()
    for name, image in images.items():
        for band, pixels in zip(BANDS[:3], image, strict=False):
            level, sigma = quietest_noise(unrounded_tci(pixels))
            row(f"{name} {band}", [level, sigma, np.sqrt(law.noise_floor**2 + law.noise_slope * level)], "{:.4f}")
    head("L1B crops: counts", ["level", "noise"])
    for path in sorted((scenes / "l1b_crops").glob("*.tif")):
        for band, pixels in enumerate(read(path), 1):
            row(f"{path.stem} band {band}", quietest_noise(pixels), "{:.2f}")


def unrounded_tci(reflectance):
    return true_colour(reflectance.astype(np.float32)).astype(float)


def print_displacements(images, scenes):
    head("Bands against B04: displacement (y, x) and spread, px", ["y", "x", "spread y", "spread x"])
    for name, image in images.items():
        side_px = 64 if image.shape[1] > 300 else 32
        for band, pixels in zip(BANDS[1:], image[1:], strict=True):
            if found := displacements(image[0], pixels, side_px):
                row(f"{name} {band}", np.concatenate(found), "{:.3f}")
    head("Dates of Venice against the first, red", ["y", "x", "spread y", "spread x"])
    images = venice(scenes)
    first = next(iter(images))
    for day, image in list(images.items())[1:]:
        if found := displacements(images[first][0], image[0]):
            row(day, np.concatenate(found), "{:.2f}")


def print_looks(images, scenes, made):
    columns = ["mean R", "G", "B", "std R", "G", "B", "local std 10 %", "50 %", "90 %", "std R/B"]
    head("Look of true colour", columns)
    real = {name: unrounded_tci(image[:3]) for name, image in images.items()} | {
        f"Venice {day}": image for day, image in list(venice(scenes).items())[::3]
    }
    for name, image in real.items():
        row(name, look(image), "{:.2f}")
    for name, series in made.items():
        chips = [s[0].numpy() for s in series]
        row(name, np.mean([look(c)[:6] for c in chips], 0).tolist() + look_spread(chips), "{:.2f}")


def look(image):
    flat = image.reshape(3, -1)
    return [*flat.mean(1), *flat.std(1), *look_spread([image])]


def look_spread(images, side_px=28):
    local = [
        image[:, y : y + side_px, x : x + side_px].std((1, 2))
        for image in images
        for y in range(0, image.shape[1] - side_px + 1, side_px)
        for x in range(0, image.shape[2] - side_px + 1, side_px)
    ]
    local = np.array(local)
    ratio = np.median(local[:, 0] / local[:, 2].clip(1e-3))
    return [*np.percentile(local, [10, 50, 90]), ratio]


def draw(path, images, made, agreement):
    """Patches of real and simulated dates at one size, their spectra and how far dates agree."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(9, 6.2), dpi=80, layout="constrained")
    grid = figure.add_gridspec(3, 6)
    real = [("Denmark", 250, 150), ("Denmark", 120, 420), ("Dubai 2018", 300, 330), ("Dubai 2018", 480, 120),
            ("UTM 36 S", 60, 60), ("UTM 22 S", 60, 80)]  # fmt: skip
    for column, (name, y, x) in enumerate(real):
        patch = unrounded_tci(images[name][:3, y : y + 56, x : x + 56]).transpose(1, 2, 0)
        show(figure.add_subplot(grid[0, column]), patch, f"real: {name}")
    for column in range(6):
        patch = made["simulated"][column * 7, 0].permute(1, 2, 0).numpy()
        show(figure.add_subplot(grid[1, column]), patch, "simulated")
    left, right = figure.add_subplot(grid[2, :3]), figure.add_subplot(grid[2, 3:])
    centre = BINS + BIN_WIDTH / 2
    for name in ("Denmark", "Dubai 2018", "UTM 36 S"):
        left.plot(centre, spectrum_db(images[name][1]), color="0.4", lw=1)
    for name, values in agreement.items():
        if name not in made:
            right.plot(centre, values, color="0.4", lw=1)
    for name, colour in zip(made, ("tab:green", "tab:red"), strict=True):
        left.plot(centre, mean_spectrum(made[name], 1), color=colour, label=name)
        right.plot(centre, agreement[name], color=colour, label=name)
    left.set(xlabel="cycles per pixel", title="power, dB (grey: real B03)")
    right.set(xlabel="cycles per pixel", title="coherence of two dates (grey: real)")
    for axes in (left, right):
        axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def show(axes, patch, title):
    axes.imshow(patch.clip(0, 1), interpolation="nearest")
    axes.set_title(title, fontsize=8)
    axes.set_axis_off()


if __name__ == "__main__":
    main()
