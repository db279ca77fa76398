"""Peer of `npm run bench -- fcmae`: the masked encoder in plain PyTorch on one CPU thread. Reads the model from the folder
that it is given, checks its result against ours there, then answers every line on standard input with a time in
milliseconds. Works with Debian's python3-torch (apt-get install python3-torch libopenblas0) and newer."""
import json
import os
import sys
import time

import numpy
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuda"))
from convnextv2 import ConvNeXtV2  # noqa: E402
from masked_encoder import encode  # noqa: E402

folder = sys.argv[1]
torch.set_num_threads(1)
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)


def values(name, shape):
    data = numpy.fromfile(os.path.join(folder, name + ".f32"), dtype=numpy.float32)
    return torch.from_numpy(data.reshape(shape))


network = ConvNeXtV2(model["size"]).eval()
state = network.state_dict()
for name, shape in model["params"]:
    state[name] = values(name, shape)
network.load_state_dict(state)
image, mask = values("pixel_values", model["input"]), values("mask", model["mask"])
with torch.inference_mode():
    found, ours = encode(network, image, mask), values("encoded", model["encoded"])
    error = ((found - ours).norm() / found.norm()).item()
    print(json.dumps({"rel_l2": error, "torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        encode(network, image, mask)
        print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)
