"""UCIQE as most Python programs compute it: OpenCV's 8-bit Lab, then numpy."""

import cv2
import numpy as np


def uciqe(image):
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB) / 255
    light = lab[..., 0]
    chroma = np.sqrt(lab[..., 1] ** 2 + lab[..., 2] ** 2)
    saturation = np.mean(chroma / np.sqrt(chroma**2 + light**2))
    spread = np.sqrt(np.mean(np.abs(1 - (np.mean(chroma) / chroma) ** 2)))
    counts, _ = np.histogram(light, 65536)
    share = np.cumsum(counts) / np.sum(counts)
    contrast = (np.argmax(share >= 0.99) - np.argmax(share > 0.01)) / 65535
    return 0.4680 * spread + 0.2745 * contrast + 0.2576 * saturation
