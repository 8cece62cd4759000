"""Data sets of the original's option files: what is read of them, and what is left out and said."""

from pathlib import Path

import pytest

from ssr.config.data import Augmentation, OLI2MSIData, PROBAVData, S2NaipData, WorldStratData
from ssr.errors import ConfigError
from tests.unit.config.originals import ESRGAN, KINDS, L2, OBJECTS, changed, loaded, without

S2 = {"sentinel2": Path("set/sentinel2"), "naip": Path("set/naip")}
WS = {"low_res": Path("ws/lr"), "high_res": Path("ws/hr"), "splits": Path("ws/splits.csv")}


@pytest.mark.parametrize(
    ("kind", "train", "validation"),
    [
        ("l2", S2NaipData(**S2), S2NaipData(**S2)),
        ("worldstrat l2", WorldStratData(**WS), WorldStratData(**WS, split="val")),
        ("oli2msi l2", OLI2MSIData(root=Path("oli")), OLI2MSIData(root=Path("oli"), split="test")),
        ("proba-v l2", PROBAVData(root=Path("probav")), PROBAVData(root=Path("probav"), split="val")),
        ("objects", S2NaipData(**S2, objects=Path("boxes.json"), n_objects=2), S2NaipData(**S2)),
    ],
)
def test_every_data_set_has_its_native_one(kind, train, validation, tmp_path):
    config, _ = loaded(tmp_path, KINDS[kind])
    assert (config.train_data, config.validation_data) == (train, validation)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("type", "SSRDataset", {}),
        ("tile_weights", "weights.json", {"tile_weights": Path("weights.json")}),
        ("old_naip_path", "older/", {"old_naip": Path("older")}),
        ("train_samples", 1000, {"n_samples": 1000}),
        ("rand_crop", True, {"augmentation": Augmentation(crop="published")}),
        ("rand_crop", False, {}),
        ("osm_objs_path", "boxes.json", {"objects": Path("boxes.json"), "n_objects": 1}),
        ("tile_weights", None, {}),
    ],
)
def test_what_changes_the_sampling_is_kept(key, value, expected, tmp_path):
    config, notes = loaded(tmp_path, changed(L2, f"datasets.train.{key}", value))
    assert config.train_data == S2NaipData(**S2, **expected)
    assert any(note.startswith("datasets.train.tile_weights: applied") for note in notes) is (
        "tile_weights" in expected
    )


@pytest.mark.parametrize("key", ["rand_crop", "tile_weights", "train_samples", "old_naip_path", "osm_objs_path"])
def test_what_is_for_training_alone_is_left_out_of_validation_and_said(key, tmp_path):
    config, notes = loaded(tmp_path, changed(L2, f"datasets.val.{key}", "x"))
    assert config.validation_data == S2NaipData(**S2)
    assert f"datasets.val.{key}: ignored, training alone uses it" in notes


def test_bands_are_those_of_the_file_with_true_colour_in_front(tmp_path):
    options = ESRGAN
    for place in ("datasets.train", "datasets.val"):
        options = changed(options, f"{place}.s2_bands", ["b08", "tci"])
    config, notes = loaded(tmp_path, options)
    assert config.train_data.bands == ("tci", "b08")
    assert any(note.startswith("datasets.train.s2_bands: tci moved to the front") for note in notes)


def test_data_of_one_date_are_corrected_to_it(tmp_path):
    config, notes = loaded(tmp_path, changed(KINDS["oli2msi l2"], "datasets.train.n_s2_images", 8))
    assert config == loaded(tmp_path, KINDS["oli2msi l2"])[0]
    assert any(note.startswith("datasets.train.n_s2_images: corrected from 8 to 1") for note in notes)


def test_a_run_may_have_no_validation_and_only_the_first_of_several_is_used(tmp_path):
    assert loaded(tmp_path, without(L2, "datasets.val"))[0].validation_data is None
    other = {**L2["datasets"]["val"], "naip_path": "elsewhere"}
    config, notes = loaded(tmp_path, changed(L2, "datasets.val_other", other))
    assert config.validation_data == S2NaipData(**S2)
    assert any("only the first of 2 validation sets" in note for note in notes)


def test_batches_of_all_processes_are_counted_together(tmp_path):
    config, notes = loaded(tmp_path, L2, n_processes=4)
    assert config.training.batch_size == 128
    assert any(
        note.startswith("datasets.train.batch_size_per_gpu:") and "32" in note and "128" in note for note in notes
    )
    assert loaded(tmp_path, L2)[0].training.batch_size == 32


def test_dates_of_validation_must_be_those_of_training(tmp_path):
    with pytest.raises(ConfigError, match=r"8 dates.*\[4\]"):
        loaded(tmp_path, changed(L2, "datasets.val.n_s2_images", 4))


def test_objects_counted_without_a_file_of_them_are_said(tmp_path):
    _, notes = loaded(tmp_path, changed(L2, "datasets.train.n_osm_objs", 3))
    assert "datasets.train.n_osm_objs: ignored, there is no osm_objs_path" in notes


def test_the_objects_of_the_loss_are_those_of_the_data(tmp_path):
    config, notes = loaded(tmp_path, OBJECTS)
    assert (config.adversarial.objects.n_objects, config.adversarial.objects.weight) == (2, 0.2)
    assert any(note.startswith("osm_obj_weight:") and "clips_logits" in note for note in notes)
    with pytest.raises(ConfigError, match="objects"):
        loaded(tmp_path, without(without(OBJECTS, "datasets.train.osm_objs_path"), "datasets.train.n_osm_objs"))
