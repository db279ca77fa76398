"""Peer of bench/fashion/run.mjs in plain PyTorch on the CPU: the same network, recipe, images, masks and order.

  torch_peer.py train MODEL.json START.safetensors END.safetensors   batches on standard input; a line of JSON a step
  torch_peer.py test MODEL.json WEIGHTS.safetensors TEST.safetensors        the part of the images that it is right about
  torch_peer.py probe MODEL.json WEIGHTS.safetensors TRAIN.safetensors TEST.safetensors   that of a linear probe
"""
import json
import math
import os
import struct
import sys

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_networks import Autoencoder, Classifier  # noqa: E402

DTYPES = {"F32": numpy.float32, "U8": numpy.uint8, "I64": numpy.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    found = {}
    for name, about in header.items():
        start, end = about["data_offsets"]
        values = numpy.frombuffer(data[start:end], dtype=DTYPES[about["dtype"]]).reshape(about["shape"])
        found[name] = torch.from_numpy(values.copy())
    return found


def write_safetensors(path, tensors):
    header, parts, at = {}, [], 0
    for name, tensor in tensors.items():
        part = tensor.detach().contiguous().numpy().astype(numpy.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def network(model, weights):
    made = (Autoencoder if model["head"] == "fcmae" else Classifier)(model)
    # Of a pre-trained encoder what the classifier has too; a probe needs no head.
    own = made.state_dict()
    made.load_state_dict({**own, **{name: value for name, value in weights.items() if name in own}})
    return made


def batches(model):
    """What the other side has of each step: its learning rate, then tensors in the order of the model."""
    stream = sys.stdin.buffer
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        found = [struct.unpack("<f", head)[0]]
        for shape in model["inputs"]:
            data = stream.read(4 * math.prod(shape))
            found.append(torch.from_numpy(numpy.frombuffer(data, dtype=numpy.float32).copy().reshape(shape)))
        yield found


def train(model, start, end):
    made = network(model, read_safetensors(start))
    decays = {name: decay for name, decay in model["decays"]}
    groups = [{"params": [value], "weight_decay": decays[name]} for name, value in made.named_parameters()]
    optimizer = torch.optim.AdamW(groups, betas=model["betas"], eps=model["eps"])
    for lr, image, other in batches(model):
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.zero_grad(set_to_none=True)
        if model["head"] == "fcmae":
            loss = made(image, other)
        else:
            loss = torch.sum(-other * F.log_softmax(made(image), dim=-1), dim=-1).mean()
        loss.backward()
        optimizer.step()
        print(json.dumps({"loss": loss.item()}), flush=True)
    write_safetensors(end, made.state_dict())


def images(path):
    tensors = read_safetensors(path)
    return tensors["pixel_values"].float() / 255, tensors["labels"]


@torch.inference_mode()
def test(model, weights, path):
    made = network(model, read_safetensors(weights)).eval()
    pictures, labels = images(path)
    right = sum(
        (made(pictures[i : i + 500]).argmax(-1) == labels[i : i + 500]).sum().item() for i in range(0, len(labels), 500)
    )
    print(json.dumps({"top1": right / len(labels)}))


def probe(model, weights, train_path, test_path):
    """Multinomial logistic regression on the encoder's pooled, standardised features."""
    made = network(model, read_safetensors(weights)).eval()
    sets = []
    for path in (train_path, test_path):
        pictures, labels = images(path)
        with torch.inference_mode():
            found = [made.features(pictures[i : i + 500]) for i in range(0, len(labels), 500)]
        sets.append((torch.cat(found), labels))
    (x, y), (x2, y2) = sets
    mean, std = x.mean(0), x.std(0) + 1e-6
    x, x2 = (x - mean) / std, (x2 - mean) / std
    weight = torch.zeros(x.shape[1], 10, requires_grad=True)
    bias = torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, y) + 1e-4 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    print(json.dumps({"top1": ((x2 @ weight + bias).argmax(-1) == y2).float().mean().item()}))


command, about, *rest = sys.argv[1:]
with open(about) as file:
    described = json.load(file)
{"train": train, "test": test, "probe": probe}[command](described, *rest)
