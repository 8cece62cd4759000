"""Does a result say how it was made, and nothing that should not get out?"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from ssr import __version__
from ssr.checkpoints.bundled import DEFAULT, bundled_weights
from ssr.checkpoints.files import sha256_of
from ssr.device import Compute
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.choice import choose
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from ssr.scenes.stac import StacQuery
from ssr.workflows.models import open_model
from ssr.workflows.provenance import (
    DateFacts,
    Provenance,
    facts_of_date,
    facts_of_model,
    options_given,
    provenance_of,
    public_name,
    software_versions,
)
from ssr.workflows.scene import super_resolve_scene
from tests.support.sentinel2 import write_safe

FP32 = Compute(torch.device("cpu"), "fp32")


def date(name: str = "a.tif", sensed: datetime | None = None, **known: str) -> DateFacts:
    facts = {"level": None, "baseline": None, "satellite": None} | known
    return DateFacts(name=name, sensed=sensed, **facts)


def provenance(*dates: DateFacts, **how) -> Provenance:
    rest = {"choice": "by place", "precision": "fp32", "device": "cpu", "software": software_versions()}
    return Provenance(model=facts_of_model(open_model("bicubic")), dates=dates or (date(),), **rest | how)


def test_the_tags_of_products_tell_what_their_metadata_say(tmp_path: Path) -> None:
    write_safe(tmp_path, sensed="2020-06-01T10:00:31.024Z", satellite="Sentinel-2A", baseline="02.06")
    write_safe(
        tmp_path,
        sensed="2022-06-11T10:00:31.024Z",
        satellite="Sentinel-2B",
        baseline="04.00",
        added_dn=1000,
        offset_dn=-1000,
        seed=1,
    )
    opened = open_model()
    with open_series([tmp_path], rules=Rules()) as series:
        chosen = choose(series, n_wanted=None, by_place=False)
        made = provenance_of(opened, series, chosen, FP32, options={"fidelity": 1.0})
    assert made.tags["SSR_MODEL"] == DEFAULT
    assert made.tags["SSR_MODEL_SHA256"] == sha256_of(bundled_weights())
    assert made.tags["SSR_DATES"] == ",".join(path.name for path in sorted(tmp_path.glob("*.SAFE")))
    assert made.tags["SSR_TIMES"] == "2020-06-01T10:00:31.024000+00:00,2022-06-11T10:00:31.024000+00:00"
    assert made.tags["SSR_LEVELS"] == "L1C,L1C"
    assert made.tags["SSR_BASELINES"] == "02.06,04.00"
    assert made.tags["SSR_SATELLITES"] == "Sentinel-2A,Sentinel-2B"
    assert made.tags["SSR_CHOICE"] == "whole dates"
    assert made.tags["SSR_PRECISION"] == "fp32"
    assert made.tags["SSR_OPTIONS"] == "fidelity=1.0"
    assert made.tags["TIFFTAG_SOFTWARE"] == f"ssr {__version__}"
    assert str(tmp_path) not in repr(made)


def test_what_nothing_tells_is_not_told() -> None:
    tags = provenance(date("a.png"), date("b.png")).tags
    assert not {"SSR_LEVELS", "SSR_BASELINES", "SSR_SATELLITES", "SSR_OPTIONS"} & set(tags)
    assert (tags["SSR_TIMES"], tags["SSR_MODEL_SHA256"]) == (",", "none")


def test_a_list_keeps_the_place_of_what_is_unknown() -> None:
    assert provenance(date(), date(level="L2A"), date()).tags["SSR_LEVELS"] == ",L2A,"


def test_times_are_in_order_and_in_utc() -> None:
    early, late = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    assert provenance(date(sensed=late), date(), date(sensed=early)).times == [early, late]
    assert facts_of_date(Acquisition("a", datetime(2020, 1, 1), ())).sensed == early


def test_only_options_that_differ_from_the_defaults_are_told() -> None:
    given = {
        "inputs": ["/home/somebody/scenes"],
        "grid": "native",
        "fidelity": 0.5,
        "by_place": False,
        "bands": (3, 2, 1),
        "aoi": "/home/somebody/farm.geojson",
        "max_dates": None,
        "level": "L2A",
        "overwrite": True,
    }
    found = options_given(super_resolve_scene, given)
    assert found == {"aoi": "farm.geojson", "by_place": False, "fidelity": 0.5, "bands": [3, 2, 1], "level": "L2A"}
    assert provenance(options=found).tags["SSR_OPTIONS"].startswith("aoi=farm.geojson; ")


def test_an_area_in_degrees_and_a_period_are_told_whole() -> None:
    given = {"aoi": "12.1,45.2,12.3,45.4", "period": "2021-06-01/2021-08-31", "grid": "EPSG:32633@10"}
    assert options_given(super_resolve_scene, given) == {
        "grid": "EPSG:32633@10",
        "aoi": "12.1,45.2,12.3,45.4",
        "period": "2021-06-01/2021-08-31",
    }


def test_a_catalogue_is_told_without_its_key() -> None:
    query = StacQuery("https://user:secret@stac.example.org/v1?key=secret", "sentinel-2-l2a", 20.0)
    told = options_given(super_resolve_scene, {"stac": query})
    assert told == {"stac": "https://stac.example.org/v1, collection sentinel-2-l2a, clouds up to 20 %"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("S2A_MSIL1C_20200601.SAFE", "S2A_MSIL1C_20200601.SAFE"),
        ("/home/somebody/scenes/a.tif", "a.tif"),
        ("~/scenes/a.tif", "a.tif"),
        (r"C:\Users\somebody\a.tif", "a.tif"),
        ("https://user:secret@example.org/a/b.tif?X-Sig=secret#x", "https://example.org/a/b.tif"),
        ("b.tif?X-Sig=secret&sp=r", "b.tif"),
        ("what?.tif", "what?.tif"),
        ("", ""),
    ],
)
def test_names_keep_no_folder_and_no_secret(given: str, told: str) -> None:
    assert public_name(given) == told


def test_a_model_is_told_by_its_network(tmp_path: Path) -> None:
    bundled = facts_of_model(open_model())
    assert (bundled.architecture, bundled.framework) == ("DateFusion", "PyTorch")
    assert bundled.n_parameters == sum(one.numel() for one in open_model().network.parameters())
    assert bundled.artifact == "safetensors.torch.save_file"
    bicubic = facts_of_model(open_model("bicubic"))
    assert (bicubic.sha256, bicubic.n_parameters, bicubic.architecture) == (None, None, "Bicubic")
