"""UDAIR in PyTorch: the network of the Rust engine, for those who work in Python.

Reads the same weights files; the names of modules and parameters are those in the files.

    import torch, udair
    network, metadata = udair.load("small.safetensors")
    restored, conditions = network(picture)          # picture: N x 3 x H x W, RGB in [0, 1]
    udair.identify(conditions, metadata)             # N x patterns, probabilities
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors import safe_open

MEAN = (0.4488, 0.4371, 0.4040)


@dataclass
class Config:
    """Shape of a network; the defaults are the paper's (`base`). Weights files carry theirs."""

    width: int = 24
    enc: tuple = (4, 6, 6, 8)
    dec: tuple = (6, 6, 4)
    refine: int = 4
    heads: tuple = (1, 2, 4, 8)
    fusion_heads: int = 4
    expansion: float = 2.66
    trunk: int = 128
    res: int = 32
    res_blocks: int = 3
    code_dim: int = 64
    codes: int = 512
    head: int = 128
    dropout: float = 0.3
    pad: int = 8
    blocks: str = "transformer"
    guidance: str = "codebook"

    def __post_init__(self):
        if (self.blocks, self.guidance) != ("transformer", "codebook"):
            raise ValueError("variants of the network are in Rust alone")


class Conditions(NamedTuple):
    """What the analysis says about pictures: maps at 1/8, 1/4 and 1/2, and the code numbers."""

    d4: torch.Tensor  # N x 8C x H/8 x W/8
    d3: torch.Tensor  # N x 4C x H/4 x W/4
    d2: torch.Tensor  # N x 2C x H/2 x W/2
    codes_t: torch.Tensor  # N x H/8 x W/8
    codes_b: torch.Tensor  # N x H/4 x W/4


# --- Transformer block ---------------------------------------------------------------------------


class LayerNorm(nn.Module):
    """Per pixel over channels, with weight and bias."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.LayerNorm(channels)

    def forward(self, x):
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def conv1x1(inputs, outputs, bias=False):
    return nn.Conv2d(inputs, outputs, 1, bias=bias)


def conv3x3(inputs, outputs, bias=False):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


def depthwise(channels):
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)


class Attention(nn.Module):
    """MDTA: attention between the channels of a head, over all pixels."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = conv1x1(channels, 3 * channels)
        self.qkv_dwconv = depthwise(3 * channels)
        self.project_out = conv1x1(channels, channels)

    def forward(self, x):
        n, c, h, w = x.shape
        qkv = self.qkv_dwconv(self.qkv(x)).reshape(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = qkv.unbind(1)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        weights = (q @ k.transpose(-2, -1) * self.temperature).softmax(-1)
        return self.project_out((weights @ v).reshape(n, c, h, w))


class FeedForward(nn.Module):
    """GDFN: one half of the hidden channels, through a GELU, gates the other."""

    def __init__(self, channels, expansion):
        super().__init__()
        hidden = int(channels * expansion)
        self.project_in = conv1x1(channels, 2 * hidden)
        self.dwconv = depthwise(2 * hidden)
        self.project_out = conv1x1(hidden, channels)

    def forward(self, x):
        a, b = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(a) * b)


class Block(nn.Module):
    def __init__(self, channels, heads, expansion):
        super().__init__()
        self.norm1, self.attn = LayerNorm(channels), Attention(channels, heads)
        self.norm2, self.ffn = LayerNorm(channels), FeedForward(channels, expansion)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class Resize(nn.Module):
    """A 3x3 convolution followed by a rearrangement of pixels."""

    def __init__(self, inputs, outputs, rearrange):
        super().__init__()
        self.body = nn.Sequential(conv3x3(inputs, outputs), rearrange)

    def forward(self, x):
        return self.body(x)


def down(channels):
    return Resize(channels, channels // 2, nn.PixelUnshuffle(2))


def up(channels):
    return Resize(channels, 2 * channels, nn.PixelShuffle(2))


# --- Degradation-aware analysis module (DAAM) ----------------------------------------------------


class Residual(nn.Module):
    def __init__(self, channels, inner):
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(), conv3x3(channels, inner, True), nn.ReLU(), conv1x1(inner, channels, True)
        )

    def forward(self, x):
        return x + self.conv(x)


class Chain(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.blocks = nn.Sequential(*layers)

    def forward(self, x):
        return self.blocks(x)


class Codebook(nn.Module):
    """Replaces every position by its nearest code."""

    def __init__(self, dimensions, codes):
        super().__init__()
        self.register_buffer("embed", torch.randn(dimensions, codes))
        self.register_buffer("cluster_size", torch.ones(codes))
        self.register_buffer("embed_avg", self.embed.clone())

    def forward(self, z):
        rows = z.permute(0, 2, 3, 1)
        distances = rows.pow(2).sum(-1, keepdim=True) - 2 * rows @ self.embed + self.embed.pow(2).sum(0)
        codes = distances.argmin(-1)
        nearest = self.embed.t()[codes].permute(0, 3, 1, 2)
        return z + (nearest - z).detach(), codes


class Codebooks(nn.Module):
    """The two-level encoder of VQ-VAE-2: codes at 1/8, and codes at 1/4 that know them."""

    def __init__(self, config):
        super().__init__()
        t, d = config.trunk, config.code_dim
        residuals = lambda: [Residual(t, config.res) for _ in range(config.res_blocks)]
        halve = lambda inputs, outputs: nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.enc_b = Chain(
            halve(3, t // 2), nn.ReLU(), halve(t // 2, t), nn.ReLU(), conv3x3(t, t, True), *residuals(), nn.ReLU()
        )
        self.enc_t = Chain(halve(t, t // 2), nn.ReLU(), conv3x3(t // 2, t, True), *residuals(), nn.ReLU())
        self.quantize_conv_t = conv1x1(t, d, True)
        self.quantize_t = Codebook(d, config.codes)
        double = nn.ConvTranspose2d(t, d, 4, stride=2, padding=1)
        self.dec_t = Chain(conv3x3(d, t, True), *residuals(), nn.ReLU(), double)
        self.quantize_conv_b = conv1x1(d + t, d, True)
        self.quantize_b = Codebook(d, config.codes)

    def forward(self, x):
        bottom = self.enc_b(x)
        q, codes_t = self.quantize_t(self.quantize_conv_t(self.enc_t(bottom)))
        both = torch.cat([self.dec_t(q), bottom], dim=1)
        q, codes_b = self.quantize_b(self.quantize_conv_b(both))
        return q, codes_t, codes_b


class Head(nn.Module):
    def __init__(self, inputs, hidden, outputs, dropout):
        super().__init__()
        self.fc1, self.fc2 = conv1x1(inputs, hidden, True), conv1x1(hidden, outputs, True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return F.gelu(self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(x))))))


class Gate(nn.Module):
    """Gated channel transformation: channels compete by their norms over the picture."""

    EPS = 1e-5

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        e = self.alpha * (x.pow(2).sum((2, 3), keepdim=True) + self.EPS).sqrt()
        n = self.gamma / (e.pow(2).mean(1, keepdim=True) + self.EPS).sqrt()
        return x * (1 + torch.tanh(e * n + self.beta))


class Analysis(nn.Module):
    def __init__(self, config):
        super().__init__()
        channels = 4 * config.width
        self.codebook = Codebooks(config)
        self.dim = Head(config.code_dim, config.head, channels, config.dropout)
        self.gct = Gate(channels)

    def forward(self, x):
        q, codes_t, codes_b = self.codebook(x)
        return self.gct(self.dim(q)), codes_t, codes_b


# --- The network ---------------------------------------------------------------------------------


class Udair(nn.Module):
    """A U-Net of transformer blocks whose decoder is told what spoiled the picture."""

    def __init__(self, config=None):
        super().__init__()
        self.config = config = config or Config()
        w, heads = config.width, config.heads
        block = lambda channels, heads: Block(channels, heads, config.expansion)
        stage = lambda count, channels, heads: nn.Sequential(*[block(channels, heads) for _ in range(count)])
        fusion = lambda channels: block(channels, config.fusion_heads)

        self.patch_embed = nn.Module()
        self.patch_embed.proj = conv3x3(3, w)
        self.encoder_level1, self.down1_2 = stage(config.enc[0], w, heads[0]), down(w)
        self.encoder_level2, self.down2_3 = stage(config.enc[1], 2 * w, heads[1]), down(2 * w)
        self.encoder_level3, self.down3_4 = stage(config.enc[2], 4 * w, heads[2]), down(4 * w)
        self.latent = stage(config.enc[3], 8 * w, heads[3])

        self.dam = Analysis(config)
        self.dam_level4, self.dam_level2 = conv3x3(4 * w, 8 * w), conv3x3(4 * w, 2 * w)

        self.dpm_level3, self.reduce_dpm_level3 = fusion(16 * w), conv1x1(16 * w, 8 * w)
        self.up4_3, self.reduce_chan_level3 = up(8 * w), conv1x1(8 * w, 4 * w)
        self.decoder_level3 = stage(config.dec[0], 4 * w, heads[2])
        self.dpm_level2, self.reduce_dpm_level2 = fusion(8 * w), conv1x1(8 * w, 4 * w)
        self.up3_2, self.reduce_chan_level2 = up(4 * w), conv1x1(4 * w, 2 * w)
        self.decoder_level2 = stage(config.dec[1], 2 * w, heads[1])
        self.dpm_level1, self.reduce_dpm_level1 = fusion(4 * w), conv1x1(4 * w, 2 * w)
        self.up2_1 = up(2 * w)
        self.decoder_level1 = stage(config.dec[2], 2 * w, heads[0])
        self.refinement = stage(config.refine, 2 * w, heads[0])
        self.output = conv3x3(2 * w, 3)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())  # of the contrastive loss
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def conditions(self, x):
        """The analysis of padded, mean-subtracted pictures."""
        d3, codes_t, codes_b = self.dam(x)
        d4 = self.dam_level4(F.avg_pool2d(d3, 2))
        d2 = self.dam_level2(F.interpolate(d3, scale_factor=2, mode="nearest"))
        return Conditions(d4, d3, d2, codes_t, codes_b)

    def decode(self, x, conditions):
        """The correction of padded, mean-subtracted pictures under the given conditions."""
        cat = lambda *maps: torch.cat(maps, dim=1)
        enc1 = self.encoder_level1(self.patch_embed.proj(x))
        enc2 = self.encoder_level2(self.down1_2(enc1))
        enc3 = self.encoder_level3(self.down2_3(enc2))
        u = self.latent(self.down3_4(enc3))
        u = self.reduce_dpm_level3(self.dpm_level3(cat(u, conditions.d4)))
        u = self.decoder_level3(self.reduce_chan_level3(cat(self.up4_3(u), enc3)))
        u = self.reduce_dpm_level2(self.dpm_level2(cat(u, conditions.d3)))
        u = self.decoder_level2(self.reduce_chan_level2(cat(self.up3_2(u), enc2)))
        u = self.reduce_dpm_level1(self.dpm_level1(cat(u, conditions.d2)))
        return self.output(self.refinement(self.decoder_level1(cat(self.up2_1(u), enc1))))

    def forward(self, picture):
        """Restored pictures (not clipped) and their conditions."""
        height, width = picture.shape[-2:]
        x, top, left = pad(picture - self.mean, self.config.pad)
        conditions = self.conditions(x)
        out = x + self.decode(x, conditions)
        return out[..., top : top + height, left : left + width] + self.mean, conditions


def pad(x, multiple):
    """Reflects to a multiple of 8 at the right and bottom, or of 16 on both sides."""
    starts = []
    for axis in (-2, -1):
        length = x.shape[axis]
        missing = -length % multiple
        before = missing // 2 if multiple == 16 else 0
        period = max(2 * (length - 1), 1)
        positions = (torch.arange(length + missing) - before) % period
        x = x.index_select(axis, torch.minimum(positions, period - positions) % length)
        starts.append(before)
    return x, *starts


# --- Weights files and identification ------------------------------------------------------------


def load(path):
    """A weights file as a network in evaluation mode, and its metadata with the `identify` tensors."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
        metadata = {key: json.loads(value) for key, value in file.metadata().items()}
    identify = {name for name in tensors if name.startswith("identify.")}
    metadata["identify"] = {name.removeprefix("identify."): tensors.pop(name) for name in identify}
    network = Udair(Config(**metadata["config"])).eval()
    adapters = {name for name in tensors if name.startswith("distrib_adapt")}
    metadata["adapters"] = {name: tensors.pop(name) for name in adapters}
    network.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("anchors.")})
    return network, metadata


def feature(conditions):
    """Channel means, then log variances, of D4, D3 and D2: N x 28C."""
    moments = [
        m for d in conditions[:3] for m in (d.mean((2, 3)), (d.var((2, 3), unbiased=False) + 1e-8).log())
    ]
    return torch.cat(moments, dim=1)


def parts(conditions):
    """The conditions of the nine parts of pictures, each half as wide and high; none of small pictures."""
    height, width = conditions[0].shape[2:]
    if min(height, width) < 16:
        return []
    window = lambda number, length: slice(number * length // 4, (number + 2) * length // 4)
    cut = lambda d, y, x: d[:, :, window(y, d.shape[2]), window(x, d.shape[3])]
    return [[cut(d, y, x) for d in conditions[:3]] for y in range(3) for x in range(3)]


def distances(conditions, metadata):
    """Squared distances to the nearest anchor of each of `metadata["patterns"]`, N x patterns.

    Of whole pictures; of the part that is second least like a clean picture where the whole is like one
    and the part is not by more than the bound. Parts beyond the limit do not count.
    """
    whole, bound = distances_of(conditions, metadata), metadata["identify"].get("part")
    seen = [distances_of(part, metadata) for part in parts(conditions)]
    if bound is None or "clean" not in metadata["patterns"] or not seen:
        return whole
    clean = metadata["patterns"].index("clean")
    others = [k for k in range(whole.shape[1]) if k != clean]
    excess = lambda d: d[..., clean] - d[..., others].amin(-1)
    seen = torch.stack(seen)
    known = seen.amin(-1) <= metadata["identify"].get("limit", torch.inf)
    second, place = torch.where(known, excess(seen), -torch.inf).topk(2, dim=0)
    speaks = (excess(whole) <= 0) & (second[1] > bound)
    return torch.where(speaks[:, None], seen[place[1], torch.arange(len(whole))], whole)


def distances_of(conditions, metadata):
    """The same of conditions as they are."""
    stored = metadata["identify"]
    u = ((feature(conditions) - stored["mean"]) / stored["scale"]) @ stored["project"]
    every = (u[:, None] - stored["anchors"]).pow(2).sum(-1)
    patterns = range(len(metadata["patterns"]))
    owners = stored.get("owners", torch.arange(every.shape[1]))
    return torch.stack([every[:, owners == k].amin(-1) for k in patterns], dim=-1)


def identify(conditions, metadata):
    """Probabilities of `metadata["patterns"]`, N x patterns."""
    return (-distances(conditions, metadata) / metadata["identify"]["temperature"]).softmax(-1)
