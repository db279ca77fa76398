"""Uses a generated module that learns as its users do: python3 torch_train_check.py PART FOLDER MODULE, prints one JSON object.

FOLDER has case.json ({"inputs": [{"input", "shape", "data"}]}); gradients are written there as raw f32 to gradients.bin.
"""

import importlib
import json
import os
import sys
import warnings

import torch
import torch.distributed as dist

part, folder, module = sys.argv[1:4]
sys.path.insert(0, os.path.join(folder, "torch"))
torch.set_num_threads(1)


def load():
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        generated = importlib.import_module(module)
        model = generated.Model()
    return generated, model, [str(one.message) for one in warned]


def given():
    case = json.load(open(os.path.join(folder, "case.json")))
    return [torch.tensor(one["data"], dtype=torch.float32).reshape(one["shape"]) for one in case["inputs"]]


def gradients_of(model, inputs, share=1.0):
    loss = model(*inputs) * share
    loss.backward()
    return loss.item(), torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def message(work):
    try:
        work()
        return None
    except Exception as error:
        return str(error).split("\n")[0]


def gradients():
    generated, model, warned = load()
    inputs = given()
    loss, flat = gradients_of(model, inputs)
    named = dict(model.named_parameters())
    in_order = torch.cat([named[name].grad.flatten() for name, *_ in generated.PARAMETERS])
    in_order.numpy().tofile(os.path.join(folder, "gradients.bin"))
    added = gradients_of(model, inputs)[1]  # on top of those that are there
    model.zero_grad(set_to_none=True)
    again = gradients_of(model, inputs)[1]
    model.zero_grad(set_to_none=True)
    halved = gradients_of(model, inputs, 0.5)[1]
    picture, *others = inputs
    ops = generated._ops
    parameters = [generated._found(model, name) for name, _ in generated._SEGMENTS[0].parameters]
    five = [torch.cat([tensor, tensor, tensor[:1]]) for tensor in inputs]
    return {
        "loss": loss,
        "state": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
        "again": torch.equal(again, flat),
        "added": torch.equal(added, flat + flat),
        "halved": torch.equal(halved, flat / 2),
        "begun": all(torch.equal(model.state_dict()[name], tensor) for name, tensor in generated.initial().items()),
        "warnings": warned,
        "errors": [
            message(lambda: model(picture, others[-1][:, 1:])),
            message(lambda: model(picture[:, :, 1:], *others)),
            message(lambda: model(*five)),
            message(lambda: ops.forward(len(generated._SEGMENTS), inputs, [])),
            message(lambda: ops.forward(0, inputs, parameters[:1])),
            message(lambda: ops.forward(0, inputs, [tensor.double() for tensor in parameters])),
        ]
        if len(others) == 1
        else [],
    }


def ddp():
    """One of several processes: its part of a batch, against the whole of it."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo")
    generated, model, _ = load()
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(6, *given()[0].shape[1:], generator=generator)
    masks = generated.draw_mask(6, "cpu", generator)
    whole = [gradients_of(model, (pictures[at : at + 2], masks[at : at + 2]), 1 / 3)[1].clone() for at in (0, 2, 4)][-1]
    model.zero_grad(set_to_none=True)
    engine = torch.nn.parallel.DistributedDataParallel(model)
    mine = slice(rank * 6 // world, (rank + 1) * 6 // world)
    halves = [slice(mine.start, mine.start + 1), slice(mine.start + 1, mine.stop)]
    # Of a first micro-batch without, then of all with a reduction: what DDP means by accumulating.
    with engine.no_sync():
        engine(pictures[halves[0]], masks[halves[0]]).mul(1 / (6 // world)).backward()
    engine(pictures[halves[1]], masks[halves[1]]).mul((6 // world - 1) / (6 // world)).backward()
    reduced = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    parts = [torch.empty_like(reduced) for _ in range(world)]
    dist.all_gather(parts, reduced)
    dist.destroy_process_group()
    return {
        "off": ((reduced - whole).norm() / whole.norm()).item(),
        "moved": bool(whole.norm() > 0),
        "reduced": all(torch.equal(one, reduced) for one in parts),
    }


def fsdp():
    """One of two processes that hold half of everything each: a step of theirs on two pictures, against one's on both."""
    from torch.distributed.fsdp import FullyShardedDataParallel

    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo")
    generated, model, _ = load()
    inputs = given()
    alone = generated.Model()
    gradients_of(alone, inputs)
    torch.optim.SGD(alone.parameters(), 1e3).step()
    engine = FullyShardedDataParallel(model, use_orig_params=True, device_id=torch.device("cpu"))
    held = sum(parameter.numel() for parameter in engine.parameters())
    engine(*[tensor[rank : rank + 1] for tensor in inputs]).backward()
    torch.optim.SGD(engine.parameters(), 1e3).step()
    with FullyShardedDataParallel.summon_full_params(engine):
        found = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    dist.destroy_process_group()
    flat = lambda tensors: torch.cat([tensor.detach().flatten() for tensor in tensors])
    begun = flat(generated.Model().parameters())
    step = flat(alone.parameters()) - begun
    return {"off": ((found - begun - step).norm() / step.norm()).item(), "share": held / begun.numel()}


def pictures():
    """Two classes of drawn pictures."""
    from PIL import Image

    generator = torch.Generator().manual_seed(1)
    for number in range(32):
        at = os.path.join(folder, "pictures", "even" if number % 2 == 0 else "odd")
        os.makedirs(at, exist_ok=True)
        coarse = torch.rand(3, 8, 8, generator=generator)
        fine = torch.nn.functional.interpolate(coarse[None], size=(150, 170), mode="bilinear")[0]
        Image.fromarray((fine.permute(1, 2, 0) * 255).byte().numpy()).save(os.path.join(at, f"{number}.png"))


def same():
    """Whether two runs left the same."""
    one, other = (torch.load(os.path.join(folder, run, "last.pt")) for run in ("whole", "broken"))
    generated, _, _ = load()
    begun = generated.initial()
    equal = lambda key: all(torch.equal(tensor, other[key][name]) for name, tensor in one[key].items())
    moments = zip(one["optimizer"]["state"].values(), other["optimizer"]["state"].values())
    return {
        "same": equal("model") and equal("ema") and all(torch.equal(a["exp_avg_sq"], b["exp_avg_sq"]) for a, b in moments),
        "learned": all(not torch.equal(tensor, begun[name]) for name, tensor in one["model"].items() if "weight" in name),
    }


def graphs():
    """What torch has had since 2.4: its compiler, its checks of an operator, its exporter."""
    generated, model, _ = load()
    inputs = given()
    loss, flat = gradients_of(model, inputs)
    model.zero_grad(set_to_none=True)
    compiled = torch.compile(model, fullgraph=True)
    compiled_loss, compiled_flat = gradients_of(compiled, inputs)
    model.zero_grad(set_to_none=True)
    found = torch._dynamo.explain(model)(*inputs)
    program = torch.export.export(model, tuple(inputs)).module()
    checks = []
    made = None
    for number, segment in enumerate(generated._SEGMENTS):
        names = [name for name in ("pixel_values", "mask") if name in segment.inputs]
        tensors = ([] if made is None else [made]) + [dict(zip(("pixel_values", "mask"), inputs))[name] for name in names]
        parameters = [generated._found(model, name) for name, _ in segment.parameters]
        checks.append(torch.library.opcheck(generated._ops.forward, (number, tensors, parameters)))
        made, saved = (tensor.detach() for tensor in generated._ops.forward(number, tensors, parameters))
        learned = [tensor.detach() for tensor in parameters]
        arguments = (number, torch.ones_like(made), [tensor.detach() for tensor in tensors], made, saved, learned)
        checks.append(torch.library.opcheck(generated._ops.backward, arguments))
    return {
        "compiled": compiled_loss == loss and torch.equal(compiled_flat, flat),
        "graphs": found.graph_count,
        "breaks": found.graph_break_count,
        "exported": program(*inputs).item() == loss,
        "opcheck": sorted({said for check in checks for said in check.values()}),
    }


result = {"gradients": gradients, "ddp": ddp, "fsdp": fsdp, "pictures": pictures, "same": same, "graphs": graphs}[part]()
if result is not None:
    print(json.dumps(result))
