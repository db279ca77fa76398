"""Writes pillow.json: pictures as Pillow saves them, and the pixels that it reads back, which are libjpeg's and libwebp's.

Needs Pillow: python3 test/node/inputs/pillow_check.py > test/node/inputs/pillow.json
"""

import base64
import io
import json

import PIL
from PIL import Image, features

SIZE = (37, 29)


def blurred(mode, seed):
    """Smooth colours with some edges, from whole numbers alone."""
    bands = []
    for band in range(len(Image.new(mode, (1, 1)).getbands())):
        values = [(x * x * 37 + y * 91 + x * y * (seed + 13) + band * 77) % 256 for y in range(5) for x in range(6)]
        small = Image.new("L", (6, 5))
        small.putdata(values)
        bands.append(small.resize(SIZE, Image.Resampling.BICUBIC))
    return bands[0] if len(bands) == 1 else Image.merge(mode, bands)


def case(title, kind, picture, frames=1, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    read = Image.open(io.BytesIO(file.getvalue()))
    return {
        "title": title,
        "file": base64.b64encode(file.getvalue()).decode(),
        "width": read.width,
        "height": read.height,
        "frames": frames,
        "pixels": base64.b64encode(read.convert("RGBA").tobytes()).decode(),
    }


CASES = [
    *(
        case(f"JPEG {name}{' progressive' if progressive else ''}", "JPEG", blurred("RGB", sampling),
             quality=85, subsampling=sampling, progressive=progressive)
        for sampling, name in enumerate(["4:4:4", "4:2:2", "4:2:0"])
        for progressive in (False, True)
    ),
    case("JPEG with restarts", "JPEG", blurred("RGB", 5), quality=75, restart_marker_blocks=2),
    case("JPEG of RGB", "JPEG", blurred("RGB", 5), quality=90, keep_rgb=True),
    case("JPEG grey", "JPEG", blurred("L", 6), quality=85),
    case("JPEG grey progressive", "JPEG", blurred("L", 7), quality=85, progressive=True),
    case("JPEG turned by EXIF", "JPEG", blurred("RGB", 8), exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
    case("JPEG of inks", "JPEG", blurred("CMYK", 9), quality=85),
    case("JPEG of inks progressive", "JPEG", blurred("CMYK", 10), quality=85, progressive=True),
    case("WebP", "WEBP", blurred("RGB", 11), quality=80),
    case("WebP with alpha", "WEBP", blurred("RGBA", 12), quality=80),
    case("WebP animated", "WEBP", blurred("RGB", 13), frames=3, save_all=True, quality=80,
         append_images=[blurred("RGB", 14), blurred("RGB", 15)]),
    case("WebP animated without loss", "WEBP", blurred("RGBA", 16), frames=2, save_all=True, lossless=True, exact=True,
         append_images=[blurred("RGBA", 17)]),
    case("PNG animated", "PNG", blurred("RGBA", 18), frames=2, save_all=True, append_images=[blurred("RGBA", 19)]),
]

about = f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, libwebp {features.version('webp')}"
print(json.dumps({"about": about, "cases": CASES}, indent=1))
