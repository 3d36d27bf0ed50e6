"""Makes the small data files that tests/formats reads, as NumPy, SciPy and Pillow write them.

    python make_files.py     writes them beside this script

Images and labels are those of `pixel` and `LABELS` in tests/formats/writers.rs; the larger pictures are smooth.
"""

from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

FOLDER = Path(__file__).resolve().parent
LABELS = np.array([3, 0, 7])


def images(*shape):
    """Pixel i (in C order) of an array of images is i * 89 % 256."""
    return (np.arange(np.prod(shape)) * 89 % 256).astype(np.uint8).reshape(shape)


def mat(name, compressed):
    x = images(3, 2, 5, 4)  # N, C, H, W
    y = np.where(LABELS == 0, 10, LABELS).astype(np.uint8).reshape(-1, 1)
    arrays = {"X": x.transpose(2, 3, 1, 0), "y": y}
    scipy.io.savemat(FOLDER / name, arrays, do_compression=compressed)


def npz(name, save):
    x = images(3, 5, 4, 3)  # N, H, W, C
    save(FOLDER / name, x_train=x, y_train=LABELS, x_test=x[1:], y_test=LABELS[1:].astype(np.float16))


def grey_mat(name):
    x = images(3, 5, 4)  # N, H, W
    scipy.io.savemat(FOLDER / name, {"X": x.transpose(1, 2, 0), "y": LABELS.reshape(-1, 1)})


grey_mat("grey.mat")
mat("plain.mat", False)
mat("compressed.mat", True)
npz("stored.npz", np.savez)
npz("deflated.npz", np.savez_compressed)
np.savez_compressed(
    FOLDER / "fortran.npz",
    x=np.asfortranarray(images(3, 3, 4, 5)),  # N, C, H, W
    y=LABELS.reshape(-1, 1).astype(">i4"),
)
smooth = np.add.outer(np.arange(24) * 7, np.arange(20) * 4).astype(np.uint8)
smooth = np.stack([smooth, 255 - smooth, smooth // 2], axis=-1)
Image.fromarray(smooth).save(FOLDER / "progressive.jpg", progressive=True, quality=90)
Image.fromarray(smooth).save(FOLDER / "lossy.webp", quality=80)
alpha = Image.fromarray(np.dstack([smooth, smooth[..., 0]]))
alpha.save(FOLDER / "alpha_lossy.webp", quality=80)
Image.fromarray(smooth).quantize(16).save(FOLDER / "palette.gif")
Image.fromarray(smooth).quantize(16).save(FOLDER / "palette.png")
for name, mode, options in [
    ("lzw", "RGB", {"compression": "tiff_lzw"}),
    ("deflate_grey", "L", {"compression": "tiff_adobe_deflate"}),
    ("packbits_alpha", "RGBA", {"compression": "packbits"}),
    ("turned", "RGB", {"tiffinfo": {274: 6}}),
]:
    Image.fromarray(smooth).convert(mode).save(FOLDER / f"{name}.tif", **options)
# 16 bits, of which the upper eight are the grey picture.
grey = np.asarray(Image.fromarray(smooth).convert("L")).astype(np.uint16)
Image.fromarray(grey * 257).save(FOLDER / "deep_grey.tif")
frames = [Image.fromarray(smooth), Image.fromarray(255 - smooth)]
frames[0].save(FOLDER / "animated.webp", save_all=True, append_images=frames[1:], duration=50)

# JPEG files of every kind that tests/formats/jpeg.rs cuts and damages: 45x35 pixels, partly smooth.
rows, columns = np.mgrid[0:35, 0:45]
drawn = np.stack([rows * 6, columns * 5, (rows * columns) // 7], axis=-1)
drawn[8:27, 10:30] += np.random.default_rng(0).integers(-60, 60, (19, 20, 3))
drawn = Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8))
(FOLDER / "jpeg").mkdir(exist_ok=True)
for name, mode, options in [
    ("baseline_420", "RGB", {}),
    ("baseline_422_restart", "RGB", {"subsampling": 1, "restart_marker_blocks": 2}),
    ("baseline_444_optimised", "RGB", {"subsampling": 0, "optimize": True}),
    ("baseline_grey", "L", {}),
    ("baseline_grey_restart", "L", {"restart_marker_rows": 1}),
    ("baseline_rgb", "RGB", {"keep_rgb": True}),
    ("cmyk", "CMYK", {}),
    ("progressive_420", "RGB", {"progressive": True}),
    ("progressive_444_restart", "RGB", {"subsampling": 0, "progressive": True, "restart_marker_blocks": 3}),
    ("progressive_grey", "L", {"progressive": True}),
]:
    drawn.convert(mode).save(FOLDER / "jpeg" / f"{name}.jpg", quality=85, **options)
