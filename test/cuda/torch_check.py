"""Uses a generated PyTorch module as its users do: python3 torch_check.py FOLDER MODULE, prints one JSON object.

FOLDER has case.json ({"params": [[name, shape]], "inputs": [[name, shape]]}), weights.bin and inputs.bin, raw f32.
"""

import json
import os
import sys

import numpy
import torch
import torch.distributed as dist

folder, module = sys.argv[1:3]
sys.path.insert(0, os.path.join(folder, "torch"))
generated = __import__(module)
case = json.load(open(os.path.join(folder, "case.json")))


def tensors(file, rows):
    values = torch.from_numpy(numpy.fromfile(os.path.join(folder, file), dtype=numpy.float32))
    parts = values.split([int(numpy.prod(shape)) for _, shape in rows])
    return {name: part.reshape(shape) for (name, shape), part in zip(rows, parts)}


checkpoint = tensors("weights.bin", case["params"])
inputs = list(tensors("inputs.bin", case["inputs"]).values())
listed = lambda outputs: list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def message(work):
    try:
        work()
        return None
    except Exception as error:
        return str(error).split("\n")[0]


model = generated.Model(checkpoint, device="cpu")

if "RANK" in os.environ:  # under torchrun: each process takes one image
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    mine = listed(model(*[tensor[rank : rank + 1] for tensor in inputs]))[0].contiguous()
    parts = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(parts, mine)
    if rank == 0:
        print(json.dumps(torch.cat(parts).flatten().tolist()))
    sys.exit(0)

outputs = listed(model(*inputs))
again = generated.Model.from_packed(model.state_dict()["weights"].clone())
halves = {name: tensor.double() for name, tensor in checkpoint.items()}
few = dict(list(checkpoint.items())[1:])
short = {**checkpoint, case["params"][0][0]: torch.zeros(3)}
image, *others = inputs

from torch._subclasses import FakeTensorMode

with FakeTensorMode() as mode:
    fakes = [mode.from_tensor(tensor) for tensor in [model.weights, *inputs]]
    shapes = [list(output.shape) for output in listed(generated._ops.forward(*fakes))]

print(json.dumps({
    "shapes": [list(output.shape) for output in outputs],
    "first": outputs[0].flatten().tolist(),
    "fake": shapes,
    "packed": all(torch.equal(a, b) for a, b in zip(outputs, listed(again(*inputs)))),
    "wider": torch.equal(outputs[0], listed(generated.Model(halves, device="cpu")(*inputs))[0]),
    "strided": torch.equal(outputs[0], listed(model(image.transpose(2, 3).contiguous().transpose(2, 3), *others))[0]),
    "errors": [
        message(lambda: generated.Model(few, device="cpu")),
        message(lambda: generated.Model(short, device="cpu")),
        message(lambda: generated.Model(checkpoint, device="meta")),
        message(lambda: model(image[:, :, 1:], *others)),
        message(lambda: generated._ops.forward(model.weights, image.double(), *others)),
        message(lambda: model(image[:0], *others)),
        message(lambda: generated._ops.forward(model.weights[1:], image, *others)),
    ],
}))
