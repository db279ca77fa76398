"""Peer of `npm run bench -- fcmae`: the masked encoder in plain PyTorch on one CPU thread. Reads the model from the folder
that it is given, checks its result against ours there, then answers every line on standard input with a time in
milliseconds. Works with Debian's python3-torch (apt-get install python3-torch libopenblas0) and newer."""
import json
import os
import sys
import time

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuda"))
from convnextv2 import ConvNeXtV2  # noqa: E402

folder = sys.argv[1]
torch.set_num_threads(1)
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)


def values(name, shape):
    data = numpy.fromfile(os.path.join(folder, name + ".f32"), dtype=numpy.float32)
    return torch.from_numpy(data.reshape(shape))


def masked_grn(grn, x, keep):
    """GRN over the kept positions: what is removed is not in the norm."""
    response = torch.linalg.vector_norm(x * keep, dim=(1, 2), keepdim=True)
    return grn.gamma * (x * (response / (response.mean(dim=-1, keepdim=True) + 1e-6))) + grn.beta + x


def masked_block(block, x, keep):
    y = block.norm(block.dwconv(x).permute(0, 2, 3, 1))
    y = block.pwconv2(masked_grn(block.grn, F.gelu(block.pwconv1(y)), keep.permute(0, 2, 3, 1)))
    return (x + y.permute(0, 3, 1, 2)) * keep


def encode(network, x, mask):
    """The official masked encoder, dense: x * (1 - mask) after the stem and after everything that fills it in again."""
    side = int(mask.shape[1] ** 0.5)
    grid = (1 - mask).reshape(-1, 1, side, side)
    for down, stage in zip(network.downsample_layers, network.stages):
        x = down(x)
        scale = x.shape[2] // side
        keep = grid.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        x = x * keep
        for block in stage:
            x = masked_block(block, x, keep)
    return x


network = ConvNeXtV2(model["size"]).eval()
state = network.state_dict()
for name, shape in model["params"]:
    state[name] = values(name, shape)
network.load_state_dict(state)
image, mask = values("pixel_values", model["input"]), values("mask", model["mask"])
with torch.inference_mode():
    found, ours = encode(network, image, mask), values("encoded", model["encoded"])
    error = ((found - ours).norm() / found.norm()).item()
    print(json.dumps({"rel_l2": error, "torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        encode(network, image, mask)
        print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)
