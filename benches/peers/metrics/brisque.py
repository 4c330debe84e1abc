"""BRISQUE as Python programs compute it: 36 statistics of the picture, then a support vector regression."""

from pathlib import Path

import numpy as np
from scipy.special import gamma

import nss


def model():
    text = (Path(__file__).parents[3] / "crates/udair-metrics/params/brisque-live.txt").read_text()
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    numbers = np.array(" ".join(lines).split(), dtype=np.float64)
    return numbers[:36], numbers[36:72], numbers[72:].reshape(-1, 37)


LEAST, MOST, VECTORS = model()


def features(plane):
    mscn, _ = nss.normalised(plane, "constant")
    target = np.mean(mscn**2) / np.mean(np.abs(mscn)) ** 2
    found = [nss.SHAPES[np.argmin(np.abs(1 / nss.RATIOS - target))], np.mean(mscn**2)]
    for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
        shape, left, right = nss.asymmetric(mscn * np.roll(mscn, shift, axis=(0, 1)))
        scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape) * scale
        found += [shape, mean, left**2, right**2]
    return found


def brisque(image):
    plane = nss.grey(image)
    found = np.array(features(plane) + features(nss.halved(plane)))
    scaled = -1 + 2 * (found - LEAST) / (MOST - LEAST)
    kernel = np.exp(-0.05 * np.sum((VECTORS[:, 1:] - scaled) ** 2, axis=1))
    return VECTORS[:, 0] @ kernel + 153.591
