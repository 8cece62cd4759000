import torch

from ssr.models.layers import DoubleConv2d, PixelShuffleUpsampler, ResidualDoubleConv2d, leaky, with_reference_frame


def test_slope_below_zero_is_one_fifth():
    assert torch.equal(leaky(torch.tensor([-1.0, 0.0, 2.0])), torch.tensor([-0.2, 0.0, 2.0]))


def test_parameters_stand_at_their_published_places():
    names = {name.rsplit(".", 1)[0] for name in DoubleConv2d(3, 4, 3).state_dict()}
    assert names == {f"doubleconv2d.{k}" for k in (0, 2, 4, 6)}
    names = {name.rsplit(".", 1)[0] for name in PixelShuffleUpsampler(32, 3, 4, 1).state_dict()}
    assert names == {f"upsample.{k}" for k in (1, 3, 4, 6)}


def test_residual_block_adds_to_its_input():
    block, features = ResidualDoubleConv2d(4, 3).eval(), torch.rand(1, 4, 6, 6)
    torch.testing.assert_close(block(features) - features, block.residualblock(features))


def test_pixel_shuffle_multiplies_the_size():
    assert PixelShuffleUpsampler(32, 3, 4, 1)(torch.rand(1, 32, 5, 6)).shape == (1, 3, 20, 24)


def test_reference_frame_is_the_median_date_behind_every_date():
    low_res = torch.tensor([0.1, 0.9, 0.5]).view(1, 3, 1, 1, 1).expand(1, 3, 2, 4, 4)
    seen = with_reference_frame(low_res)
    assert seen.shape == (1, 3, 4, 4, 4)
    assert torch.equal(seen[:, :, :2], low_res)
    assert seen[:, :, 2:].eq(0.5).all()
