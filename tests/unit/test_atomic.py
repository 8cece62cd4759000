"""Does a file appear whole, and does nothing of the way there stay?"""

from pathlib import Path

import pytest

from ssr.atomic import sweep, temporary_name


@pytest.mark.parametrize("name", ["a.tif", "a.trust.tif", "a.stac.json", "a.zarr"])
def test_all_that_killed_processes_left_of_a_file_is_swept_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    stem, suffix = path.stem, path.suffix
    others = [
        name,
        f".b.7.part{suffix}",
        f".{stem}.x.7.part{suffix}",
        f".{stem}.7.former{suffix}",
        f"{stem}.7.part.tif",
    ]
    left = [temporary_name(path).name, f".{stem}.7.part{suffix}", f".{stem}.8.part{suffix}.ovr.tmp"]
    for found in [*others, *left]:
        (tmp_path / found).touch()
    (tmp_path / f".{stem}.9.part{suffix}" / "inside").mkdir(parents=True)
    sweep(path)
    assert {found.name for found in tmp_path.iterdir()} == set(others)
    sweep(path, "former")
    assert {found.name for found in tmp_path.iterdir()} == set(others) - {f".{stem}.7.former{suffix}"}
