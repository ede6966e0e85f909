"""Loading the StrongLensing data: simulated, official files where they lie, and one clear error for the rest."""

import io
import pickle
import re
import tracemalloc
import zipfile

import numpy as np
import pytest

from common import official
from StrongLensing import data, npy

RNG = np.random.default_rng(0)


def npy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def with_header(shape, content, descr="<f8"):
    """Bytes of a .npy file with any shape in its header."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue() + content


def object_npy(pickled, shape=(2,)):
    """Bytes of a .npy file of objects with any pickle in it."""
    return with_header(shape, pickled, "|O")


def image(size=64, dtype=np.float64):
    return np.linspace(0.1, 1, size * size).reshape(size, size).astype(dtype)


def pair_of(image, number):
    array = np.empty(2, dtype=object)
    array[:] = [image, number]
    return array


# --------------------------------------------------------------------------------------------------
# Simulated


def test_interface(data_home):
    part = data.load("train", 9, workers=1)
    assert part.X.shape == (9, 1, 64, 64) and part.X.dtype == np.float32 and part.y.dtype == np.int8
    assert part.meta["classes"] == ["axion", "cdm", "no"] and part.meta["pixel"] == 0.08
    assert part.meta["substructure"].shape == (9, 25, 3)
    again = data.load("train", 12, workers=1)
    np.testing.assert_array_equal(part.X, again.X[:9])
    assert not np.array_equal(part.X, data.load("test", 9, workers=1).X)


def test_pairs(data_home):
    part = data.load("valid", 4, task="super_resolution", workers=1)
    assert part.X.shape == (4, 1, 64, 64) and part.y.shape == (4, 1, 128, 128)
    assert part.X.dtype == part.y.dtype == np.float32 and part.meta["kind"].dtype == np.int8


@pytest.mark.parametrize("arguments, message", [
    (dict(split="val"), "unknown split 'val'"),
    (dict(source="web"), "unknown source 'web'"),
    (dict(task="regression"), "unknown task 'regression'"),
    (dict(n=0), "n must be a whole number of at least 1"),
    (dict(n=0, source="official"), "n must be a whole number of at least 1"),
    (dict(task="model_II", source="official"), "'model_II' has no official files"),
    (dict(task="telescope", source="official"), "'telescope' has no official files"),
])
def test_bad_requests(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


# --------------------------------------------------------------------------------------------------
# Official


def classification_files(n=5):
    """{member: bytes} of a small data set; pixel (0, 0) of an image is its number in its folder times 0.01."""
    files = {"dataset/": b"", "__MACOSX/dataset/train/no/._no_0.npy": b"", "dataset/readme.txt": b"hello"}
    for half in ("train", "val"):
        for name in ("no", "cdm", "axion"):
            for i in range(n):
                content = image()[None].copy()
                content[0, 0, 0] = 0.01 * i
                stored = pair_of(7 * content[0], 10.0**-i) if name == "axion" else content
                files[f"dataset/{half}/{name}/{name}_sim_{i}.npy"] = npy_bytes(stored)
    return files


def resolution_files(n=5):
    files = {}
    for half in ("train", "val"):
        for i in range(n):
            files[f"dataset/{half}/LR/LR_{i}.npy"] = npy_bytes(np.full((1, 64, 64), 0.1 * (i + 1)))
            files[f"dataset/{half}/HR/HR_{i}.npy"] = npy_bytes(np.full((1, 128, 128), 0.1 * (i + 1)))
    return files


def put(folder, name, files, unpacked=False):
    """Write the files as a zip file into the data folder, or as a folder."""
    folder = folder / "StrongLensing"
    folder.mkdir(parents=True, exist_ok=True)
    if not unpacked:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        return folder / name
    for member, content in files.items():
        if not member.endswith("/"):
            (folder / member).parent.mkdir(parents=True, exist_ok=True)
            (folder / member).write_bytes(content)
    return folder


def load_images(split, n=None):
    return data.load(split, n, source="official")


def load_pairs(split, n=None):
    return data.load(split, n, source="official", task="super_resolution")


@pytest.mark.parametrize("unpacked", [False, True])
def test_classification_files(data_home, unpacked):
    put(data_home, data.CLASSIFICATION.name, classification_files(), unpacked)
    parts = {split: load_images(split) for split in ("train", "valid", "test")}
    assert {split: len(part) for split, part in parts.items()} == {"train": 15, "valid": 9, "test": 6}
    for split, numbers in (("train", [0, 1, 2, 3, 4]), ("valid", [0, 1, 2]), ("test", [3, 4])):
        part = parts[split]
        assert part.X.shape[1:] == (1, 64, 64) and part.X.dtype == np.float32 and part.y.dtype == np.int8
        assert (part.X.max((1, 2, 3)) == 1).all()  # those stored with an axion mass were not scaled
        for label in (0, 1, 2):
            rows = part.y == label
            np.testing.assert_allclose(part.X[rows, 0, 0, 0], 0.01 * np.array(numbers), atol=1e-6)
        np.testing.assert_allclose(part.meta["axion_mass"][part.y == 0], 10.0 ** -np.array(numbers), rtol=1e-6)
        assert (part.meta["axion_mass"][part.y != 0] == 0).all()
    few = load_images("train", 7)
    np.testing.assert_array_equal(few.X, parts["train"].X[:7])
    with pytest.raises(ValueError, match="n = 16, but the train split of .* has 15"):
        load_images("train", 16)


@pytest.mark.parametrize("name", [
    "dataset.zip", "dataset (1).zip", "dataset/dataset", "Dataset", "stronglensing_classification_dataset/dataset",
])  # fmt: skip
def test_files_under_the_names_of_browsers_and_systems(data_home, name):
    if name.endswith(".zip"):
        put(data_home, "dataset-2.zip", resolution_files())  # the other task's
        put(data_home, name, classification_files())
    else:
        files = {member.replace("dataset/", f"{name}/", 1): blob for member, blob in classification_files().items()
                 if member.startswith("dataset/")}  # fmt: skip
        put(data_home, None, files, unpacked=True)
    assert len(load_images("train")) == 15


@pytest.mark.parametrize("unpacked", [False, True])
def test_pair_files(data_home, unpacked):
    put(data_home, data.SUPER_RESOLUTION.name, resolution_files(), unpacked)
    train, valid, test = (load_pairs(split) for split in ("train", "valid", "test"))
    assert (len(train), len(valid), len(test)) == (5, 3, 2)
    assert train.X.shape == (5, 1, 64, 64) and train.y.shape == (5, 1, 128, 128)
    np.testing.assert_allclose(train.X[:, 0, 0, 0], train.y[:, 0, 5, 5])
    np.testing.assert_allclose(test.X[:, 0, 0, 0], [0.4, 0.5], rtol=1e-6)
    assert len(load_pairs("test", 1)) == 1


def test_loose_images_are_for_testing_only(data_home):
    folder = data_home / "StrongLensing"
    folder.mkdir(parents=True)
    for i, name in enumerate(("axion", "cdm", "no")):
        content = image(dtype=np.float32).copy()
        content[0, 0] = 0.1 * i
        np.save(folder / f"{name}.npy", content)
    np.save(folder / "sr_pair_lr.npy", image()[None, None])
    np.save(folder / "sr_pair_hr.npy", image(128)[None])
    part = load_images("test")
    assert part.y.tolist() == [0, 1, 2] and part.X.shape == (3, 1, 64, 64)
    np.testing.assert_allclose(part.X[:, 0, 0, 0], [0, 0.1, 0.2], atol=1e-6)
    pair = load_pairs("test")
    assert pair.X.shape == (1, 1, 64, 64) and pair.y.shape == (1, 1, 128, 128)
    for load in (load_images, load_pairs):
        with pytest.raises(ValueError, match="a few official images .*, for testing only: use split='test'.*npy away"):
            load("train")
    with pytest.raises(ValueError, match="n = 4, but the excerpt"):
        load_images("test", 4)


def test_nothing_official_is_never_replaced_by_simulation(monkeypatch):
    asked = []

    def fail(challenge, file):
        asked.append((challenge, file.name, file.urls))
        raise official.DownloadError("no network")

    monkeypatch.setattr(official, "fetch", fail)
    for load in (load_images, load_pairs):
        with pytest.raises(official.DownloadError):
            load("test", 3)
    assert [name for _, name, _ in asked] == [data.CLASSIFICATION.name, data.SUPER_RESOLUTION.name]
    assert data.CLASSIFICATION.name != data.SUPER_RESOLUTION.name


def changed(files, member, content):
    return {**files, member: content}


NAN = image().copy()
NAN[3, 3] = np.nan
FIRST = "dataset/train/cdm/cdm_sim_0.npy"


@pytest.mark.parametrize("content, message", [
    (npy_bytes(image(63)), r"shape \(63, 63\), expected 64 x 64"),
    (npy_bytes(np.ones((2, 64, 64))), r"shape \(2, 64, 64\), expected 64 x 64"),
    (npy_bytes(np.ones(4095)), r"shape \(4095,\), expected 64 x 64 pixels: \(64, 64\), or rows of 64, or flat, 4096"),
    (npy_bytes(NAN), "pixels that are not finite"),
    (npy_bytes(np.full((64, 64), 1e39)), "pixels that are not finite"),
    (npy_bytes(np.zeros((64, 64))), "no pixel above 0"),
    (npy_bytes(image().astype(complex)), "holds complex128, expected plain real numbers"),
    (npy_bytes(np.full((64, 64), "a")), "expected plain real numbers"),
    (npy_bytes(image())[:-1], "bytes do not make an array"),
    (npy_bytes(image()) + b"0", "bytes do not make an array"),
    (with_header((-64, -64), bytes(8 * 4096)), "do not make an array"),
    (with_header((2**40, 2**40), b""), "do not make an array"),
    (with_header((0, 64), b""), "do not make an array"),
    (with_header((), bytes(8)), "do not make an array"),
    (b"", "not a .npy file"),
    (b"PK\x03\x04 what", "not a .npy file"),
    (npy_bytes(image(400)), "too many for one image"),
    (npy_bytes(pair_of(image(63), 1e-23)), "expected 64 x 64"),
    (object_npy(pickle.dumps({"a": 1})), "refused"),
])
@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.filterwarnings("error")
def test_bad_images(data_home, unpacked, content, message):
    files = changed(classification_files(1), FIRST, content)
    put(data_home, data.CLASSIFICATION.name, files, unpacked)
    with pytest.raises(ValueError, match=f"cdm_sim_0.npy.*{message}"):
        load_images("train")


@pytest.mark.parametrize("unpacked", [False, True])
def test_unknown_class_folder(data_home, unpacked):
    files = changed(classification_files(1), "dataset/train/wimp/a.npy", npy_bytes(image()))
    put(data_home, data.CLASSIFICATION.name, files, unpacked)
    with pytest.raises(ValueError, match="unknown folder 'wimp' .*; expected axion, cdm, no"):
        load_images("train")


@pytest.mark.parametrize("name", ["train/no/part2/0.npy", "train/no/0.npz", "test/no/0.npy"])
@pytest.mark.parametrize("unpacked", [False, True])
def test_no_image_is_left_out_without_a_word(data_home, unpacked, name):
    files = changed(classification_files(1), f"dataset/{name}", npy_bytes(image()))
    put(data_home, data.CLASSIFICATION.name, files, unpacked)
    with pytest.raises(ValueError, match=f"dataset.*{name} is not named like an image; expected train/FOLDER/NAME.npy"):
        load_images("train")


def test_missing_folder_and_other_task(data_home):
    files = {k: v for k, v in classification_files(1).items() if "val/axion" not in k}
    put(data_home, data.CLASSIFICATION.name, files)
    assert len(load_images("train")) == 3
    with pytest.raises(ValueError, match=r"no files val/axion/\*.npy; expected folders axion, cdm, no"):
        load_images("test")
    put(data_home, data.SUPER_RESOLUTION.name, files)
    with pytest.raises(ValueError, match="no files train/LR.* Is this the zip file of the other task"):
        load_pairs("train")


@pytest.mark.parametrize("missing", ["LR/LR_2.npy", "HR/HR_0.npy"])
def test_pair_without_partner(data_home, missing):
    files = resolution_files()
    del files[f"dataset/train/{missing}"]
    put(data_home, data.SUPER_RESOLUTION.name, files)
    other = missing.replace("LR", "x").replace("HR", "LR").replace("x", "HR")
    with pytest.raises(ValueError, match=f"{other} has no partner"):
        load_pairs("train")


def test_the_folder_may_lie_where_its_zip_file_may(data_home):
    (put(data_home, "", classification_files(1), unpacked=True) / "dataset").rename(data_home / "dataset")
    assert len(load_images("train")) == 3


def test_links_are_refused(data_home, tmp_path):
    folder = put(data_home, "", classification_files(2), unpacked=True)
    secret = tmp_path / "secret.npy"
    secret.write_bytes(npy_bytes(image()))
    (folder / "dataset/train/cdm/link.npy").symlink_to(secret)
    with pytest.raises(ValueError, match="link.npy is a link"):
        load_images("train")


def test_zip_bomb_is_refused_before_it_is_read(data_home):
    bomb = b"\x93NUMPY" + bytes(20_000_000)
    put(data_home, data.CLASSIFICATION.name, changed(classification_files(1), FIRST, bomb))
    with pytest.raises(ValueError, match="cdm_sim_0.npy has 20,000,006 bytes, too many for one image"):
        load_images("train")


def test_names_that_lead_elsewhere_are_only_names(data_home, tmp_path):
    files = changed(classification_files(1), "../../train/cdm/evil.npy", npy_bytes(image()))
    put(data_home, data.CLASSIFICATION.name, files)
    before = sorted(tmp_path.rglob("*"))
    assert len(load_images("train")) == 4
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked


def test_archives_as_people_have_them(data_home):
    """Backslashes of Windows, files of the Mac and of Windows, capitals: all is read as it is meant."""
    files = classification_files(2)
    strange = {name.replace("/", "\\"): content for name, content in files.items() if not name.endswith("/")}
    clutter = ("dataset\\train\\no\\._no_sim_0.npy", "__MACOSX/train/no/no_sim_7.npy", "dataset/train/no/Thumbs.db",
               "dataset/train/no/.ipynb_checkpoints/train/no/x.npy", "dataset/train/desktop.ini")  # fmt: skip
    put(data_home, data.CLASSIFICATION.name, {**strange, **dict.fromkeys(clutter, b"junk")})
    assert len(load_images("train")) == 6 and len(load_images("test")) == 3
    capitals = {re.sub("train|cdm|npy", lambda word: word[0].upper(), name): content for name, content in files.items()}
    put(data_home, data.CLASSIFICATION.name, capitals)
    assert len(load_images("train")) == 6
    folder = put(data_home, "", {**files, **{name.replace("\\", "/"): b"junk" for name in clutter}}, unpacked=True)
    (folder / data.CLASSIFICATION.name).unlink()
    assert len(load_images("train")) == 6


def test_two_files_of_one_name(data_home):
    """In train and val, and in two classes, they are two images; in two folders of one class nobody knows."""
    files = classification_files(2)
    same = {re.sub(r"[a-z]+_sim", "sim", name): content for name, content in files.items()}
    put(data_home, data.CLASSIFICATION.name, same)
    assert len(load_images("train")) == 6
    twice = {**files, **{name.replace("dataset", "part2"): content for name, content in files.items()}}
    put(data_home, data.CLASSIFICATION.name, twice)
    both = "dataset/train/axion/axion_sim_0.npy and part2/train/axion/axion_sim_0.npy are named as one"
    with pytest.raises(ValueError, match=both):
        load_images("train")
    put(data_home, data.CLASSIFICATION.name, changed(files, FIRST.replace("/", "\\"), files[FIRST]))
    with pytest.raises(ValueError, match=f"{FIRST} is in it twice"):
        load_images("train")


@pytest.mark.parametrize("names", [
    ("three_{}", "three_{}"), ("LR_{}", "HR_{}"), ("hr_lr_{}", "hr_hr_{}"), ("sim{}LR", "sim{}hr"), ("LR_{}", "LR_{}"),
])
def test_names_of_pairs(data_home, names):
    """LR and HR are marks as words only, as in sim_LR_7, and only where the names are not the same anyway."""
    files = {}
    for half in ("train", "val"):
        for i in range(2):
            for folder, name, size in zip(("LR", "HR"), names, (64, 128), strict=True):
                content = np.full((size, size), 0.1 * (i + 1))
                files[f"dataset/{half}/{folder}/{name.format(i)}.npy"] = npy_bytes(content)
    put(data_home, data.SUPER_RESOLUTION.name, files)
    pairs = load_pairs("train")
    assert len(pairs) == 2
    np.testing.assert_allclose(pairs.X[:, 0, 0, 0], pairs.y[:, 0, 0, 0])


def test_names_of_pairs_that_are_one_but_for_the_mark(data_home):
    files = resolution_files(2)
    files["dataset/train/LR/_lr0.npy"] = files["dataset/train/LR/LR_0.npy"]
    files["dataset/train/LR/_0.npy"] = files["dataset/train/LR/LR_0.npy"]
    put(data_home, data.SUPER_RESOLUTION.name, files)
    with pytest.raises(ValueError, match="LR/LR_0.npy and dataset/train/LR/_0.npy are named as one"):
        load_pairs("train")


def test_zip_files_that_are_not_read_say_why(data_home):
    path = put(data_home, data.CLASSIFICATION.name, {"dataset.zip": b"PK", "a/readme.txt": b""})
    with pytest.raises(ValueError, match=r"no files train/axion.*Besides it has 1 .zip \(unpack it first\), 1 .txt"):
        load_images("train")
    for method, word in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")):
        with zipfile.ZipFile(path, "w", method) as archive:
            for member, content in classification_files(1).items():
                archive.writestr(member, content)
        with pytest.raises(ValueError, match=rf"compressed in an unusual way \({word}\); unpack"):
            load_images("train")
    put(data_home, data.CLASSIFICATION.name, classification_files(1))
    locked = bytearray(path.read_bytes())
    start = -1
    while (start := locked.find(b"PK\x01\x02", start + 1)) >= 0:
        locked[start + 8] |= 1  # the flag of a password
    path.write_bytes(locked)
    with pytest.raises(ValueError, match="has a password; pack it again without one"):
        load_images("train")


def test_large_zip_files_are_read(data_home):
    """With the 64 bit fields of archives beyond 4 GB."""
    path = put(data_home, data.CLASSIFICATION.name, {})
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in classification_files(1).items():
            if not member.endswith("/"):
                with archive.open(member, "w", force_zip64=True) as stream:
                    stream.write(content)
    assert len(load_images("train")) == 3


def test_damaged_zip_files(data_home):
    path = put(data_home, data.CLASSIFICATION.name, classification_files(2))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged zip file"):
        load_images("train")
    for position in range(0, len(whole), len(whole) // 60):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        try:
            load_images("train")
        except ValueError as error:
            assert str(error)  # one clear error, of whatever kind, or the flip did no harm


# --------------------------------------------------------------------------------------------------
# Objects


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("number", [3e-23, np.float64(3e-23), np.float32(0.5), 7])
@pytest.mark.parametrize("module", ["numpy._core", "numpy.core"])
def test_image_and_number(protocol, number, module):
    for content in (image(), image(dtype=np.float32), image().T, (1000 * image(8)).astype(np.int64), image(8)[None]):
        pickled = pickle.dumps(pair_of(content, number), protocol=protocol)
        if protocol < 4:  # names are lines of text: as another version of numpy writes them
            pickled = pickled.replace(b"cnumpy._core.", b"c" + module.encode() + b".")
        found, value = npy.read(object_npy(pickled), "a.npy")
        np.testing.assert_array_equal(found, content)
        assert found.dtype == content.dtype and value == float(number)


@pytest.mark.parametrize("layout", ["rows", "pixels"])
@pytest.mark.parametrize("mass", [None, 3e-23])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_image_of_objects(protocol, mass, layout):
    """np.array([*image, mass], dtype=object), as published, or an image whose every pixel is an object."""
    content = image(64, np.float32)
    entries = list(content) if layout == "rows" else content.ravel().tolist()
    stored = np.empty(len(entries) + (mass is not None), object)
    stored[: len(entries)] = entries
    stored[len(entries) :] = mass
    found, value = data.image_of(object_npy(pickle.dumps(stored, protocol), stored.shape), "a.npy", "axion")
    np.testing.assert_array_equal(found, content)
    assert value == (mass or 0.0 if layout == "rows" else 0.0)


@pytest.mark.parametrize("shape", [(64, 64), (1, 64, 64), (64, 64, 1), (4096,), (1, 4096)])
def test_shapes_of_plain_images(shape):
    found, mass = data.image_of(npy_bytes(image().reshape(shape)), "a.npy", "no")
    np.testing.assert_array_equal(found, image().astype(np.float32))
    flat = np.append(image().ravel(), 2.0)  # with a label, not a pixel and not a mass
    found, mass = data.image_of(npy_bytes(flat), "a.npy", "axion")
    np.testing.assert_array_equal(found, image().astype(np.float32))
    assert mass == 0


def test_one_row_many_times_takes_no_memory():
    row = np.zeros(100_000)
    rows = np.empty(20_000, object)
    rows[:] = [row] * len(rows)
    with pytest.raises(ValueError, match="too large"):
        npy.read(object_npy(pickle.dumps(rows), rows.shape), "a.npy")


def test_one_text_encoded_many_times_takes_no_memory():
    text = b"X" + (900_000).to_bytes(4, "little") + b"x" * 900_000
    bomb = b"\x80\x03c_codecs\nencode\nq\0" + text + b"X\6\0\0\0latin1\x86q\1" + b"h\0h\1R" * 9000 + b"."
    tracemalloc.start()
    with pytest.raises(ValueError, match="a.npy: refused .too many bytes"):
        npy.read(object_npy(bomb), "a.npy")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_big_endian():
    found, value = npy.read(npy_bytes(pair_of(image(8).astype(">f4"), 2.0)), "a.npy")
    np.testing.assert_array_equal(found, image(8).astype(np.float32))
    found, value = npy.read(npy_bytes(image(8).astype(">f8")), "a.npy")
    np.testing.assert_array_equal(found, image(8))


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile_pickles(flag):
    import os
    import subprocess

    write = f"open({str(flag)!r}, 'w')"
    yield "os.system", pickle.dumps(Call(os.system, f"touch {flag}"))
    yield "eval", pickle.dumps(Call(eval, write))
    yield "exec, protocol 0", b"c__builtin__\nexec\n(S\"" + write.encode() + b'"\ntR.'
    yield "subprocess", pickle.dumps(Call(subprocess.call, ["touch", str(flag)]), protocol=2)
    yield "inside the image", pickle.dumps(pair_of(Call(os.system, f"touch {flag}"), 1.0))
    yield "inside the number", pickle.dumps(pair_of(image(8), Call(eval, write)))
    yield "numpy.load", pickle.dumps(Call(np.load, str(flag)))
    yield "numpy.memmap", pickle.dumps(Call(np.memmap, str(flag)))
    yield "dotted name", b"\x80\x04\x8c\x05numpy\x8c\x0fdtype.__class__\x93."
    yield "instance", b"(ios\nsystem\n."
    yield "extension", b"\x80\x02\x82\x01."
    yield "persistent", b"Pid\n."
    yield "dictionary", pickle.dumps({"a": 1})
    yield "text", pickle.dumps("hello")
    yield "list", pickle.dumps([image(8), 1.0])
    yield "three entries", pickle.dumps(np.array([1, "a", None], dtype=object))
    yield "image of objects", pickle.dumps(pair_of(np.array([None, "a"], dtype=object), 1.0))
    yield "text for a number", pickle.dumps(pair_of(image(8), "1.0"))
    yield "not a number", pickle.dumps(pair_of(image(8), float("nan")))
    yield "huge number", pickle.dumps(pair_of(image(8), 10**400))
    yield "complex image", pickle.dumps(pair_of(image(8) * 1j, 1.0))
    yield "structured image", pickle.dumps(pair_of(np.zeros(4, dtype=[("a", "f8")]), 1.0))
    yield "deep", b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    yield "deep marks", b"(" * 100_000 + b"t" * 100_000 + b"."
    yield "huge bytes", b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"."
    yield "huge memo", b"\x80\x04Nr" + (2**32 - 1).to_bytes(4, "little") + b"."
    yield "empty", b""
    yield "only stop", b"."
    yield "no stop", b"\x80\x04N"
    yield "build of nothing", b"\x80\x04Nb."
    yield "own list", b"\x80\x04]q\x00h\x00a."
    good = pickle.dumps(pair_of(image(8), 1.0), protocol=2)
    yield "wrong shape", good.replace(b"K\x08K\x08\x86", b"K\x09K\x08\x86")
    yield "negative shape", good.replace(b"K\x08K\x08\x86", b"J\xff\xff\xff\xffK\x08\x86")
    yield "huge shape", good.replace(b"K\x08K\x08\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")


def test_hostile_pickles_are_refused_and_never_run(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("unpickled")

    flag = tmp_path / "flag"
    cases = list(hostile_pickles(flag))
    monkeypatch.setattr(pickle, "loads", fail)
    monkeypatch.setattr(pickle, "load", fail)
    monkeypatch.setattr(pickle, "Unpickler", fail)
    for name, pickled in cases:
        with pytest.raises(ValueError, match="^evil.npy: "):
            npy.read(object_npy(pickled), "evil.npy")
            pytest.fail(name)
    assert not flag.exists()


def test_damage_is_one_clear_error():
    whole = npy_bytes(pair_of(image(8), 1e-23))
    rng = np.random.default_rng(1)
    for _ in range(2000):
        damaged = bytearray(whole)
        for position in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[position] = rng.integers(256)
        damaged = bytes(damaged[: rng.integers(len(whole))] if rng.random() < 0.3 else damaged)
        try:
            found, value = npy.read(damaged, "a.npy")
        except ValueError as error:
            assert str(error).startswith("a.npy: ")
        else:
            assert found.dtype.kind in "fiub" and (value is None or np.isfinite(value))


def test_command_line(tmp_path, capsys, monkeypatch):
    from common import cli

    small = {"classification": data.STREAMS["classification"]}
    assert cli.main("StrongLensing", small, argv=["describe", "--n", "30"], describe=data.describe) == 0
    out = capsys.readouterr().out
    assert "30 samples of shape (1, 64, 64), float32" in out and "pixels of X: 1 %" in out
