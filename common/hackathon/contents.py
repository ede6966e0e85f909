"""What the files of a submission must be, judged by their content and not by their names; nothing is executed."""

import json
import math

from common.challenge import SubmissionError
from common.hackathon import archive

HEADER_BYTES = 1_000_000  # of safetensors: about 10,000 tensors
# Bits of the types that safetensors knows: https://github.com/huggingface/safetensors
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip


def check(opened):
    """Raise SubmissionError unless notebook, PDF and weights of an `archive.Archive` are what their names say."""
    files = opened.manifest.files
    if archive.NOTEBOOK in files:
        check_notebook(opened.head(archive.NOTEBOOK, archive.NOTEBOOK_BYTES))
    if archive.PDF in files:
        if not opened.head(archive.PDF, 1024).lstrip().startswith(b"%PDF-"):
            raise SubmissionError(f"{archive.PDF}: not a PDF")
    for name in models_in(files):
        check_model(name, opened.head(name, 8 + HEADER_BYTES), opened.size(name))


def models_in(files):
    """The names of trained models among those of files."""
    return [name for name in (archive.WEIGHTS, *archive.MODELS) if name in files]


def check_model(name, head, size):
    """Raise SubmissionError unless these first bytes begin a trained model of the kind that its name says."""
    if name == archive.WEIGHTS:
        check_safetensors(head, size)
    elif not head.startswith(archive.MODELS[name]):
        raise SubmissionError(f"{name}: does not begin as such a model does")


def check_notebook(blob):
    """Raise SubmissionError unless these bytes are a notebook of format 4."""
    try:
        about = json.loads(blob.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        about = None
    if not (isinstance(about, dict) and about.get("nbformat") == 4 and isinstance(about.get("cells"), list)):
        raise SubmissionError(f"{archive.NOTEBOOK}: not a notebook of format 4")


def check_safetensors(head, size):
    """Raise SubmissionError unless these first bytes begin a sound safetensors file of that size.

    The header is a table of types, shapes and places, and the places must fill the rest of the file.
    """
    fault = SubmissionError(f"{archive.WEIGHTS}: not a safetensors file with at least one tensor")
    length = int.from_bytes(head[:8], "little")
    if length > HEADER_BYTES:
        raise SubmissionError(f"{archive.WEIGHTS}: a header of {length:,} bytes, at most {HEADER_BYTES:,} are allowed")
    try:
        about = json.loads(head[8 : 8 + length].decode("utf-8"))
        tensors = [entry for name, entry in about.items() if name != "__metadata__"]
        spans = []
        for entry in tensors:
            if isinstance(dtype := entry["dtype"], str) and dtype not in BITS:
                raise SubmissionError(f"{archive.WEIGHTS}: a tensor of type {archive.shown(dtype, 20)}, expected "
                                      f"{', '.join(BITS)}: save tensor.float()")  # fmt: skip
            (begin, end), shape = entry["data_offsets"], entry["shape"]
            whole = all(type(k) is int and 0 <= k <= size for k in (begin, end, *shape))
            if not whole or len(shape) > 64 or (end - begin) * 8 != math.prod(shape) * BITS[dtype]:
                raise fault
            spans.append((begin, end))
    except SubmissionError:
        raise
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise fault from error
    ends = [0, *(end for _, end in sorted(spans))]
    if not spans or [begin for begin, _ in sorted(spans)] != ends[:-1] or 8 + length + ends[-1] != size:
        raise fault
