import pytest
import torch

from ssr.models.discriminators import SelfAttention, UNetDiscriminatorSN


@pytest.mark.parametrize("shape", [(8, 8), (64, 40)])
@pytest.mark.parametrize("has_skips", [True, False])
def test_one_logit_per_pixel(shape, has_skips):
    judge = UNetDiscriminatorSN(n_channels=6, n_features=4, has_skips=has_skips).eval()
    assert judge(torch.rand(2, 6, *shape)).shape == (2, 1, *shape)


@pytest.mark.parametrize("clips", [True, False])
def test_object_logits_are_clipped_only_when_asked(clips):
    judge = UNetDiscriminatorSN(n_channels=3, n_features=4, judges_objects=True, clips_object_logits=clips).eval()
    torch.nn.init.constant_(judge.o_conv4.bias, -5.0)
    logits = judge.judge_objects(torch.zeros(3, 3, 32, 32))
    assert logits.shape == (3, 1, 2, 2)
    assert logits.lt(0).any().item() is not clips


def test_attention_starts_closed():
    features = torch.rand(1, 16, 4, 4)
    assert torch.equal(SelfAttention(16)(features), features)


def test_equal_positions_attend_to_their_mean():
    """With queries of zero the attention is uniform, so each position receives the mean value."""
    attention, features = SelfAttention(16), torch.rand(1, 16, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(attention.query_conv.weight)
    torch.nn.init.zeros_(attention.query_conv.bias)
    torch.nn.init.ones_(attention.gamma)
    mean = attention.value_conv(features).mean((2, 3), keepdim=True)
    torch.testing.assert_close(attention(features), features + mean)


def test_spectral_norm_keeps_the_largest_gain_at_one():
    judge = UNetDiscriminatorSN(n_channels=3, n_features=8)
    for _ in range(500):  # power iteration converges while training, slowly where two gains are close
        judge.conv1(torch.rand(1, 8, 4, 4))
    gain = torch.linalg.matrix_norm(judge.conv1.weight.flatten(1), 2).item()
    assert gain == pytest.approx(1.0, abs=1e-3)
