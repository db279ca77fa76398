"""Networks of ConvNeXt V2 in plain PyTorch by a short description, with the official parameter names: peers to train
against. Works with Debian's python3-torch and newer.

A description has dims, depths, stem, the shape of the input [N, C, H, W], and of an autoencoder patch and decoder."""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuda"))
from convnextv2 import Block, ChannelsFirstNorm  # noqa: E402
from masked_encoder import encode  # noqa: E402


class Encoder(nn.Module):
    def __init__(self, model):
        super().__init__()
        dims, channels, stem = model["dims"], model["input"][1], model["stem"]
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(channels, dims[0], stem, stride=stem), ChannelsFirstNorm(dims[0]))]
            + [nn.Sequential(ChannelsFirstNorm(a), nn.Conv2d(a, b, 2, stride=2)) for a, b in zip(dims, dims[1:])]
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*[Block(dim) for _ in range(depth)]) for depth, dim in zip(model["depths"], dims)
        )

    def features(self, x):
        for down, stage in zip(self.downsample_layers, self.stages):
            x = stage(down(x))
        return x.mean(dim=(2, 3))


class Classifier(Encoder):
    def __init__(self, model):
        super().__init__(model)
        self.norm = nn.LayerNorm(model["dims"][-1], eps=1e-6)
        self.head = nn.Linear(model["dims"][-1], model["classes"])

    def forward(self, x):
        return self.head(self.norm(self.features(x)))


class Autoencoder(Encoder):
    """facebookresearch/ConvNeXt-V2, models/fcmae.py, on all patches with a mask."""

    def __init__(self, model):
        super().__init__(model)
        dims, channels, dim = model["dims"], model["input"][1], model["decoder"]["dim"]
        self.size = model["patch"]
        self.proj = nn.Conv2d(dims[-1], dim, 1)
        self.mask_token = nn.Parameter(torch.zeros(1, dim, 1, 1))
        self.decoder = nn.Sequential(*[Block(dim) for _ in range(model["decoder"]["depth"])])
        self.pred = nn.Conv2d(dim, self.size**2 * channels, 1)

    def forward(self, image, mask):
        side = int(mask.shape[1] ** 0.5)
        grid = (1 - mask).reshape(-1, 1, side, side)
        x = self.proj(encode(self, image, mask))
        x = self.pred(self.decoder(x * grid + self.mask_token * (1 - grid)))
        pred = x.flatten(2).transpose(1, 2)
        target = F.unfold(image, self.size, stride=self.size)
        target = target.reshape(image.shape[0], image.shape[1], self.size**2, -1)
        target = target.permute(0, 3, 2, 1).flatten(2)  # [N, L, pixels], channels innermost
        target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
        errors = ((pred - target) ** 2).mean(-1)
        return (errors * mask).sum() / mask.sum()
