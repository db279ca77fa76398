"""Peer of `npm run bench -- train`: masked pre-training in plain PyTorch on the CPU, on all patches with a mask. Reads the
model, its weights, images and masks from the folder that it is given; prints the first loss and the median of the
milliseconds of a step: forward, backward, AdamW. Works with Debian's python3-torch."""
import json
import os
import statistics
import sys
import time

import numpy
import torch
from torch_networks import Autoencoder

folder = sys.argv[1]
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)


def values(name, shape):
    data = numpy.fromfile(os.path.join(folder, name + ".f32"), dtype=numpy.float32)
    return torch.from_numpy(data.reshape(shape))


network = Autoencoder(model)
network.load_state_dict({name: values(name, shape) for name, shape in model["params"]})
image, mask = values("pixel_values", model["input"]), values("mask", model["mask"])
optimizer = torch.optim.AdamW(network.parameters(), lr=model["lr"], betas=(0.9, 0.95), weight_decay=0.05)


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = network(image, mask)
    loss.backward()
    optimizer.step()
    return loss.item()


loss, times = step(), []
step()
begin = time.perf_counter()
while len(times) < 3 or (len(times) < 15 and time.perf_counter() - begin < 10):
    start = time.perf_counter()
    step()
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"loss": loss, "ms": statistics.median(times)}))
