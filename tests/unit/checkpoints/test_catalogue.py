"""What was published, where it is looked for, and whether the page for users says the same."""

import re
from pathlib import Path

import pytest
import torch

from ssr.build.networks import build_model
from ssr.checkpoints.catalogue import CATALOGUE, Published, addresses
from ssr.config.presets import PRESETS
from ssr.sentinel2.bands import n_channels_of

DOCS = Path(__file__).parents[3] / "docs" / "weights.md"
TRUE_COLOUR = [f"esrgan_{n}S2" for n in (1, 2, 4, 8, 16)]
BANDS = [f"esrgan_{bands}" for bands in ("10m", "20m", "60m")]
OLDER = [f"esrgan_orig_{n}S2" for n in (2, 6, 12, 18)]
R2 = "https://pub-25c498004d1e4d4c8da69b2c05676836.r2.dev/"
OLD_R2 = "https://pub-956f3eb0f5974f37b9228e0a62f449bf.r2.dev/satlas_explorer_datasets/super_resolution_models/"
GCS = "https://storage.googleapis.com/satlas-satellite-super-resolution/"


def test_every_published_file_is_there() -> None:
    assert list(CATALOGUE) == [*TRUE_COLOUR, *BANDS, "srcnn_s2naip", "highresnet_s2naip", "satlas_rrdbnet", *OLDER]
    assert all(name == entry.name for name, entry in CATALOGUE.items())


@pytest.mark.parametrize("entry", [e for e in CATALOGUE.values() if not e.is_start_only], ids=lambda e: e.name)
def test_a_file_needs_what_its_network_takes(entry: Published) -> None:
    model = PRESETS[entry.name]
    assert (entry.architecture, entry.n_revisits, entry.n_channels) == (model.type, model.n_revisits, model.n_channels)
    with torch.device("meta"):
        network = build_model(model)
    assert entry.n_parameters == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "n_parameters"),  # counted in the original's networks
    [
        ("esrgan_1S2", 16_697_987),
        ("esrgan_2S2", 16_699_715),
        ("esrgan_4S2", 16_703_171),
        ("esrgan_8S2", 16_710_083),
        ("esrgan_16S2", 16_723_907),
        ("esrgan_10m", 16_714_691),
        ("esrgan_20m", 16_737_731),
        ("esrgan_60m", 16_751_555),
    ],
)
def test_networks_are_as_large_as_the_original_s(name: str, n_parameters: int) -> None:
    entry = CATALOGUE[name]
    assert entry.n_parameters == n_parameters
    assert entry.size_mb == pytest.approx(2 * 4 * n_parameters / 1e6, rel=0.005)


@pytest.mark.parametrize(
    ("name", "urls"),
    [
        *((name, (R2 + name + ".pth", GCS + name + ".pth")) for name in (*TRUE_COLOUR, *BANDS, "satlas_rrdbnet")),
        *((f"{n}_s2naip", (OLD_R2 + f"{n}_s2naip.pth", GCS + f"{n}_s2naip.pth")) for n in ("srcnn", "highresnet")),
        *((name, ()) for name in OLDER),
    ],
)
def test_published_links_come_before_the_mirror(name: str, urls: tuple[str, ...]) -> None:
    assert CATALOGUE[name].urls == urls
    assert addresses(CATALOGUE[name], environment={}) == list(urls)


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        (None, "https://a.example/w", "https://a.example/w/esrgan_8S2.pth"),
        (None, "https://a.example/w/", "https://a.example/w/esrgan_8S2.pth"),
        (None, "https://a.example/w?key=a/", "https://a.example/w/esrgan_8S2.pth?key=a/"),
        (None, "/mnt/weights", "/mnt/weights/esrgan_8S2.pth"),
        ("https://b.example/w/", "https://a.example/", "https://b.example/w/esrgan_8S2.pth"),
        ("https://b.example/w/?key=1", "", "https://b.example/w/esrgan_8S2.pth?key=1"),
        ("https://b.example/other.pth", "https://a.example/", "https://b.example/other.pth"),
        ("https://b.example/download?id=3/", None, "https://b.example/download?id=3/"),
        ("weights/", None, "weights/esrgan_8S2.pth"),
        ("weights/mine.pth", None, "weights/mine.pth"),
    ],
)
def test_a_given_address_replaces_the_public_ones(url: str | None, base: str | None, expected: str) -> None:
    environment = {} if base is None else {"SSR_WEIGHTS_URL": base}
    assert addresses(CATALOGUE["esrgan_8S2"], url, environment=environment) == [expected]


def test_an_empty_variable_is_none() -> None:
    assert addresses(CATALOGUE["esrgan_8S2"], environment={"SSR_WEIGHTS_URL": ""}) == list(CATALOGUE["esrgan_8S2"].urls)


def test_warnings_are_where_the_original_s_history_calls_for_them() -> None:
    warned = {name: " ".join(entry.warnings) for name, entry in CATALOGUE.items() if entry.warnings}
    assert list(warned) == ["esrgan_1S2", *BANDS, "satlas_rrdbnet", *OLDER]
    assert all("reshape" in warned[name] for name in BANDS)
    assert all("no public link" in warned[name] for name in OLDER)
    assert all("retrained" in CATALOGUE[name].provenance for name in TRUE_COLOUR)
    assert all("unaffected" in CATALOGUE[name].provenance for name in ("srcnn_s2naip", "highresnet_s2naip"))


def test_every_file_tells_its_licence_and_normalisation() -> None:
    assert all("Apache-2.0" in entry.licence for entry in CATALOGUE.values())
    assert {name for name, entry in CATALOGUE.items() if "divided by 255" not in entry.normalisation} == {
        "satlas_rrdbnet"
    }
    assert {name for name, entry in CATALOGUE.items() if "8160" in entry.normalisation} == set(BANDS)


def test_the_page_for_users_has_the_same_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", DOCS.read_text("utf-8"), re.M)
    assert rows == [
        (
            entry.name,
            str(entry.n_revisits or "?"),
            f"{', '.join(entry.bands)} ({n_channels_of(entry.bands)})" if entry.bands else "?",
            f"{entry.n_parameters:,}" if entry.n_parameters else "?",
            f"{entry.size_mb:g} MB" if entry.size_mb else "?",
            "; ".join(entry.warnings) or "none",
        )
        for entry in CATALOGUE.values()
    ]
