"""Peer of `npm run bench -- train`: masked pre-training in plain PyTorch on the CPU, on all patches with a mask. Reads the
model, its weights, images and masks from the folder that it is given; prints the first loss and the median of the
milliseconds of a step: forward, backward, AdamW. Works with Debian's python3-torch."""
import json
import os
import statistics
import sys
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuda"))
from convnextv2 import Block, ChannelsFirstNorm  # noqa: E402
from masked_encoder import encode  # noqa: E402

folder = sys.argv[1]
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)


class Autoencoder(nn.Module):
    """The layers of facebookresearch/ConvNeXt-V2, models/fcmae.py, by their official names."""

    def __init__(self):
        super().__init__()
        dims, channels, dim = model["dims"], model["input"][1], model["decoder"]["dim"]
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(channels, dims[0], 4, stride=4), ChannelsFirstNorm(dims[0]))]
            + [nn.Sequential(ChannelsFirstNorm(a), nn.Conv2d(a, b, 2, stride=2)) for a, b in zip(dims, dims[1:])]
        )
        self.stages = nn.ModuleList(nn.Sequential(*[Block(dim) for _ in range(depth)]) for depth, dim in zip(model["depths"], dims))
        self.proj = nn.Conv2d(dims[-1], dim, 1)
        self.mask_token = nn.Parameter(torch.zeros(1, dim, 1, 1))
        self.decoder = nn.Sequential(*[Block(dim) for _ in range(model["decoder"]["depth"])])
        self.pred = nn.Conv2d(dim, model["patch"] ** 2 * channels, 1)

    def forward(self, image, mask):
        side = int(mask.shape[1] ** 0.5)
        grid = (1 - mask).reshape(-1, 1, side, side)
        x = self.proj(encode(self, image, mask))
        x = self.pred(self.decoder(x * grid + self.mask_token * (1 - grid)))
        pred = x.flatten(2).transpose(1, 2)
        size = model["patch"]
        target = F.unfold(image, size, stride=size).reshape(image.shape[0], image.shape[1], size * size, -1)
        target = target.permute(0, 3, 2, 1).flatten(2)  # [N, L, size * size * channels], channels innermost
        target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
        errors = ((pred - target) ** 2).mean(-1)
        return (errors * mask).sum() / mask.sum()


def values(name, shape):
    data = numpy.fromfile(os.path.join(folder, name + ".f32"), dtype=numpy.float32)
    return torch.from_numpy(data.reshape(shape))


network = Autoencoder()
network.load_state_dict({name: values(name, shape) for name, shape in model["params"]})
image, mask = values("pixel_values", model["input"]), values("mask", model["mask"])
optimizer = torch.optim.AdamW(network.parameters(), lr=model["lr"], betas=(0.9, 0.95), weight_decay=0.05)


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = network(image, mask)
    loss.backward()
    optimizer.step()
    return loss.item()


loss, times = step(), []
step()
begin = time.perf_counter()
while len(times) < 3 or (len(times) < 15 and time.perf_counter() - begin < 10):
    start = time.perf_counter()
    step()
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"loss": loss, "ms": statistics.median(times)}))
