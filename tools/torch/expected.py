"""Writes what the twin computes with the shipped weights for the tests of the engine.

    python expected.py ../../crates/udair-weights/small.safetensors \
        ../../crates/udair-engine/tests/parity/twin.json

To be run again whenever the shipped weights change. The pictures are drawn from integers, so that
the tests can draw them too.
"""

import json
import sys

import torch

import udair

PICTURES = [
    dict(name="noisy", width=96, height=64, base=[120, 110, 100], slope=[4, -3, 2], square=30, noise=70),
    dict(name="grey veil", width=80, height=72, base=[190, 195, 200], slope=[1, 1, 1], square=8, noise=2),
    dict(name="dark", width=64, height=88, base=[14, 12, 10], slope=[1, 0, 1], square=6, noise=3),
    dict(name="blue-green", width=72, height=72, base=[30, 120, 140], slope=[1, 3, 4], square=12, noise=3),
    dict(name="plain", width=104, height=56, base=[90, 130, 60], slope=[9, 5, -4], square=45, noise=0),
    dict(name="dark corner", width=144, height=128, base=[47, 47, 47], slope=[-4, -3, -3], square=60, noise=0),
    dict(name="tiny", width=13, height=7, base=[100, 60, 140], slope=[40, 50, -60], square=20, noise=10),
]


def draw(picture):
    """Colour gradients (slope: 16ths of a level a pixel), squares of 12 pixels and uniform noise."""
    state, values = 1, []
    noise, square = picture["noise"], picture["square"]
    for y in range(picture["height"]):
        for x in range(picture["width"]):
            for base, slope in zip(picture["base"], picture["slope"]):
                state = (state * 1664525 + 1013904223) % 2**32
                level = base + slope * (x + y) // 16 + (state >> 16) % (2 * noise + 1) - noise
                level += square if (x // 12 + y // 12) % 2 == 0 else -square
                values.append(min(max(level, 0), 255))
    shape = (1, picture["height"], picture["width"], 3)
    return torch.tensor(values).reshape(shape).permute(0, 3, 1, 2) / 255


def main(weights, target):
    network, metadata = udair.load(weights)
    results = []
    for picture in PICTURES:
        with torch.no_grad():
            restored, conditions = network(draw(picture))
        probabilities = udair.identify(conditions, metadata)[0]
        distances = udair.distances(conditions, metadata)[0]
        samples = restored.permute(0, 2, 3, 1).flatten()[:: max(1, restored.numel() // 60)]
        rounded = lambda tensor: [float(f"{float(v):.7g}") for v in tensor]
        results.append(
            dict(
                picture,
                probabilities=rounded(probabilities),
                distances=rounded(distances),
                stride=max(1, restored.numel() // 60),
                samples=rounded(samples),
            )
        )
        best = metadata["patterns"][int(probabilities.argmax())]
        print(f"{picture['name']}: {best} {float(probabilities.max()):.3f}")
    with open(target, "w", encoding="utf-8") as file:
        json.dump(dict(patterns=metadata["patterns"], pictures=results), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
