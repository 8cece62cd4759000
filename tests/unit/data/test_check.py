"""Does a check find every kind of flaw, once each, and can training use what it wrote?"""

import json

from ssr.data.check import check, write_exclusions, write_report
from ssr.data.drawn import read_exclusions
from tests.unit.data.layouts import IMAGE, write_picture, write_s2naip_pair
from tests.unit.data.test_s2naip import pairs


def flawed_set(root):
    """Six samples: one sound, and one of every kind of flaw."""
    for tile in ("1_1", "2_2", "3_3", "4_4"):
        write_s2naip_pair(root, tile, n_dates=2, bands=("b08",))
    write_s2naip_pair(root, "5_5", n_dates=1, bands=("b08",))
    write_s2naip_pair(root, "6_6", n_dates=2, bands=("b08",), has_black_truth=True)
    (root / "sentinel2" / "2_2" / "b08.png").write_bytes(b"broken")
    (root / "sentinel2" / "3_3" / "b08.png").unlink()
    write_picture(root / "naip" / IMAGE / "4_4" / "rgb.png", side_px=64)
    return pairs(root, bands=("tci", "b08"))


def test_every_kind_of_flaw_is_found_and_written(tmp_path):
    seen = []
    report = check(flawed_set(tmp_path), n_threads=3, progress=lambda done, total: seen.append((done, total)))
    kinds = {flaw.name.split("/")[1]: flaw.kind for flaw in report.flawed}
    assert kinds == {"2_2": "corrupt", "3_3": "missing", "4_4": "misaligned", "5_5": "short", "6_6": "black"}
    assert report.kinds == dict.fromkeys(("black", "corrupt", "misaligned", "missing", "short"), 1)
    assert report.n_samples == 6
    assert seen == [(k, 6) for k in range(1, 7)]
    write_report(tmp_path / "report.json", report)
    write_exclusions(tmp_path / "out" / "exclude.txt", report)
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["n_samples"], written["n_flawed"], len(written["flawed"])) == (6, 5, 5)
    assert all(flaw["told"] for flaw in written["flawed"])
    assert read_exclusions(tmp_path / "out" / "exclude.txt") == {f"{IMAGE}/{tile}" for tile in kinds}


def test_a_sound_set_excludes_nothing(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    report = check(pairs(tmp_path), n_threads=1)
    write_exclusions(tmp_path / "exclude.txt", report)
    assert report.flawed == ()
    assert read_exclusions(tmp_path / "exclude.txt") == set()
