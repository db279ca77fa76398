"""record_output_stride.py FOLDER writes the files of output-stride: the maps of all stages of networks whose last stages keep
the size of the map before them, as timm has it (models/convnext.py, ConvNeXtStage; layers/padding.py, `same`). In the format of
README.md; the modules are those of record_options.py. Needs torch and numpy; recorded with 1.13 and 1.24."""
import math
import sys

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

import record_options as options

SPEC = {"in_chans": 3, "num_classes": 0, "depths": [1, 1, 2, 1], "dims": [8, 16, 24, 40], "kernel_size": 7}
CASES = [
    ("micro-16-64x64-b2", 301, (2, 3, 64, 64), {**SPEC, "output_stride": 16}),
    ("micro-8-64x96-b1", 302, (1, 3, 64, 96), {**SPEC, "output_stride": 8}),
    ("micro-8-odd-37x51-b1", 303, (1, 3, 37, 51), {**SPEC, "output_stride": 8}),
    ("micro-4-v1-40x33-b1", 304, (1, 3, 40, 33), {**SPEC, **options.V1, "output_stride": 4}),
]


class SameConv(nn.Conv2d):
    """A 2x2 convolution of stride 1 that keeps the size: of an odd number of zeros, one more behind than in front."""

    def forward(self, x):
        total = self.dilation[0]
        front = total // 2
        return F.conv2d(F.pad(x, [front, total - front] * 2), self.weight, self.bias, dilation=self.dilation)


def dilate(network, spec):
    """What timm's constructor does stage by stage, on a network with all strides."""
    current, dilation = 4, 1
    for i, stage in enumerate(network.stages):
        stride, before = 1 if i == 0 else 2, dilation
        if current >= spec["output_stride"] and stride > 1:
            dilation, stride = dilation * stride, 1
        current *= stride
        first = 1 if dilation in (1, 2) else 2
        if i > 0 and stride == 1:
            norm, conv = network.downsample_layers[i]
            same = SameConv(conv.in_channels, conv.out_channels, 2, dilation=first)
            network.downsample_layers[i] = options.Normed(norm, same)
        for block in stage:
            kernel = spec["kernel_size"]
            block.dwconv.dilation, block.dwconv.padding = (dilation,) * 2, (dilation * (kernel // 2),) * 2
    return network


def run(spec, params, image, double):
    network = options.Network({**spec, "num_classes": 1})
    network.load_state_dict({**network.state_dict(), **params})
    network = dilate(network, spec)
    network.load_state_dict({**network.state_dict(), **params})
    network, x = (network.double(), image.double()) if double else (network, image)
    seen = {}
    network(x, lambda name, value: seen.__setitem__(name, value))
    return {f"stage{i + 1}": seen[f"stages.{i}"] for i in range(len(spec["depths"]))}


def record(folder, name, seed, shape, spec):
    random = numpy.random.RandomState(seed)
    trunk = {key: value for key, value in options.Network({**spec, "num_classes": 1}).state_dict().items()
             if key.startswith(("downsample_layers.", "stages."))}
    rows = [[key, list(value.shape), *options.spread(key, value.shape)] for key, value in trunk.items()]
    params = {key: options.generated(seed, key, size, mean, half) for key, size, mean, half in rows}
    image = options.generated(seed, "input", shape, 0, 1.7)
    maps, maps32 = run(spec, params, image, True), run(spec, params, image, False)
    options.write(folder, f"output-stride/{name}", {
        "format": "convnextv2-golden/1",
        "kind": "features",
        "name": name,
        "variant": "options",
        "spec": spec,
        "seed": seed,
        "input": {"name": "input", "shape": list(shape), "mean": 0, "halfwidth": 1.7},
        "param_count": sum(math.prod(size) for _, size, *_ in rows),
        "params": rows,
        "maps": {key: options.recorded(value, random) for key, value in maps.items()},
        "float32_error": {key: options.error(maps32[key], value) for key, value in maps.items()},
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in CASES:
        record(sys.argv[1], *case)
        print(case[0])
