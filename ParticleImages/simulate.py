"""Images of electrons and photons in a crystal calorimeter, as in the official Single(Electron|Photon)Pt50 files.

    from ParticleImages.simulate import simulate
    images = simulate(2000, seed=0)  # X (2000, 32, 32, 2) float32, y (2000,) int8, 1 for electrons

Two steps, a file each: `tracker` brings one electron or photon of pt 50 GeV through the material in front of the
crystals, `calorimeter` makes showers, noise, read-out and times of what arrives.

Checked by tests/benchmarks/particleimages_fidelity.py: means, standard deviations, sums of squares and seed crystals
are within 2 % of those published for the official files; the time's deviation within 5 %.

The tracker has its published material, the core of a shower its published radius, and what happens in them is theory.
The share of that core, the tail and the halo were fitted to the published means and to 50 real images, whose labels
were not used; dead channels, noise and grain were read off 100, these among them. So no real image here is quite
unseen.

What still differs from them (ParticleImages/NOTES.md says what 100 images can show).
- Boosted trees on shower shapes tell real from simulated images with an AUC of 0.55 +- 0.04, on the other 50.
- Real showers enter the middle and the edge of a crystal a little less often (an effect of 2 to 3 standard errors). So
  their second crystal is weaker: it has a fifth of the energy of 3 x 3 in 40 % of real and 47 % of simulated images.
- Left out: gaps between modules, and that photons start their showers a little deeper than electrons.
- Times have no real images to be compared with, only their published standard deviation and range.
"""

import numpy as np

from common.datasets import Dataset, check_n
from ParticleImages import calorimeter, tracker

VERSION = 5
ENERGY_UNIT = 50.0  # GeV
TIME_UNIT = 10.0  # ns
CHANNELS = ["energy", "time"]
UNITS = {"energy": "50 GeV", "time": "10 ns"}
TRACKER = tracker.Tracker()
CALORIMETER = calorimeter.Calorimeter()


def simulate(n, seed, card=TRACKER):
    """n images of electrons and photons in random order.

    Parameters
    ----------
    n : int
        Number of images, at least 1.
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform, and but for rounding the
        same images on all.
    card : tracker.Tracker
        What lies before the crystals, such as `tracker.Tracker(field=0)`: the same particles without a magnetic field.

    Returns
    -------
    Dataset
        X float32 (n, 32, 32, 2): rows along eta, columns along phi, the seed crystal at [16, 16]; channel 0 is the
        energy in units of 50 GeV, channel 1 the time in units of 10 ns, both 0 where a crystal is not read out.
        y int8 (n,): 1 electron, 0 photon. meta, one entry an image: eta (float32); converted (bool: the photon became
        a pair in the tracker); conversion_radius (float32, m; nan where there is none); radiated (float32: share of
        the electron's energy that left it as photons; 0 for photons).

    Raises
    ------
    ValueError
        If n is not a whole number of at least 1.
    """
    check_n(n)
    rng = np.random.default_rng(seed)
    electron = rng.random(n) < 0.5
    eta = rng.uniform(-card.max_eta, card.max_eta, n)
    particles, truth = tracker.cross(card, eta, electron, rng)
    X = calorimeter.images(CALORIMETER, particles, eta, rng)
    X /= np.array([ENERGY_UNIT, TIME_UNIT], np.float32)
    about = {
        "channels": CHANNELS,
        "units": UNITS | {"conversion_radius": "m"},
        "simulator": "shower parametrisation",
        "version": VERSION,
    }
    return Dataset(X, electron.astype(np.int8), {"eta": eta.astype(np.float32), **truth, **about})
