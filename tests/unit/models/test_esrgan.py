import pytest
import torch

from ssr.models.esrgan import EFFECTIVE_HALO_PX, N_MEASURED_BLOCKS, RRDBNet


def network(**arguments: int) -> RRDBNet:
    return RRDBNet(**({"n_revisits": 1, "n_features": 6, "n_blocks": 1, "n_growth": 4} | arguments)).eval()


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_pixel_beyond_the_receptive_field_changes_no_bit(scale):
    tiny = network(scale=scale)
    reach = tiny.receptive_px
    side = -(-(reach + 12) // tiny.size_multiple) * tiny.size_multiple
    low_res = torch.rand(1, 1, 3, tiny.size_multiple * 2, side, generator=torch.Generator().manual_seed(0))
    changed = low_res.clone()
    changed[..., -1] += 1e3
    with torch.no_grad():
        before, after = tiny(low_res), tiny(changed)
    first_touched = scale * (side - 1 - reach)
    assert torch.equal(before[..., :first_touched], after[..., :first_touched])
    assert not torch.equal(before, after)


@pytest.mark.parametrize(
    ("n_blocks", "expected"),
    [(1, 21), (N_MEASURED_BLOCKS, EFFECTIVE_HALO_PX), (2 * N_MEASURED_BLOCKS, 2 * EFFECTIVE_HALO_PX)],
)
def test_halo_is_the_receptive_field_or_what_was_measured(n_blocks, expected):
    assert network(n_blocks=n_blocks).halo_px == expected


@pytest.mark.parametrize(("scale", "multiple"), [(1, 4), (2, 2), (4, 1), (8, 1), (16, 1)])
def test_input_size_is_a_multiple_of_the_unshuffling(scale, multiple):
    tiny = network(scale=scale)
    assert tiny.size_multiple == multiple
    with torch.no_grad():
        assert tiny(torch.rand(1, 1, 3, 2 * multiple, 3 * multiple)).shape[-2:] == (
            2 * multiple * scale,
            3 * multiple * scale,
        )


@pytest.mark.parametrize("scale", [0, 5, 6, 32])
def test_scale_that_is_not_defined_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}"):
        network(scale=scale)


def test_dates_are_stacked_one_after_the_other():
    """Channel k of date d is input channel 3 d + k, as published weights expect."""
    tiny = network(n_revisits=2)
    with torch.no_grad():
        tiny.conv_first.weight.zero_()
        tiny.conv_first.weight[:, 4] = 1.0  # second date, green
        a, b = torch.rand(2, 1, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        b[:, 1, 1] = a[:, 1, 1]
        assert torch.equal(tiny(a), tiny(b))
        b[:, 1, 1] += 1.0
        assert not torch.equal(tiny(a), tiny(b))
