"""A ConvNeXt V2 of somebody's own, in plain PyTorch, and what its modules give: own_pytorch.py FOLDER."""
import sys

import numpy as np
import torch
from torch import nn


class ChannelsFirstNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class GRN(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = nn.Parameter(0.5 * torch.randn(1, 1, 1, dim))
        self.beta = nn.Parameter(0.1 * torch.randn(1, 1, 1, dim))

    def forward(self, x):
        size = x.norm(dim=(1, 2), keepdim=True)
        return self.gamma * (x * size / (size.mean(-1, keepdim=True) + 1e-6)) + self.beta + x


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.grn = GRN(4 * dim)
        self.pwconv2 = nn.Linear(4 * dim, dim)

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        return x + self.pwconv2(self.grn(self.act(self.pwconv1(y)))).permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self, depths=(1, 2), dims=(8, 16), classes=5):
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), ChannelsFirstNorm(dims[0], eps=1e-6))
        down = nn.Sequential(ChannelsFirstNorm(dims[0], eps=1e-6), nn.Conv2d(dims[0], dims[1], 2, 2))
        self.downsample_layers = nn.ModuleList([stem, down])
        self.stages = nn.ModuleList(nn.Sequential(*[Block(d) for _ in range(n)]) for n, d in zip(depths, dims))
        self.norm = nn.LayerNorm(dims[-1], eps=1e-6)
        self.head = nn.Linear(dims[-1], classes)

    def forward(self, x):
        for down, stage in zip(self.downsample_layers, self.stages):
            x = stage(down(x))
        return self.head(self.norm(x.mean((2, 3))))


torch.manual_seed(1)
model = Net().eval()
x = torch.randn(2, 3, 32, 48)
wanted = ["downsample_layers.0", "stages.0.0.dwconv", "stages.0.0.grn", "stages.0.0", "stages.1", "norm", "head"]
found = {}
for name in wanted:
    model.get_submodule(name).register_forward_hook(
        lambda module, given, gave, name=name: found.update({name: gave.detach().numpy()})
    )
with torch.no_grad():
    model(x)
folder = sys.argv[1]
torch.save(model.state_dict(), f"{folder}/w.pt")
np.savez(f"{folder}/in.npz", pixel_values=x.numpy())
np.savez(f"{folder}/out.npz", **found)
