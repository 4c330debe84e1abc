"""Is the twin the reference's network? Largest differences to the stored tensors of its own program.

    python golden.py REFERENCE_DATA/golden/udair
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import udair

folder = Path(sys.argv[1])
weights = {name: tensor.float() for name, tensor in load_file(folder / "small/weights.safetensors").items()}
stored = load_file(folder / "small/io.safetensors")
weights = {name: tensor for name, tensor in weights.items() if not name.startswith("distrib_adapt")}

network = udair.Udair(udair.Config(width=6, enc=(1, 2, 1, 2), dec=(1, 2, 1), refine=2)).eval()
network.load_state_dict(weights)
worst = 0.0
with torch.no_grad():
    for case in ("A", "B"):
        out, conditions = network(stored[f"{case}.input"].float())
        maps = {"out": out, "D4": conditions.d4, "D": conditions.d3, "D2": conditions.d2}
        for name, tensor in maps.items():
            if f"{case}.{name}" in stored:
                difference = float((tensor - stored[f"{case}.{name}"]).abs().max())
                worst = max(worst, difference)
                print(f"{case}.{name}: largest difference {difference:.1e}")
        for name, codes in (("idx_t", conditions.codes_t), ("idx_b", conditions.codes_b)):
            different = int((codes != stored[f"{case}.{name}"]).sum())
            print(f"{case}.{name}: {different} of {codes.numel()} codes differ")
            worst = max(worst, float(different))
sys.exit(worst > 2e-5)
