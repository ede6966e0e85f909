"""The same seed gives the same samples, but for rounding, whatever instructions NumPy finds on a processor.

With AVX-512 NumPy has other logarithms and sines than without, which differ in the last bit. A simulator must not let
that bit decide how many random numbers it draws: all later samples would be others.
"""

import os
import pickle
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

N = {"Higgs": 60, "ParticleImages": 500, "StrongLensing": 30, "RenAIssance": 1, "NMRSpin": 5, "Exoplanet": 40,
     "QuantumML": 40}  # fmt: skip
SAMPLES_OF = """
import pickle, sys
from tests.test_processors import samples
with open(sys.argv[1], "wb") as file:
    pickle.dump(samples(sys.argv[2]), file)
"""


def samples(challenge):
    """{task: (X, y, meta)} of a few samples of each simulator of a challenge."""
    streams = import_module(f"{challenge}.data").STREAMS
    made = {task: stream.simulate(N[challenge], 1234) for task, stream in streams.items() if hasattr(stream, "simulate")}
    return {task: (part.X, part.y, part.meta) for task, part in made.items()}


def features():
    """What NumPy uses on this processor and can do without."""
    about = np._core._multiarray_umath
    return [name for name in about.__cpu_dispatch__ if about.__cpu_features__.get(name)]


@pytest.mark.parametrize("challenge", N)
def test_samples_are_the_same_without_the_newest_instructions(challenge, tmp_path):
    if challenge in ("Higgs", "QuantumML"):
        pytest.importorskip("pythia8mc")
    if not features():
        pytest.skip("NumPy has nothing to do without")
    file = tmp_path / "samples"
    environ = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(features())}
    subprocess.run([sys.executable, "-c", SAMPLES_OF, file, challenge], env=environ, check=True)
    others = pickle.loads(file.read_bytes())  # our own
    for task, (X, y, meta) in samples(challenge).items():
        other_X, other_y, other_meta = others[task]
        np.testing.assert_equal(_rounded(other_y), _rounded(y), f"{task}: labels")
        np.testing.assert_equal(_rounded(other_meta), _rounded(meta), f"{task}: meta")
        if not isinstance(X, np.ndarray):  # pages and lines
            np.testing.assert_equal(other_X, X)
            continue
        differ = abs(X.astype(float) - other_X).reshape(len(X), -1).max(axis=1) > 1e-3 * abs(X).max()
        assert differ.mean() < 0.04, f"{task}: {differ.sum()} of {len(X)} samples are others"


def _rounded(values):
    """Floating-point numbers to four digits, also within dictionaries; whatever else as it is."""
    if isinstance(values, dict):
        return {name: _rounded(value) for name, value in values.items()}
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return np.array([float(f"{value:.4g}") for value in values.ravel()]).reshape(values.shape)
    return values
