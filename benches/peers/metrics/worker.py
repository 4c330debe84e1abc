"""Runs one peer at a time for the benchmark of udair-metrics.

usage: worker.py WIDTH HEIGHT IMAGE REFERENCE FADE_PARAMETERS

IMAGE and REFERENCE are raw 8-bit RGB. For every line on stdin, the name of a peer, one line of JSON on
stdout: its value and the seconds that one call took on the clock and on the processor. Reading the pictures is not counted.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import brisque
import fade
import ms_ssim
import niqe
import uciqe
import uiqm


def main():
    width, height, image, reference, parameters = sys.argv[1:]
    shape = int(height), int(width), 3
    image, reference = (np.fromfile(path, dtype=np.uint8).reshape(shape) for path in (image, reference))
    parameters = Path(parameters).read_text()
    ssim = lambda **options: structural_similarity(reference, image, channel_axis=2, data_range=255, **options)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    peers = {
        "psnr": lambda: peak_signal_noise_ratio(reference, image, data_range=255),
        "ssim": lambda: ssim(**gaussian),
        "ssim:skimage": ssim,
        "ms-ssim": lambda: ms_ssim.ms_ssim(image, reference),
        "niqe": lambda: niqe.niqe(image),
        "brisque": lambda: brisque.brisque(image),
        "fade": lambda: fade.fade(image, parameters),
        "uiqm": lambda: uiqm.uiqm(image),
        "uciqe:jou-python": lambda: uciqe.uciqe(image),
    }
    for line in sys.stdin:
        start, cpu_start = time.perf_counter(), time.process_time()
        value = float(peers[line.strip()]())
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        print(json.dumps({"value": value, "seconds": seconds, "cpu_seconds": cpu_seconds}), flush=True)


if __name__ == "__main__":
    main()
