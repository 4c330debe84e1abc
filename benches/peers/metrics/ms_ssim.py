"""MS-SSIM as pyiqa defines it, in numpy and scipy (pyiqa itself needs torch)."""

import numpy as np
from scipy.ndimage import correlate1d

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def smooth(plane):
    x = np.arange(11) - 5
    taps = np.exp(-(x**2) / (2 * 1.5**2))
    taps /= taps.sum()
    return correlate1d(correlate1d(plane, taps, axis=0), taps, axis=1)[5:-5, 5:-5]


def similarity(a, b):
    mean_a, mean_b = smooth(a), smooth(b)
    covariance = smooth(a * b) - mean_a * mean_b
    variances = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
    contrast = np.maximum((2 * covariance + C2) / (variances + C2), 0)
    whole = contrast * (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return whole.mean(), contrast.mean()


def halved(plane):
    plane = np.pad(plane, [(n % 2, n % 2) for n in plane.shape])
    down, across = plane.shape[0] // 2, plane.shape[1] // 2
    return plane[: 2 * down, : 2 * across].reshape(down, 2, across, 2).mean(axis=(1, 3))


def ms_ssim(image, reference):
    luma = lambda x: np.floor(x.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) + 0.5)
    a, b = luma(image), luma(reference)
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        whole, contrast = similarity(a, b)
        product *= (whole if scale == 4 else contrast) ** weight
        a, b = halved(a), halved(b)
    return product
