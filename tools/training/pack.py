"""Packs a training run for a machine with a GPU that has neither network nor Rust.

    python pack.py MANIFEST WEIGHTS OUT [MIB]

builds the tool with CUDA and the example `stream`, and writes below OUT, in files of at most MIB (default 56):

    tools.tar.xz       both binaries (stripped), the trainer in PyTorch, its configuration, the weights
    data-0.tar ...     the pictures that the manifest names, each once, and the manifest

There, in an empty folder:

    for part in tools.tar.xz data-*.tar; do tar xf $part; done
    python train.py --init weights.safetensors --out run --seconds 550 --share 0.6 \\
        --streams "./stream gpu.toml 14 data.manifest=data/manifest.tsv" \\
                  "./stream gpu.toml 14 data.manifest=data/manifest.tsv data.size=256 data.per_pattern=2 data.mix.mixed=1"
    ./udair devices --check 256x256

What comes back is run/final.safetensors (`udair study anchors` fits its identification), run/final-f32.safetensors
to go on from, and run/train.log. Building needs no CUDA toolkit; running needs the driver, NVRTC of CUDA 13 and the
headers of CUDA_PATH.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build():
    environment = os.environ | {"CUDARC_CUDA_VERSION": "13000"}
    cargo = ["cargo", "build", "--release", "--features", "udair-cli/cuda", "-p", "udair-cli"]
    subprocess.run(cargo, cwd=ROOT, env=environment, check=True)
    stream = ["cargo", "build", "--release", "-p", "udair-train", "--example", "stream"]
    subprocess.run(stream, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return target / "udair", target / "examples" / "stream"


def pack_tools(weights, out):
    with tarfile.open(out / "tools.tar.xz", "w:xz") as tar:
        for binary in build():
            stripped = out / binary.name
            subprocess.run(["strip", "-o", stripped, binary], check=True)
            tar.add(stripped, binary.name)
            stripped.unlink()
        for name in ["tools/torch/train.py", "tools/torch/udair.py", "configs/gpu.toml"]:
            tar.add(ROOT / name, Path(name).name)
        tar.add(weights, "weights.safetensors")


def pack_data(manifest, out, limit):
    """Pictures with the same bytes travel once, as links of one file; links stay in the part of their file."""
    folder = manifest.parent
    rows = [line.split("\t") for line in manifest.read_text().splitlines()]
    names = dict.fromkeys(name for row in rows[1:] for name in row[2:4] if name != "-")
    same = {}
    for name in names:
        digest = hashlib.sha256((folder / name).read_bytes()).digest()
        same.setdefault(digest, []).append(name)
    part, used, tar = 0, limit, None
    for first, *links in same.values():
        size = (folder / first).stat().st_size + 1536 + 1024 * len(links)
        if used + size > limit:
            if tar:
                tar.close()
            tar, part, used = tarfile.open(out / f"data-{part}.tar", "w"), part + 1, 20_000
        used += size
        tar.add(folder / first, f"data/{first}")
        for link in links:
            info = tarfile.TarInfo(f"data/{link}")
            info.type, info.linkname = tarfile.LNKTYPE, f"data/{first}"
            tar.addfile(info)
    tar.close()
    with tarfile.open(out / "data-manifest.tar", "w") as tar:
        info = tarfile.TarInfo("data/manifest.tsv")
        info.size = manifest.stat().st_size
        tar.addfile(info, io.BytesIO(manifest.read_bytes()))


def main(manifest, weights, out, mib=56):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    pack_data(Path(manifest), out, int(mib) << 20)
    pack_tools(weights, out)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size / 2**20:7.1f} MiB  {path.name}")


main(*sys.argv[1:])
