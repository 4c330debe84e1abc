"""Natural-scene statistics as NIQE and BRISQUE programs in Python compute them, with numpy and scipy."""

import numpy as np
from scipy.ndimage import convolve, correlate1d
from scipy.special import gamma

SHAPES = np.arange(200, 10001) / 1000.0
RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))
HALF = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256.0


def window():
    y, x = np.mgrid[-3:4, -3:4]
    taps = np.exp(-(x * x + y * y) / (2 * (7 / 6) ** 2))
    return taps / taps.sum()


WINDOW = window()


def grey(image):
    """MATLAB's rgb2gray, rounded, in f64."""
    weights = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])
    return np.floor(image.astype(np.float64) @ weights + 0.5)


def local(plane, mode):
    """Mean and deviation around every pixel; mode: scipy's name of the border."""
    mean = convolve(plane, WINDOW, mode=mode)
    return mean, np.sqrt(np.abs(convolve(plane * plane, WINDOW, mode=mode) - mean * mean))


def normalised(plane, mode):
    mean, deviation = local(plane, mode)
    return (plane - mean) / (deviation + 1), deviation


def halved(plane):
    """MATLAB's bicubic resize by one half."""
    for axis in (0, 1):
        # The eight taps lie around the gap behind each even place.
        full = correlate1d(plane, HALF, axis=axis, mode="reflect", origin=-1)
        plane = np.take(full, np.arange(0, plane.shape[axis], 2), axis=axis)
    return plane


def asymmetric(values):
    """Shape and both deviations of an asymmetric generalised Gaussian."""
    left = np.sqrt(np.mean(values[values < 0] ** 2))
    right = np.sqrt(np.mean(values[values > 0] ** 2))
    g = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    target = ratio * (g**3 + 1) * (g + 1) / (g * g + 1) ** 2
    return SHAPES[np.argmin((RATIOS - target) ** 2)], left, right
