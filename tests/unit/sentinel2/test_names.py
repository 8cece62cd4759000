"""Do names of products and files tell band, tile, level, baseline and time, in every form?"""

from datetime import UTC, datetime

import pytest

from ssr.sentinel2.names import band_of, baseline_of, level_of, tile_of, time_of

NEW = "S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042.SAFE"
LATER = "S2C_MSIL2A_20250301T100031_N0511_R122_T33UUU_20250301T120000"
OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20160106T034012_R022_V20160105T101010_20160105T101010.SAFE"
OLD_GRANULE = "S2A_OPER_MSI_L1C_TL_EPA__20160930T000000_A000065_T33UUU_N02.04"


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("T56JMM_20180629T000241_B02.jp2", ("b02", None)),
        ("T33UUU_20250301T100031_B8A_20m.jp2", ("b8a", 20)),
        ("T33UUU_20250301T100031_TCI_10m.jp2", ("tci", 10)),
        ("T33UUU_20250301T100031_SCL_20m.jp2", ("scl", 20)),
        ("B12.jp2", ("b12", None)),
        ("TCI.tif", ("tci", None)),
        (f"{OLD_GRANULE}_B10.jp2".replace("_N02.04", ""), ("b10", None)),
        ("MSK_CLASSI_B00.jp2", None),
        ("MSK_DETFOO_B02.jp2", None),
        ("T56JMM_20180629T000241_PVI.jp2", None),
        ("T56JMM_B13.jp2", None),
        ("B02.xml", None),
        ("preview.jpg", None),
    ],
)
def test_bands_of_files(name, band):
    assert band_of(name) == band


@pytest.mark.parametrize(
    ("name", "tile", "level", "baseline"),
    [
        (NEW, "56JMM", "L1C", "02.06"),
        (LATER, "33UUU", "L2A", "05.11"),
        (OLD, None, "L1C", None),
        (OLD_GRANULE, "33UUU", "L1C", "02.04"),
        ("S2_L2A_10m_0000280849BAC91C_32631", None, "L2A", None),
        ("holiday.png", None, None, None),
    ],
)
def test_tile_level_and_baseline(name, tile, level, baseline):
    assert (tile_of(name), level_of(name), baseline_of(name)) == (tile, level, baseline)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        (NEW, (2018, 6, 29, 0, 2, 41)),
        (OLD, (2016, 1, 5, 10, 10, 10)),
        ("RGB_2019-12-10-T101411.png", (2019, 12, 10, 10, 14, 11)),
        ("Boadella_2020-01-13.tif", (2020, 1, 13)),
        ("20151211.tif", (2015, 12, 11)),
        ("ref_S2A_20160608T153121_T33UUU_sub.jp2", (2016, 6, 8, 15, 31, 21)),
        ("m_2608053_sw_17_060_20191203", (2019, 12, 3)),
        ("20201332.tif", None),
        ("2021-02-30.tif", None),
        ("282D_485L_3_3.tif", None),
        ("", None),
    ],
)
def test_times(name, moment):
    assert time_of(name) == (datetime(*moment, tzinfo=UTC) if moment else None)
