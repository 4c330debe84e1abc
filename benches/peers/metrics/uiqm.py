"""UIQM as FUnIE-GAN's program defines it, its loops over pixels written in numpy.

The program itself runs Python loops over sorted lists of pixels and takes many times as long.
"""

import math

import numpy as np
from scipy.ndimage import sobel


def trimmed(values):
    """The trimmed mean, one value short, and the variance of all values around it."""
    ordered = np.sort(values, axis=None)
    k = len(ordered)
    low, high = math.ceil(0.1 * k), math.floor(0.1 * k)
    mean = np.sum(ordered[low + 1 : k - high]) / (k - low - high)
    return mean, np.mean((values - mean) ** 2)


def uicm(red, green, blue):
    rg_mean, rg_variance = trimmed(red - green)
    yb_mean, yb_variance = trimmed((red + green) / 2 - blue)
    return -0.0268 * math.hypot(rg_mean, yb_mean) + 0.1586 * math.sqrt(rg_variance + yb_variance)


def blocks(plane, side=10):
    down, across = plane.shape[0] // side, plane.shape[1] // side
    return plane[: down * side, : across * side].reshape(down, side, across, side)


def enhancement(channel):
    edges = blocks(np.hypot(sobel(channel, 0), sobel(channel, 1)) * channel)
    most, least = edges.max(axis=(1, 3)), edges.min(axis=(1, 3))
    counted = (most > 0) & (least > 0)
    return 2 * np.sum(np.log(most[counted] / least[counted])) / most.size


def uiconm(image):
    most, least = blocks(image.max(axis=2)).max(axis=(1, 3)), blocks(image.min(axis=2)).min(axis=(1, 3))
    counted = (most > least) & (most + least > 0)
    ratio = (most - least)[counted] / (most + least)[counted]
    return -np.sum(ratio * np.log(ratio)) / most.size


def uiqm(image):
    image = image.astype(np.float64)
    red, green, blue = np.moveaxis(image, 2, 0)
    uism = 0.299 * enhancement(red) + 0.587 * enhancement(green) + 0.144 * enhancement(blue)
    return 0.0282 * uicm(red, green, blue) + 0.2953 * uism + 3.5753 * uiconm(image)
