"""record.py FOLDER writes f32.onnx, the model of test/support/extremes.ts as PyTorch exports it; f16.onnx, what ONNX
Runtime's own converter makes of that; and f16-norms.onnx, the same but for GRN's norms, which it was told to leave alone.
Only initializers that are parameters are not as they came: they are named after them, `PARAM` or `PARAM/transposed`, and
are without values, which test/onnx/converted.ts fills in.
Needs torch, onnx and onnxruntime; the files were recorded with 1.13, 1.12 and 1.30."""
import io
import os
import sys

import numpy
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../bench/cuda"))
from convnextv2 import Block  # noqa: E402

CHANNELS, CLASSES = 32, 1000


class ChannelsFirstNorm(nn.Module):
    """As the official code computes it, step by step, so that the export holds every step as an operator."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        y = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None] * y + self.bias[:, None, None]


class GRN(nn.Module):
    """By torch.norm, which becomes ReduceL2; torch 1.13 makes powers and a sum of linalg.vector_norm."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.empty(1, 1, 1, channels))

    def forward(self, x):
        norms = torch.norm(x, p=2, dim=(1, 2), keepdim=True)
        return self.gamma * (x * (norms / (norms.mean(-1, keepdim=True) + 1e-6))) + self.beta + x


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, CHANNELS, 1), ChannelsFirstNorm(CHANNELS))
        self.downsample_layers = nn.ModuleList([stem])
        block = Block(CHANNELS)
        block.grn = GRN(4 * CHANNELS)
        self.stages = nn.ModuleList([nn.Sequential(block)])
        self.norm = nn.LayerNorm(CHANNELS, eps=1e-6)
        self.head = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x):
        x = self.stages[0](self.downsample_layers[0](x))
        return x, self.head(self.norm(x.mean((2, 3))))


def exported(model):
    """Height and width are free, so that one file does for every side."""
    file = io.BytesIO()
    sides = {2: "height", 3: "width"}
    torch.onnx.export(
        model,
        torch.zeros(1, 3, 56, 56),
        file,
        opset_version=17,
        input_names=["pixel_values"],
        output_names=["stages.0.0", "logits"],
        dynamic_axes={"pixel_values": sides, "stages.0.0": sides},
    )
    return onnx.load_from_string(file.getvalue())


def name_of(values, state):
    """The parameter whose values an initializer holds; the export may have given it lengths of 1."""
    for name, param in state.items():
        for suffix, wanted in (("", param), ("/transposed", param.T)):
            if numpy.array_equal(wanted.ravel(), values.ravel()):
                return name + suffix
    return None


def emptied(model, names):
    for tensor in model.graph.initializer:
        if tensor.name in names:
            tensor.name = names[tensor.name]
            tensor.ClearField("raw_data")
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)
    return model


torch.manual_seed(0)
model = Model().eval()
for parameter in model.parameters():
    nn.init.normal_(parameter)  # so that no two are equal
state = {name: values.numpy() for name, values in model.state_dict().items()}
wide = exported(model)
half = convert_float_to_float16(wide, keep_io_types=True)
norms = convert_float_to_float16(wide, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, "ReduceL2"])
found = {tensor.name: name_of(numpy_helper.to_array(tensor), state) for tensor in wide.graph.initializer}
names = {before: after for before, after in found.items() if after is not None}
missing = set(state) - {name.removesuffix("/transposed") for name in names.values()}
if missing:
    sys.exit(f"the export has no initializer for {', '.join(sorted(missing))}")
for file, graph in (("f32", wide), ("f16", half), ("f16-norms", norms)):
    onnx.save(emptied(graph, names), os.path.join(sys.argv[1], f"{file}.onnx"))
