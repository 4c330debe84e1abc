"""Gives a weights file a living coarse level of codes, without changing what the network does:

    reawaken.py IN.safetensors OUT.safetensors PICTURE...

Units of the coarse encoder (or of the decoder behind it) can die in training: their inputs to every
rectifier fall below zero on all pictures, no gradient reaches them again, and one code answers for
everything. Here both are made anew. The last convolution of the decoder starts with weights of zero
and keeps its bias, which is all that a dead level gives, so that nothing changes until the new units
have learned something. Features are scaled to SPREAD on the pictures given (use training pictures), and
the coarse codes are seeded from them by k-means. Train on with `codebook.bypass = 0` and
`codebook.seed_batches = 0`.
"""

import json
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional as F

MEAN = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
SPREAD = 0.3
ROUNDS = 10
PREFIX = "dam.codebook"

source, target, *pictures = sys.argv[1:]
torch.manual_seed(0)
generator = torch.Generator().manual_seed(0)
with safe_open(source, "pt") as file:
    tensors = {name: file.get_tensor(name).float() for name in file.keys() if not name.startswith("identify.")}
    metadata = file.metadata()


def conv(x, name, **how):
    return F.conv2d(x, tensors[f"{PREFIX}.{name}.weight"], tensors[f"{PREFIX}.{name}.bias"], **how)


def residual(x, name):
    return x + conv(F.relu(conv(F.relu(x), f"{name}.conv.1", padding=1)), f"{name}.conv.3")


def residuals(x, level):
    """The residual blocks of a level, in order, and the rectifier behind them."""
    stem = f"{PREFIX}.{level}.blocks."
    numbers = {name[len(stem) :].split(".")[0] for name in tensors if name.startswith(stem) and ".conv.1." in name}
    for number in sorted(numbers, key=int):
        x = residual(x, f"{level}.blocks.{number}")
    return F.relu(x)


def trunk(x):
    x = F.relu(conv(x, "enc_b.blocks.0", stride=2, padding=1))
    x = F.relu(conv(x, "enc_b.blocks.2", stride=2, padding=1))
    return residuals(conv(x, "enc_b.blocks.4", padding=1), "enc_b")


def coarse(b):
    x = F.relu(conv(b, "enc_t.blocks.0", stride=2, padding=1))
    x = residuals(conv(x, "enc_t.blocks.2", padding=1), "enc_t")
    return conv(x, "quantize_conv_t")


def load(path):
    rgb = torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).float() / 255
    rgb = rgb.permute(2, 0, 1)[None, :, :256, :256]
    return rgb[..., : rgb.shape[2] // 8 * 8, : rgb.shape[3] // 8 * 8] - MEAN


maps = [trunk(load(path)) for path in pictures]
before = torch.cat([coarse(b).flatten(2)[0].T for b in maps])

for name, tensor in tensors.items():
    fresh = any(name.startswith(f"{PREFIX}.{level}.") for level in ("enc_t", "quantize_conv_t", "dec_t"))
    last = name.startswith(f"{PREFIX}.dec_t") and tensor.dim() == 4 and tensor.shape[2:] == (4, 4)
    if fresh and last:
        tensors[name] = torch.zeros_like(tensor)
        kept = name.replace(".weight", ".bias")
for name, tensor in tensors.items():
    fresh = any(name.startswith(f"{PREFIX}.{level}.") for level in ("enc_t", "quantize_conv_t", "dec_t"))
    if fresh and tensor.dim() == 4 and tensor.any():
        fan_in = tensor[0].numel()
        tensors[name] = torch.randn(tensor.shape, generator=generator) * (2 / fan_in) ** 0.5
    elif fresh and tensor.dim() == 1 and name != kept:
        tensors[name] = torch.zeros_like(tensor)

after = torch.cat([coarse(b).flatten(2)[0].T for b in maps])
mean, scale = after.mean(0), SPREAD / after.std(0)
tensors[f"{PREFIX}.quantize_conv_t.weight"] *= scale[:, None, None, None]
tensors[f"{PREFIX}.quantize_conv_t.bias"] = -mean * scale
rows = (after - mean) * scale

codes = tensors[f"{PREFIX}.quantize_t.embed"].shape[1]
book = rows[torch.randperm(len(rows), generator=generator)[:codes]].clone()
for _ in range(ROUNDS):
    nearest = torch.cat([torch.cdist(part, book).argmin(1) for part in rows.split(4096)])
    counts = torch.bincount(nearest, minlength=codes)
    sums = torch.zeros_like(book).index_add_(0, nearest, rows)
    used = counts > 0
    book[used] = sums[used] / counts[used, None]
tensors[f"{PREFIX}.quantize_t.embed"] = book.T
tensors[f"{PREFIX}.quantize_t.embed_avg"] = book.T
tensors[f"{PREFIX}.quantize_t.cluster_size"] = torch.ones(codes)

share = counts / counts.sum()
perplexity = float(torch.exp(-(share[used] * share[used].log()).sum()))
print(json.dumps({"pictures": len(maps), "spread before": float(before.std(0).mean()), "perplexity": perplexity}))
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, target, metadata)
