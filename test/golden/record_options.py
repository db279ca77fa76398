"""record_options.py FOLDER writes those files of options and dense-grad that CASES names: what timm's ConvNeXt can be beyond the
published networks (timm models/convnext.py, layers/classifier.py, layers/fast_norm.py), as README.md says of files in
this format. The modules are written here from their definitions, in the official code's style and under the names of
src/weights/names; timm is not needed. Needs torch and numpy; recorded with 1.13 and 1.24."""
import json
import math
import os
import sys

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

V1 = {"grn": "none", "layer_scale": True}
SIZES = {"in_chans": 3, "num_classes": 10, "depths": [1, 1, 2, 1], "dims": [8, 16, 24, 40], "kernel_size": 7}
FEW = {**SIZES, "depths": [1, 1, 1, 1], "dims": [24, 16, 20, 40]}

CASES = [
    ("micro-silu-bare-64x64-b2", 201, (2, 3, 64, 64), {**SIZES, **V1, "activation": "silu", "conv_bias": False}),
    ("micro-relu-64x64-b2", 202, (2, 3, 64, 64), {**SIZES, "activation": "relu"}),
    ("micro-hidden-64x64-b2", 203, (2, 3, 64, 64), {**SIZES, **V1, "activation": "silu", "hidden_size": 48}),
    ("micro-norm-first-64x64-b2", 204, (2, 3, 64, 64), {**SIZES, **V1, "norm_first": True}),
    ("micro-overlap-64x96-b1", 205, (1, 3, 64, 96), {**FEW, **V1, "stem": "overlap"}),
    ("micro-overlap-tiered-64x64-b2", 206, (2, 3, 64, 64), {**FEW, **V1, "stem": "overlap_tiered"}),
    ("micro-overlap-act-bare-64x64-b2", 207, (2, 3, 64, 64),
     {**FEW, "stem": "overlap_act", "activation": "silu", "conv_bias": False}),
    ("micro-rmsnorm-64x64-b2", 208, (2, 3, 64, 64), {**SIZES, **V1, "norm_layer": "rmsnorm", "norm_eps": 1e-3}),
    ("micro-simplenorm-64x64-b2", 209, (2, 3, 64, 64), {**SIZES, **V1, "norm_layer": "simplenorm"}),
    ("micro-zepto-64x64-b2", 210, (2, 3, 64, 64),
     {**FEW, **V1, "norm_layer": "simplenorm", "stem": "overlap_act", "norm_first": True}),
]

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "relu": F.relu,
}


class Norm(nn.Module):
    """Over the channels, last or first. RMS norm divides by the root of the mean square, the simple norm by the deviation
    over n - 1; both leave the mean where it is, and have no bias."""

    def __init__(self, channels, kind, eps):
        super().__init__()
        self.kind, self.eps = kind, eps
        self.weight = nn.Parameter(torch.empty(channels))
        if kind == "layernorm":
            self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x, first=False):
        if first:
            return self(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        if self.kind == "layernorm":
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        square = x.pow(2).mean(-1, keepdim=True) if self.kind == "rmsnorm" else x.var(-1, keepdim=True)
        return x * torch.rsqrt(square + self.eps) * self.weight


class GRN(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.empty(1, 1, 1, channels))

    def forward(self, x):
        norms = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        return self.gamma * (x * (norms / (norms.mean(-1, keepdim=True) + 1e-6))) + self.beta + x


class Block(nn.Module):
    def __init__(self, dim, spec, norm):
        super().__init__()
        kernel = spec["kernel_size"]
        self.gamma = nn.Parameter(torch.empty(dim)) if spec.get("layer_scale") else None
        self.dwconv = nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim, bias=spec.get("conv_bias", True))
        self.norm = norm(dim)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = ACTIVATIONS[spec.get("activation", "gelu")]
        self.grn = None if spec.get("grn") == "none" else GRN(4 * dim)
        self.pwconv2 = nn.Linear(4 * dim, dim)

    def forward(self, x):
        y = self.act(self.pwconv1(self.norm(self.dwconv(x).permute(0, 2, 3, 1))))
        y = self.pwconv2(y if self.grn is None else self.grn(y))
        return x + (y if self.gamma is None else self.gamma * y).permute(0, 3, 1, 2)


def divisible(width):
    """The nearest multiple of 8, at least that, and no more than a tenth below."""
    nearest = max(8, (width + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * width else nearest


class Stem(nn.Module):
    """Modules bear their places in timm's row of them."""

    def __init__(self, spec, norm, biased):
        super().__init__()
        kind, dim = spec["stem"], spec["dims"][0]
        middle = divisible(dim // 2) if kind == "overlap_tiered" else dim
        self.act = ACTIVATIONS[spec.get("activation", "gelu")] if kind == "overlap_act" else None
        second = 1 if self.act is None else 2
        self.conv0 = nn.Conv2d(spec["in_chans"], middle, 3, stride=2, padding=1, bias=biased)
        self.second, self.last = f"conv{second}", f"norm{second + 1}"
        self.add_module(self.second, nn.Conv2d(middle, dim, 3, stride=2, padding=1, bias=biased))
        self.add_module(self.last, norm(dim))

    def forward(self, x):
        x = self.conv0(x)
        x = getattr(self, self.second)(x if self.act is None else self.act(x))
        return getattr(self, self.last)(x, first=True)


class Normed(nn.Sequential):
    """A convolution and a norm, in the order of their places."""

    def forward(self, x):
        for module in self:
            x = module(x, first=True) if isinstance(module, Norm) else module(x)
        return x


class Network(nn.Module):
    def __init__(self, spec):
        super().__init__()
        dims, biased = spec["dims"], spec.get("conv_bias", True)
        norm = lambda channels: Norm(channels, spec.get("norm_layer", "layernorm"), spec.get("norm_eps", 1e-6))
        patch = lambda: Normed(nn.Conv2d(spec["in_chans"], dims[0], 4, stride=4, bias=biased), norm(dims[0]))
        self.downsample_layers = nn.ModuleList([Stem(spec, norm, biased) if "stem" in spec else patch()])
        for before, after in zip(dims, dims[1:]):
            self.downsample_layers.append(Normed(norm(before), nn.Conv2d(before, after, 2, stride=2, bias=biased)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(dim, spec, norm) for _ in range(depth))) for dim, depth in zip(dims, spec["depths"]))
        self.norm_first, hidden = spec.get("norm_first", False), spec.get("hidden_size")
        setattr(self, "norm_pre" if self.norm_first else "norm", norm(dims[-1]))
        self.pre_logits = nn.ModuleDict({"fc": nn.Linear(dims[-1], hidden)}) if hidden else None
        self.head = nn.Linear(hidden or dims[-1], spec["num_classes"])

    def forward(self, x, seen=lambda name, value: None):
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages)):
            x = down(x)
            seen(f"downsample_layers.{i}", x)
            x = stage(x)
            seen(f"stages.{i}", x)
        if self.norm_first:
            x = self.norm_pre(x, first=True)
            seen("norm_pre", x)
            x = x.mean((2, 3))
        else:
            x = self.norm(x.mean((2, 3)))
            seen("norm", x)
        if self.pre_logits is not None:
            x = F.gelu(self.pre_logits["fc"](x))
            seen("pre_logits", x)
        return self.head(x)


def generated(seed, name, shape, mean, halfwidth):
    """README.md, "Generator"."""
    state = 0x811C9DC5
    for byte in f"{seed}:{name}".encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    state = state or 0x9E3779B9
    values = []
    for _ in range(math.prod(shape)):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        values.append(mean + (2 * (state / 4294967296) - 1) * halfwidth)
    return torch.tensor(numpy.array(values).astype(numpy.float32).reshape(shape))


def spread(name, shape):
    if name.endswith(".gamma"):
        return 0.0, 0.5
    if name.endswith((".beta", ".bias")):
        return 0.0, 0.1
    if len(shape) == 1:
        return 1.0, 0.2
    return 0.0, (0.3 if ".pwconv2." in name else 1) * math.sqrt(3 / math.prod(shape[1:]))


def digits(value, count):
    return float(f"{value:.{count}g}")


def floats(tensor):
    """Rounded to float32, in no more digits than that has."""
    return [digits(float(value), 8) for value in tensor.double().flatten().to(torch.float32)]


def places(size, count, random):
    return sorted({0, size - 1, *random.choice(size, min(size, count), replace=False).tolist()})[-count:] \
        if size > count else list(range(size))


def recorded(value, random):
    flat = value.detach().double().flatten()
    at = places(flat.numel(), 64, random)
    return {
        "layout": "NCHW" if value.dim() == 4 else "NC",
        "shape": list(value.shape),
        "mean": digits(flat.mean().item(), 12),
        "std": digits(flat.std(unbiased=False).item(), 12),
        "l2": digits(flat.norm().item(), 12),
        "absmax": digits(flat.abs().max().item(), 12),
        "at": at,
        "values": floats(flat[at]),
    }


def error(found, wanted):
    off = found.detach().double() - wanted.detach()
    return {"rel_l2": digits((off.norm() / wanted.norm()).item(), 3), "max_abs": digits(off.abs().max().item(), 3)}


def run(spec, params, image, double):
    network = Network(spec).train()
    network.load_state_dict(params)
    network, x = (network.double(), image.double()) if double else (network, image.clone())
    x.requires_grad_()
    seen = {}
    logits = network(x, lambda name, value: seen.__setitem__(name, value))
    return network, x, seen, logits


def lossof(logits, labels, smoothing):
    return F.cross_entropy(logits, torch.tensor(labels), label_smoothing=smoothing)


def record(folder, name, seed, shape, spec):
    random = numpy.random.RandomState(seed)
    rows = [[key, list(value.shape), *spread(key, value.shape)] for key, value in Network(spec).state_dict().items()]
    params = {key: generated(seed, key, size, mean, half) for key, size, mean, half in rows}
    image = generated(seed, "input", shape, 0, 1.7)
    network, x, seen, logits = run(spec, params, image, True)
    single, x32, seen32, logits32 = run(spec, params, image, False)
    common = {
        "format": "convnextv2-golden/1",
        "kind": "dense",
        "name": name,
        "variant": "options",
        "spec": spec,
        "seed": seed,
        "input": {"name": "input", "shape": list(shape), "mean": 0, "halfwidth": 1.7},
    }
    write(folder, f"options/{name}", {
        **common,
        "param_count": sum(math.prod(size) for _, size, *_ in rows),
        "params": rows,
        "taps": {key: recorded(value, random) for key, value in seen.items()},
        "logits": {"shape": list(logits.shape), "argmax": logits.argmax(-1).tolist(), "values": floats(logits)},
        "float32_error": {**{key: error(seen32[key], value) for key, value in seen.items()},
                          "logits": error(logits32, logits)},
    })
    labels, smoothing = [int(label) for label in random.randint(spec["num_classes"], size=shape[0])], 0.1
    loss = lossof(logits, labels, smoothing)
    loss.backward()
    lossof(logits32, labels, smoothing).backward()
    grads, grads32 = ({**{key: p.grad for key, p in of.named_parameters()}, "input": of_x.grad}
                      for of, of_x in ((network, x), (single, x32)))

    def gradient(key, value):
        flat = value.flatten()
        at = places(flat.numel(), 16, random)
        return {"shape": list(value.shape), "l2": digits(flat.norm().item(), 12), "at": at, "values": floats(flat[at]),
                "float32_rel_l2": error(grads32[key], value)["rel_l2"]}

    del common["variant"]
    write(folder, f"dense-grad/{name}", {
        **common,
        "kind": "dense-grad",
        "labels": labels,
        "smoothing": smoothing,
        "params": rows,
        "loss": digits(loss.item(), 15),
        "grad_l2": digits(math.sqrt(sum(value.pow(2).sum().item() for key, value in grads.items() if key != "input")), 12),
        "grads": {key: gradient(key, value) for key, value in grads.items()},
    })


def write(folder, path, golden):
    text = ",\n".join(f' {json.dumps(key)}:{json.dumps(value, separators=(",", ":"))}' for key, value in golden.items())
    with open(os.path.join(folder, f"{path}.json"), "w") as file:
        file.write("{\n" + text + "\n}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in CASES:
        record(sys.argv[1], *case)
        print(case[0])
