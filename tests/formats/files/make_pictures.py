"""Makes the pictures that tests/formats/preprocessing.rs reads, and what Pillow makes of them.

    python make_pictures.py     writes them into resized/ and colours/ beside this script

resized/: NAME.png is a picture, NAME-FIT-ROWSxCOLUMNS.png what becomes of it. Cropped as torchvision's Resize and
CenterCrop do it, padded by ImageOps.pad.
colours/: NAME.* is a picture of an unusual kind, NAME.rgb.png and NAME.grey.png what `convert("RGB")` and then
`convert("L")` make of it, upright.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent
RESIZED, COLOURS = FOLDER / "resized", FOLDER / "colours"
random = np.random.default_rng(15)


def drawn(width, height, channels):
    """Smooth in parts, noisy and black and white in others."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1), (rows * columns) % 256]
    pixels = np.stack(planes[:channels], axis=-1)
    pixels[: height // 2, : width // 2] = random.integers(0, 256, (height // 2, width // 2, channels))
    pixels[height // 2 :, : width // 3] = random.integers(0, 2, (height - height // 2, width // 3, channels)) * 255
    pixels = pixels.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def cropped(image, height, width):
    """The short side to that of the size; as torchvision.transforms.functional rounds."""
    if image.width * height > image.height * width:
        size = (int(height * image.width / image.height), height)
    else:
        size = (width, int(width * image.height / image.width))
    resized = image.resize(size, Image.BILINEAR)
    left, top = round((size[0] - width) / 2.0), round((size[1] - height) / 2.0)
    return resized.crop((left, top, left + width, top + height))


def make_resized():
    RESIZED.mkdir(exist_ok=True)
    for name, (width, height, channels), sizes in [
        ("up", (7, 5, 3), [(16, 16), (9, 31)]),
        ("down", (100, 60, 3), [(32, 32), (7, 24)]),
        ("odd", (33, 47, 3), [(32, 32), (47, 20), (33, 33)]),
        ("wide", (300, 3, 3), [(16, 16)]),
        ("tall", (2, 250, 3), [(16, 16)]),
        ("point", (1, 1, 3), [(3, 5)]),
        ("grey", (61, 40, 1), [(20, 30), (64, 64)]),
    ]:
        image = drawn(width, height, channels)
        image.save(RESIZED / f"{name}.png")
        for rows, columns in sizes:
            for fit, made in [
                ("stretch", image.resize((columns, rows), Image.BILINEAR)),
                ("crop", cropped(image, rows, columns)),
                ("pad", ImageOps.pad(image, (columns, rows), Image.BILINEAR)),
            ]:
                assert made.size == (columns, rows)
                # Pillow leaves nothing of a side of less than half a pixel; we leave one.
                if fit == "pad" and max(image.size) / min(image.size) > 2 * max(rows, columns):
                    continue
                made.save(RESIZED / f"{name}-{fit}-{rows}x{columns}.png")


def png_of_16_bits(path, pixels):
    """Pillow writes no coloured PNG files of 16 bits."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def make_colours():
    COLOURS.mkdir(exist_ok=True)
    image = drawn(13, 9, 3)
    alpha = drawn(13, 9, 1)
    clear = image.copy()
    clear.putalpha(alpha)
    turned = image.getexif()
    turned[0x0112] = 8
    palette = image.quantize(16)
    clear.save(COLOURS / "alpha.png")
    clear.save(COLOURS / "alpha_lossless.webp", lossless=True, exact=True)
    clear.save(COLOURS / "alpha.tif")
    Image.merge("LA", (alpha, alpha)).save(COLOURS / "grey_alpha.png")
    palette.save(COLOURS / "palette.png", transparency=3)
    palette.save(COLOURS / "palette_clear.gif", transparency=3)
    image.convert("1").save(COLOURS / "two_shades.png")
    image.convert("1").save(COLOURS / "two_shades.tif")
    image.convert("CMYK").save(COLOURS / "cmyk.tif")
    image.save(COLOURS / "turned.png", exif=turned)
    image.save(COLOURS / "turned.webp", exif=turned, lossless=True)
    image.save(COLOURS / "turned.tif", exif=turned)
    image.save(COLOURS / "plain.bmp")
    image.save(COLOURS / "plain.ppm")
    png_of_16_bits(COLOURS / "deep.png", random.integers(0, 1 << 16, (9, 13, 3)))
    png_of_16_bits(COLOURS / "deep_alpha.png", random.integers(0, 1 << 16, (9, 13, 4)))
    # Blocks of 16x16 pixels of one colour: what is lost is not the conversion.
    blocks = image.resize((3, 2), Image.NEAREST).resize((48, 32), Image.NEAREST)
    blocks.convert("CMYK").save(COLOURS / "cmyk.jpg", quality=95, subsampling=0)
    for path in sorted(COLOURS.iterdir()):
        if path.name.endswith((".rgb.png", ".grey.png")):
            continue
        with Image.open(path) as opened:
            rgb = ImageOps.exif_transpose(opened).convert("RGB")
        rgb.save(COLOURS / f"{path.name}.rgb.png")
        rgb.convert("L").save(COLOURS / f"{path.name}.grey.png")


make_resized()
make_colours()
