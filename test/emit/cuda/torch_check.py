"""Uses a generated PyTorch module as its users do: python3 torch_check.py eager|graphs|ranks FOLDER MODULE, prints one JSON object.

FOLDER has case.json ({"params": [[name, shape]], "inputs": [[name, shape]]}), weights.bin and inputs.bin, raw f32.
"""

import copy
import json
import os
import sys
import warnings

import numpy
import torch
import torch.distributed as dist

part, folder, module = sys.argv[1:4]
sys.path.insert(0, os.path.join(folder, "torch"))
case = json.load(open(os.path.join(folder, "case.json")))


def tensors(file, rows):
    values = torch.from_numpy(numpy.fromfile(os.path.join(folder, file), dtype=numpy.float32))
    parts = values.split([int(numpy.prod(shape)) for _, shape in rows])
    return {name: part.reshape(shape).clone() for (name, shape), part in zip(rows, parts)}


checkpoint = tensors("weights.bin", case["params"])
inputs = list(tensors("inputs.bin", case["inputs"]).values())
listed = lambda outputs: list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
same = lambda some, others: all(torch.equal(a, b) for a, b in zip(listed(some), listed(others)))

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    generated = __import__(module)
    model = generated.Model(checkpoint, device="cpu")
    expected = model(*inputs)


def message(work):
    try:
        work()
        return None
    except Exception as error:
        return str(error).split("\n")[0]


def eager():
    """What every torch from 1.13 on has."""
    from torch._subclasses import FakeTensorMode

    few = dict(list(checkpoint.items())[1:])
    short = {**checkpoint, case["params"][0][0]: torch.zeros(3)}
    halves = {name: tensor.double() for name, tensor in checkpoint.items()}
    trained = {name: torch.nn.Parameter(tensor) for name, tensor in checkpoint.items()}
    another = generated.Model(trained, device="cpu")
    saved = generated.Model.from_packed(torch.zeros_like(model.weights))
    saved.load_state_dict(model.state_dict())
    image, *others = inputs
    with FakeTensorMode() as mode:
        fakes = [mode.from_tensor(tensor) for tensor in [model.weights, *inputs]]
        shapes = [list(output.shape) for output in listed(generated._ops.forward(*fakes))]
    return {
        "shapes": [list(output.shape) for output in listed(expected)],
        "first": listed(expected)[0].flatten().tolist(),
        "fake": shapes,
        "packed": same(expected, generated.Model.from_packed(model.state_dict()["weights"].clone())(*inputs)),
        "saved": same(expected, saved(*inputs)) and same(expected, copy.deepcopy(saved).half()(*inputs)),
        "wider": same(expected, generated.Model(halves, device="cpu")(*inputs)),
        "trained": same(expected, another(*inputs)) and not another.weights.requires_grad,
        "strided": same(expected, model(image.transpose(2, 3).contiguous().transpose(2, 3), *others)),
        "warnings": [str(one.message) for one in warned],
        "errors": [
            message(lambda: generated.Model(few, device="cpu")),
            message(lambda: generated.Model(short, device="cpu")),
            message(lambda: generated.Model(checkpoint, device="meta")),
            message(lambda: model(image[:, :, 1:], *others)),
            message(lambda: generated._ops.forward(model.weights, image.double(), *others)),
            message(lambda: model(image[:0], *others)),
            message(lambda: generated._ops.forward(model.weights[1:], image, *others)),
        ],
    }


class Around(torch.nn.Module):
    """The model between operators that the compiler makes itself."""

    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, image, *others):
        first, *rest = listed(self.model((image + 1) - 1, *others))
        return [first.exp(), *rest]


def graphs():
    """What torch has had since 2.4: its compiler, its checks of an operator, its exporter."""
    from torch._dynamo.testing import CompileCounterWithBackend

    three = [torch.cat([tensor, tensor[:1]]) for tensor in inputs]
    fixed = torch.compile(model, fullgraph=True)
    around = Around()
    found = torch._dynamo.explain(around)(*inputs)
    counter = CompileCounterWithBackend("inductor")
    torch._dynamo.reset()
    dynamic = torch.compile(around, fullgraph=True, dynamic=True, backend=counter)
    near = lambda given: all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(dynamic(*given), around(*given)))
    batch = torch.export.Dim("batch", min=1, max=4)
    program = torch.export.export(model, tuple(inputs), dynamic_shapes=tuple({0: batch} for _ in inputs)).module()
    return {
        "fixed": same(expected, fixed(*inputs)),
        "graphs": found.graph_count,
        "breaks": found.graph_break_count,
        "dynamic": near(inputs) and near(three),
        "compilations": counter.frame_count,
        "exported": same(expected, program(*inputs)) and same(model(*three), program(*three)),
        "opcheck": torch.library.opcheck(generated._ops.forward, (model.weights, *inputs)),
    }


def ranks():
    """One of several processes, each of which takes one image: under torchrun, or with RANK and WORLD_SIZE set by hand."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if dist.is_torchelastic_launched():
        dist.init_process_group("gloo")
    else:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    mine = listed(model(*[tensor[rank : rank + 1] for tensor in inputs]))[0].contiguous()
    parts = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(parts, mine)
    dist.destroy_process_group()
    return {"first": torch.cat(parts).flatten().tolist(), "torchrun": dist.is_torchelastic_launched()} if rank == 0 else None


result = {"eager": eager, "graphs": graphs, "ranks": ranks}[part]()
if result is not None:
    print(json.dumps(result))
