"""Networks of the original's option files: kept, corrected with both numbers, or said to differ from the paper."""

import pytest

from ssr.config.networks import ESRGANModel, HighResNetModel, SRCNNModel
from ssr.sentinel2.bands import BAND_SETS
from tests.unit.config.originals import ESRGAN, INFER, KINDS, L2, changed, loaded, without

EIGHT = ("datasets.train.n_s2_images", "datasets.val.n_s2_images", "test_datasets.test.n_s2_images")


def corrections(notes):
    return [note for note in notes if "corrected from" in note]


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("l2", SRCNNModel(n_features=64, n_residual_blocks=2)),
        ("highresnet", HighResNetModel(n_revisits=8, n_features=64)),
        ("esrgan", ESRGANModel(n_revisits=8)),
        ("worldstrat l2", SRCNNModel(n_features=64, n_residual_blocks=2)),
        ("oli2msi l2", HighResNetModel(n_revisits=1, n_features=64, scale=3, zoom=4)),
        ("oli2msi esrgan", ESRGANModel(n_revisits=1, scale=3)),
        ("proba-v l2", SRCNNModel(n_revisits=9, n_features=64, n_residual_blocks=2, scale=3, zoom=4)),
        ("proba-v esrgan", ESRGANModel(n_revisits=9, scale=3)),
    ],
)
def test_networks_keep_their_meaning(kind, model, tmp_path):
    assert loaded(tmp_path, KINDS[kind])[0].model == model


@pytest.mark.parametrize(
    ("n_revisits", "n_in", "expected", "is_corrected"),
    [(8, 24, 24, False), (8, 36, 24, True), (1, 3, 3, False), (12, 36, 36, False), (8, 32, 24, True)],
)
def test_channel_count_is_corrected_with_both_numbers_shown(n_revisits, n_in, expected, is_corrected, tmp_path):
    options = changed(ESRGAN, "network_g.num_in_ch", n_in)
    options = changed(options, "network_d.num_in_ch", 3 + expected)
    for key in EIGHT:
        options = changed(options, key, n_revisits)
    config, notes = loaded(tmp_path, options)
    assert config.model.n_revisits * config.model.n_channels == expected
    said = [f"network_g.num_in_ch: corrected from {n_in} to {expected} ({n_revisits} dates × 3 channels)"]
    assert corrections(notes) == (said if is_corrected else [])


@pytest.mark.parametrize(
    ("n_revisits", "n_in", "n_channels", "is_corrected"),
    [(8, 24, 3, False), (8, 36, 3, True), (8, 32, 4, False), (8, 96, 12, False), (1, 4, 4, False), (12, 36, 3, False)],
)
def test_without_data_the_published_band_sets_are_known(n_revisits, n_in, n_channels, is_corrected, tmp_path):
    options = changed(changed(INFER, "network_g.num_in_ch", n_in), "n_lr_images", n_revisits)
    config, notes = loaded(tmp_path, options)
    assert (config.model.n_revisits, config.model.n_channels) == (n_revisits, n_channels)
    assert len(corrections(notes)) == is_corrected


@pytest.mark.parametrize(("name", "n_channels"), [("10m", 4), ("20m", 9), ("60m", 12)])
def test_bands_of_the_data_decide_the_channels(name, n_channels, tmp_path):
    options = ESRGAN
    for key in EIGHT:
        options = changed(options, key.replace("n_s2_images", "s2_bands"), list(BAND_SETS[name]))
    config, notes = loaded(tmp_path, options)
    assert config.model.n_channels == n_channels
    assert corrections(notes) == [
        f"network_g.num_in_ch: corrected from 24 to {8 * n_channels} (8 dates × {n_channels} channels)",
        f"network_d.num_in_ch: corrected from 27 to {3 + 8 * n_channels} (image 3 + 8 dates × {n_channels})",
    ]


@pytest.mark.parametrize(
    ("sees_low_res", "has_old", "expected", "said"),
    [
        (True, False, 27, "image 3 + 8 dates × 3"),
        (False, False, 3, "image 3"),
        (False, True, 6, "image 3 + older image 3"),
        (True, True, 30, "image 3 + 8 dates × 3 + older image 3"),
    ],
)
def test_the_discriminator_s_channels_follow_from_what_it_sees(sees_low_res, has_old, expected, said, tmp_path):
    options = changed(changed(ESRGAN, "feed_disc_lr", sees_low_res), "network_d.num_in_ch", 5)
    options = changed(options, "datasets.train.old_naip_path", "older" if has_old else None)
    config, notes = loaded(tmp_path, options)
    assert (config.adversarial.sees_low_res, config.adversarial.sees_old_high_res) == (sees_low_res, has_old)
    assert corrections(notes) == [f"network_d.num_in_ch: corrected from 5 to {expected} ({said})"]
    assert not corrections(loaded(tmp_path, changed(options, "network_d.num_in_ch", expected))[1])


@pytest.mark.parametrize(
    ("kind", "dotted", "value", "right"),
    [
        ("worldstrat l2", "network_g.output_size", 640, 160),
        ("oli2msi l2", "network_g.output_size", 160, 120),
        ("l2", "network_g.revisits", 4, 8),
        ("l2", "network_g.in_channels", 4, 3),
        ("l2", "network_g.out_channels", 4, 3),
        ("l2", "scale", 2, 4),
        ("oli2msi l2", "scale", 4, 3),
        ("proba-v l2", "scale", 4, 3),
        ("esrgan", "network_g.num_out_ch", 4, 3),
        ("esrgan", "network_g.scale", 2, 4),
        ("proba-v esrgan", "network_g.scale", 4, 3),
        ("esrgan", "datasets.train.scale", 2, 4),
    ],
)
def test_numbers_the_data_contradict_are_corrected(kind, dotted, value, right, tmp_path):
    config, notes = loaded(tmp_path, changed(KINDS[kind], dotted, value))
    (said,) = corrections(notes)
    assert said.startswith(f"{dotted}: corrected from {value} to {right} (")
    assert config == loaded(tmp_path, KINDS[kind])[0]


def test_a_generator_without_scale_at_data_three_times_finer_is_corrected(tmp_path):
    config, notes = loaded(tmp_path, without(KINDS["proba-v esrgan"], "network_g.scale"))
    assert config.model.scale == 3
    assert corrections(notes) == ["network_g.scale: corrected from 4 to 3 (the truth is 3 times finer)"]


def test_a_shuffle_that_is_resized_is_said_with_both_numbers(tmp_path):
    _, notes = loaded(tmp_path, KINDS["oli2msi l2"])
    assert any(note.startswith("network_g.zoom_factor:") and "4 times" in note and "3 times" in note for note in notes)


@pytest.mark.parametrize(("width", "growth"), [(128, 64), (256, 128)])
def test_public_sizes_that_differ_from_the_paper_are_said(width, growth, tmp_path):
    options = changed(changed(ESRGAN, "network_g.num_feat", width), "network_g.num_grow_ch", growth)
    config, notes = loaded(tmp_path, options)
    assert config.model.n_blocks == 23
    assert any(note.startswith("network_g.num_block: 23") and "30" in note for note in notes)
    _, notes = loaded(tmp_path, changed(options, "network_g.num_block", 30))
    assert not any(note.startswith("network_g.num_block") for note in notes)


def test_scale_beside_the_network_is_only_noted_in_inference(tmp_path):
    config, notes = loaded(tmp_path, {**INFER, "scale": 2})
    assert config.model.scale == 4
    assert any(note.startswith("scale:") and "2" in note for note in notes)


def test_blanks_around_a_type_do_not_count(tmp_path):
    for dotted in ("network_d.type", "network_g.type", "datasets.train.type", "model_type"):
        place = ESRGAN
        for key in dotted.split("."):
            place = place[key]
        assert loaded(tmp_path, changed(ESRGAN, dotted, f"{place} "))[0] == loaded(tmp_path, ESRGAN)[0]


def test_layers_that_a_highresnet_never_runs_are_said(tmp_path):
    _, notes = loaded(tmp_path, changed(KINDS["highresnet"], "network_g.residual_layers", 3))
    assert any(note.startswith("network_g.residual_layers: 3 has no effect") for note in notes)


def test_a_regression_network_of_an_inference_file_takes_the_dates_of_the_file(tmp_path):
    config, notes = loaded(tmp_path, {**INFER, "network_g": L2["network_g"], "n_lr_images": 4})
    assert config.model.n_revisits == 4
    assert corrections(notes) == ["network_g.revisits: corrected from 8 to 4 (dates of the data)"]
