"""How far is one image displaced against another, and how is it moved?"""

import torch
from torch import Tensor

STEPS_A_PX = 50
MAX_SHIFT_PX = 5.0


def displacement(reference: Tensor, moving: Tensor, *, max_shift_px: float = MAX_SHIFT_PX) -> Tensor:
    """Pixels down and right by which `moving` must move to lie on `reference`, `b 2`; both `b c h w`.

    Phase correlation of the channels' means (Kuglin & Hines 1975), its peak sought again on a grid of 1/50 px around
    the first (Guizar-Sicairos et al. 2008). NaN where that is farther than `max_shift_px`, or an image is not finite.
    """
    transforms = [torch.fft.fft2(image.mean(1)) for image in (reference, moving)]
    spectrum = transforms[0] * transforms[1].conj()
    floor = 100 * torch.finfo(reference.dtype).eps
    spectrum = spectrum / spectrum.abs().clamp(min=floor)
    coarse = _signed(_peak(torch.fft.ifft2(spectrum)), spectrum.shape[-2:])
    shift = _refined(spectrum, coarse.to(reference.dtype))
    usable = reference.isfinite().flatten(1).all(1) & moving.isfinite().flatten(1).all(1)
    return shift.masked_fill(~(usable & (shift.norm(dim=1) <= max_shift_px))[:, None], torch.nan)


def moved(image: Tensor, shift_px: Tensor) -> Tensor:
    """`b c h w` moved down and right by `b 2`, bilinear, edges repeated; where the shift is NaN, it stays."""
    shift_px = shift_px.nan_to_num(nan=0.0)
    return _along_columns(_along_columns(image, shift_px[:, 1]).mT, shift_px[:, 0]).mT


def _refined(spectrum: Tensor, coarse: Tensor) -> Tensor:
    """The peak on a grid of 1/50 px that reaches 3/4 px around the coarse one: `b 2`."""
    reach = STEPS_A_PX * 3 // 4
    steps = torch.arange(-reach, reach + 1, device=coarse.device, dtype=coarse.dtype)
    places = coarse[:, :, None] + steps / STEPS_A_PX
    rows, columns = (_waves(places[:, k], spectrum.shape[-2:][k]) for k in (0, 1))
    best = _peak(rows @ spectrum @ columns.mT)
    return coarse + (best - reach).to(coarse.dtype) / STEPS_A_PX


def _waves(places: Tensor, n: int) -> Tensor:
    """Inverse Fourier transform of length n evaluated at any places: `b p` to `b p n`."""
    frequencies = torch.fft.fftfreq(n, device=places.device, dtype=places.dtype)
    angle = 2 * torch.pi * places[:, :, None] * frequencies
    return torch.complex(angle.cos(), angle.sin())


def _peak(correlation: Tensor) -> Tensor:
    """Row and column of the largest magnitude: `b 2`."""
    index = correlation.abs().flatten(1).argmax(1)
    width = correlation.shape[-1]
    return torch.stack((index // width, index % width), 1)


def _signed(index: Tensor, size_hw: torch.Size) -> Tensor:
    size = torch.tensor(size_hw, device=index.device)
    return torch.where(index > size // 2, index - size, index)


def _along_columns(image: Tensor, shift_px: Tensor) -> Tensor:
    n = image.shape[-1]
    source = torch.arange(n, device=image.device, dtype=image.dtype) - shift_px[:, None]
    left = source.floor()
    share = (source - left)[:, None, None]
    ends = [(left + k).long().clamp(0, n - 1)[:, None, None].expand_as(image) for k in (0, 1)]
    return image.gather(-1, ends[0]) * (1 - share) + image.gather(-1, ends[1]) * share
