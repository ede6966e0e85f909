"""The official files: images as FITS, one an image, and `train_info.csv` with the planets of each run.

`planet{run}_{dump:05d}_1250.fits` has 4 planes of 600 x 600 pixels, the Stokes parameters I, Q, U, V at 1250
micrometres; the challenge uses the first. A row of `train_info.csv` has an index, the run, its number of planets, and
the mass (in solar masses) and orbit (in au) of up to four planets; 0 where there is none.
"""

import csv
import gzip
import io
import re
import warnings
import zlib
from itertools import islice

import numpy as np

from common.files import atomic_write

PLANES, SIZE = 4, 600
MAX_BYTES = 16_000_000  # an image in double precision has 11.5 MB
MAX_EXTENSIONS = 20  # that are looked at for the image
# What astropy raises, besides an error of its own, for damage and for impossible numbers in a header.
FITS_DAMAGE = (OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, MemoryError)
NAME = re.compile(r"planet(\d{1,9})_(\d{1,9})_1250\.(?:fits|fit|fts)(?:\.gz|\.fz)?", re.IGNORECASE)
LIKE_FITS = re.compile(r".*\.(?:fits|fit|fts)(?:\.\w+)?", re.IGNORECASE)
LABELS = "train_info.csv"
COLUMNS = ("run", "n", "m1", "r1", "m2", "r2", "m3", "r3", "m4", "r4")
HEAVY = 0.1  # solar masses: heavier is no planet


def file_name(run, dump):
    """Name of the file of an image."""
    return f"planet{run}_{dump:05d}_1250.fits"


def run_and_dump(name):
    """(run, dump) in a file name, or None where it is not that of an image.

    `.FITS`, `.fit`, `.fts`, `.fits.gz` and `.fits.fz` are names of FITS files as well.
    """
    match = NAME.fullmatch(name)
    return match and (int(match[1]), int(match[2]))


def write_frame(path, image):
    """Write an image (600, 600) as the first of four planes; the others are 0. Needs astropy."""
    from astropy.io import fits

    image = np.asarray(image)
    if image.shape != (SIZE, SIZE) or not np.isfinite(image).all():
        raise ValueError(f"an official image has {SIZE} x {SIZE} finite pixels; this has shape {image.shape}")
    planes = np.zeros((PLANES, SIZE, SIZE), np.float32)
    planes[0] = image
    with atomic_write(path) as temporary:
        fits.PrimaryHDU(planes).writeto(temporary, overwrite=True)


def read_frame(blob, name):
    """The first plane, float32 (600, 600), of the bytes of a FITS file.

    The planes may be in an extension, and the file may be packed by gzip.

    Parameters
    ----------
    blob : bytes
    name : str
        What error messages call the file.

    Raises
    ------
    ValueError
        Not a FITS file, damaged, compressed by fpack, another shape, or pixels that are not finite or all alike.
    """
    from astropy.io import fits

    if blob.startswith(b"\x1f\x8b"):
        blob = _gunzip(blob, name)
    if len(blob) > MAX_BYTES:
        raise ValueError(f"{name}: more than {MAX_BYTES:,} bytes, too many for one image")
    if not blob.startswith(b"SIMPLE  ="):  # astropy would also unpack compressed files, of any size
        raise ValueError(f"{name}: not a FITS file; download it again or remove it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file that is cut short astropy warns before it fails
            with fits.open(io.BytesIO(blob), memmap=False, disable_image_compression=True) as hdus:
                hdu = next(filter(_has_image, islice(hdus, MAX_EXTENSIONS)), hdus[0])
                packed = hdu.header.get("ZIMAGE", False)
                if hdu.size > MAX_BYTES:  # the header says so, the file may be short
                    raise ValueError(f"the image has {hdu.size:,} bytes")
                planes = None if packed else hdu.data
    except FITS_DAMAGE + (fits.VerifyError,) as error:
        raise ValueError(f"{name}: damaged FITS file ({error}); download it again or remove it") from error
    if packed:  # astropy would unpack it to any size
        raise ValueError(f"{name}: its image is compressed by fpack; unpack it with funpack (of NASA's CFITSIO) first")
    shape = None if planes is None else np.squeeze(planes).shape
    if shape != (PLANES, SIZE, SIZE):
        raise ValueError(f"{name}: an image of shape {shape}, expected {PLANES} planes of {SIZE} x {SIZE} pixels")
    with np.errstate(over="ignore"):
        image = np.squeeze(planes)[0].astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{name}: has pixels that are not finite (NaN or infinite); download it again or remove it")
    if image.max() == image.min():
        raise ValueError(f"{name}: all pixels are alike; remove it")
    return image


def _has_image(hdu):
    """Whether a part of a FITS file has an image, compressed by fpack or not."""
    return hdu.header.get("ZIMAGE", False) or (hdu.is_image and hdu.header.get("NAXIS", 0) > 1)


def _gunzip(blob, name):
    """What gzip has packed, or enough of it to see that it is too large."""
    try:
        with gzip.open(io.BytesIO(blob)) as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: not a FITS file, or damaged gzip data ({error}); download it again") from error


def write_labels(path, runs):
    """Write `train_info.csv` from rows (run, masses (4,), radii (4,)), masses and radii 0 where there is no planet."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", *COLUMNS])
        for i, (run, masses, radii) in enumerate(runs):
            pairs = [f"{value:.9g}" for pair in zip(masses, radii, strict=True) for value in pair]
            table.writerow([i, run, int(np.count_nonzero(masses)), *pairs])


def read_labels(path):
    """The planets of each run: {run: (masses (4,), radii (4,))} from `train_info.csv`.

    Raises
    ------
    ValueError
        Another number of columns, a header that lacks some of them, something that is no number, a number of planets
        that does not fit the masses, too heavy a planet, or a run that is listed twice; the message names the line.
    """
    found = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name}: not a table of text ({error}); download it again") from error
    places = range(1, 1 + len(COLUMNS))
    for line, row in enumerate(rows, start=1):
        if not row:
            continue
        if line == 1 and not _is_number(row[-1]):  # the names of the columns
            places = _places(row, places, path.name)
            continue
        where = f"{path.name}: line {line}"
        for separator, word in ((";", "semicolons"), ("\t", "tabs")):
            if separator in row[0]:
                raise ValueError(f"{where} has {word} between its numbers: save the table with commas")
        if len(row) != 1 + len(COLUMNS):
            raise ValueError(f"{where} has {len(row)} columns, expected an index and {', '.join(COLUMNS)}")
        row = [row[place] for place in places]
        bad = [cell for cell in row if not _is_number(cell)]
        if bad:
            raise ValueError(f"{where}: {bad[0][:30]!r} is not a finite number")
        values = np.array(row, float)
        masses, radii = values[2::2], values[3::2]
        if values[0] != int(values[0]) or values[1] != np.count_nonzero(masses) or (values < 0).any():
            raise ValueError(f"{where}: run {row[0]} says {row[1]} planets, and has masses {masses.tolist()}")
        if masses.max() > HEAVY:
            raise ValueError(f"{where}: a planet of {masses.max():g} solar masses; are masses and orbits exchanged?")
        if int(values[0]) in found:
            raise ValueError(f"{where}: run {row[0]} is listed twice")
        found[int(values[0])] = masses, radii
    if not found:
        raise ValueError(f"{path.name}: no runs; download it again")
    return found


def _places(header, usual, name):
    """Where COLUMNS are in a row, by their names; the usual places where the header has names of its own."""
    names = [cell.strip().lower() for cell in header]
    if set(names).isdisjoint(COLUMNS):
        return usual
    if missing := [column for column in COLUMNS if names.count(column) != 1]:
        raise ValueError(f"{name}: the header must have each of {', '.join(COLUMNS)} once; check {missing[0]}")
    if len(names) != 1 + len(COLUMNS):
        raise ValueError(f"{name}: the header has {len(names)} columns, expected an index and {', '.join(COLUMNS)}")
    return [names.index(column) for column in COLUMNS]


def _is_number(cell):
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def resampled(image, size):
    """An image (height, width) as (size, size), float32: each new pixel is the mean of the area that it covers."""
    rows, columns = (area_weights(length, size) for length in image.shape)
    # summed in float64: where the image is even, the new one is, too, whatever the processor
    return (rows @ np.asarray(image, np.float64) @ columns.T).astype(np.float32)


def area_weights(old, new):
    """Matrix (new, old) of the shares of `old` pixels in `new` ones on the same length; rows add up to 1."""
    edges = np.linspace(0, old, new + 1)
    low, high = edges[:-1, None], edges[1:, None]
    start = np.arange(old)
    overlap = np.clip(np.minimum(high, start + 1) - np.maximum(low, start), 0, None)
    return overlap * new / old
