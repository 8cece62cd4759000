"""What can be measured in one image, or in two of one place, of blur, noise, parallax and agreement of detail?"""

import numpy as np
from scipy import ndimage
from scipy.optimize import curve_fit
from scipy.special import erf

BINS = np.arange(0.03, 0.5, 0.06)
"""Lower edges of rings of spatial frequency, cycles per pixel."""
BIN_WIDTH = 0.06


def windows(image, side_px):
    """Half overlapping square windows of `… h w`, without their mean, tapered."""
    taper = np.hanning(side_px + 2)[1:-1]
    height, width = image.shape[-2:]
    for y in range(0, height - side_px + 1, side_px // 2):
        for x in range(0, width - side_px + 1, side_px // 2):
            window = image[..., y : y + side_px, x : x + side_px]
            yield (window - window.mean((-2, -1), keepdims=True)) * np.outer(taper, taper)


def frequencies(side_px):
    f = np.fft.fftfreq(side_px)
    return np.meshgrid(f, f, indexing="ij")


def spectrum_db(image, side_px=32):
    """Median power over windows by ring, relative to 0.06…0.14 cycles per pixel."""
    radius = np.hypot(*frequencies(side_px))
    coarse = (radius > 0.06) & (radius < 0.14)
    power = np.array([np.abs(np.fft.fft2(w)) ** 2 for w in windows(image, side_px) if w.std() > 0])
    power = np.median(power / power[:, coarse].mean(1)[:, None, None].clip(1e-12), 0)
    return 10 * np.log10([power[(radius >= f) & (radius < f + BIN_WIDTH)].mean() for f in BINS])


def displacement(a, b):
    """Of tapered windows, by the slope of the phase below a quarter cycle per pixel: (y, x), or None."""
    fy, fx = frequencies(a.shape[-1])
    radius = np.hypot(fy, fx)
    use = (radius > 0.02) & (radius < 0.22)
    cross = (np.fft.fft2(a) * np.fft.fft2(b).conj())[use]
    phase = np.angle(cross)
    if not np.abs(cross).any() or (np.abs(phase) < 1.2).mean() < 0.6:
        return None
    weight = np.sqrt(np.abs(cross) * (np.abs(phase) < 1.2))
    slopes = 2 * np.pi * np.stack([fy[use], fx[use]], 1)
    return np.linalg.lstsq(slopes * weight[:, None], phase * weight, rcond=None)[0]


def displacements(a, b, side_px=64):
    """Median displacement and robust spread over windows."""
    found = [displacement(*pair) for pair in windows(np.stack([a, b]), side_px)]
    found = np.array([f for f in found if f is not None])
    if len(found) < 5:
        return None
    middle = np.median(found, 0)
    return middle, 1.4826 * np.median(np.abs(found - middle), 0)


def coherence(a, b, side_px=32):
    """How far two dates agree, by ring, in windows that did not change (rows; none may be left)."""
    fy, fx = frequencies(side_px)
    radius = np.hypot(fy, fx)
    rings = [(radius >= f) & (radius < f + BIN_WIDTH) for f in BINS]
    rows = []
    for pair in windows(np.stack([a, b]), side_px):
        shift = displacement(*pair)
        if shift is None:
            continue
        one, two = np.fft.fft2(pair)
        cross = one * two.conj() * np.exp(-2j * np.pi * (fy * shift[0] + fx * shift[1]))
        norm = [np.sqrt((np.abs(one[r]) ** 2).sum() * (np.abs(two[r]) ** 2).sum()) for r in rings]
        rows.append([cross[r].sum().real / n for r, n in zip(rings, norm, strict=True)])
    rows = np.array(rows).reshape(-1, len(BINS))
    return rows[rows[:, :2].min(1, initial=1) > 0.93]


def quietest_noise(image, side_px=8, quantile=0.01):
    """Brightness and residual of a quadratic surface in the quietest blocks."""
    height, width = (n // side_px * side_px for n in image.shape)
    blocks = image[:height, :width].reshape(height // side_px, side_px, -1, side_px).swapaxes(1, 2)
    blocks = blocks.reshape(-1, side_px**2)
    y, x = np.mgrid[:side_px, :side_px].reshape(2, -1) - (side_px - 1) / 2
    surface, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], 1))
    residual = blocks - blocks @ surface @ surface.T
    sigma = np.sqrt((residual**2).sum(1) / (side_px**2 - 6))
    quiet = sigma <= np.quantile(sigma, quantile)
    return blocks[quiet].mean(), np.quantile(sigma, quantile)


def edge_sigmas(image, side_px=9, n_candidates=400):
    """Widths of straight slanted edges as the sigma of a Gaussian, where an edge on a slope fits to 3 %."""
    smooth = ndimage.gaussian_filter(image, 0.7)
    gx, gy = ndimage.sobel(smooth, 1), ndimage.sobel(smooth, 0)
    strength, half = np.hypot(gx, gy), side_px // 2
    peaks = strength == ndimage.maximum_filter(strength, 5)
    peaks[: half + 1] = peaks[-half - 1 :] = False
    peaks[:, : half + 1] = peaks[:, -half - 1 :] = False
    rows, columns = np.nonzero(peaks)
    strongest = np.argsort(-strength[rows, columns])[:n_candidates]
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)

    def edge(_, angle, place, low, high, sigma, slope_x, slope_y):
        across = x * np.cos(angle) + y * np.sin(angle) - place
        step = low + (high - low) * 0.5 * (1 + erf(across / (np.sqrt(2) * sigma)))
        return (step + slope_x * x + slope_y * y).ravel()

    sigmas = []
    for row, column in zip(rows[strongest], columns[strongest], strict=True):
        patch = image[row - half : row + half + 1, column - half : column + half + 1]
        start = [np.arctan2(gy[row, column], gx[row, column]), 0, *np.percentile(patch, [15, 85]), 0.7, 0, 0]
        try:
            found, _ = curve_fit(edge, None, patch.ravel(), p0=start, maxfev=400)
        except RuntimeError:
            continue  # no edge
        height, sigma, slant = abs(found[3] - found[2]), abs(found[4]), np.degrees(found[0]) % 90
        residual = (patch.ravel() - edge(None, *found)).std()
        if residual < 0.03 * height and 0.15 < sigma < 1.5 and 4 < slant < 86 and abs(found[1]) < 2.5:
            sigmas.append(sigma)
    return np.array(sigmas)
