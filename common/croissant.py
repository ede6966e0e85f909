"""Data cards in Croissant, the format in which catalogues and search engines read what a data set is.

A card is made from the stream and the official files of a task, so that it says what `load` does. It is about the file
that ``python -m CHALLENGE.data simulate --task TASK --out FILE.npz`` writes; the official files are listed with where
they are, and their checksums where these are published.

References
----------
Croissant format specification 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

import json
import re
from pathlib import Path

import numpy as np

from common.challenge import ROOT, registry
from common.colab import REPO, TAG
from common.files import atomic_write

LICENCE = "https://opensource.org/license/bsd-3-clause"
CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"}, "description": {"@container": "@language"},
    **{name: f"cr:{name}" for name in (
        "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format "
        "includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
        "samplingRate separator source subField transform").split()},
}  # fmt: skip
"""The context of the specification, which every card has."""

_TYPES = {"f": "sc:Float", "i": "sc:Integer", "u": "sc:Integer", "b": "sc:Boolean"}
_ENCODINGS = {
    ".csv": "text/csv", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gz": "application/gzip", ".hdf5": "application/x-hdf5", ".npy": "application/octet-stream",
    ".pdf": "application/pdf", ".zip": "application/zip",
}  # fmt: skip


def card(challenge, task, version, sample, files=()):
    """Return the data card of one task, to be written as JSON-LD.

    Parameters
    ----------
    challenge, task : str
        Folder name, and the name of the stream.
    version : int
        Version of the simulator.
    sample : Dataset
        Some samples: they tell fields, types and shapes.
    files : sequence of OfficialFile

    Returns
    -------
    dict
    """
    about = registry()[challenge]
    stem = f"{challenge}-{task}".lower()
    simulated = {
        "@type": "cr:FileObject", "@id": f"{stem}.npz", "name": f"{stem}.npz", "contentUrl": f"{stem}.npz",
        "encodingFormat": "application/x-npz",
        "description": f"Written by: python -m {challenge}.data simulate --task {task} --out {stem}.npz",
    }  # fmt: skip
    sources = "; ".join(dict.fromkeys(file.citation for file in files if file.citation))
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": stem, "version": f"{version}.0.0", "isLiveDataset": True, "datePublished": published(),
        "description": f"{about.title}: {about.summary} Samples are simulated on demand, as many as are asked for, "
                       "in splits train, valid and test; the same seed and version give the same samples.",
        "license": list(dict.fromkeys([LICENCE, *(file.licence for file in files if file.licence)])),
        "url": f"{REPO}/tree/{TAG}/{challenge}",
        "creator": {"@type": "sc:Organization", "name": "The DeepLearn hackathon course contributors", "url": REPO},
        "citeAs": sources or f"DeepLearn hackathon course, {REPO}",
        "distribution": [simulated, *map(_official, files)],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "samples", "name": "samples",
                       "field": _fields(sample, f"{stem}.npz")}],
    }  # fmt: skip


def published():
    """The day of the last release, as `CHANGELOG.md` says."""
    days = re.findall(r"^## \[[\d.]+\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    return days[0]


def _official(file):
    """An official file as the card lists it."""
    suffix = "." + file.name.rpartition(".")[2].lower()
    url = file.urls[0]
    if url.startswith("drive:"):
        url = f"https://drive.google.com/uc?id={url.removeprefix('drive:')}"
    facts = {
        "@type": "cr:FileObject", "@id": file.name.replace(" ", "_"), "name": file.name, "contentUrl": url,
        "encodingFormat": _ENCODINGS.get(suffix, "application/octet-stream"),
        "description": "The official data, which load(source=\"official\") reads.",
        "sha256": file.sha256, "contentSize": file.size and f"{file.size} B",
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value}


def _fields(sample, source):
    """X, y and what is known of each sample."""
    arrays = {"X": sample.X, "y": sample.y, **{k: v for k, v in sample.meta.items() if isinstance(v, np.ndarray)}}
    return [_field(name, values, source, sample.meta) for name, values in arrays.items() if values is not None]


def _field(name, values, source, meta):
    """One array, of one entry a sample."""
    text = isinstance(values, list) or values.dtype.kind in "US"
    shape = () if isinstance(values, list) else values.shape[1:]
    field = {
        "@type": "cr:Field", "@id": f"samples/{name}", "name": name,
        "description": "The label" if name == "y" else "The sample" if name == "X" else f"{name}, of each sample",
        "dataType": "sc:Text" if text else _TYPES[values.dtype.kind],
        "source": {"fileObject": {"@id": source}, "extract": {"fileProperty": "content"}},
    }  # fmt: skip
    if name == "X" and "columns" in meta:
        field["description"] += f"; columns: {', '.join(meta['columns'])}"
    if shape:
        field |= {"isArray": True, "arrayShape": ",".join(map(str, shape))}
    return field


def write(challenge, streams, files, folder):
    """Write the cards of a challenge, one a stream, into a folder; return their paths."""
    written = []
    for task, stream in streams.items():
        facts = card(challenge, task, stream.version, stream.few(), files)
        path = Path(folder, f"{facts['name']}.json")
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
        written.append(path)
    return written
