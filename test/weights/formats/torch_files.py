"""Writes weights as their owners have them: python3 torch_files.py FOLDER

FOLDER has one raw file NAME.bin (f32) and NAME.json ([[name, shape]]) for each naming; NAME.TYPE.pt and others come beside.
"""

import argparse
import collections
import datetime
import functools
import glob
import json
import os
import pathlib
import sys

import numpy
import torch

folder = sys.argv[1]
types = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def at(name):
    return os.path.join(folder, name)


for rows in sorted(glob.glob(at("*.json"))):
    name = os.path.basename(rows)[: -len(".json")]
    values = torch.from_numpy(numpy.fromfile(at(name + ".bin"), dtype=numpy.float32))
    shapes = json.load(open(rows))
    parts = values.split([int(numpy.prod(shape)) for _, shape in shapes])
    whole = collections.OrderedDict((n, part.reshape(s).clone()) for (n, s), part in zip(shapes, parts))
    for label, dtype in types.items():
        state = collections.OrderedDict((n, tensor.to(dtype)) for n, tensor in whole.items())
        torch.save({"model": state}, at(f"{name}.{label}.pt"))
    torch.save(whole, at(f"{name}.plain.pth"))
    torch.save({"model": whole}, at(f"{name}.legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save({"state_dict": whole}, at(f"{name}.protocol4.pt"), pickle_protocol=4)
    numpy.savez(at(f"{name}.npz"), **{n: tensor.numpy() for n, tensor in whole.items()})
    numpy.savez(at(f"{name}.fortran.npz"), **{n: numpy.asfortranarray(t.numpy()) for n, t in whole.items()})
    numpy.savez_compressed(at(f"{name}.compressed.npz"), **{n: tensor.numpy() for n, tensor in whole.items()})

    # What a training script saves: parameters, an optimizer with state, arguments; weights that share one storage.
    parameters = collections.OrderedDict((n, torch.nn.Parameter(tensor.clone())) for n, tensor in whole.items())
    parameters._metadata = collections.OrderedDict([("", {"version": 1})])
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3)
    copies = collections.OrderedDict((n, p.detach().clone()) for n, p in parameters.items())
    sum(p.sum() for p in parameters.values()).backward()
    optimizer.step()
    arguments = argparse.Namespace(lr=1e-3, device=torch.device("cuda:0"), dtype=torch.float16, betas=(0.9, 0.95), resume=None)
    training = {"model": copies, "model_ema": parameters, "optimizer": optimizer.state_dict(), "epoch": 3, "args": arguments}
    torch.save({**training, "size": torch.Size([1, 2])}, at(f"{name}.training.pth"))
    flat = torch.cat([tensor.flatten() for tensor in whole.values()])
    views, begin = collections.OrderedDict(), 0
    for n, tensor in whole.items():
        view = flat[begin : begin + tensor.numel()].view(tensor.shape)
        begin += tensor.numel()
        # Held in the other order than it is read in.
        views[n] = view.t().contiguous().t() if view.dim() == 2 else view
    torch.save(views, at(f"{name}.views.pt"))



class History:
    """As loggers of training frameworks keep figures."""

    def __init__(self):
        self.figures = numpy.arange(3.0)
        self.smooth = {"mean": functools.partial(numpy.mean, axis=0)}


# What lies beside weights of known names, each by itself and in whatever it is kept in.
network = torch.load(at("official.plain.pth"))
beside = {
    "counter": collections.Counter({10: 1}),
    "default": collections.defaultdict(list, a=[1]),
    "set": {1, 2},
    "complex": 1j,
    "bytes": b"abc",
    "bytearray": bytearray(b"abc"),
    "number": numpy.float64(0.5),
    "array": numpy.zeros(3),
    "history": {"loss": [History(), (History(), None)]},
    "path": pathlib.Path("data"),
    "time": datetime.datetime(2026, 1, 1),
    "layout": torch.strided,
    "quantised": torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8),
    "sparse": torch.eye(2).to_sparse(),
    "module": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GELU()),
    "rng": torch.get_rng_state(),
    "partial": functools.partial(print, 1),
}
for protocol in (2, 4):
    torch.save({**beside, "net": network}, at(f"beside.{protocol}.pt"), pickle_protocol=protocol)
    for key in beside:
        torch.save({key: beside[key], "net": network}, at(f"beside.{key}.{protocol}.pt"), pickle_protocol=protocol)
# Storages of a class that is not read have no length that is known, and stand in the way of those behind them.
old = {key: value for key, value in beside.items() if key != "quantised"}
torch.save({**old, "net": network}, at("beside.old.pt"), _use_new_zipfile_serialization=False)

# What is refused.
one = torch.ones(2, 2)
torch.save({"w": torch.quantize_per_tensor(one, 1.0, 0, torch.qint8)}, at("refused.quantised"))
torch.save({"w": one.to_sparse()}, at("refused.sparse"))
torch.save({"w": one.to(torch.complex64)}, at("refused.complex"))
torch.save({"w": one, "best": numpy.float64(0.5)}, at("refused.scalar"))
torch.save({"w": one, "mean": numpy.zeros(3)}, at("refused.array"))
torch.save(torch.nn.Linear(2, 2), at("refused.module"))
torch.jit.script(torch.nn.Linear(2, 2)).save(at("refused.script"))
numpy.savez(at("objects.npz"), w=numpy.array([{}], dtype=object))
os.rename(at("objects.npz"), at("refused.objects"))


class Tagged(torch.Tensor):
    pass


torch.save({"w": one.as_subclass(Tagged)}, at("refused.subclass"))
