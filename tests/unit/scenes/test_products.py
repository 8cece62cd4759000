"""Are products found by their metadata, whatever their layout, and refused with the right sentence?"""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import ImageReadError, InputError, SSRError
from ssr.scenes.products import find_products, is_product_folder
from tests.support.scenes import truncate
from tests.support.sentinel2 import BANDS, granule_xml, ground, product_xml, write_jp2, write_safe, zipped

FEW = ("B02", "B03", "B04")


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("safe"))


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_product_tells_what_it_is(safe: Path, as_zip: bool) -> None:
    (product,) = find_products(zipped(safe) if as_zip else safe)
    (granule,) = product.granules
    assert product.name == safe.name
    assert (product.level, product.satellite, product.baseline, product.relative_orbit) == (
        "L1C",
        "Sentinel-2A",
        "02.06",
        122,
    )
    assert (granule.tile, granule.crs, granule.sun_zenith_deg) == ("33UUU", "EPSG:32633", 30.0)
    assert sorted(granule.images) == sorted(["tci", *(band.lower() for band in BANDS)])
    assert len(granule.masks) == 1
    assert not any("PVI" in name for name in granule.images.values())


@pytest.mark.parametrize("satellite", ["Sentinel-2C", "Sentinel-2Z"])
def test_no_list_of_satellites_stands_in_the_way(tmp_path: Path, satellite: str) -> None:
    (product,) = find_products(write_safe(tmp_path, satellite=satellite, bands=FEW))
    assert product.satellite == satellite


def test_of_l2a_the_finest_image_of_each_band_is_taken(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, level="L2A", bands=FEW)
    (tile,) = (safe / "GRANULE").iterdir()
    write_jp2(tile / "IMG_DATA" / "R20m" / "T33UUU_20200601T100031_B02_20m.jp2", ground("B05"), 20)
    write_jp2(tile / "IMG_DATA" / "R20m" / "T33UUU_20200601T100031_SCL_20m.jp2", ground("B05"), 20)
    (product,) = find_products(safe)
    assert product.level == "L2A"
    assert product.granules[0].images["b02"].endswith("B02_10m.jp2")
    assert product.granules[0].images["scl"].endswith("SCL_20m.jp2")


def test_products_from_before_december_2016_have_many_granules_and_other_names(tmp_path: Path) -> None:
    safe = tmp_path / "S2A_OPER_PRD_MSIL1C_PDMC_20160106T034012_R022_V20160105T101010_20160105T101010.SAFE"
    for k, tile in enumerate(("33UUU", "33UVU")):
        granule = safe / "GRANULE" / f"S2A_OPER_MSI_L1C_TL_EPA__20160105T190000_A002825_T{tile}_N02.01"
        for band in FEW:
            name = f"S2A_OPER_MSI_L1C_TL_EPA__20160105T190000_A002825_T{tile}_{band}.jp2"
            write_jp2(granule / "IMG_DATA" / name, ground(band), 10, origin_xy=(500_000 + 480 * k, 5_000_040))
        metadata = f"S2A_OPER_MTD_L1C_TL_EPA__20160105T190000_A002825_T{tile}.xml"
        (granule / metadata).write_text(granule_xml(tile=tile))
    (safe / "S2A_OPER_MTD_SAFL1C_PDMC_20160106T034012_R022_V20160105T101010_20160105T101010.xml").write_text(
        product_xml(baseline="02.01", sensed="2016-01-05T10:10:10.000Z")
    )
    (product,) = find_products(safe)
    assert [granule.tile for granule in product.granules] == ["33UUU", "33UVU"]
    assert sorted(product.granules[0].images) == ["b02", "b03", "b04"]
    assert product.baseline == "02.01"


def test_the_layout_of_the_s3_archive(tmp_path: Path) -> None:
    folder = tmp_path / "tile"
    for band in FEW:
        write_jp2(folder / f"{band}.jp2", ground(band), 10)
    (folder / "metadata.xml").write_text(granule_xml())
    (folder / "tileInfo.json").write_text(json.dumps({"cloudyPixelPercentage": 41.2}))
    (folder / "productInfo.json").write_text(
        json.dumps(
            {
                "name": "S2B_MSIL1C_20220617T001109_N0400_R073_T33UUU_20220617T013729",
                "datatakeIdentifier": "GS2B_20220617T001109_006677_N04.00",
            }
        )
    )
    (product,) = find_products(folder)
    assert (product.level, product.satellite, product.baseline, product.relative_orbit) == (
        "L1C",
        "Sentinel-2B",
        "04.00",
        73,
    )
    assert set(product.offsets_dn.values()) == {-1000}
    assert (product.cloud_percent, product.granules[0].tile) == (41.2, "33UUU")


def test_a_granule_without_its_product_is_enough(safe: Path) -> None:
    (granule,) = (safe / "GRANULE").iterdir()
    (product,) = find_products(granule)
    assert (product.level, product.granules[0].tile) == ("L1C", "33UUU")
    assert is_product_folder(granule)


def test_several_products_in_one_zip_are_all_found(tmp_path: Path) -> None:
    for day in (1, 2):
        write_safe(tmp_path / "all", sensed=f"2020-06-0{day}T10:00:31.024Z", bands=FEW)
    assert len(find_products(zipped(tmp_path / "all"))) == 2


def without_images(safe: Path, *, empty: bool) -> Path:
    for image in safe.rglob("*.jp2"):
        image.write_bytes(b"") if empty else image.unlink()
    return safe


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(
    ("empty", "message"),
    [(False, "holds metadata only, no band images, 1 are listed in it"), (True, "4 band images are empty")],
)
def test_metadata_without_images_are_refused(tmp_path: Path, as_zip: bool, empty: bool, message: str) -> None:
    safe = without_images(write_safe(tmp_path, bands=FEW), empty=empty)
    with pytest.raises(InputError, match=f"{message}.*expected .*TCI.jp2.* in GRANULE/.*IMG_DATA.*download"):
        find_products(zipped(safe) if as_zip else safe)


def test_another_level_is_refused(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, bands=FEW)
    (safe / "MTD_MSIL1C.xml").rename(safe / "MTD_MSIL1B.xml")
    (safe / "MTD_MSIL1B.xml").write_text(product_xml(level="1B"))
    with pytest.raises(InputError, match=r"Level-1B.*expected Level-1C or Level-2A"):
        find_products(safe)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"<a>", "not whole XML"), (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type")],
)
def test_damaged_or_hostile_metadata_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    safe = write_safe(tmp_path, bands=FEW)
    (safe / "MTD_MSIL1C.xml").write_bytes(content)
    with pytest.raises(SSRError, match=f"MTD_MSIL1C.xml: .*{message}"):
        find_products(safe)


def test_metadata_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.SAFE/MTD_MSIL1C.xml", b" " * (33 * 2**20))
    with pytest.raises(InputError, match="expected metadata of at most"):
        find_products(path)


def test_a_truncated_zip_is_named(safe: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(zipped(safe), tmp_path / "cut.zip"))
    with pytest.raises(ImageReadError, match=r"cut\.zip: is not a whole zip"):
        find_products(truncate(path))


def test_a_damaged_member_is_named(safe: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(zipped(safe), tmp_path / "rot.zip"))
    with zipfile.ZipFile(path) as opened:
        member = next(found for found in opened.infolist() if found.filename.endswith("MTD_MSIL1C.xml"))
    content = bytearray(path.read_bytes())
    start = member.header_offset + 30 + len(member.filename) + 40
    content[start : start + 30] = bytes(np.random.default_rng(0).integers(0, 256, 30, np.uint8))
    path.write_bytes(content)
    with pytest.raises(SSRError, match=r"rot\.zip/.*MTD_MSIL1C\.xml"):
        find_products(path)


def test_a_folder_or_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    for path in (tmp_path / "photos", zipped(tmp_path / "photos")):
        with pytest.raises(InputError, match=r"holds no Sentinel-2 product; expected MTD_MSIL1C\.xml"):
            find_products(path)
