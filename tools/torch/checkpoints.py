"""Writes the PyTorch checkpoints that the import is tested with.

    python checkpoints.py ../../crates/udair-engine/tests/fixtures

`lightning.ckpt` is a tiny network as Lightning saves it; `plain.pth` holds tensors of every kind.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch

import udair

TINY = udair.Config(
    width=2, enc=(1, 1, 1, 1), dec=(1, 1, 1), refine=0, heads=(1, 1, 1, 1), fusion_heads=2,
    expansion=1.0, trunk=2, res=1, res_blocks=1, code_dim=2, codes=3, head=2,
)


def lightning():
    """All tensors are views of one storage, to keep the file small; the n-th one starts at 37 n."""
    state = udair.Udair(TINY).state_dict()
    state["dam.codebook.dec.blocks.0.weight"] = torch.zeros(1, 1, 1, 1)
    state["criterion.window"] = torch.zeros(3)
    storage = (torch.arange(13000) % 1024 / 64).half()
    views = OrderedDict()
    for n, (name, tensor) in enumerate(state.items()):
        prefix = "" if name.startswith("criterion") else "net."
        views[prefix + name] = storage[37 * n : 37 * n + tensor.numel()].view(tensor.shape)
    return {
        "epoch": 7,
        "global_step": 123456789,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": views,
        "loops": {"fit_loop": {"state_dict": {}, "progress": [1, 2.5, None, True]}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(31.5)}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4}]}],
        "hyper_parameters": {"lr": 1e-4},
    }


def plain():
    matrix = torch.arange(12).view(3, 4) / 4
    return OrderedDict(
        f64=matrix.double(),
        f32=matrix,
        f16=matrix.half(),
        bf16=matrix.bfloat16(),
        i64=torch.arange(3),
        transposed=matrix.t(),
        slice=matrix[1:, ::2],
        scalar=torch.tensor(2.5),
        parameter=torch.nn.Parameter(matrix[0].clone()),
        empty=torch.zeros(0, 4),
        note="no tensor",
    )


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
torch.save(lightning(), folder / "lightning.ckpt")
torch.save(plain(), folder / "plain.pth")
