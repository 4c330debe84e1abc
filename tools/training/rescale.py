"""Gives the coarse level of a weights file the scale of one, without changing what the network does:

    rescale.py IN.safetensors OUT.safetensors

Where the features that the coarse codebook quantises hardly vary around a large mean, 16-bit codes
cannot tell them apart, and one code answers for everything. The convolution before the codebook is
shifted and scaled so that its codes have mean 0 and variance 1, and the convolution behind it takes
that back (exactly inside the picture; at its border zeros are padded, which stood for another value
before). Train on from there with `codebook.bypass = 0` and `codebook.seed_batches` above 0.
"""

import json
import sys

from safetensors import safe_open
from safetensors.torch import save_file

BOOK = "dam.codebook.quantize_t"
BEFORE = "dam.codebook.quantize_conv_t"
BEHIND = "dam.codebook.dec_t.blocks.0"

source, target = sys.argv[1:]
with safe_open(source, "pt") as file:
    tensors = {name: file.get_tensor(name).float() for name in file.keys() if not name.startswith("identify.")}
    metadata = file.metadata()
counts = tensors[f"{BOOK}.cluster_size"]
codes = tensors[f"{BOOK}.embed"]
share = counts / counts.sum()
mean = codes @ share
scale = 1 / ((codes - mean[:, None]).square() @ share).mean().sqrt()
print(json.dumps({"norm of the mean": float(mean.norm()), "deviation of the codes": float(1 / scale)}))
tensors[f"{BOOK}.embed"] = (codes - mean[:, None]) * scale
tensors[f"{BOOK}.embed_avg"] = (tensors[f"{BOOK}.embed_avg"] - mean[:, None] * counts) * scale
tensors[f"{BEFORE}.weight"] *= scale
tensors[f"{BEFORE}.bias"] = (tensors[f"{BEFORE}.bias"] - mean) * scale
weight = tensors[f"{BEHIND}.weight"]
tensors[f"{BEHIND}.bias"] += (weight * mean[None, :, None, None]).sum((1, 2, 3))
tensors[f"{BEHIND}.weight"] = weight / scale
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, target, metadata)
