"""The masked encoder in plain PyTorch, dense: what is to be matched and beaten. Works with torch 1.13 and newer."""
import torch
import torch.nn.functional as F


def masked_grn(grn, x, keep):
    """GRN over the kept positions: what is removed is not in the norm."""
    response = torch.linalg.vector_norm(x * keep, dim=(1, 2), keepdim=True)
    return grn.gamma * (x * (response / (response.mean(dim=-1, keepdim=True) + 1e-6))) + grn.beta + x


def masked_block(block, x, keep):
    y = block.norm(block.dwconv(x).permute(0, 2, 3, 1))
    y = block.pwconv2(masked_grn(block.grn, F.gelu(block.pwconv1(y)), keep.permute(0, 2, 3, 1)))
    return (x + y.permute(0, 3, 1, 2)) * keep


def encode(network, x, mask):
    """The official masked encoder, dense: x * (1 - mask) after the stem and after everything that fills it in again.

    x: [N, C, H, W]; mask: [N, L], 1 removes a patch, L a square; returns [N, C of the last stage, h, w].
    """
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
