"""Does the evidence say what hangs on which date?"""

import numpy as np
import pytest
import torch

from ssr.errors import InputError
from ssr.models.agreement import DEPARTURE, gather, views_of
from ssr.models.bicubic import Bicubic
from ssr.scenes.ranking import plan_dates
from ssr.scenes.subsets import plan_subsets
from tests.support.networks import FAMILIES
from tests.support.scenes import textured, tiny_date_fusion, tiny_rrdbnet, unit
from tests.support.tolerances import FLOAT32

SIDE = 24


class MeanOfDates:
    """Every date weighs alike: what each does to the result is known in closed form."""

    scale, n_revisits, n_channels, halo_px, size_multiple, sees_place = 4, None, 3, 0, 1, False

    def __init__(self):
        self.n_calls = 0

    def __call__(self, low_res):
        self.n_calls += 1
        return low_res.mean(1).repeat_interleave(4, 2).repeat_interleave(4, 3)


def evidence_of(network, low_res, n_wanted=None):
    n = low_res.shape[1]
    whole = plan_dates(range(n), n_wanted)
    positions = [whole.dates.index(date) for date in range(n) if date in whole.dates]
    with torch.no_grad():
        return gather(views_of(network, whole, plan_subsets(positions, n_wanted)), low_res[:, whole.dates])


def flat(*values):
    return torch.tensor(values)[None, :, None, None, None].expand(1, -1, 3, SIDE, SIDE).clone()


def scene(n_dates):
    """One ground on every date, without noise."""
    return torch.from_numpy(unit(textured(1, SIDE, SIDE))).repeat(n_dates, 1, 1, 1)[None]


def all_are(tensor, value):
    torch.testing.assert_close(tensor, torch.full_like(tensor, value), atol=FLOAT32, rtol=0)


def test_differences_of_a_mean_are_those_of_its_dates():
    """A checkerboard of squares of 4 px whose contrast is 0.2, 0.4, 0.5, 0.7 of its own.

    Halves 0.2, 0.5 and 0.4, 0.7 differ by 0.2; without 0.2 the mean rises from 0.45 by 0.25 / 3. A checkerboard has
    no light that changes slowly, but for the odd side of the window that light is measured in.
    """
    board = (-1.0) ** (torch.arange(SIDE)[:, None] // 2 + torch.arange(SIDE) // 2)
    contrasts = torch.tensor([0.2, 0.4, 0.5, 0.7])[None, :, None, None, None]
    low_res = (0.5 + 0.5 * contrasts * board).expand(1, 4, 3, SIDE, SIDE).contiguous()
    result, evidence = evidence_of(MeanOfDates(), low_res)
    middle = (..., slice(44, 52), slice(44, 52))
    torch.testing.assert_close(result[middle].abs().amax(), torch.tensor(0.725), atol=FLOAT32, rtol=0)
    of_board = evidence.influence[middle] / evidence.disagreement[middle]
    torch.testing.assert_close(of_board, torch.full_like(of_board, 0.25 / 3 / 0.2), atol=1e-4, rtol=0)
    assert evidence.disagreement[middle].amax() <= 0.1
    all_are(evidence.is_known, 1)


@pytest.mark.parametrize("n_dates", [2, 3, 5])
def test_equal_dates_leave_nothing_to_doubt_but_invention(n_dates):
    _, evidence = evidence_of(Bicubic(), scene(n_dates))
    for tensor in (evidence.disagreement, evidence.influence, evidence.scatter, evidence.departure, evidence.followed):
        all_are(tensor, 0)
    all_are(evidence.n_agreeing, n_dates)
    all_are(evidence.scarcity, n_dates**-0.5)
    assert evidence.detail.max() > 0.005  # bicubic edges are sharper than what the instrument would see of them


@pytest.mark.parametrize(("n_dates", "n_calls"), [(2, 3), (3, 5), (4, 7), (8, 11)])
def test_a_subset_is_seen_once_whatever_it_stands_for(n_dates, n_calls):
    network = MeanOfDates()
    evidence_of(network, scene(n_dates))
    assert network.n_calls == n_calls


@pytest.mark.parametrize("value", [0.95, 0.02])
@pytest.mark.parametrize("n_dates", [2, 3, 4, 8])
def test_a_thing_of_one_date_departs_and_one_of_all_dates_does_not(n_dates, value):
    once = scene(n_dates)
    once[:, 1, :, 10:12, 12:15] = value
    always = scene(n_dates)
    always[:, :, :, 10:12, 12:15] = value
    departure = evidence_of(Bicubic(), once)[1].departure
    assert departure[..., 40:48, 48:60].amax() >= DEPARTURE
    outside = departure.clone()
    outside[..., 32:56, 40:68] = 0
    assert outside.amax() < DEPARTURE
    assert evidence_of(Bicubic(), always)[1].departure.amax() < DEPARTURE


def test_a_small_thing_on_plain_ground_departs_too():
    """Where there is nothing else, harmonising takes much of its contrast: a tenth of the range is left enough."""
    low_res = flat(0.5, 0.5, 0.5, 0.5)
    low_res[:, 2, :, 12, 12] += 0.1
    departure = evidence_of(Bicubic(), low_res)[1].departure
    assert departure[0, 0, 50, 50] >= DEPARTURE
    assert departure[..., :40, :].amax() < DEPARTURE


def test_light_that_changes_slowly_is_no_disagreement():
    slope = torch.linspace(-0.1, 0.1, SIDE)
    low_res = scene(4)
    low_res[:, ::2] += slope
    _, evidence = evidence_of(MeanOfDates(), low_res.clamp(0.01, 1))
    assert evidence.disagreement[..., 40:56, 40:56].amax() < 0.01


def test_what_is_in_two_dates_is_no_thing_of_one():
    low_res = scene(5)
    low_res[:, 1:3, :, 10:12, 12:15] = 0.95
    assert evidence_of(Bicubic(), low_res)[1].departure.amax() < DEPARTURE


def test_a_cloud_is_no_object():
    low_res = scene(4)
    low_res[:, 1, :, 2:16, 3:18] = 0.95
    assert evidence_of(Bicubic(), low_res)[1].departure[..., 24:48, 28:56].amax() < DEPARTURE


def test_a_median_removes_what_a_mean_follows():
    low_res = scene(4)
    low_res[:, 1, :, 9:13, 9:13] = 0.95
    place = (..., slice(40, 48), slice(40, 48))
    assert evidence_of(MeanOfDates(), low_res)[1].followed[place].amin() > 0.02
    assert evidence_of(Bicubic(), low_res)[1].followed[place].amax() < 0.02


def test_where_one_half_has_no_data_its_result_is_not_compared():
    """Dates 0 and 2 lie in one half, 1 and 3 in the other."""
    low_res = scene(4)
    low_res[:, [1, 3], :, :, :8] = 0
    low_res[:, [1, 2, 3], :, :, 16:] = 0
    _, evidence = evidence_of(Bicubic(), low_res)
    assert evidence.disagreement[..., :24].amax() < 1e-3  # what is left reaches over the border from networks and blur
    all_are(evidence.is_known[..., :64], 1)
    all_are(evidence.is_known[..., 64:], 0)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_family_gives_its_own_result_and_finite_evidence(family):
    if family == "sr3":
        pytest.importorskip("diffusers")
    network = FAMILIES[family]()
    low_res = torch.from_numpy(unit(textured(network.n_revisits or 3, 16, 16)))[None]
    result, evidence = evidence_of(network, low_res, network.n_revisits)
    with torch.no_grad():
        torch.testing.assert_close(result, network(low_res).clamp(0, 1), atol=FLOAT32, rtol=0)
    assert all(torch.isfinite(part).all() and part.min() >= 0 for part in evidence)


def test_repeated_dates_count_once():
    low_res = torch.from_numpy(unit(textured(2, 16, 16)))[None]
    _, evidence = evidence_of(tiny_rrdbnet(n_revisits=5), low_res, 5)
    assert evidence.n_agreeing.max() <= 2


def test_one_date_gives_nothing_to_compare():
    result, evidence = evidence_of(tiny_date_fusion(), scene(1))
    assert result.shape == (1, 3, 4 * SIDE, 4 * SIDE)
    all_are(evidence.is_known, 0)


def test_windows_give_what_the_scene_gives_away_from_their_edges():
    low_res = torch.from_numpy(unit(textured(3, 100, 100)))[None]
    whole = evidence_of(Bicubic(), low_res)[1]
    part = evidence_of(Bicubic(), low_res[..., :90, :90])[1]
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_allclose(a[..., :120, :120], b[..., :120, :120], atol=1e-3)


def test_other_channels_than_the_inputs_are_refused():
    class OneChannel(MeanOfDates):
        def __call__(self, low_res):
            return super().__call__(low_res)[:, :1]

    with pytest.raises(InputError, match="has 1 channels, the input 3"):
        evidence_of(OneChannel(), scene(2))
