"""NIQE as Python programs compute it: a loop over blocks of 96 x 96 pixels, twice."""

from pathlib import Path

import numpy as np
from scipy.special import gamma

import nss

BLOCK = 96


def pristine():
    text = (Path(__file__).parents[3] / "crates/udair-metrics/params/niqe-live.txt").read_text()
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    numbers = np.array(" ".join(lines).split(), dtype=np.float64)
    covariance = np.zeros((36, 36))
    covariance[np.tril_indices(36)] = numbers[36:]
    return numbers[:36], covariance + np.tril(covariance, -1).T


MEAN, COVARIANCE = pristine()


def features(block):
    shape, left, right = nss.asymmetric(block)
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    found = [shape, (left + right) * scale / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = nss.asymmetric(block * np.roll(block, shift, axis=(0, 1)))
        scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        mean = (right - left) * scale * gamma(2 / shape) / gamma(1 / shape)
        found += [shape, mean, left * scale, right * scale]
    return found


def niqe(image):
    plane = nss.grey(image)
    down, across = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    plane = plane[: down * BLOCK, : across * BLOCK]
    scales = []
    for side in (BLOCK, BLOCK // 2):
        mscn, _ = nss.normalised(plane, "nearest")
        corners = [(y * side, x * side) for x in range(across) for y in range(down)]
        scales.append([features(mscn[y : y + side, x : x + side]) for y, x in corners])
        plane = nss.halved(plane)
    rows = np.concatenate(scales, axis=1)
    difference = MEAN - np.nanmean(rows, axis=0)
    covariance = np.cov(rows[~np.isnan(rows).any(axis=1)], rowvar=False)
    return np.sqrt(difference @ np.linalg.pinv((COVARIANCE + covariance) / 2) @ difference)
