"""Which networks judge realism?

U-Net with spectral norm (Wang et al. 2021, Real-ESRGAN §3.3) over the image and, when asked, the low-resolution
stack; and the variant with a second branch for small object crops (Wolters et al. 2023, supplement A.5.1). Published
parameter names, spectral norm in its `weight_orig`, `weight_u`, `weight_v` form.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from ssr.models.layers import leaky


class UNetDiscriminatorSN(nn.Module):
    """`b c H W` to one realism logit per pixel, `b 1 H W`; H and W multiples of 8.

    Args:
        judges_objects: add the branch for object crops (`judge_objects`).
        clips_object_logits: apply ReLU to the object logits, as the original does before its logistic loss. It
            hides every negative logit from the loss; kept to reproduce published training.
    """

    def __init__(
        self,
        *,
        n_channels: int,
        n_features: int = 64,
        has_skips: bool = True,
        judges_objects: bool = False,
        clips_object_logits: bool = False,
    ) -> None:
        super().__init__()
        n = n_features
        self.has_skips = has_skips
        self.clips_object_logits = clips_object_logits
        self.conv0 = nn.Conv2d(n_channels, n, 3, padding=1)
        self.conv1 = _halving(n, 2 * n)
        self.conv2 = _halving(2 * n, 4 * n)
        self.conv3 = _halving(4 * n, 8 * n)
        self.conv4 = _keeping(8 * n, 4 * n)
        self.conv5 = _keeping(4 * n, 2 * n)
        self.conv6 = _keeping(2 * n, n)
        self.conv7 = _keeping(n, n)
        self.conv8 = _keeping(n, n)
        self.conv9 = nn.Conv2d(n, 1, 3, padding=1)
        if judges_objects:
            self.o_conv1 = nn.Conv2d(3, 64, 4, stride=2, padding=1)
            self.o_conv2 = nn.Conv2d(64, 128, 4, stride=2, padding=1)
            self.o_attention1 = SelfAttention(128)
            self.o_conv3 = nn.Conv2d(128, 256, 4, stride=2, padding=1)
            self.o_attention2 = SelfAttention(256)
            self.o_conv4 = nn.Conv2d(256, 1, 4, stride=2, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        full = leaky(self.conv0(image))
        half = leaky(self.conv1(full))
        quarter = leaky(self.conv2(half))
        features = leaky(self.conv3(quarter))
        for convolution, skip in ((self.conv4, quarter), (self.conv5, half), (self.conv6, full)):
            features = leaky(convolution(_double(features)))
            features = features + skip if self.has_skips else features
        return self.conv9(leaky(self.conv8(leaky(self.conv7(features)))))

    def judge_objects(self, crops: Tensor) -> Tensor:
        """`n 3 32 32` to object logits `n 1 2 2`."""
        features = F.relu(self.o_conv2(F.relu(self.o_conv1(crops))))
        features = F.relu(self.o_conv3(self.o_attention1(features)))
        logits = self.o_conv4(self.o_attention2(features))
        return F.relu(logits) if self.clips_object_logits else logits


class SelfAttention(nn.Module):
    """Attention among all positions with a learned gate that starts closed (Zhang et al. 2019, SAGAN §3)."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.query_conv = nn.Conv2d(n_features, n_features // 8, 1)
        self.key_conv = nn.Conv2d(n_features, n_features // 8, 1)
        self.value_conv = nn.Conv2d(n_features, n_features, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        query, key, value = (conv(features).flatten(2) for conv in (self.query_conv, self.key_conv, self.value_conv))
        attention = (query.transpose(1, 2) @ key).softmax(-1)
        attended = (value @ attention.transpose(1, 2)).view_as(features)
        return features + self.gamma * attended


def _halving(n_in: int, n_out: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False))


def _keeping(n_in: int, n_out: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False))


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
