"""Networks made elsewhere, told how they take their dates."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssr.errors import ConfigError, InputError
from ssr.inference.predictor import super_resolve_array
from ssr.models.foreign import ForeignNetwork
from ssr.models.protocol import SuperResolver
from tests.support.scenes import FP32, textured, unit

DECLARED = {"scale": 2, "n_channels": 3, "halo_px": 0}


def enlarged(images: Tensor) -> Tensor:
    """Every pixel four times."""
    return images.repeat_interleave(2, -2).repeat_interleave(2, -1)


def series(n_dates: int = 3) -> Tensor:
    return torch.from_numpy(unit(textured(n_dates, 6, 8)))[None]


class Doubling(nn.Module):
    """One parameter, and dropout that must not act."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(2.0))
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        return enlarged(self.dropout(images * self.gain))


def test_whatever_it_wraps_keeps_the_protocol():
    for network in (enlarged, Doubling()):
        foreign = ForeignNetwork(network, takes="single", **DECLARED)
        assert isinstance(foreign, SuperResolver)
        assert not foreign.sees_place


def test_a_series_is_handed_over_as_it_is():
    network = ForeignNetwork(lambda dates: enlarged(dates[:, 0]), takes="series", **DECLARED)
    assert torch.equal(network(series()), enlarged(series()[:, 0]))


def test_stacked_dates_follow_each_other_on_the_channel_axis():
    seen = []
    network = ForeignNetwork(
        lambda stacked: seen.append(stacked) or enlarged(stacked[:, 3:6]), takes="stacked", n_revisits=3, **DECLARED
    )
    assert torch.equal(network(series()), enlarged(series()[:, 1]))
    assert seen[0].shape == (1, 9, 6, 8)


@pytest.mark.parametrize(("n_dates", "chosen"), [(1, 0), (3, 1), (4, 1)])
def test_of_single_images_the_median_over_the_dates_is_taken(n_dates, chosen):
    """Of an even number the lower of the two middle ones, as everywhere."""
    low_res = torch.arange(1.0, n_dates + 1).view(1, n_dates, 1, 1, 1).expand(2, n_dates, 3, 4, 5) / 10
    network = ForeignNetwork(enlarged, takes="single", **DECLARED)
    assert network.n_revisits is None
    assert torch.equal(network(low_res), enlarged(low_res[:, chosen]))


def test_dates_without_data_have_no_say():
    low_res = torch.full((1, 3, 3, 4, 4), 0.5)
    low_res[:, :2, :, :2] = 0
    low_res[:, :, :, 3] = 0
    result = ForeignNetwork(lambda images: enlarged(images) + 0.1, takes="single", **DECLARED)(low_res)
    assert torch.equal(result[:, :, :6], torch.full((1, 3, 6, 8), 0.6))
    assert not result[:, :, 6:].any()


def test_a_network_for_bytes_is_given_bytes():
    seen = []
    network = ForeignNetwork(
        lambda images: seen.append(images) or enlarged(images), takes="single", peak=255, **DECLARED
    )
    low_res = series(1)
    torch.testing.assert_close(network(low_res), enlarged(low_res[:, 0]))
    assert torch.equal(seen[0], low_res[:, 0] * 255)


def test_a_wrapped_module_moves_along_and_is_put_into_evaluation_mode():
    module = Doubling().train()
    foreign = ForeignNetwork(module, takes="single", **DECLARED)
    assert not module.training
    assert foreign.to(torch.float64).network.gain.dtype == torch.float64
    assert list(foreign.state_dict()) == ["network.gain"]


def test_channels_out_may_differ_from_channels_in():
    network = ForeignNetwork(lambda dates: enlarged(dates[:, 0, :1]), n_out_channels=1, **DECLARED)
    assert network(series()).shape == (1, 1, 12, 16)


@pytest.mark.parametrize("takes", ["series", "stacked", "single"])
def test_a_result_of_another_shape_than_declared_is_refused(takes):
    n_revisits = {"stacked": 3}.get(takes)
    network = ForeignNetwork(
        lambda _: torch.zeros(1, 3, 6, 8), takes=takes, n_revisits=n_revisits, name="their.onnx", **DECLARED
    )
    with pytest.raises(InputError, match=r"their\.onnx: returned 1×3×6×8 .* 6×8 px, expected 1×3×12×16 .*scale 2"):
        network(series())


def test_a_result_that_is_no_tensor_is_refused():
    with pytest.raises(InputError, match=r"expected a tensor.*tuple"):
        ForeignNetwork(lambda dates: (dates,), **DECLARED)(series())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": 0}, "scale is 0"),
        ({"scale": 2.5}, "scale is 2.5"),
        ({"scale": True}, "scale is True"),
        ({"n_channels": -3}, "n_channels"),
        ({"halo_px": -1}, "halo_px"),
        ({"size_multiple": 0}, "size_multiple"),
        ({"n_revisits": 0}, "n_revisits"),
        ({"n_out_channels": 0}, "n_out_channels"),
        ({"peak": 0}, "peak"),
        ({"peak": float("nan")}, "peak"),
        ({"takes": "dates"}, "takes is 'dates'"),
        ({"takes": "stacked"}, "n_revisits must be declared"),
        ({"takes": "single", "n_revisits": 2}, "leave n_revisits out"),
    ],
)
def test_declarations_are_checked_at_once(changes, named):
    with pytest.raises(ConfigError, match=named):
        ForeignNetwork(enlarged, **DECLARED | changes)


def test_a_scene_in_windows_is_the_scene_at_once():
    network = ForeignNetwork(enlarged, takes="single", **DECLARED | {"halo_px": 4})
    low_res = unit(textured(1, 72, 80))
    result = super_resolve_array(network, low_res, compute=FP32, core_px=32)
    np.testing.assert_array_equal(result, enlarged(torch.from_numpy(low_res[0])).numpy())
