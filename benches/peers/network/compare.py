"""udair against PyTorch and ONNX Runtime on the same network, weights and picture, interleaved.

    cargo build --release --example worker -p udair-engine
    $(benches/peers/network/setup.sh) benches/peers/network/compare.py [--preset small|base] [--size 256] [--rounds 5]
        [--pause] [--peers NAME...]

Every peer is a process of its own with two threads, stopped until it is its turn: threads that spin
while they wait would slow the others down. In each round all run twice, in an order that rotates, and
the second pass counts. Prints medians, the ratio of udair's time to each, peak memory, and the largest
difference between outputs; exits with 1 if one exceeds 1e-4.
"""

import argparse
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tools" / "torch"))
import udair  # noqa: E402

SMALL = {
    "width": 16,
    "enc": (1, 2, 2, 4),
    "dec": (2, 2, 1),
    "refine": 1,
    "expansion": 2.0,
    "trunk": 64,
    "res_blocks": 2,
    "code_dim": 32,
    "head": 64,
}
# glibc gives large blocks back to the system at once; these keep them.
TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}
PEERS = {
    "PyTorch eager": ("eager", {}),
    "PyTorch channels_last": ("channels_last", {}),
    "PyTorch channels_last, malloc tuned": ("channels_last", TUNED),
    "PyTorch compiled": ("compiled", {}),
    "PyTorch compiled, malloc tuned": ("compiled", TUNED),
    "ONNX Runtime": ("onnx", {}),
}


class Worker:
    def __init__(self, command, environment, output):
        # A workplace may pin old BLAS kernels; the peers choose their own.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        self.process = subprocess.Popen(
            [str(c) for c in command],
            env={**clean, "RAYON_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.output, self.times = output, []
        while (line := self.process.stdout.readline()) and line.strip() != "ready":
            pass
        if not line:
            raise RuntimeError(f"{command[0]} ended before it was ready")
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        """To the program and whatever it started."""
        os.killpg(self.process.pid, number)

    def run(self):
        """Two passes, of which the second counts: the first finds cold caches and a sleeping core."""
        self.signal(signal.SIGCONT)
        self.process.stdin.write("\n\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        self.times.append(float(self.process.stdout.readline()))
        self.signal(signal.SIGSTOP)

    def finish(self):
        """Peak memory in MiB."""
        self.signal(signal.SIGCONT)
        self.process.stdin.close()
        return float(self.process.stdout.readline())


def random_weights(preset, path):
    """A weights file of the preset with PyTorch's initial values."""
    torch.manual_seed(0)
    network = udair.Udair(udair.Config(**SMALL) if preset == "small" else udair.Config())
    text = {
        "format": "udair",
        "arch": "udair",
        "config": dataclasses.asdict(network.config),
        "patterns": ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"],
    }
    tensors = {k: v.detach().float().contiguous() for k, v in network.state_dict().items()}
    save_file(tensors, path, {k: json.dumps(v) for k, v in text.items()})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", choices=["small", "base"], default="base")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", action="store_true", help="wait for a line on stdin once all peers are ready")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), metavar="NAME", help="; ".join(PEERS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        weights, source = folder / "weights.safetensors", folder / "input"
        random_weights(options.preset, weights)
        rng = np.random.default_rng(0)
        rng.random((options.size, options.size, 3), "f4").astype("<f4").tofile(source)
        workers = {}
        target = folder / "udair"
        binary = ROOT / "target" / "release" / "examples" / "worker"
        common = [options.size, options.size, source]
        workers["udair"] = Worker([binary, weights, *common, target], {}, target)
        for i, name in enumerate(options.peers):
            variant, environment = PEERS[name]
            target = folder / f"peer{i}"
            command = [sys.executable, HERE / "peer.py", variant, weights, *common, target]
            try:
                workers[name] = Worker(command, environment, target)
            except RuntimeError as error:
                print(f"{name}: {error}", file=sys.stderr)
        names = list(workers)
        if options.pause:
            print(f"ready: {', '.join(names)}; a line starts the rounds", file=sys.stderr)
            sys.stdin.readline()
        for turn in range(options.rounds):
            for i in range(len(names)):
                workers[names[(i + turn) % len(names)]].run()
        ours = statistics.median(workers["udair"].times)
        reference = np.fromfile(workers["udair"].output, "<f4")
        print(f"{options.preset} at {options.size}x{options.size}, {options.rounds} rounds, 2 threads")
        print(f"{'':38}{'median s':>10}{'udair / it':>12}{'peak MiB':>10}{'difference':>12}")
        agree = True
        for name, worker in workers.items():
            difference = float(np.abs(np.fromfile(worker.output, "<f4") - reference).max())
            agree &= difference <= 1e-4
            median = statistics.median(worker.times)
            print(f"{name:38}{median:10.3f}{ours / median:12.2f}{worker.finish():10.0f}{difference:12.1e}")
        sys.exit(not agree)


main()
