"""The published U-Net by its names and formulas, and what changes when it may only look around."""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssr.models.sr3 import SR3
from ssr.models.sr3_unet import (
    AttendingBlock,
    NoiseLevelEncoding,
    Normalisation,
    NormalisedConvolution,
    SelfAttention,
    UNet,
)
from tests.support.networks import SR3_REACH_PX, from_seed, tiny_sr3
from tests.support.tolerances import FLOAT32

PUBLISHED_N_PARAMETERS = {27: 97_819_587, 6: 97_807_491, 30: 97_821_315}
PUBLISHED_ATTENTION = {"downs.10", "downs.11", "mid.0", "ups.4", "ups.5", "ups.6"}
PUBLISHED_KEYS = [
    r"noise_level_mlp\.[13]\.(weight|bias)",
    r"downs\.0\.(weight|bias)",
    r"(downs|ups)\.\d+\.conv\.(weight|bias)",
    r"(downs|mid|ups)\.\d+\.res_block\.noise_func\.noise_func\.0\.(weight|bias)",
    r"(downs|mid|ups)\.\d+\.res_block\.block[12]\.block\.[03]\.(weight|bias)",
    r"(downs|ups)\.\d+\.res_block\.res_conv\.(weight|bias)",
    r"(downs|mid|ups)\.\d+\.attn\.(norm\.weight|norm\.bias|qkv\.weight|out\.weight|out\.bias)",
    r"final_conv\.block\.[03]\.(weight|bias)",
]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def published(n_in, *, context="window"):
    with torch.device("meta"):
        return SR3(n_revisits=(n_in - 3) // 3, context=context).denoise_fn


def tiny_unet(*, is_local=False, n_in=9, **arguments):
    sizes = {"n_features": 8, "multipliers": (1, 2), "n_res_blocks": 1, "attention_levels": (1,), "n_groups": 4}
    return from_seed(lambda: UNet(n_in=n_in, n_out=3, dropout=0.0, is_local=is_local, **(sizes | arguments))).eval()


@pytest.mark.parametrize("context", ["window", "local"])
@pytest.mark.parametrize("n_in", PUBLISHED_N_PARAMETERS)
def test_published_sizes(n_in, context):
    state = published(n_in, context=context).state_dict()
    assert sum(tensor.numel() for tensor in state.values()) == PUBLISHED_N_PARAMETERS[n_in]
    assert len(state) == 362
    assert state["downs.0.weight"].shape == (64, n_in, 3, 3)


@pytest.mark.parametrize("context", ["window", "local"])
def test_published_names(context):
    names = list(published(27, context=context).state_dict())
    assert [name for name in names if not any(re.fullmatch(key, name) for key in PUBLISHED_KEYS)] == []
    for key in PUBLISHED_KEYS:
        assert any(re.fullmatch(key, name) for name in names), key
    assert {name.partition(".attn.")[0] for name in names if ".attn." in name} == PUBLISHED_ATTENTION
    assert {n for n in names if n.startswith("noise_level_mlp")} == {
        f"noise_level_mlp.{k}.{what}" for k in (1, 3) for what in ("weight", "bias")
    }


@pytest.mark.parametrize("n_levels", [1, 2, 5])
def test_sizes_are_multiples_of_the_halvings(n_levels):
    unet = tiny_unet(multipliers=(1,) * n_levels, attention_levels=())
    assert unet.size_multiple == 2 ** (n_levels - 1)
    side = 3 * unet.size_multiple
    assert unet(noise(1, 9, side, 2 * side), torch.ones(1)).shape == (1, 3, side, 2 * side)


def published_forward(state, image, level, *, n_groups):
    """The public PyTorch version of SR3, two levels of one block each, written down from its description."""

    def normalised(prefix, x):
        x = F.group_norm(x, n_groups, state[f"{prefix}.block.0.weight"], state[f"{prefix}.block.0.bias"])
        return F.conv2d(x * x.sigmoid(), state[f"{prefix}.block.3.weight"], state[f"{prefix}.block.3.bias"], padding=1)

    def block(prefix, x):
        h = normalised(f"{prefix}.res_block.block1", x)
        linear = f"{prefix}.res_block.noise_func.noise_func.0"
        h = h + F.linear(embedding, state[f"{linear}.weight"], state[f"{linear}.bias"])[:, :, None, None]
        h = normalised(f"{prefix}.res_block.block2", h)
        skip = f"{prefix}.res_block.res_conv"
        h = h + (F.conv2d(x, state[f"{skip}.weight"], state[f"{skip}.bias"]) if f"{skip}.weight" in state else x)
        return attention(f"{prefix}.attn", h) if f"{prefix}.attn.qkv.weight" in state else h

    def attention(prefix, x):
        b, c, height, width = x.shape
        normed = F.group_norm(x, n_groups, state[f"{prefix}.norm.weight"], state[f"{prefix}.norm.bias"])
        query, key, value = F.conv2d(normed, state[f"{prefix}.qkv.weight"]).view(b, 3, c, height * width).unbind(1)
        weight = (torch.einsum("bcp,bcq->bpq", query, key) / c**0.5).softmax(-1)
        seen = torch.einsum("bpq,bcq->bcp", weight, value).view(b, c, height, width)
        return x + F.conv2d(seen, state[f"{prefix}.out.weight"], state[f"{prefix}.out.bias"])

    n = state["noise_level_mlp.1.weight"].shape[1]
    step = 10.0 ** (-4 * torch.arange(n // 2) / (n // 2))
    embedding = torch.cat([torch.sin(level[:, None] * step), torch.cos(level[:, None] * step)], 1)
    embedding = F.linear(embedding, state["noise_level_mlp.1.weight"], state["noise_level_mlp.1.bias"])
    embedding = embedding * embedding.sigmoid()
    embedding = F.linear(embedding, state["noise_level_mlp.3.weight"], state["noise_level_mlp.3.bias"])
    d0 = F.conv2d(image, state["downs.0.weight"], state["downs.0.bias"], padding=1)
    d1 = block("downs.1", d0)
    d2 = F.conv2d(d1, state["downs.2.conv.weight"], state["downs.2.conv.bias"], stride=2, padding=1)
    d3 = block("downs.3", d2)
    x = block("mid.1", block("mid.0", d3))
    x = block("ups.1", torch.cat([block("ups.0", torch.cat([x, d3], 1)), d2], 1))
    x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    x = F.conv2d(x, state["ups.2.conv.weight"], state["ups.2.conv.bias"], padding=1)
    x = block("ups.4", torch.cat([block("ups.3", torch.cat([x, d1], 1)), d0], 1))
    return normalised("final_conv", x)


@pytest.mark.parametrize("attention_levels", [(), (1,), (0, 1)], ids=str)
def test_window_network_is_the_published_one(attention_levels):
    unet = tiny_unet(attention_levels=attention_levels)
    image, level = noise(2, 9, 12, 16), torch.tensor([0.9, 0.1])
    expected = published_forward(dict(unet.named_parameters()), image, level, n_groups=4)
    torch.testing.assert_close(unet(image, level), expected, atol=FLOAT32, rtol=FLOAT32)


@pytest.mark.parametrize("n_features", [2, 8, 64])
def test_noise_level_encoding_is_that_of_wavegrad(n_features):
    """Sines, then cosines, of level · 10^(-4 k / half)."""
    level = torch.tensor([0.0, 0.003, 0.5, 1.0])
    half = n_features // 2
    angles = [[float(x) * 10 ** (-4 * k / half) for k in range(half)] for x in level]
    expected = torch.tensor([[math.sin(a) for a in row] + [math.cos(a) for a in row] for row in angles])
    torch.testing.assert_close(NoiseLevelEncoding(n_features)(level), expected, atol=1e-6, rtol=0)


def dressed(layer):
    """Scale and shift of a normalisation that are not the identity."""
    with torch.no_grad():
        layer.weight.copy_(1 + 0.3 * noise(*layer.weight.shape, seed=4))
        layer.bias.copy_(noise(*layer.bias.shape, seed=5))
    return layer


def test_window_normalisation_is_group_norm():
    ours, theirs = dressed(Normalisation(12, n_groups=4, is_local=False)), nn.GroupNorm(4, 12)
    theirs.load_state_dict(ours.state_dict())
    features = 3 + 2 * noise(2, 12, 5, 7)
    torch.testing.assert_close(ours(features), theirs(features), atol=FLOAT32, rtol=0)


def test_local_normalisation_is_layer_norm_of_every_pixel_alone():
    ours, theirs = dressed(Normalisation(12, n_groups=4, is_local=True)), nn.LayerNorm(12)
    theirs.load_state_dict(ours.state_dict())
    features = 3 + 2 * noise(2, 12, 5, 7)
    whole = ours(features)
    for y in range(5):
        for x in range(7):
            torch.testing.assert_close(whole[:, :, y, x], theirs(features[:, :, y, x]), atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("shape_hw", [(1, 1), (2, 9), (7, 7), (11, 8)], ids=str)
def test_local_attention_is_a_softmax_over_seven_by_seven_neighbours(shape_hw):
    """Pixel by pixel, over those neighbours that lie in the window."""
    n, (height, width) = 6, shape_hw
    layer = from_seed(lambda: SelfAttention(n, n_groups=2, is_local=True))
    features = noise(2, n, height, width)
    with torch.no_grad():
        layer.qkv.weight.mul_(3)  # so that some neighbours count much more than others
        query, key, value = layer.qkv(layer.norm(features)).double().chunk(3, 1)
        attended = torch.zeros_like(value)
        for y in range(height):
            for x in range(width):
                rows, columns = slice(max(0, y - 3), y + 4), slice(max(0, x - 3), x + 4)
                near_key, near_value = key[:, :, rows, columns].flatten(2), value[:, :, rows, columns].flatten(2)
                weight = torch.softmax((query[:, :, y, x, None] * near_key).sum(1) / math.sqrt(n), 1)
                attended[:, :, y, x] = (weight[:, None] * near_value).sum(2)
        expected = features + layer.out(attended.float())
        torch.testing.assert_close(layer(features), expected, atol=FLOAT32, rtol=0)


def test_local_attention_sees_what_the_window_sees_where_all_are_neighbours():
    local, whole = (from_seed(lambda k=k: SelfAttention(8, n_groups=1, is_local=k)) for k in (True, False))
    maps = noise(2, 8, 4, 4)
    same = nn.Identity()
    local.norm = whole.norm = same
    torch.testing.assert_close(local(maps), whole(maps), atol=FLOAT32, rtol=0)


def test_dropout_lies_in_the_second_convolution_alone():
    block = AttendingBlock(8, 8, n_embedding=8, n_groups=4, dropout=0.5, attends=False, is_local=True)
    kinds = [type(part.block[2]) for part in (block.res_block.block1, block.res_block.block2)]
    assert kinds == [nn.Identity, nn.Dropout]
    assert not any(isinstance(m, nn.Dropout) for m in NormalisedConvolution(
        8, 3, n_groups=4, dropout=0.0, is_local=False).modules())  # fmt: skip


@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_local_network_does_not_see_beyond_its_reach(axis):
    unet, level = tiny_unet(is_local=True), torch.tensor([0.5])
    image = noise(1, 9, *((160, 8) if axis == 2 else (8, 160)))
    changed = image.clone()
    changed.narrow(axis, 120, 40).mul_(-7).add_(3)
    before, after = unet(image, level), unet(changed, level)
    kept = 120 - SR3_REACH_PX
    assert torch.equal(before.narrow(axis, 0, kept), after.narrow(axis, 0, kept))
    assert not torch.allclose(before.narrow(axis, 112, 8), after.narrow(axis, 112, 8), atol=1e-3)


def test_window_network_sees_everything():
    """Why `local` exists: the same change moves every pixel."""
    unet, level = tiny_unet(), torch.tensor([0.5])
    image = noise(1, 9, 8, 160)
    changed = image.clone()
    changed[..., 120:] = 3 - 7 * changed[..., 120:]
    moved = (unet(image, level) - unet(changed, level)).abs().amax((0, 1, 2))
    assert moved[: 120 - SR3_REACH_PX].min() > 1e-3


@pytest.mark.parametrize("shift", [2, 6])
def test_local_network_moves_with_its_content(shift):
    unet, level, scene = tiny_unet(is_local=True), torch.tensor([0.3]), noise(1, 9, 150, 150)
    side, margin = 140, SR3_REACH_PX
    here, there = (
        unet(scene[..., :side, :side], level),
        unet(scene[..., shift : shift + side, shift : shift + side], level),
    )
    inner = slice(margin + shift, side - margin)
    moved = slice(margin, side - margin - shift)
    torch.testing.assert_close(here[..., inner, inner], there[..., moved, moved], atol=FLOAT32, rtol=0)


@pytest.mark.parametrize("is_local", [True, False])
def test_estimate_is_float32_and_near_under_bfloat16(is_local):
    unet, image, level = tiny_unet(is_local=is_local), noise(1, 9, 16, 16), torch.tensor([0.5])
    with torch.autocast("cpu", torch.bfloat16):
        low = unet(image, level)
    high = unet(image, level)
    assert low.dtype == torch.float32
    assert (low - high).abs().max() < 0.05 * high.abs().max()  # thirty layers of 8 bits each


@pytest.mark.parametrize("is_local", [True, False])
def test_every_parameter_is_trained(is_local):
    unet = tiny_unet(is_local=is_local)
    unet(noise(2, 9, 16, 16), torch.tensor([0.2, 0.9])).square().mean().backward()
    assert [name for name, p in unet.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_noise_level_belongs_to_its_image():
    unet, image = tiny_unet(is_local=True), noise(1, 9, 8, 8).repeat(2, 1, 1, 1)
    first, second = unet(image, torch.tensor([0.1, 0.9]))
    assert not torch.allclose(first, second, atol=1e-3)
    torch.testing.assert_close(unet(image[:1], torch.tensor([0.9]))[0], second, atol=FLOAT32, rtol=0)


def test_window_of_another_size_than_a_multiple_fails_loudly():
    with pytest.raises(RuntimeError):
        tiny_sr3().denoise_fn(noise(1, 9, 9, 8), torch.ones(1))
