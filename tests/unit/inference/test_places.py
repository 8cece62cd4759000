"""Does a network that draws by place draw the same wherever a window begins?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.inference.blending import stitch
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.inference.windows import plan_windows
from ssr.models.noise import normal_at
from tests.support.networks import SR3_REACH_PX, NoiseByPlace, tiny_sr3
from tests.support.scenes import BF16, FP32, textured, unit
from tests.support.tolerances import BYTE_STEP, FLOAT32


def ones(*shape_hw):
    return np.full((1, 3, *shape_hw), 0.5, np.float32)


@settings(max_examples=60)
@given(
    shape_hw=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    core_px=st.integers(12, 50),
    overlap_px=st.integers(0, 3),
    halo_px=st.integers(0, 6),
    scale=st.sampled_from([1, 2, 4]),
    multiple=st.sampled_from([1, 2, 4, 8]),
)
def test_every_pixel_gets_the_noise_of_its_place(shape_hw, core_px, overlap_px, halo_px, scale, multiple):
    """Blending equal numbers gives them again; bit for bit where nothing is blended."""
    network = NoiseByPlace(scale=scale, size_multiple=multiple)
    found = super_resolve_array(
        network, ones(*shape_hw), compute=FP32, core_px=core_px, overlap_px=overlap_px, halo_px=halo_px
    )
    fine = (3, shape_hw[0] * scale, shape_hw[1] * scale)
    expected = 0.5 + 0.05 * normal_at(torch.zeros(1, 2, dtype=torch.int64), fine, seed=1, draw=0)[0]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6 if overlap_px else 0, rtol=0)


def test_places_are_told_in_any_order_and_batch():
    network, places = Predictor(NoiseByPlace(), FP32), [(0, 0), (7, 3), (2, 9), (5, 5)]
    windows = np.repeat(ones(8, 8)[None], 4, 0)
    together = network.predict(windows, places)
    for k in (2, 0, 3, 1):
        np.testing.assert_array_equal(network.predict(windows[k : k + 1], [places[k]])[0], together[k])


def test_without_places_every_window_begins_the_scene():
    pytest.importorskip("diffusers")
    predictor, windows = Predictor(tiny_sr3(), FP32), unit(textured(2, 8, 8))[None]
    np.testing.assert_array_equal(predictor.predict(windows), predictor.predict(windows, [(0, 0)]))
    assert np.abs(predictor.predict(windows) - predictor.predict(windows, [(1, 0)])).mean() > BYTE_STEP


@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
@pytest.mark.parametrize("sampler", ["dpm-solver++", "ddpm"])
@pytest.mark.parametrize("core_px", [17, 30])
def test_sampler_in_windows_gives_what_the_whole_gives(axis, sampler, core_px):
    pytest.importorskip("diffusers")
    network = tiny_sr3(context="local", n_sampling_steps=2, sampler=sampler)
    halo_px = -(-2 * SR3_REACH_PX // network.scale)
    dates = unit(textured(2, *((100, 9) if axis == 2 else (9, 100)))) * 0.5 + 0.2
    whole = super_resolve_array(network, dates, compute=FP32)
    tiled = super_resolve_array(network, dates, compute=FP32, core_px=core_px, overlap_px=2, halo_px=halo_px)
    np.testing.assert_allclose(tiled, whole, atol=FLOAT32, rtol=0)


def test_sampler_of_a_deep_network_starts_its_windows_at_its_multiple():
    """Three halvings on a grid twice as fine: windows that began elsewhere would sample other coarse pixels."""
    pytest.importorskip("diffusers")
    network = tiny_sr3(context="local", n_sampling_steps=1, multipliers=(1, 1, 1, 1), attention_levels=(), scale=2)
    assert network.size_multiple == 4
    dates = unit(textured(2, 11, 220)) * 0.5 + 0.2
    whole = super_resolve_array(network, dates, compute=FP32)
    tiled = super_resolve_array(network, dates, compute=FP32, core_px=18, overlap_px=2, halo_px=74)
    np.testing.assert_allclose(tiled, whole, atol=2e-4, rtol=0)  # one step divides rounding by a signal of 0.007


def test_effective_halo_of_the_sampler_keeps_windows_together():
    """Its own halo, many steps: no more than a step of an 8-bit image."""
    pytest.importorskip("diffusers")
    network, dates = tiny_sr3(context="local", n_sampling_steps=8), unit(textured(2, 9, 70)) * 0.5 + 0.2
    whole = super_resolve_array(network, dates, compute=FP32)
    tiled = super_resolve_array(network, dates, compute=FP32, core_px=16, overlap_px=2)
    np.testing.assert_allclose(tiled, whole, atol=BYTE_STEP, rtol=0)


def test_windows_in_any_order_give_the_same_raster():
    pytest.importorskip("diffusers")
    predictor = Predictor(tiny_sr3(context="local", n_sampling_steps=2), FP32)
    dates = unit(textured(2, 40, 60))
    plan = plan_windows((40, 60), core_px=16, halo_px=4, overlap_px=2)
    spans = [(row, column) for row, column in plan]

    def predicted(k):
        row, column = spans[k]
        window = dates[:, :, row.read_start : row.read_stop, column.read_start : column.read_stop]
        return predictor.predict(window[None], [(row.read_start, column.read_start)])[0]

    backwards = {k: predicted(k) for k in reversed(range(len(spans)))}
    by_hand = [block.pixels for block in stitch(plan, (backwards[k] for k in range(len(spans))), 4)]
    run = [block.pixels for block in predictor.run(plan, lambda r, c: dates[:, :, r, c])]
    for a, b in zip(by_hand, run, strict=True):
        np.testing.assert_allclose(a, b, atol=FLOAT32, rtol=0)


def test_bfloat16_gives_the_same_bytes_twice():
    pytest.importorskip("diffusers")
    dates = unit(textured(2, 30, 40))
    first, second = (
        super_resolve_array(tiny_sr3(), dates, compute=BF16, core_px=16, overlap_px=2, halo_px=4) for _ in range(2)
    )
    assert first.tobytes() == second.tobytes()
