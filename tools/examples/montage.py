"""Lays pictures and their restorations side by side: montage.py BEFORE_FOLDER AFTER_FOLDER OUT.jpg"""

import sys
from pathlib import Path

from PIL import Image, ImageOps

NAMES = ["noise", "haze", "rain", "dark", "underwater", "good"]
CELL, GAP = (300, 220), 6


def main(before, after, target):
    columns = 2
    rows = len(NAMES) // columns
    pair = 2 * CELL[0] + GAP
    sheet = Image.new("RGB", (columns * pair + (columns - 1) * 3 * GAP, rows * (CELL[1] + 2 * GAP) - 2 * GAP), "white")
    for i, name in enumerate(NAMES):
        x, y = i % columns * (pair + 3 * GAP), i // columns * (CELL[1] + 2 * GAP)
        for side, folder in enumerate([before, after]):
            picture = ImageOps.fit(Image.open(Path(folder, name + ".jpg")), CELL)
            sheet.paste(picture, (x + side * (CELL[0] + GAP), y))
    sheet.save(target, quality=88)


main(*sys.argv[1:])
