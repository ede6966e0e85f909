"""Grey images, dark on light, from image files of any mode that such files have."""

import io
import struct

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 10_000_000
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
}
"""Image formats that are read, whatever a file is called, and their endings. Pillow knows others, and has the program
in an EPS file run by Ghostscript."""
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)
# What Pillow raises for a damaged file; too many pixels are refused by Pillow itself before they are here.
DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


def read_grey(content, name):
    """The grey image in the bytes of an image file: ndarray of uint8, shape (height, width).

    Turned as its EXIF data say, transparent places white. Values beyond 8 bits are scaled so that the smallest of
    255, 511, 1023, ... that is not below the largest value is white: scanners store 10, 12 or 16 bits.

    Parameters
    ----------
    content : bytes
    name : str
        What error messages call the file.

    Raises
    ------
    ValueError
        No image or a damaged one, too many pixels, several pages, a mode without a meaning on paper, or light on dark.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=tuple(FORMATS))
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels are too many for a line")
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a photograph with a preview
            raise ValueError(f"it has {image.n_frames} images, expected one; save each to a file of its own")
        grey = _grey(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise ValueError(f"{name}: not an image file ({known}), or a damaged one; put it there anew") from error
    except DAMAGE as error:
        raise ValueError(f"{name}: cannot be read as the image of a line: {error}") from error
    if np.mean(grey) < 128:
        raise ValueError(f"{name}: is dark, or light on dark; invert it, expected dark letters on light paper")
    return grey


def _grey(image):
    """A PIL image as uint8 (height, width), on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _scaled(np.asarray(image), image.mode)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("1", "L", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        raise ValueError(f"its mode is {image.mode}; save it as grey or RGB")
    return np.asarray(image.convert("L"))


def _scaled(values, mode):
    """Values of any range as uint8."""
    values = values.astype(np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() < 2**32):
        raise ValueError(f"its mode is {mode}, with values that are negative or not finite; save it as grey of 8 bits")
    largest = values.max()
    white = 1 if mode == "F" and largest <= 1 else 2 ** max(8, int(np.ceil(largest)).bit_length()) - 1
    return np.rint(values / white * 255).astype(np.uint8)
