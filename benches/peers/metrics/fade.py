"""FADE in numpy, after the steps of LIVE's MATLAB program, all patches at once."""

import json

import numpy as np
from scipy.ndimage import convolve1d

import nss


def kernel():
    x = np.arange(20) - 9.75
    gaussian = np.exp(-(x**2) / (2 * 3.25**2))
    taps = (x**2 / 3.25**4 - 1 / 3.25**2) * gaussian / gaussian.sum()
    taps -= taps.mean()
    return taps / np.sum(0.5 * x**2 * taps)


KERNEL = kernel()


def filtered(plane, axis):
    take = lambda part: np.take(plane, part, axis=axis)
    n = plane.shape[axis]
    padded = np.concatenate([take(range(10)), plane, take(range(n - 10, n))], axis=axis)
    # Place n of the result is the sum of KERNEL[i] * padded[n + 20 - i].
    full = convolve1d(padded, KERNEL, axis=axis, mode="constant", origin=0)
    return np.take(full, range(10, 10 + n), axis=axis)


def energy(plane, noise):
    response = np.hypot(filtered(plane, 0), filtered(plane, 1))
    most = response.max()
    response = response * most / (response + 0.1 * most) - noise * 255
    return np.where(response > 1e-7, response, 0)


def patches(plane):
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    return plane.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(rows * columns, 64)


def entropy(levels):
    found = np.empty(len(levels))
    for i, patch in enumerate(levels.astype(np.uint8)):
        p = np.bincount(patch, minlength=256) / 64
        p = p[p > 0]
        found[i] = -np.sum(p * np.log2(p))
    return found


def variance(values):
    """Over n - 1, without NaN; of one value 0."""
    n = np.sum(~np.isnan(values), axis=1)
    return np.where(n == 1, 0, np.nanvar(values, axis=1, ddof=0) * n / np.maximum(n - 1, 1))


def features(image):
    image = image[: image.shape[0] // 8 * 8, : image.shape[1] // 8 * 8]
    red, green, blue = np.moveaxis(image.astype(np.float64), 2, 0)
    grey = nss.grey(image)
    mean, deviation = nss.local(grey, "nearest")
    mscn = (grey - mean) / (deviation + 1)
    vertical = patches(mscn * np.roll(mscn, 1, axis=0))
    most, least = image.max(axis=2).astype(np.float64), image.min(axis=2)
    saturation = np.where(most > 0, (most - least) / np.maximum(most, 1), 0)
    rg, yb = patches(red - green), patches(0.5 * (red + green) - blue)
    spread = np.sqrt(rg.var(axis=1, ddof=1) + yb.var(axis=1, ddof=1))
    colours = spread + 0.3 * np.hypot(rg.mean(axis=1), yb.mean(axis=1))
    found = [
        patches(mscn).var(axis=1, ddof=1),
        variance(np.where(vertical >= 0, vertical, np.nan)),
        variance(np.where(vertical <= 0, vertical, np.nan)),
        patches(deviation).mean(axis=1),
        patches(deviation / mean).mean(axis=1),
        patches(energy(0.299 * red + 0.587 * green + 0.114 * blue, 9.225496406318721e-4)).mean(axis=1),
        patches(energy(0.5 * red + 0.5 * green - blue, 8.969246659629488e-4)).mean(axis=1),
        patches(energy(red - green, 2.069284034165411e-4)).mean(axis=1),
        entropy(patches(grey)),
        patches(least / 255).mean(axis=1),
        patches(saturation).mean(axis=1),
        colours,
    ]
    return np.log1p(np.stack(found, axis=1))


def distance(found, mean, covariance):
    """Mean distance; every patch has a covariance of its own, so every patch has a solve of its own."""
    spread = found.var(axis=1, ddof=1)
    pooled = (spread[:, None, None] * np.ones((12, 12)) + covariance) / 2
    difference = mean - found
    solved = np.linalg.solve(pooled, difference[:, :, None])[:, :, 0]
    return np.nanmean(np.sqrt(np.sum(difference * solved, axis=1)))


def fade(image, parameters):
    found = features(image)
    found = found[~np.isnan(found).any(axis=1)]
    model = json.loads(parameters)
    as_array = lambda name: np.array(model[name])
    fog_free = distance(found, as_array("mu_fogfree"), as_array("cov_fogfree"))
    return fog_free / (distance(found, as_array("mu_foggy"), as_array("cov_foggy")) + 1)
