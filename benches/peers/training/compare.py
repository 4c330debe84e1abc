"""A training step of `small` in udair and in PyTorch, interleaved.

    cargo build --release --example step_time -p udair-train
    $(benches/peers/network/setup.sh) benches/peers/training/compare.py [--size 64] [--batch 12] [--rounds 7]
        [--peers NAME...] [--binary FILE] [--bf16]

Every program is a process of its own with two threads that waits for its turn; in each round all run
one step, in an order that rotates. Prints medians per sample, the ratio of udair's time to each, and
peak memory. With --bf16 udair takes a second turn, its products in bf16.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = HERE.parents[2] / "target" / "release" / "examples" / "step_time"
PEERS = ("eager", "channels_last", "compiled", "eager-bf16", "compiled-bf16")


class Worker:
    def __init__(self, command):
        # A workplace may pin old BLAS kernels; the peers choose their own.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env={**clean, "RAYON_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.times = []
        while (line := self.process.stdout.readline()) and line.strip() != "ready":
            pass
        if not line:
            sys.exit(f"{command[0]} ended before it was ready")

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.times.append(float(self.process.stdout.readline()))

    def finish(self):
        """Peak memory in MiB."""
        self.process.stdin.close()
        return float(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS[:3]))
    parser.add_argument("--binary", default=BINARY)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    workers = {"udair": Worker([options.binary, options.size, options.batch])}
    if options.bf16:
        workers["udair-bf16"] = Worker([options.binary, options.size, options.batch, "bf16"])
    for name in options.peers:
        workers[name] = Worker([sys.executable, HERE / "peer.py", name, options.size, options.batch])
    names = list(workers)
    for turn in range(options.rounds):
        for i in range(len(names)):
            workers[names[(i + turn) % len(names)]].run()
    medians = {name: statistics.median(worker.times) / options.batch for name, worker in workers.items()}
    print(f"{options.size}-px crops, batch {options.batch}, {options.rounds} rounds, 2 threads")
    ours = [name for name in names if name.startswith("udair")]
    print(f"{'':16}{'s/sample':>10}" + "".join(f"{name + ' / it':>17}" for name in ours) + f"{'peak MiB':>10}")
    for name, worker in workers.items():
        ratios = "".join(f"{medians[our] / medians[name]:17.2f}" for our in ours)
        print(f"{name:16}{medians[name]:10.4f}{ratios}{worker.finish():10.0f}")


main()
