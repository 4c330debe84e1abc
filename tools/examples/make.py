"""Makes the pictures in examples/: good photos, each spoiled by one physical model.

    python make.py PHOTOS ../../examples

PHOTOS holds astronaut.png, chelsea.png, coffee.png and rocket.png from scikit-image's bundled data
and raccoon.png, the picture that scipy 1.11 calls `face`; sources and terms are in examples/README.md.
Needs numpy and pillow. The same input gives the same output.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

LONG_SIDE = 400


def linear(x):
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def encoded(x):
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def smooth_field(shape, rng, scale):
    """A smooth random field in [0, 1]."""
    small = rng.random((max(2, shape[0] // scale), max(2, shape[1] // scale)))
    image = Image.fromarray((small * 255).astype(np.uint8)).resize(shape[::-1], Image.Resampling.BICUBIC)
    field = np.asarray(image.filter(ImageFilter.GaussianBlur(scale / 3)), float)
    return (field - field.min()) / (np.ptp(field) + 1e-9)


def noise(x, rng):
    """Shot and read noise of a sensor in linear light, a little more of it in blue."""
    light = linear(x)
    shot, read = np.array([0.012, 0.008, 0.018]), 0.012
    return encoded(light + np.sqrt(shot * light + read**2) * rng.standard_normal(x.shape))


def haze(x, rng):
    """I = J t + A (1 - t): light lost and airlight gained on the way, farther towards the top."""
    ramp = np.linspace(1.0, 0.35, x.shape[0])[:, None]
    distance = 0.7 * ramp + 0.3 * smooth_field(x.shape[:2], rng, 120)
    t = np.exp(-1.6 * distance)[..., None]
    return x * t + np.array([0.83, 0.85, 0.87]) * (1 - t)


def rain(x, rng):
    """Bright streaks in three layers of depth, and a thin veil."""
    out = x
    for length, count, brightness in [(9, 900, 0.35), (17, 420, 0.5), (29, 160, 0.6)]:
        layer = np.zeros(x.shape[:2])
        height, width = layer.shape
        for _ in range(count):
            y, left = rng.integers(-length, height), rng.integers(0, width)
            strength = brightness * rng.uniform(0.5, 1.0)
            for step in range(length):
                row, column = y + step, int(left - 0.22 * step)
                if 0 <= row < height and 0 <= column < width:
                    layer[row, column] = max(layer[row, column], strength)
        blurred = Image.fromarray((layer * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.5))
        streaks = np.asarray(blurred, float)[..., None] / 255
        out = out + (0.95 - out) * streaks
    return 0.97 * out + 0.03 * 0.8


def darkness(x, rng):
    """A sixteenth of the light, with the sensor's noise."""
    light = linear(x) / 16
    return encoded(light + np.sqrt(0.0006 * light + 0.0009**2) * rng.standard_normal(x.shape))


def water(x, rng):
    """Red is lost first; the blue-green light of the water is gained (Jerlov type II, about 5 m)."""
    distance = 3.0 + 2.5 * smooth_field(x.shape[:2], rng, 160)
    t = np.exp(-np.array([0.38, 0.09, 0.11]) * distance[..., None])
    return encoded(linear(x) * t + linear(np.array([0.10, 0.55, 0.52])) * (1 - t))


PICTURES = {
    "noise": ("astronaut", noise),
    "haze": ("raccoon", haze),
    "rain": ("chelsea", rain),
    "dark": ("coffee", darkness),
    "underwater": ("raccoon", water),
    "good": ("rocket", lambda x, rng: x),
}


def main(photos, target):
    for seed, (name, (photo, spoil)) in enumerate(PICTURES.items()):
        image = Image.open(Path(photos, photo + ".png")).convert("RGB")
        image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
        x = np.asarray(image, float) / 255
        y = np.clip(spoil(x, np.random.default_rng(seed)), 0, 1)
        out = Image.fromarray((y * 255 + 0.5).astype(np.uint8))
        out.save(Path(target, f"{name}.jpg"), quality=92, subsampling=0)


main(*sys.argv[1:])
