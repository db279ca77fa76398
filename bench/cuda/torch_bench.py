"""torch_bench.py GOLDENS: times PyTorch's ConvNeXt V2, eager and compiled, one JSON object a line, the most wanted first."""
import json
import os
import signal
import statistics
import sys

import torch
from convnextv2 import ConvNeXtV2
from masked_encoder import encode

torch.backends.cudnn.benchmark = True
torch.set_float32_matmul_precision("highest")


def generated(seed, name, size, mean, halfwidth):
    """The golden files' generator, for the few values that a check needs; slow."""
    state = 0x811C9DC5
    for byte in f"{seed}:{name}".encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    state = state or 0x9E3779B9
    values = []
    for _ in range(size):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        values.append(mean + (2 * (state / 4294967296) - 1) * halfwidth)
    return torch.tensor(values, dtype=torch.float64).float()


def check(folder, size):
    """Eager f32 against the logits on record, so that what is timed is the same network."""
    golden = {}
    spreads = {}
    with open(os.path.join(folder, f"{size}-224x224-b1.txt")) as file:
        words = iter(file.read().split())
    for word in words:
        if word == "param":
            spreads[next(words)] = (float(next(words)), float(next(words)))
        elif word == "input":
            golden["input"] = (float(next(words)), float(next(words)))
        elif word == "wanted":
            golden["wanted"] = torch.tensor([float(next(words)) for _ in range(int(next(words)))])
        else:
            golden[word] = next(words)
    model = ConvNeXtV2(size).eval()
    seed = golden["seed"]
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(generated(seed, name, value.numel(), *spreads[name]).view_as(value))
        image = generated(seed, "input", 3 * 224 * 224, *golden["input"]).view(1, 3, 224, 224)
        found = model(image)[0]
    error = (found - golden["wanted"]).norm() / golden["wanted"].norm()
    print(json.dumps({"label": f"torch-{size}-f32", "golden": f"{size}-224x224-b1", "rel_l2": error.item(), "worst": 0, "repeatable": True}), flush=True)


def timed(run):
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    found = []
    while len(found) < 10 or (sum(found) < 300 and len(found) < 200):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        stop.record()
        stop.synchronize()
        found.append(start.elapsed_time(stop))
    return statistics.median(found)


MODES = {"compile": None, "reduce-overhead": "reduce-overhead", "max-autotune": "max-autotune-no-cudagraphs"}


def network(name, batch):
    size, _, masked = name.partition("_")
    return Encoder(size, batch) if masked else ConvNeXtV2(size)


def measure(size, dtype, batch, peer):
    torch.manual_seed(0)
    kind = {"bf16": torch.bfloat16, "f32": torch.float32}[dtype]
    model = network(size, batch).eval().cuda().to(kind).to(memory_format=torch.channels_last)
    image = torch.randn(batch, 3, 224, 224, device="cuda", dtype=kind).contiguous(memory_format=torch.channels_last)
    if peer != "eager":
        torch._dynamo.reset()
        model = torch.compile(model, mode=MODES[peer])
    with torch.inference_mode():
        ms = timed(lambda: model(image))
    print(json.dumps({"peer": peer, "model": size, "dtype": dtype, "batch": batch, "ms": ms, "torch": torch.__version__}), flush=True)


class Encoder(torch.nn.Module):
    """The masked encoder as a module of its own, 19 of 49 patches kept."""

    def __init__(self, size, batch):
        super().__init__()
        self.network = ConvNeXtV2(size)
        order = torch.rand(batch, 49).argsort(dim=1)
        self.register_buffer("mask", (order >= 19).float())

    def forward(self, image):
        return encode(self.network, image, self.mask)


class TooLong(Exception):
    pass


def give_up(*_):
    raise TooLong("took too long")


signal.signal(signal.SIGALRM, give_up)


def attempt(seconds, what, *words):
    """One case must not stop the others."""
    signal.alarm(seconds)
    try:
        what(*words)
    except Exception as cause:
        print(f"{what.__name__} {words}: {type(cause).__name__}: {str(cause)[:300]}", file=sys.stderr, flush=True)
    finally:
        signal.alarm(0)


for batch in (256, 1):
    for size in ("atto", "tiny", "base"):
        attempt(20, measure, size, "bf16", batch, "eager")
# The most wanted first: what is compiled without a search takes half a minute, the search some minutes.
for size in ("atto", "tiny"):
    attempt(90, measure, size, "bf16", 256, "compile")
    attempt(90, measure, size, "bf16", 1, "reduce-overhead")
for size in ("atto_fcmae", "tiny_fcmae"):
    for batch in (256, 1):
        attempt(20, measure, size, "bf16", batch, "eager")
    attempt(90, measure, size, "bf16", 256, "compile")
    attempt(90, measure, size, "bf16", 1, "reduce-overhead")
for size in ("atto", "tiny"):
    attempt(150, measure, size, "bf16", 256, "max-autotune")
attempt(120, measure, "base", "bf16", 256, "compile")
attempt(120, measure, "base", "bf16", 1, "reduce-overhead")
attempt(60, check, sys.argv[1], "atto")
for size in ("atto", "tiny", "base"):
    attempt(20, measure, size, "f32", 256, "eager")
    attempt(120, measure, size, "bf16", 32, "compile")
attempt(240, measure, "base", "bf16", 256, "max-autotune")
for size in ("atto", "tiny", "base"):
    attempt(120, measure, size, "f32", 256, "compile")
    attempt(120, measure, size, "f32", 1, "reduce-overhead")
