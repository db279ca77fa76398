"""table.py RESULTS FIGURES OUTDIR BUILDS: lines of JSON to table.md, each launch and each step with its share of the roofline."""
import json
import os
import subprocess
import sys

results, figures, out, builds = sys.argv[1:5]
rows = []
with open(results) as lines:
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            pass
with open(figures) as file:
    known = json.load(file)
try:
    device = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True
    ).stdout.strip().splitlines()[0]
except (OSError, IndexError):
    device = "no GPU"
name = next((key for key in known if key in device), "H200")
rate = known[name]
text = [f"# {device}", ""]

failed = [row for row in rows if "failed" in row]
for row in failed:
    text.append(f"FAILED {row['label']}: {row['failed']}")

text += ["", "| build | golden file | rel_l2 | worst / rms | two runs equal |", "|---|---|---|---|---|"]
for row in rows:
    if "golden" in row:
        text.append(
            f"| {row['label']} | {row['golden']} | {row['rel_l2']:.2e} | {row['worst']:.2e} | {row['repeatable']} |"
        )

peers = {}
for row in rows:
    if "peer" in row:
        kind = "eager" if row["peer"] == "eager" else "compile"
        known_ms = peers.setdefault((row["model"], row["dtype"], row["batch"]), {})
        known_ms[kind] = min(row["ms"], known_ms.get(kind, row["ms"]))
text += [
    "",
    "| model | dtype | batch | ours ms | graph ms | images/s | floor ms | eager ms | compile ms | ratio |",
    "|---|---|---|---|---|---|---|---|---|---|",
]


def floor(launch):
    return 1000 * max(launch["bytes"] / rate["bytes"], launch["flops"] / rate[launch["unit"]])


for row in rows:
    if "graph_ms" not in row:
        continue
    launches = [one for one in rows if one.get("launch") and one["label"] == row["label"] and one["batch"] == row["batch"]]
    parts = row["label"].split("-")
    model, dtype = parts[0], parts[1]
    peer = peers.get((model, dtype, row["batch"]), {})
    ours = min(row["ms"], row["graph_ms"])
    best = peer.get("compile")
    show = lambda value: "" if value is None else f"{value:.3f}"
    text.append(
        f"| {' '.join([model, *parts[3:]])} | {dtype} | {row['batch']} | {row['ms']:.3f} | {row['graph_ms']:.3f} | {1000 * row['batch'] / ours:.0f} "
        f"| {sum(floor(one) for one in launches):.3f} | {show(peer.get('eager'))} | {show(best)} "
        f"| {'' if best is None else f'{best / ours:.2f}'} |"
    )

text += ["", "| PyTorch | model | dtype | batch | ms |", "|---|---|---|---|---|"]
for row in rows:
    if "peer" in row:
        text.append(f"| {row['peer']} | {row['model']} | {row['dtype']} | {row['batch']} | {row['ms']:.3f} |")

text += ["", "| trains | trace | losses | norms | moved | two passes equal |", "|---|---|---|---|---|---|"]
for row in rows:
    if "trace" in row:
        off = " | ".join(f"{row[key]:.2e}" for key in ("loss", "norm", "moved"))
        text.append(f"| {row['label']} | {row['trace']} | {off} | {row['repeatable']} |")


def step_floor(label, batch):
    """Milliseconds in which every launch of a step would be done at the device's rates."""
    with open(os.path.join(builds, label, "launches.txt")) as lines:
        costs = [line.split() for line in lines]
    return sum(
        floor({"unit": unit, "flops": float(flops) * batch, "bytes": float(fixed) + float(each) * batch})
        for _, _, unit, flops, fixed, each in costs
    )


train_peers = {(row["model"], row["task"], row["batch"], row["train_peer"]): row["ms"] for row in rows if "train_peer" in row}
text += [
    "",
    "| a step of | batch | ms | graph ms | backward ms | update ms | images/s | floor ms | share | eager ms | compile ms | ratio |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
]
for row in rows:
    if "step_ms" not in row:
        continue
    model = row["label"].split("-")[0]
    size, _, masked = model.partition("_")
    peer = [train_peers.get((size, "fcmae" if masked else "supervised", row["batch"], kind)) for kind in ("eager", "compile")]
    ours, least = min(row["step_ms"], row["step_graph_ms"]), step_floor(row["label"], row["batch"])
    times = " | ".join(f"{row[key]:.2f}" for key in ("step_ms", "step_graph_ms", "backward_ms", "update_ms"))
    shown = " | ".join("" if ms is None else f"{ms:.2f}" for ms in peer)
    text.append(
        f"| {row['label']} | {row['batch']} | {times} | {1000 * row['batch'] / ours:.0f} | {least:.2f} | {least / ours:.0%} "
        f"| {shown} | {'' if peer[1] is None else f'{peer[1] / ours:.2f}'} |"
    )

text += ["", f"# Launches on {device}, against {name}: {rate}", ""]
seen = None
for row in rows:
    if not row.get("launch"):
        continue
    key = (row["label"], row["batch"])
    if key != seen:
        seen = key
        text += [
            "",
            f"## {row['label']}, batch {row['batch']}",
            "",
            "| launch | kernel | us | GB/s | TFLOP/s | bound | share of roofline |",
            "|---|---|---|---|---|---|---|",
        ]
    ms = row["launch_ms"]
    memory, arithmetic = row["bytes"] / rate["bytes"], row["flops"] / rate[row["unit"]]
    text.append(
        f"| {row['launch']} | {row['kernel']} | {1000 * ms:.1f} | {row['bytes'] / ms / 1e6:.0f} "
        f"| {row['flops'] / ms / 1e9:.1f} | {'bytes' if memory > arithmetic else row['unit']} | {floor(row) / ms:.0%} |"
    )
with open(os.path.join(out, "table.md"), "w") as file:
    file.write("\n".join(text) + "\n")
