"""Writes torchvision.json: what torchvision's transforms on PIL images make of the pictures of pictures.ts.

Needs numpy, Pillow and torchvision: python3 test/preprocess/torchvision_check.py > test/preprocess/torchvision.json
"""

import hashlib
import json

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# width, height of the picture; width, height of the model's input
CASES = [
    (300, 200, 224, 224), (201, 303, 224, 224), (640, 427, 224, 224), (97, 41, 224, 224), (224, 224, 224, 224),
    (256, 256, 224, 224), (257, 255, 224, 224), (1023, 769, 224, 224), (33, 500, 64, 64), (1, 1, 32, 32),
    (7, 3, 32, 32), (500, 375, 288, 288), (431, 640, 160, 160), (129, 131, 96, 96), (640, 480, 384, 384),
    (201, 303, 384, 384), (511, 333, 160, 96), (65, 77, 96, 160), (1999, 61, 64, 64), (333, 1201, 128, 128),
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


def transform(width, height):
    if width == height and width < 384:
        resize = transforms.Resize(int(width / (224 / 256)), interpolation=InterpolationMode.BICUBIC)
        return transforms.Compose([resize, transforms.CenterCrop(width)])
    return transforms.Resize((height, width), interpolation=InterpolationMode.BICUBIC)


def case(seed, width, height, to_width, to_height):
    image = transform(to_width, to_height)(Image.fromarray(picture(seed, width, height)))
    pixels = np.asarray(image)
    planes = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])(image).numpy().ravel()
    step = planes.size // 24
    return {
        "picture": [width, height],
        "input": [to_width, to_height],
        # Of the bytes before they are normalised, row by row, RGB.
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        # Every step-th value of the tensor [3, H, W].
        "step": step,
        "samples": [round(float(value), 6) for value in planes[::step]],
    }


if __name__ == "__main__":
    made = {"pillow": PIL.__version__, "torchvision": torchvision.__version__.split("a")[0]}
    rows = ",\n    ".join(json.dumps(case(seed, *sizes)) for seed, sizes in enumerate(CASES))
    print(f'{{\n  "madeWith": {json.dumps(made)},\n  "cases": [\n    {rows}\n  ]\n}}')
