"""Loading the Exoplanet data: by run, simulated or from official files, and one clear error for the rest."""

import gzip
import io
import zipfile

import numpy as np
import pytest

from common import official
from common.challenge import SubmissionError
from Exoplanet import data, frames, simulate
from Exoplanet.challenge import CHALLENGE, by_run, truth_by_run

fits = pytest.importorskip("astropy.io.fits")

RNG = np.random.default_rng(0)


# --------------------------------------------------------------------------------------------------
# Simulated


def test_interface(data_home):
    part = data.load("train", 9, size=64, workers=1)
    assert part.X.shape == (9, 1, 64, 64) and part.X.dtype == np.float32 and part.y.dtype == np.int8
    np.testing.assert_array_equal(part.X, data.load("train", 12, size=64, workers=1).X[:9])
    assert data.load("train", 3, task="alma", workers=1).X.shape == (3, 1, 64, 64)


def test_no_run_is_in_two_splits(data_home):
    sizes = {"train": 210, "valid": 20, "test": 20}
    runs = {split: data.load(split, n, size=32, workers=1).meta["run"] for split, n in sizes.items()}
    chunk = [simulate.detection(200, seed, size=32).meta["run"] for seed in (2**100, 2**100 + 1)]
    groups = [*map(set, runs.values()), *map(set, chunk)]
    assert len(set.union(*groups)) == sum(map(len, groups))
    train = runs["train"]  # two chunks: each numbers runs of its own, which follow one another
    assert len(set(train)) == 1 + np.count_nonzero(np.diff(train))


@pytest.mark.parametrize("arguments, message", [
    (dict(split="val"), "unknown split 'val'"),
    (dict(source="web"), "unknown source 'web'"),
    (dict(task="mass"), "unknown task 'mass'"),
    (dict(n=0), "n must be a whole number of at least 1"),
    (dict(size=16), "size must be a whole number from 32 to 600"),
    (dict(size=64.5), "size must be a whole number"),
    (dict(task="alma", source="official"), "'alma' has no official files"),
])
def test_bad_requests(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


# --------------------------------------------------------------------------------------------------
# Official


def frame(value=1.0):
    image = np.full((600, 600), 0.1, np.float32)
    image[:300, :300] = value
    return image


def table(runs, header=True):
    """Lines of train_info.csv; runs is {run: number of planets}."""
    lines = [",run,n,m1,r1,m2,r2,m3,r3,m4,r4"] if header else []
    for i, (run, n) in enumerate(runs.items()):
        pairs = [f"{1e-3 * (k + 1)},{20.0 * (k + 1)}" if k < n else "0.0,0.0" for k in range(4)]
        lines.append(f"{i},{run},{n}," + ",".join(pairs))
    return "\n".join(lines) + "\n"


RUNS = {run: run % 5 for run in range(8)}
DUMPS = {run: 1 + run % 2 for run in RUNS}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Bytes of 12 images of 8 runs."""
    folder, files = tmp_path_factory.mktemp("published"), {}
    for run, dumps in DUMPS.items():
        for dump in range(dumps):
            path = folder / frames.file_name(run, 100 + dump)
            frames.write_frame(path, frame(1 + run))
            files[path.name] = path.read_bytes()
    return files


def put(data_home, files, labels=None, unpacked=False):
    folder = data_home / "Exoplanet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_info.csv").write_text(table(RUNS) if labels is None else labels)
    if unpacked:
        (folder / "Sample_Data").mkdir()
        for name, blob in files.items():
            (folder / "Sample_Data" / name).write_bytes(blob)
    else:
        with zipfile.ZipFile(folder / "Sample_Data.zip", "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("__MACOSX/Sample_Data/._planet0_00100_1250.fits", b"")
            for name, blob in files.items():
                archive.writestr(f"Sample_Data/{name}", blob)
    return folder


def load(split="train", n=None, size=32):
    return data.load(split, n, source="official", size=size)


@pytest.mark.parametrize("unpacked", [False, True])
def test_official_files_split_by_run(data_home, published, unpacked):
    put(data_home, published, unpacked=unpacked)
    parts = {split: load(split) for split in ("train", "valid", "test")}
    runs = {split: set(part.meta["run"].tolist()) for split, part in parts.items()}
    assert [len(runs[split]) for split in runs] == [6, 1, 1] and set.union(*runs.values()) == set(RUNS)
    assert sum(len(part) for part in parts.values()) == 12
    for part in parts.values():
        assert part.X.shape[1:] == (1, 32, 32) and part.X.dtype == np.float32 and part.y.dtype == np.int8
        for i, run in enumerate(part.meta["run"]):
            assert part.y[i] == (RUNS[run] > 0) and part.meta["n_planets"][i] == RUNS[run]
            masses = [1e-3 * (k + 1) * (k < RUNS[run]) for k in range(4)]
            assert part.meta["masses"][i].tolist() == pytest.approx(masses)
            assert part.X[i, 0, 0, 0] == pytest.approx(1) and part.X[i, 0, -1, -1] == 0
    few = load("train", 5)
    np.testing.assert_array_equal(few.meta["run"], parts["train"].meta["run"][:5])
    with pytest.raises(ValueError, match="n = 99, but the train split of the official images has"):
        load("train", 99)


def test_one_file_at_a_time(data_home, published, monkeypatch):
    put(data_home, published)
    read, real = [], frames.read_frame
    monkeypatch.setattr(frames, "read_frame", lambda blob, name: read.append(name) or real(blob, name))
    load("train", 3)
    assert len(read) == 3


def test_what_is_written_is_read_back(data_home, tmp_path):
    made = simulate.detection(4, 1, size=600)
    folder = data_home / "Exoplanet"
    data.write_official(made, folder / "Full_Train_Data")
    (folder / "Full_Train_Data" / "train_info.csv").rename(folder / "train_info.csv")
    planets = frames.read_labels(folder / "train_info.csv")
    _, run = np.unique(made.meta["run"], return_inverse=True)
    for i in range(4):
        np.testing.assert_allclose(planets[run[i]][0], made.meta["masses"][i], rtol=1e-6)
        np.testing.assert_allclose(planets[run[i]][1], made.meta["radii"][i], rtol=1e-6)
        name = frames.file_name(run[i], made.meta["dump"][i])
        blob = (folder / "Full_Train_Data" / name).read_bytes()
        np.testing.assert_array_equal(frames.read_frame(blob, name), made.X[i, 0])
        with fits.open(folder / "Full_Train_Data" / name) as hdus:  # as the hackathon's notebook reads it
            np.testing.assert_array_equal(hdus[0].data.squeeze()[0], made.X[i, 0])


def bytes_of(tmp_path, planes):
    path = tmp_path / "x.fits"
    fits.PrimaryHDU(planes).writeto(path, overwrite=True)
    return path.read_bytes()


NAN = np.full((4, 600, 600), 1.0, np.float32)
NAN[0, 5, 5] = np.nan
ZERO = np.zeros((4, 600, 600), np.float32)


@pytest.mark.parametrize("planes, message", [
    (np.ones((3, 600, 600), np.float32), r"shape \(3, 600, 600\), expected 4 planes of 600 x 600"),
    (np.ones((600, 600), np.float32), r"shape \(600, 600\), expected 4 planes"),
    (np.ones((4, 300, 300), np.float32), r"shape \(4, 300, 300\)"),
    (None, "shape None"),
    (NAN, "not finite"),
    (np.full((4, 600, 600), 1e39), "not finite"),
    (ZERO, "all pixels are alike"),
])
@pytest.mark.filterwarnings("error")
def test_bad_images(data_home, published, tmp_path, planes, message):
    put(data_home, {name: bytes_of(tmp_path, planes) for name in list(published)[:3]}, unpacked=True)
    with pytest.raises(ValueError, match=rf"planet\d+_0010\d_1250.fits.*{message}"):
        load("train", 1)


@pytest.mark.parametrize("cards", [
    {"NAXIS": 3, "NAXIS1": 10**9, "NAXIS2": 10**9, "NAXIS3": 10}, {"NAXIS": 999},
    {"NAXIS": 3, "NAXIS1": 0, "NAXIS2": 9, "NAXIS3": 9, "GROUPS": "T", "PCOUNT": 0, "GCOUNT": 10**15},
])  # fmt: skip
def test_impossible_headers(cards):
    lines = [f"{key:8}= {value:>20}".ljust(80) for key, value in {"SIMPLE": "T", "BITPIX": -32, **cards}.items()]
    with pytest.raises(ValueError, match="planet0_00010_1250.fits: damaged FITS"):
        frames.read_frame("".join([*lines, "END".ljust(80)]).encode().ljust(2880), "planet0_00010_1250.fits")


def test_damaged_images(published, tmp_path):
    name, whole = next(iter(published.items()))
    for blob, message in (
        (whole[:100_000], "damaged FITS"), (b"", "not a FITS file"), (b"\x1f\x8b" + whole, "not a FITS file"),
        (whole[:80], "damaged FITS"), (whole + bytes(16_000_000), "too many for one image"),
        (whole.replace(b"NAXIS3  =                    4", b"NAXIS3  =           4000000000"), "damaged FITS"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            frames.read_frame(blob, name)


@pytest.mark.parametrize("labels, message", [
    (table({run: n for run, n in RUNS.items() if run != 7}), "run 7 has no line in train_info.csv"),
    (table(RUNS).replace("5,5,0,", "5,5,2,"), "line 7: run 5 says 2 planets"),
    (table(RUNS).replace("5,5,0,0.0", "5,5,0,nan"), "line 7: 'nan' is not a finite number"),
    (table(RUNS).replace("5,5,0,0.0", "5,5,0,many"), "line 7: 'many' is not a finite number"),
    (table(RUNS).replace("5,5,0,0.0,", "5,5,0,"), "line 7 has 10 columns, expected an index and run, n, m1"),
    (table(RUNS).replace(",", ";"), "line 2 has semicolons between its numbers: save the table with commas"),
    (table(RUNS).replace("\n5,5,", "\n5,4,"), "line 7: run 4 "),
    (",run,n\n", "the header must have each of run, n, m1, .* once; check m1"),
    (table(RUNS).replace(",run,n,", ",run,note,n,"), "the header has 12 columns, expected an index and run, n, m1"),
    (table(RUNS).replace(",run,n,", "run,n,"), "the header has 10 columns, expected an index and run, n, m1"),
    (table(RUNS, header=False).replace("1,1,1,0.001,20.0", "1,1,1,20.0,0.001"), "line 2: a planet of 20 solar masses"),
    ("\n", "no runs"),
])
def test_bad_labels(data_home, published, labels, message):
    put(data_home, {"planet7_00100_1250.fits": published["planet7_00100_1250.fits"]}, labels, unpacked=True)
    with pytest.raises(ValueError, match=message):
        load("train", 1)


def test_labels_without_header(tmp_path):
    (tmp_path / "train_info.csv").write_text(table(RUNS, header=False))
    assert len(frames.read_labels(tmp_path / "train_info.csv")) == 8


def test_columns_of_labels_are_found_by_name(tmp_path):
    path = tmp_path / "train_info.csv"
    path.write_text(",Run,n,r1,m1,r2,m2,r3,m3,r4,m4\n0,7,1,50,0.001,0,0,0,0,0,0\n")
    masses, radii = frames.read_labels(path)[7]
    assert masses.tolist() == [0.001, 0, 0, 0] and radii.tolist() == [50, 0, 0, 0]
    path.write_text(",a,b,c,d,e,f,g,h,i,j\n0,7,1,0.001,50,0,0,0,0,0,0\n")
    assert frames.read_labels(path)[7][0][0] == 0.001


def test_strange_names_links_and_damaged_zip(data_home, published, tmp_path):
    put(data_home, {**published, "disk.fits": b""})
    with pytest.raises(ValueError, match="disk.fits is not named like an image"):
        load()
    path = data_home / "Exoplanet" / "Sample_Data.zip"
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="damaged zip file"):
        load()
    path.unlink()
    folder = put(data_home, {}, unpacked=True)
    secret = tmp_path / "secret"
    secret.write_bytes(b"SIMPLE")
    (folder / "Sample_Data" / frames.file_name(0, 1)).symlink_to(secret)
    with pytest.raises(ValueError, match="is a link"):
        load()


def test_archives_as_people_have_them(data_home, published):
    """Backslashes, files of the Mac and of Windows, other endings, gzip, subfolders."""
    first, second, third, *rest = published
    files = {name: published[name] for name in rest}
    files[first.upper()], files[second.replace(".fits", ".fit")] = published[first], published[second]
    files["more/" + third + ".gz"] = gzip.compress(published[third], 1)
    clutter = {f"._{first}": b"junk", "Thumbs.db": b"", "desktop.ini": b"", ".DS_Store": b"", "notes.txt": b""}
    folder = put(data_home, {"in\\" + name.replace("/", "\\"): blob for name, blob in {**files, **clutter}.items()})
    parts = [load(split) for split in ("train", "valid", "test")]
    assert sum(map(len, parts)) == 12
    (folder / "Sample_Data.zip").unlink()
    (folder / "Sample_Data" / "more").mkdir(parents=True)
    for name, blob in {**files, **clutter}.items():
        (folder / "Sample_Data" / name).write_bytes(blob)
    for part, split in zip(parts, ("train", "valid", "test"), strict=True):
        np.testing.assert_array_equal(load(split).X, part.X)


def test_a_zip_file_goes_before_its_folder_which_may_be_unfinished(data_home, published):
    folder = put(data_home, published)
    images = load().X
    put(data_home, dict(list(published.items())[:1]), unpacked=True)
    np.testing.assert_array_equal(load().X, images)
    (folder / "Sample_Data").rename(folder / "Full_Train_Data")
    with pytest.warns(UserWarning, match=r"Full_Train_Data is read, not \S+Sample_Data.zip: move away"):
        assert len(load()) == 1


def test_the_folder_may_lie_where_its_zip_file_may(data_home, published):
    (put(data_home, published, unpacked=True) / "Sample_Data").rename(data_home / "Sample_Data")
    assert len(load()) == 9


def test_two_files_of_one_image(data_home, published):
    name, blob = next(iter(published.items()))
    for other in ("copy/" + name, name + ".gz", name.replace("_00100", "_100")):
        put(data_home, {**published, other: blob})
        with pytest.raises(ValueError, match=r"planet0_\S+ and Sample_Data/\S+ are named as one and the same"):
            load()


def test_zip_without_images_says_what_it_has(data_home):
    put(data_home, {"Sample_Data.zip": b"", "a.csv": b"", "b.csv": b""})
    with pytest.raises(ValueError, match=r"no files planet.*it has 2 .csv, 1 .zip \(unpack it first\)"):
        load()


def test_image_in_an_extension_or_packed(published):
    name, whole = next(iter(published.items()))
    image = frames.read_frame(whole, name)
    planes = np.stack([image] * 4)
    for hdus in (
        [fits.PrimaryHDU(), fits.ImageHDU(planes)], [fits.PrimaryHDU(planes), fits.ImageHDU(planes[:, :9])],
        [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([]), fits.ImageHDU(planes[None])],
    ):  # fmt: skip
        stream = io.BytesIO()
        fits.HDUList(hdus).writeto(stream)
        np.testing.assert_array_equal(frames.read_frame(stream.getvalue(), name), image)
        np.testing.assert_array_equal(frames.read_frame(gzip.compress(stream.getvalue(), 1), name), image)
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(planes)]).writeto(stream)
    with pytest.raises(ValueError, match="compressed by fpack; unpack it with funpack"):
        frames.read_frame(stream.getvalue(), name)
    with pytest.raises(ValueError, match="too many for one image"):
        frames.read_frame(gzip.compress(whole + bytes(20_000_000), 1), name)
    with pytest.raises(ValueError, match="damaged gzip data"):
        frames.read_frame(gzip.compress(whole, 1)[:-50], name)


def test_too_few_runs(data_home, published):
    put(data_home, {name: blob for name, blob in published.items() if name.startswith("planet1_")})
    with pytest.raises(ValueError, match="the test split has no images: 1 runs"):
        load("test")


def test_nothing_official_is_never_replaced_by_simulation(monkeypatch):
    def fail(challenge, file):
        raise official.DownloadError(f"no network for {file.name}")

    monkeypatch.setattr(official, "fetch", fail)
    with pytest.raises(official.DownloadError, match="Sample_Data.zip"):
        load("test", 3)


def test_recovered_images_are_for_testing_only(data_home):
    assert data.recovered() is None and data.observed() is None
    folder = data_home / "Exoplanet"
    folder.mkdir(parents=True)
    image = np.full((489, 489), 1e-3, np.float16)
    image[200:300, 200:300] = 0.5
    image[20, 20:400:2] = 1  # an outline of the figure
    np.savez(folder / "recovered_disks.npz", planet7_00010=image, planet8_00010=image)
    (folder / "recovered_labels.csv").write_text("file,planet\nplanet7_00010,0\nplanet8_00010,1\n")
    part = load("test", size=64)
    assert part.y.tolist() == [0, 1] and part.meta["run"].tolist() == [7, 8] and part.X.shape == (2, 1, 64, 64)
    assert part.X[0, 0, 2].max() < 1e-3 and part.X[0, 0, 32, 32] == 1
    with pytest.raises(ValueError, match="for testing only: use split=.test.*recovered_disks.npz away"):
        load("train")
    with pytest.raises(ValueError, match="n = 3, but the excerpt"):
        load("test", 3)
    for label in ("7", "-1", "300", "1\nplanet7_00010,0"):
        (folder / "recovered_labels.csv").write_text(f"file,planet\nplanet8_00010,1\nplanet7_00010,{label}\n")
        with pytest.raises(ValueError, match="recovered_labels.csv.* a file is listed twice, or a label is neither"):
            load("test", size=64)
    (folder / "recovered_labels.csv").write_text("file,planet\nplanet7_00010,0\nplanet8_00010,1\n")
    for content, message in (
        ({"planet7_00010": np.full((9, 9), 1e300)}, "planet7_00010: .* not finite in float32"),
        ({"planet7_00010": 0 * image}, "planet7_00010 has no pixel above 0"),
        ({"planet7_00010": image[:0]}, r"planet7_00010: expected an image .* \(0, 489\)"),
        ({}, "recovered_disks.npz has no images"),
    ):
        np.savez(folder / "recovered_disks.npz", **content)
        with pytest.raises(ValueError, match=message):
            load("test", size=64)
    np.savez(folder / "recovered_disks.npz", planet7_00010=image, planet8_00010=image)
    (folder / "recovered_disks.npz").write_bytes((folder / "recovered_disks.npz").read_bytes()[:5000])
    with pytest.raises(ValueError, match="recovered_disks.npz: damaged"):
        load("test")
    (folder / "recovered_labels.csv").write_text("name;planet\nplanet7_00010;0\n")
    with pytest.raises(ValueError, match="expected columns file and planet"):
        load("test")
    np.save(folder / "AS_209.npy", np.array([1, None]))
    with pytest.raises(ValueError, match="AS_209.npy: damaged, or holds anything but numbers"):
        data.observed()


def test_observed_disks_are_brought_back_to_brightness(data_home):
    """Files hold v = (log10(I / max) + 2) / 2, from 1 % of the peak on."""
    folder = data_home / "Exoplanet"
    folder.mkdir(parents=True)
    brightness = RNG.uniform(0.0, 1.0, (64, 64)).astype(np.float32) ** 4
    brightness[3, 5] = 1
    stretched = np.clip((np.log10(np.maximum(brightness, 1e-9)) + 2) / 2, 0, 1)
    np.save(folder / "AS_209.npy", stretched.astype(np.float32))
    observed = data.observed()
    assert observed.meta["name"] == ["AS_209"] and observed.y is None and observed.X.dtype == np.float32
    np.testing.assert_allclose(observed.X[0, 0], np.clip(brightness - 0.01, 0, None) / 0.99, atol=1e-5)
    np.save(folder / "GW_Lup.npy", 100 * brightness)
    with pytest.raises(ValueError, match="GW_Lup.npy: expected a logarithmic scale from 0 .* to 1"):
        data.observed()


def test_area_resampling_keeps_the_light():
    image = RNG.random((489, 600)).astype(np.float32)
    for size in (128, 224, 600):
        new = frames.resampled(image, size)
        assert new.shape == (size, size) and new.mean() == pytest.approx(image.mean(), rel=1e-4)
    blocks = frames.resampled(image[:480, :480], 48)
    np.testing.assert_allclose(blocks, image[:480, :480].reshape(48, 10, 48, 10).mean((1, 3)), rtol=1e-4)


# --------------------------------------------------------------------------------------------------
# The contract


def test_scores_are_by_run(tmp_path):
    y, run = np.array([1, 1, 0, 0, 1, 0]), np.array([5, 5, 9, 9, 2, 3])
    p = np.array([0.9, 0.1, 0.4, 0.4, 0.8, 0.3])
    label, mean = by_run(truth_by_run(y, run), p)
    assert label.tolist() == [1, 0, 1, 0] and mean.tolist() == pytest.approx([0.8, 0.3, 0.5, 0.4])
    task = CHALLENGE.task("detection")
    path = task.submission.write(tmp_path, p)
    assert path.name == "exoplanet_predictions.csv"
    scores = task.score(truth_by_run(y, run), path)
    assert list(scores)[0] == "AUC by run" and scores["AUC by run"] == 1
    assert scores["AUC by image"] == pytest.approx(6 / 9)
    assert task.score(y, path)["AUC by run"] == scores["AUC by image"]  # without runs each image stands for itself
    with pytest.raises(SubmissionError, match="6 rows, expected 5"):
        task.score(y[:5], path)
    with pytest.raises(SubmissionError, match="expected a number from 0 to 1"):
        task.submission.write(tmp_path, p + 0.5)
