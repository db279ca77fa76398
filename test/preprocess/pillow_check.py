"""Writes pillow.json: what Pillow's own resize and crop make of the pictures of pictures.ts, by every filter and fit.

Needs numpy and Pillow alone: python3 test/preprocess/pillow_check.py > test/preprocess/pillow.json
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import PIL
from PIL import Image

sys.dont_write_bytecode = True
FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]

# width, height of the picture and of the input; how it is fitted: as a spec says it
CASES = [
    (97, 61, 40, 40, {"crop": 0.95}), (41, 77, 64, 64, {"crop": 0.95}), (130, 97, 64, 64, {"resize": 80}),
    (64, 100, 48, 48, {"resize": "squash"}), (101, 57, 40, 40, {"resize": "squash", "crop": 0.8}),
    (120, 50, 32, 64, {"crop": 0.9}), (50, 120, 64, 32, {"crop": 0.9}), (33, 31, 48, 96, {"crop": 1}),
    (500, 20, 24, 40, {"crop": 0.7}), (90, 70, 32, 56, {"resize": 60}), (11, 9, 64, 64, {"crop": 1}),
]


def mixed(x):
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def picture(seed, width, height):
    """Waves, hard edges and noise, from whole numbers alone."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    i = ((y * width + x) * 3 + c).astype(np.uint32)
    wave = (x * (3 + seed % 5) + y * (2 + seed % 7) + c * 85) % 510
    wave = np.where(wave > 255, 510 - wave, wave)
    noise = (mixed(i + mixed(np.full_like(i, seed))) >> np.uint32(24)).astype(np.int64)
    edge = ((x // 16 + y // 16 + c) % 3 == 0) * 255
    return ((2 * wave + noise + edge) // 4).astype(np.uint8)


def resized(width, height, to_width, to_height, fit):
    """What timm and torchvision resize to: the shorter side alone for a square, a size of both sides' ratio for others."""
    crop, resize = fit.get("crop", 1), fit.get("resize")
    if resize == "squash":
        return int(to_width / crop), int(to_height / crop)
    over_width, over_height = (resize, resize) if resize else (int(to_width / crop), int(to_height / crop))
    if over_width == over_height:
        if width <= height:
            return over_width, int(over_width * height / width)
        return int(over_width * width / height), over_width
    ratio = min(height / over_height, width / over_width)
    return round(width / ratio), round(height / ratio)


def case(seed, width, height, to_width, to_height, fit, name):
    size = resized(width, height, to_width, to_height, fit)
    image = Image.fromarray(picture(seed, width, height)).resize(size, FILTERS.index(name))
    left, top = round((size[0] - to_width) / 2), round((size[1] - to_height) / 2)
    pixels = np.asarray(image.crop((left, top, left + to_width, top + to_height)))
    return {
        "seed": seed,
        "picture": [width, height],
        "input": [to_width, to_height],
        "fit": fit,
        "interpolation": name,
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }


cases = [case(seed, *given, name) for seed, given in enumerate(CASES) for name in FILTERS]
print(json.dumps({"made_with": {"Pillow": PIL.__version__, "by": pathlib.Path(__file__).name}, "cases": cases}, indent=1))
