"""torch_train_bench.py NETWORKS: times a step of PyTorch's ConvNeXt V2 on a GPU, forward, backward and AdamW in bf16 by autocast:
masked pre-training on all patches with a mask, as the official program's users run it now, and supervised. One JSON object a
line, the most wanted first."""
import json
import signal
import statistics
import sys

import torch
from torch_networks import Autoencoder, Classifier

torch.backends.cudnn.benchmark = True
with open(sys.argv[1]) as file:
    networks = json.load(file)


def timed(run):
    for _ in range(4):
        run()
    torch.cuda.synchronize()
    found = []
    while len(found) < 8 or (sum(found) < 500 and len(found) < 100):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        stop.record()
        stop.synchronize()
        found.append(start.elapsed_time(stop))
    return statistics.median(found)


def measure(size, task, batch, peer):
    torch.manual_seed(0)
    about = networks[size]
    network = (Autoencoder if task == "fcmae" else Classifier)(about).cuda().to(memory_format=torch.channels_last)
    image = torch.randn(batch, 3, 224, 224, device="cuda").contiguous(memory_format=torch.channels_last)
    patches = (224 // about["patch"]) ** 2
    mask = (torch.rand(batch, patches, device="cuda").argsort(1) >= round(0.4 * patches)).float()
    labels = torch.randint(about["classes"], (batch,), device="cuda")
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
    if peer == "compile":
        torch._dynamo.reset()
        network = torch.compile(network)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            found = network(image, mask) if task == "fcmae" else network(image)
        loss = found.float() if task == "fcmae" else torch.nn.functional.cross_entropy(found.float(), labels)
        loss.backward()
        optimizer.step()

    ms = timed(step)
    row = {"train_peer": peer, "model": size, "task": task, "batch": batch, "ms": ms, "torch": torch.__version__}
    print(json.dumps(row), flush=True)
    del network, optimizer
    torch.cuda.empty_cache()


class TooLong(Exception):
    pass


def give_up(*_):
    raise TooLong("took too long")


signal.signal(signal.SIGALRM, give_up)


def attempt(seconds, *words):
    """One case must not stop the others."""
    signal.alarm(seconds)
    try:
        measure(*words)
    except Exception as cause:
        print(f"{words}: {type(cause).__name__}: {str(cause)[:300]}", file=sys.stderr, flush=True)
    finally:
        signal.alarm(0)


for size in ("tiny", "base", "atto"):
    attempt(120, size, "fcmae", 256, "compile")
    attempt(30, size, "fcmae", 256, "eager")
for size in ("tiny", "base", "atto"):
    attempt(120, size, "supervised", 256, "compile")
    attempt(30, size, "supervised", 256, "eager")
for size in ("tiny", "base", "atto"):
    for task in ("fcmae", "supervised"):
        attempt(30, size, task, 64, "eager")
        attempt(120, size, task, 64, "compile")
