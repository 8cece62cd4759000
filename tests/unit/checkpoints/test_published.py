"""Tensors of published files: which network they fit, which of them it needs."""

import pytest
import torch

from ssr.checkpoints.published import load_strictly, load_what_fits, needed_tensors, recognise
from ssr.errors import WeightsError
from ssr.models.datefusion import DateFusion
from ssr.models.esrgan import RRDBNet
from ssr.models.gridfusion import GridFusion
from ssr.models.highresnet import HighResNet
from ssr.models.sr3 import SR3
from ssr.models.srcnn import SRCNN
from tests.unit.models.golden import NETWORKS, published_state

TINY_ESRGAN = {"n_features": 8, "n_blocks": 2, "n_growth": 4}


@pytest.mark.parametrize("name", NETWORKS)
def test_published_tensors_tell_their_network(name):
    arguments, recognised = NETWORKS[name]["arguments"], recognise(published_state(name))
    if name.startswith("rrdbnet"):
        expected = {
            "n_out_channels": 3,
            "n_features": arguments["num_feat"],
            "n_blocks": arguments["num_block"],
            "n_growth": arguments["num_grow_ch"],
            "scale": max(4, arguments["scale"]),  # 1 and 2 have the tensors of 4
        }
        n_stacked = arguments["num_in_ch"] * {1: 16, 2: 4}.get(arguments["scale"], 1)
        assert (recognised.architecture, recognised.n_stacked) == ("esrgan", n_stacked)
    elif "discriminator" in name:
        expected = {
            "n_channels": arguments["num_in_ch"],
            "n_features": arguments["num_feat"],
            "judges_objects": name.startswith("osm"),
        }
        assert recognised.architecture == "unet_sn"
    else:
        expected = {
            "n_channels": 3,
            "n_out_channels": 3,
            "n_features": arguments["hidden_channels"],
            "kernel_size": 3,
            "shuffle_kernel_size": 1,
            "scale": arguments["zoom_factor"],
            "sees_reference": arguments["use_reference_frame"],
            "n_revisits": arguments["revisits"],
        }
        assert recognised.architecture == name.split("_")[0]
        if name.startswith("srcnn"):
            expected["n_residual_blocks"] = 1
    assert recognised.arguments == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_channels": 3, "n_features": 8, "n_date_features": 4, "n_blocks": 1, "scale": 4},
        {"n_channels": 4, "n_features": 6, "n_date_features": 5, "n_blocks": 12, "scale": 2},
        {"n_channels": 1, "n_features": 6, "n_date_features": 5, "n_blocks": 0, "scale": 1},
    ],
)
@pytest.mark.parametrize(("name", "network"), [("date_fusion", DateFusion), ("grid_fusion", GridFusion)])
def test_networks_of_any_number_of_dates_are_recognised(name, network, arguments):
    recognised = recognise(network(**arguments).state_dict())
    assert (recognised.architecture, recognised.arguments) == (name, arguments)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"layer.weight": torch.zeros(3)},
        {"conv_first.weight": torch.zeros(8, 3, 3, 3), "trunk_conv.weight": torch.zeros(8, 8, 3, 3)},
        {"conv_first.weight": torch.zeros(8, 3, 3, 3), "conv_body.weight": torch.zeros(8, 8, 3, 3)},
        {"conv0.weight": torch.zeros(3), "conv9.weight": torch.zeros(3)},
    ],
    ids=["nothing", "other", "first ESRGAN", "part of ESRGAN", "vectors"],
)
def test_other_tensors_fit_no_network(state):
    assert recognise(state) is None


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_copies_need_every_tensor(name):
    state = published_state(name)
    left_out = set(state) - set(needed_tensors(state))
    if name.startswith("srcnn"):
        assert left_out == {n for n in state if n.startswith(("mask_encoder.", "fusion."))}
    elif name.startswith("highresnet"):
        redundant = ("mask_encoder.", "doubleconv2d.", "residualblocks.", "fusion.fusion.1.", "fusion.fusion.2.")
        assert left_out == {n for n in state if n.startswith(redundant)}
    else:
        assert not left_out


@pytest.mark.parametrize(
    ("network", "name", "difference"),
    [
        (
            RRDBNet(n_revisits=8, n_features=16, n_blocks=2, n_growth=8, scale=8),
            "rrdbnet_x4",
            "'conv_up3.weight' is missing",
        ),
        (RRDBNet(n_revisits=8, n_features=16, n_blocks=1, n_growth=8), "rrdbnet_x4", "'body.1.*is not part of it"),
        (
            RRDBNet(n_revisits=1, n_features=16, n_blocks=2, n_growth=8),
            "rrdbnet_x4",
            r"conv_first.*24.*expected.*3, 3, 3",
        ),
        (SRCNN(n_features=16), "highresnet_r8", "missing.*fits highresnet"),
        (HighResNet(n_features=16), "srcnn_r8", "missing.*fits srcnn"),
        (SRCNN(n_features=16), "srcnn_r5", "doubleconv2d.*80.*128.*fits srcnn .*n_revisits 5"),
    ],
)
def test_first_difference_is_named(network, name, difference):
    with pytest.raises(WeightsError, match=f"file.pth.*{type(network).__name__}.*{difference}"):
        load_strictly(network, published_state(name), source="file.pth")


def test_wrong_tensors_leave_the_network_as_it_was():
    network = RRDBNet(n_revisits=1, **TINY_ESRGAN)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(WeightsError):
        load_strictly(network, RRDBNet(n_revisits=2, **TINY_ESRGAN).state_dict(), source="file.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_unknown_tensors_are_said_to_fit_no_network():
    with pytest.raises(WeightsError, match="fits no network known here"):
        load_strictly(RRDBNet(**TINY_ESRGAN), {"layer.weight": torch.zeros(1)}, source="file.pth")


def test_loading_what_fits_says_what_did_not():
    network, wider = RRDBNet(n_revisits=1, **TINY_ESRGAN), RRDBNet(n_revisits=2, **TINY_ESRGAN)
    state = wider.state_dict()
    del state["conv_hr.bias"]
    state["other.weight"] = torch.zeros(1)
    notes = load_what_fits(network, state, source="start.pth")
    assert torch.equal(network.conv_last.weight, wider.conv_last.weight)
    assert not torch.equal(network.conv_first.weight, wider.conv_first.weight[:, :3])
    n_all = sum(t.numel() for t in network.state_dict().values())
    share = (n_all - 8 - 8 * 3 * 9) / n_all  # all but conv_hr.bias and conv_first.weight
    assert notes == [
        f"start.pth: loaded 70 of the network's 72 tensors, {share:.1%} of its numbers",
        "conv_hr.bias: kept as initialised, not in the file",
        "conv_first.weight: skipped, (8, 6, 3, 3) in the file, (8, 3, 3, 3) in the network",
        "other.weight: skipped, the network has no such tensor",
    ]


def test_start_from_weights_of_which_nothing_fits_is_refused():
    with pytest.raises(WeightsError, match=r"start\.pth: no tensor fits the SRCNN; the file fits esrgan"):
        load_what_fits(SRCNN(n_features=16), RRDBNet(**TINY_ESRGAN).state_dict(), source="start.pth")


SCHEDULE = torch.tensor([0.25, 0.5, 0.75, 1.0])
SR3_FORMS = {
    "as trained here": lambda state: state,
    "with the schedule, as published": lambda state: {
        **state,
        "betas": SCHEDULE,
        "alphas_cumprod": torch.ones(4),
    },
    "the U-Net alone": lambda state: {name.removeprefix("denoise_fn."): t for name, t in state.items()},
}


@pytest.mark.parametrize("form", SR3_FORMS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"multipliers": (1, 2, 4), "n_res_blocks": 1, "attention_levels": (2,)},
        {"multipliers": (1, 3), "n_res_blocks": 2, "attention_levels": (0, 1)},
        {"multipliers": (2,), "n_res_blocks": 1, "attention_levels": ()},
    ],
    ids=str,
)
def test_sr3_is_recognised_and_loads_in_every_published_form(form, arguments):
    network = SR3(n_revisits=2, n_features=8, n_groups=4, **arguments)
    state = SR3_FORMS[form](network.state_dict())
    recognised = recognise(state)
    assert (recognised.architecture, recognised.n_stacked) == ("sr3", 6)
    schedule = {"n_noise_levels": 4, "beta_start": 0.25, "beta_end": 1.0} if "schedule" in form else {}
    assert recognised.arguments == {"n_out_channels": 3, "n_features": 8, **arguments, **schedule}
    other = SR3(n_revisits=2, n_features=8, n_groups=4, **arguments)
    load_strictly(other, state, source="file.pth")
    assert all(torch.equal(t, other.state_dict()[name]) for name, t in network.state_dict().items())


def test_sr3_with_a_schedule_of_another_form_is_not_taken_for_a_linear_one():
    state = SR3(n_revisits=1, n_features=8, n_groups=4, multipliers=(1,)).state_dict()
    assert recognise({**state, "betas": SCHEDULE**2}) is None
