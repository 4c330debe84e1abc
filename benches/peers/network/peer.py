"""One Python peer behind the protocol of crates/udair-engine/examples/worker.rs:

    peer.py VARIANT WEIGHTS WIDTH HEIGHT INPUT OUTPUT

VARIANT is eager, channels_last, compiled or onnx. Every peer runs the twin in tools/torch on two
threads.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "torch"))
import udair  # noqa: E402

THREADS = 2


class Picture(torch.nn.Module):
    """The twin without what a restoration does not need."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)[0]


def onnx_session(network, x, path):
    import onnxruntime

    torch.onnx.export(network, (x,), path, dynamo=True, external_data=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def build(variant, weights, x, scratch):
    network = Picture(udair.load(weights)[0]).eval()
    if variant == "onnx":
        return onnx_session(network, x, scratch), x
    if variant in ("channels_last", "compiled"):
        network, x = network.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    return torch.compile(network) if variant == "compiled" else network, x


@torch.no_grad()
def main(variant, weights, width, height, source, target):
    torch.set_num_threads(THREADS)
    rgb = np.fromfile(source, "<f4").reshape(int(height), int(width), 3)
    x = torch.from_numpy(rgb).permute(2, 0, 1)[None].contiguous()
    run, x = build(variant, weights, x, target + ".onnx")
    out = run(x)
    run(x)
    out[0].permute(1, 2, 0).contiguous().numpy().astype("<f4").tofile(target)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run(x)
        print(f"{time.perf_counter() - start:.6f}", flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)


main(*sys.argv[1:])
