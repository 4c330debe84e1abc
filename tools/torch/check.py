"""Do the tool and the twin agree? Restores pictures with both and compares every 8-bit value.

    python check.py ../../target/release/udair ../../crates/udair-weights/small.safetensors PICTURE...

Prints a line a picture; exits with 1 if one differs by more than a level, or if the pattern that
was found or its probability does.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import udair


def tool(binary, weights, picture):
    """The picture that the tool restores, and its JSON report."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.png"), Path(folder, "out.png")
        Image.open(picture).convert("RGB").save(source)
        command = [binary, "restore", "--always", "--network-alone", "--json", "--model", weights, "-o", target, source]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return np.asarray(Image.open(source)), np.asarray(Image.open(target)), json.loads(lines[0])


def main(binary, weights, *pictures):
    network, metadata = udair.load(weights)
    agree = True
    for picture in pictures:
        source, restored, report = tool(binary, weights, picture)
        with torch.no_grad():
            x = torch.tensor(source).permute(2, 0, 1)[None] / 255
            out, conditions = network(x)
        expected = (out[0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(int)
        probabilities = udair.identify(conditions, metadata)[0]
        pattern = metadata["patterns"][int(probabilities.argmax())]
        difference = np.abs(expected - restored.astype(int))
        # A value on the edge between two levels may fall to either side.
        same = (
            difference.max() <= 1
            and report["pattern"] == pattern
            and abs(report["confidence"] - float(probabilities.max())) < 1e-3
        )
        agree &= bool(same)
        print(
            f"{picture}: {'same' if same else 'DIFFERENT'}; {int((difference > 0).sum())} of {difference.size} values "
            f"differ, by at most {difference.max()}; {report['pattern']} {report['confidence']:.3f} in the tool, "
            f"{pattern} {float(probabilities.max()):.3f} in PyTorch"
        )
    sys.exit(not agree)


if __name__ == "__main__":
    main(*sys.argv[1:])
