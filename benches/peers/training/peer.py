"""One PyTorch training step of `small` behind the protocol of crates/udair-train/examples/step_time.rs:

    peer.py VARIANT SIZE BATCH

VARIANT is eager, channels_last, compiled, eager-bf16 or compiled-bf16 (autocast). The twin in tools/torch on two threads: forward, L1,
backward, AdamW. Unlike udair it has no commitment loss and moves no codebooks.
"""

import resource
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "torch"))
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
    "dropout": 0.1,
}


def main(variant, size, batch):
    variant, _, precision = variant.partition("-")
    torch.set_num_threads(2)
    torch.manual_seed(0)
    network = udair.Udair(udair.Config(**SMALL)).train()
    x = torch.rand(int(batch), 3, int(size), int(size))
    if variant != "eager":
        network, x = network.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    run = torch.compile(network) if variant == "compiled" else network
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = (run(x)[0] - x).abs().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    for _ in range(2):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(f"{time.perf_counter() - start:.6f}", flush=True)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}", flush=True)


main(*sys.argv[1:])
