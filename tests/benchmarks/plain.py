"""What a user would write first: simulators as plain loops, and the networks and loop of the original notebooks.

The simulators have the same physics as those of the course as far as their docstrings say, and none of its speed:
one sample at a time, double precision, ready-made functions. The networks are described in the example notebooks of the
hackathon (github.com/ML4SCI/DeepLearnHackathon); the loop trains as these do.
"""

import time

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from common import collisions

# --------------------------------------------------------------------------------------------------
# Simulators


def higgs_events(signal, n_collisions, seed):
    """Selected events of one class from a Python loop over Pythia's particles; returns their number.

    Anti-kt jets of R = 0.5 (FastJet), smeared; one lepton, four jets, two tags. The same processes as the course's, no
    underlying event. The columns are not computed.
    """
    import fastjet

    from Higgs import generate

    pythia = collisions.start(generate.import_pythia(), pythia_lines(signal), seed)
    rng = np.random.default_rng(seed)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.5)
    selected = 0
    for _ in range(n_collisions):
        if not pythia.next():
            continue
        visible, leptons, bottoms = [], [], []
        for particle in pythia.event:
            pdg = abs(particle.id())
            if pdg == 5:
                bottoms.append((particle.eta(), particle.phi()))
            if not particle.isFinal() or abs(particle.eta()) > 5:
                continue
            if pdg in (11, 13) and particle.pT() > 15 and abs(particle.eta()) < 2.5:
                leptons.append(particle)
            elif pdg not in (12, 14, 16):
                visible.append(fastjet.PseudoJet(particle.px(), particle.py(), particle.pz(), particle.e()))
        if len(leptons) != 1:
            continue
        cluster = fastjet.ClusterSequence(visible, definition)
        jets = [
            (jet.pt() * rng.normal(1, np.hypot(0.8 / np.sqrt(jet.e()), 0.05)), jet.eta(), jet.phi())
            for jet in cluster.inclusive_jets(10.0)
        ]
        jets = [jet for jet in jets if jet[0] > 15 and abs(jet[1]) < 3]
        if len(jets) < 4:
            continue
        tags = 0
        for _, eta, phi in jets:
            near = any(np.hypot(eta - e, (phi - p + np.pi) % (2 * np.pi) - np.pi) < 0.4 for e, p in bottoms)
            tags += rng.random() < (0.6 if near else 0.02)
        selected += tags == 2
    return selected


def pythia_lines(signal):
    """Settings of Pythia for one class, without an underlying event."""
    from Higgs import generate

    quiet = ["PartonLevel:MPI=off", "ColourReconnection:reconnect=off", "Next:numberShowEvent=0"]
    return generate.BEAMS + (generate.SIGNAL if signal else generate.BACKGROUND) + generate.semileptonic(True) + quiet


def pythia_alone(signal, n_collisions, seed):
    """Collisions that are made and not looked at."""
    from Higgs import generate

    pythia = collisions.start(generate.import_pythia(), pythia_lines(signal), seed)
    for _ in range(n_collisions):
        pythia.next()


def disk(run, angles, size):
    """An image of a disk with gaps, dust rings and wakes, every formula evaluated at every pixel.

    Without the confusers, spots and speckle that the course's simulator has too.
    """
    from Exoplanet import disk as formula
    from Exoplanet import simulate

    axis = ((np.arange(size) + 0.5) / size * 2 - 1) * run["half_width"]
    x, y = np.meshgrid(axis, axis)
    cos, sin = np.cos(run["position_angle"]), np.sin(run["position_angle"])
    x, y = cos * x + sin * y, cos * y - sin * x
    y = y / np.cos(run["inclination"])
    r, azimuth = np.hypot(x, y), run["rotation"] * np.arctan2(y, x)
    smooth = r ** -run["slope"] * np.exp(-((r / run["r_c"]) ** (2 - run["slope"])))
    smooth *= np.maximum(1 - np.sqrt(np.minimum(run["r_in"] / r, 1)), run["cavity"])
    density, structure = smooth.copy(), np.ones_like(r)
    for k in range(run["n_planets"]):
        r_p, q = run["radii"][k], run["masses"][k] / run["star_mass"]
        h = formula.aspect_ratio(r_p, run["h_50"])
        density *= formula.gap(r, r_p, q, h, run["alpha"])
        centre = r_p + run["trap_place"][k] * formula.gap_width(r_p, q, h, run["alpha"])
        width = h * centre * np.sqrt(run["alpha"] / (run["stokes"] + run["alpha"]))
        density += run["trap"][k] * smooth * np.exp(-0.5 * ((r - centre) / max(width, 1.5)) ** 2)
        strength = run["wake"] * formula.wake_strength(r, r_p, q, h)
        spread = formula.wake_width(r, r_p, h, run["thickness"])
        for shift, share in ((0.0, 1.0), (run["second_arm"][k], run["second_strength"][k])):
            d = azimuth - angles["planet"][k] + formula.wake_phase(r, r_p, h) - shift
            d = (d + np.pi) % (2 * np.pi) - np.pi
            structure += share * strength * np.exp(-0.5 * (d / spread) ** 2)
    tau = simulate.KAPPA * run["disk_mass"] * simulate.GRAMS / 1e4 * density * structure / np.cos(run["inclination"])
    image = formula.planck(run["t_100"] * (r / 100) ** -0.5) * -np.expm1(-tau)
    return (image - image.min()) / (image.max() - image.min())


def printed_line(text, rng, x_height=26):
    """A line of text set by Pillow as a whole, then inked, warped and made black and white with SciPy."""
    from PIL import Image, ImageDraw

    from RenAIssance import press

    font = press.font(press.TRAINING_TYPE[0], x_height)
    height, width = int(2.9 * x_height), int(font.getlength(text)) + 2 * x_height
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((x_height, int(1.9 * x_height)), text, 255, font=font, anchor="ls")
    ink = np.asarray(image, float)
    rows, columns = np.mgrid[:height, :width].astype(float)
    rows -= rng.normal(0, 0.012) * (columns - width / 2)
    rows -= 0.045 * x_height * rng.normal() * np.sin(columns / (rng.uniform(2, 8) * x_height))
    ink = ndimage.map_coordinates(ink, [rows, columns], order=1)
    ink = ndimage.gaussian_filter(ink, x_height * 0.06)
    for scale, size in ((20, 10), (3, 10)):
        noise = ndimage.gaussian_filter(rng.normal(size=ink.shape), scale)
        ink += size * noise / noise.std()
    return ink < 100


def shower(pt, rng, spots_per_gev=40):
    """Energy in 32 x 32 crystals of one photon, from spots thrown into Grindhammer and Peters' radial profile.

    Only the shower and the noise: no tracker, no read-out, no times.
    """
    energy = pt * np.cosh(rng.uniform(-1.2, 1.2))
    n = int(spots_per_gev * energy)
    core = rng.random(n) < 0.88
    u = rng.random(n)
    r = np.where(core, 0.21, 0.95) * np.sqrt(u / (1 - u))
    angle = rng.uniform(0, 2 * np.pi, n)
    row, column = rng.random(2) + 16
    image, _, _ = np.histogram2d(row + r * np.sin(angle), column + r * np.cos(angle), bins=32, range=[[0, 32]] * 2)
    image = image * energy / n + rng.normal(0, 0.0465, (32, 32))
    return image / 50


# --------------------------------------------------------------------------------------------------
# Training


class Samples(torch.utils.data.Dataset):
    """One sample at a time, as the loaders of the originals fetch them."""

    def __init__(self, X, y):
        self.X, self.y = torch.from_numpy(np.array(X)), torch.from_numpy(np.array(y))

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


def train(model, learn, valid, loss, score, *, epochs, batch_size, lr, weight_decay=0.0, seed=0):
    """The loop of the original notebooks: Adam, one learning rate, no choice of the best epoch.

    Parameters
    ----------
    learn, valid : tuple (X, y) of ndarray
    loss : callable (outputs, y) -> tensor
    score : callable (y, outputs) -> float
        Of the validation samples, after each epoch.

    Returns
    -------
    seconds : float
        Processor time.
    score : float
        After the last epoch.
    """
    torch.manual_seed(seed)
    start = time.process_time()
    for module in model.modules():  # weights of this seed
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)
    loader = torch.utils.data.DataLoader(Samples(*learn), batch_size=batch_size, shuffle=True)
    reached = float("nan")
    for _ in range(epochs):
        model.train()
        for X, y in loader:
            optimizer.zero_grad()
            loss(model(X), y).backward()
            optimizer.step()
        reached = score(valid[1], outputs(model, valid[0]))
    return time.process_time() - start, float(reached)


def outputs(model, X, batch_size=500):
    """Outputs of a network for samples X, ndarray."""
    model.eval()
    with torch.inference_mode():
        parts = [model(torch.from_numpy(np.array(X[i : i + batch_size]))) for i in range(0, len(X), batch_size)]
    return torch.cat(parts).numpy()


def higgs_network():
    """Fully connected, batches of 5."""
    return nn.Sequential(nn.Linear(28, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))


def particle_images_cnn():
    """Four convolutions of 16 channels, three full layers."""

    def pair(channels):
        return [
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]

    return nn.Sequential(
        *pair(2), *pair(16), nn.Flatten(), nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 1), nn.Flatten(0),
    )  # fmt: skip


def strong_lensing_cnn():
    """Three convolutions with tanh and average pooling, after LeNet."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(8, 16, 3, stride=2), nn.Tanh(),
        nn.AvgPool2d(2), nn.Conv2d(16, 120, 3), nn.Tanh(), nn.Flatten(), nn.Linear(120, 64), nn.Tanh(),
        nn.Linear(64, 3),
    )  # fmt: skip


def nmr_network(steps=471):
    """Real and imaginary part of the echo to the three labels."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(2 * steps, 100), nn.ReLU(), nn.Linear(100, 40), nn.ReLU(), nn.Linear(40, 3)
    )


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut (He et al., arXiv:1512.03385)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.path(x) + self.shortcut(x))


def resnet18(width=16):
    """ResNet-18, for one channel and one logit; of 64 channels at first in the original, of a quarter here."""
    layers = [nn.Conv2d(1, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = width
    for i in range(4):
        layers += [BasicBlock(channels, width << i, 1 + (i > 0)), BasicBlock(width << i, width << i, 1)]
        channels = width << i
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1), nn.Flatten(0))
