"""The same seed gives the same samples, but for rounding, whatever instructions NumPy finds on a processor.

With AVX-512 NumPy has other logarithms and sines than without, which differ in the last bit. A simulator must not let
that bit decide how many random numbers it draws: all later samples would be others.
"""

import pickle
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from common.datasets import Stream

N = {"Higgs": 60, "ParticleImages": 500, "StrongLensing": 30, "RenAIssance": 1, "NMRSpin": 3, "Exoplanet": 40,
     "QuantumML": 40}  # fmt: skip
NEEDS_PYTHIA = {"Higgs", "QuantumML"}
WRITE = """
import pickle, sys
from tests.test_processors import samples
with open(sys.argv[1], "wb") as file:
    pickle.dump({challenge: samples(challenge) for challenge in sys.argv[2:]}, file)
"""


def samples(challenge):
    """{task: (X, y, meta)} of a few samples of each simulator of a challenge."""
    streams = import_module(f"{challenge}.data").STREAMS
    made = {task: stream.simulate(N[challenge], 1234) for task, stream in streams.items() if isinstance(stream, Stream)}
    return {task: (part.X, part.y, part.meta) for task, part in made.items()}


@pytest.fixture(scope="module")
def others(plain_numpy, tmp_path_factory):
    """{challenge: samples} of a process without these instructions."""
    if not plain_numpy["NPY_DISABLE_CPU_FEATURES"]:
        pytest.skip("NumPy has nothing to do without")
    challenges = [name for name in N if name not in NEEDS_PYTHIA or find_spec("pythia8mc")]
    file = tmp_path_factory.mktemp("others") / "samples"
    subprocess.run([sys.executable, "-c", WRITE, file, *challenges], env=plain_numpy, check=True)
    return pickle.loads(file.read_bytes())  # our own


@pytest.mark.parametrize("challenge", N)
def test_samples_are_the_same_without_the_newest_instructions(challenge, others):
    if challenge not in others:
        pytest.skip("Pythia is not installed")
    for task, (X, y, meta) in samples(challenge).items():
        other_X, other_y, other_meta = others[challenge][task]
        assert_alike(y, other_y, f"{task}, labels")
        assert_alike(meta, other_meta, f"{task}, meta")
        if isinstance(X, np.ndarray):
            differ = abs(X.astype(float) - other_X).reshape(len(X), -1).max(axis=1) > 1e-3 * abs(X).max()
            assert differ.mean() < 0.04, f"{task}: {differ.sum()} of {len(X)} samples are others"
        else:  # pages and lines
            np.testing.assert_equal(other_X, X)


def assert_alike(one, other, what):
    """Equal, numbers with a point but for rounding."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), what
        for name, value in one.items():
            assert_alike(value, other[name], f"{what}, {name}")
    elif isinstance(one, np.ndarray) and one.dtype.kind == "f":
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6, err_msg=what)
    else:
        np.testing.assert_equal(other, one, what)
