"""What the notebook would otherwise be cluttered with: polar images, features, the network, and experiments."""

import lightgbm
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool1d, avg_pool2d, grid_sample

from common.training import predict
from Exoplanet import simulate

RINGS, ANGLES = 36, 64  # of a polar image
INNERMOST, OUTERMOST = 0.04, 0.92  # of half the width of the image
BANDS = 4  # of radii in the features
FAINTEST = 1e-6  # what is darker is black, as in the published figures


# --------------------------------------------------------------------------------------------------
# Seen face on, in polar coordinates


def logarithm(X):
    """log10 of images, from -6 on."""
    return np.log10(np.maximum(X, FAINTEST))


def asinh(X, softening=0.03):
    """Like log10 where images are bright, but linear where they are fainter than `softening`: for images with noise."""
    return (np.arcsinh(X / np.float32(softening)) / np.float32(np.log(10))).astype(np.float32)


def ellipses(X, share=0.15, stretch=logarithm):
    """Axis ratio and position angle in rad of the brightest part of images, two arrays of shape (n,).

    The second moments of the area that has the brightest pixels, `share` of the image, are those of an ellipse: of a
    ring of the disk, seen under an angle. X has the shape (n, 1, size, size).
    """
    size = X.shape[-1]
    soft = avg_pool2d(torch.from_numpy(stretch(X)), 5, 1, padding=2, count_include_pad=False).numpy()[:, 0]
    level = np.quantile(soft, 1 - share, axis=(1, 2), keepdims=True)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = (soft > level) | (np.hypot(x, y) < 0.05 * size)  # the hole in the middle belongs to the disk
    inside = inside & (np.hypot(x, y) < 0.5 * size)
    weight = inside / inside.sum(axis=(1, 2), keepdims=True)
    xx, yy, xy = ((weight * a).sum(axis=(1, 2)) for a in (x * x, y * y, x * y))
    spread = np.hypot((xx - yy) / 2, xy)
    mean = (xx + yy) / 2
    ratio = np.sqrt(np.clip((mean - spread) / (mean + spread), 0.04, 1))
    return ratio, 0.5 * np.arctan2(2 * xy, xx - yy)


def polar(X, ratio, angle, rings=RINGS, angles=ANGLES, stretch=logarithm):
    """Stretched images, seen face on and unwrapped: rows are radii, columns are angles from the major axis.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)
    ratio, angle : ndarray of shape (n,)
        Of `ellipses`.
    rings, angles : int
        Size of the result.
    stretch : callable
        `logarithm` or `asinh`.

    Returns
    -------
    ndarray of float32, shape (n, rings, angles)
    """
    radius = torch.linspace(INNERMOST, OUTERMOST, rings)[:, None]
    azimuth = torch.arange(angles) * (2 * torch.pi / angles)
    ratio, angle = (torch.as_tensor(a, dtype=torch.float32).view(-1, 1, 1) for a in (ratio, angle))
    u, v = radius * torch.cos(azimuth), radius * torch.sin(azimuth) * ratio
    where = torch.stack([u * angle.cos() - v * angle.sin(), u * angle.sin() + v * angle.cos()], dim=-1)
    return grid_sample(torch.from_numpy(stretch(X)), where, align_corners=False, padding_mode="border")[:, 0].numpy()


def residual(unwrapped):
    """Polar images minus the median of each ring: what a smooth disk does not have, within +-1."""
    return np.clip(unwrapped - np.median(unwrapped, axis=2, keepdims=True), -1, 1)


def features(X):
    """Numbers that describe what is not smooth in a disk, for a rival of the network.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)

    Returns
    -------
    ndarray of float32, shape (n, 33)
        For each of 4 bands of radii: the spread of the residual; its largest value in units of its typical one; depth
        of a gap and height of a ring, as the lowest and highest bend of the profile of medians (how much it lies above
        the mean of two rings inside and outside); and the logarithm of the power of one to four arms. And the axis
        ratio.
    """
    ratio, angle = ellipses(X)
    unwrapped = polar(X, ratio, angle)
    rest = residual(unwrapped).reshape(len(X), BANDS, -1, ANGLES)
    flat = rest.reshape(len(X), BANDS, -1)
    typical = np.median(abs(flat), axis=2) + 1e-4
    profile = np.median(unwrapped, axis=2)
    bend = profile[:, 2:-2] - (profile[:, 4:] + profile[:, :-4]) / 2
    bend = bend.reshape(len(X), BANDS, -1)
    arms = np.log10((abs(np.fft.rfft(rest, axis=3)[..., 1:5]) ** 2).mean(axis=2) + 1e-6)
    spots = flat.max(axis=2) / typical
    parts = [flat.std(axis=2), spots, bend.min(axis=2), bend.max(axis=2), arms.reshape(len(X), -1), ratio]
    return np.column_stack(parts).astype(np.float32)


def boosted_trees(n_trees, seed=0):
    """LightGBM for `features`, with results that do not depend on the machine's number of cores."""
    return lightgbm.LGBMClassifier(
        n_estimators=n_trees, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.3, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
    )  # fmt: skip


def thumbnails(X, size=16):
    """Small pictures of log10 of the images, less their mean, shape (n, size^2): for finding similar ones."""
    width = X.shape[-1] // size
    small = avg_pool2d(torch.from_numpy(logarithm(X)), width).flatten(1).numpy()
    return small - small.mean(axis=1, keepdims=True)


def smooth_disk(X):
    """log10 of the smooth disk that is most like each image: the median of each ring, drawn back into the image.

    Shape (n, 1, size, size), as X. Beyond the outermost ring the image itself.
    """
    ratio, angle = ellipses(X)
    profile = np.median(polar(X, ratio, angle), axis=2)
    size = X.shape[-1]
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1
    radii = np.linspace(INNERMOST, OUTERMOST, RINGS)
    smooth = logarithm(X)
    for i in range(len(X)):
        u = x * np.cos(angle[i]) + y * np.sin(angle[i])
        v = (y * np.cos(angle[i]) - x * np.sin(angle[i])) / ratio[i]
        r = np.hypot(u, v)
        inside = (r > INNERMOST) & (r < OUTERMOST)
        smooth[i, 0][inside] = np.interp(r[inside], radii, profile[i])
    return smooth


# --------------------------------------------------------------------------------------------------
# The network


def views(X, rings=RINGS, angles=ANGLES, stretch=logarithm, share=0.15):
    """What the network sees: a stretched image, face on and in polar coordinates, in three views.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)
    rings, angles, stretch
        As for `polar`.
    share : float
        As for `ellipses`.

    Returns
    -------
    ndarray of float32, shape (n, 3, rings, angles)
        The stretched image relative to its median, in units of two decades; three times the residual; and five times
        the bend of the profile: how much the median of a ring lies above the mean of the rings around it. All within
        +-1.
    """
    return views_of_polar(polar(X, *ellipses(X, share, stretch), rings, angles, stretch))


def views_of_polar(unwrapped):
    """`views` of polar images."""
    profile = np.median(unwrapped, axis=2)
    around = len(profile[0]) // 8  # rings on either side
    padded = torch.from_numpy(np.pad(profile, ((0, 0), (around, around)), mode="edge"))
    bend = profile - avg_pool1d(padded[:, None], 2 * around + 1, 1)[:, 0].numpy()
    level = np.median(profile, axis=1)[:, None, None]
    planes = [(unwrapped - level) / 2, 3 * residual(unwrapped), np.broadcast_to(5 * bend[..., None], unwrapped.shape)]
    return np.stack([plane.clip(-1, 1) for plane in planes], axis=1)


class Around(nn.Module):
    """Angles go round: the last column beside the first, and the first beside the last.

    The same as nn.CircularPad2d((1, 1, 0, 0)), whose gradient takes longer.
    """

    def forward(self, x):
        return torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and a gate."""
    return nn.Sequential(
        Around(), nn.Conv2d(inputs, outputs, 3, stride, padding=(1, 0), bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class Network(nn.Module):
    """A convolutional network for `views`: six layers, and then both the mean and the maximum over all places.

    The mean tells what a disk is like as a whole, the maximum whether there is one conspicuous place.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    dropout : float
    """

    def __init__(self, width=8, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            block(3, width), block(width, 2 * width, 2), block(2 * width, 4 * width),
            block(4 * width, 4 * width, 2), block(4 * width, 8 * width), block(8 * width, 8 * width),
        )  # fmt: skip
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(16 * width, 1))

    def forward(self, x):
        found = self.layers(x)
        return self.last(torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1))[:, 0]


def turn_and_flip(x):
    """A batch of `views`, turned by a random angle, and about half of the disks mirrored.

    The sky has no up and no down, and a disk may go round either way.
    """
    x = torch.roll(x, int(torch.randint(x.shape[-1], (1,))), dims=3)
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(3), x)


def logits(model, seen, turns=1):
    """Logarithmic odds of a planet, shape (n,), from `views`; averaged over 1, 2 or 4 equal turns of the disk."""
    steps = [k * seen.shape[-1] // turns for k in range(turns)]
    return np.mean([predict(model, np.roll(seen, step, axis=3), batch_size=256) for step in steps], axis=0)


def sigmoid(z):
    """Probabilities from logarithmic odds."""
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))


# --------------------------------------------------------------------------------------------------
# Experiments

PLAIN_DISK = {  # seen face on, without planets, confusers or artefacts; the entries of simulate.draw_runs()
    "n_planets": 0, "masses": np.zeros(4), "radii": np.zeros(4), "star_mass": 1.0, "inclination": 0.0,
    "position_angle": 0.0, "rotation": 1.0, "half_width": 200.0, "disk_mass": 1e-3, "slope": 0.5, "r_in": 5.0,
    "cavity": 0.01, "r_c": 100.0, "r_out": np.inf, "edge": 0.1, "h_50": 0.06, "alpha": 2e-3, "t_100": 20.0, "lift": 0.0,
    "maturity": 1.0, "wake": 0.0, "trap": np.zeros(4), "trap_place": np.full(4, 0.7), "stokes": 0.05,
    "thickness": 0.35, "second_arm": np.full(4, 2.0), "second_strength": np.zeros(4), "vortex": np.zeros(4),
    "vortex_width": np.ones(4), "glow": np.zeros(4), "arms": 0, "arm_strength": 0.3, "arm_pitch": 0.3,
    "arm_reach": 60.0, "rings": np.zeros(4), "ring_radii": np.full(4, 60.0), "ring_widths": np.full(4, 5.0),
    "spot": 0.0, "spot_radius": 80.0, "spot_width": 2.0, "clump": 0.0, "clump_radius": 70.0, "clump_length": 0.3,
    "clump_width": 6.0, "box": np.inf, "box_angle": 0.3, "speckle": 0.0, "blotches": 0.0, "floor": 0.0, "star": 0.0,
}  # fmt: skip


def one_disk(mass=0.0, radius=0.0, angle=1.0, size=256, **changes):
    """The image (1, size, size) of a plain disk, with one planet where mass and radius are given.

    Parameters
    ----------
    mass, radius : float
        In solar masses and au.
    angle : float
        Of the planet, in rad.
    **changes
        Entries of `PLAIN_DISK`; a number stands for an array of four equal ones.
    """
    first = np.arange(simulate.MAX_PLANETS) == 0
    changes = {k: np.full(4, v) if np.ndim(PLAIN_DISK[k]) else v for k, v in changes.items()}
    run = {**PLAIN_DISK, "n_planets": int(mass > 0), "masses": mass * first, "radii": radius * first, **changes}
    angles = {"planet": np.full(4, angle), "vortex": np.full(4, angle), "arm": angle, "spot": angle, "clump": angle}
    return simulate.to_unit_range(simulate.render(run, simulate.Profile(run), angles, size))[None]


def single_planets(mass, radius, n, seed, size=simulate.SIZE):
    """Images (n, 1, size, size) of n disks with one planet each; the same seed gives the same disks.

    Parameters
    ----------
    mass : float
        In solar masses.
    radius : float
        Of its orbit in au.
    """
    rng = np.random.default_rng(seed)
    runs = simulate.draw_runs(n, rng)
    runs["n_planets"] = np.ones(n, int)
    first = np.arange(simulate.MAX_PLANETS) == 0
    runs["masses"], runs["radii"] = np.tile(mass * first, (n, 1)), np.tile(radius * first, (n, 1))
    return simulate.draw_images(runs, np.arange(n), rng, size)[0]


def efficiency(score, masses, radii, threshold, n, seed, size=simulate.SIZE):
    """Share of lone planets that are found, shape (len(masses), len(radii)).

    Parameters
    ----------
    score : callable X -> ndarray of shape (n,)
    masses, radii : sequence of float
        In solar masses and au.
    threshold : float
        A planet is found where the score is higher.
    n : int
        Disks for each mass and orbit, always the same ones.
    """
    return np.array([
        [(score(single_planets(mass, radius, n, seed, size)) > threshold).mean() for radius in radii]
        for mass in masses
    ])  # fmt: skip


def occlusion_map(model, image, patch=12, stride=6, rings=RINGS, angles=ANGLES):
    """How much each patch of an image makes the network believe in a planet.

    Each patch in turn is replaced by the smooth disk of `smooth_disk`; painted black, it would be a structure itself.

    Parameters
    ----------
    model : Network
    image : ndarray of float32, shape (1, size, size)
    patch, stride : int
        Pixels.
    rings, angles : int
        As for `views`.

    Returns
    -------
    ndarray of shape (m, m)
        Drop of the logarithmic odds when the patch is smooth; m = (size - patch) // stride + 1.
    """
    smooth = 10 ** smooth_disk(image[None])[0]
    starts = np.arange(0, image.shape[-1] - patch + 1, stride)
    changed = np.repeat(image[None], len(starts) ** 2 + 1, axis=0)
    for i, (row, column) in enumerate((r, c) for r in starts for c in starts):
        window = np.s_[:, row : row + patch, column : column + patch]
        changed[i][window] = smooth[window]
    ratio, angle = (np.repeat(value, len(changed)) for value in ellipses(image[None]))
    z = logits(model, views_of_polar(polar(changed, ratio, angle, rings, angles)))
    return (z[-1] - z[:-1]).reshape(len(starts), len(starts))


def random_split(runs, share, seed):
    """Rows of a leaky split that ignores runs: (train, test), `share` of the rows in the test."""
    order = np.random.default_rng(seed).permutation(len(runs))
    cut = round(share * len(runs))
    return np.sort(order[cut:]), np.sort(order[:cut])


def run_split(runs, share, seed):
    """Rows of a split that keeps runs together: (train, test), about `share` of the runs in the test."""
    names = np.random.default_rng(seed).permutation(np.unique(runs))
    tested = np.isin(runs, names[: round(share * len(names))])
    return np.flatnonzero(~tested), np.flatnonzero(tested)


# --------------------------------------------------------------------------------------------------
# Figures


def show_disk(ax, image, decades=4.0):
    """An image (1, size, size) on a logarithmic scale that ends at the disk's brightest, not at its star."""
    shown = logarithm(image[0])
    top = np.quantile(shown, 0.995)
    ax.imshow(shown, cmap="inferno", origin="lower", vmin=top - decades, vmax=top)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def gallery(dataset, rows, columns=6, mark=True):
    """A figure of disks; circles mark the planets of simulated ones, and titles tell their number."""
    lines = -(-len(rows) // columns)
    fig, axes = plt.subplots(lines, columns, figsize=(1.3 * columns, 1.45 * lines), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, i in zip(axes.flat, rows, strict=False):
        show_disk(ax, dataset.X[i])
        n = int(dataset.meta["n_planets"][i])
        ax.set_title("no planet" if n == 0 else "1 planet" if n == 1 else f"{n} planets", fontsize=7)
        if mark and "positions" in dataset.meta:
            row, column = dataset.meta["positions"][i, :n].T
            ax.plot(column, row, "o", mfc="none", color="c", ms=7, mew=0.8)
            ax.set(xlim=(-0.5, dataset.X.shape[-1] - 0.5), ylim=(-0.5, dataset.X.shape[-1] - 0.5))
    return fig


def compare(recovered, labels, simulated, columns=6):
    """A figure with official images above, and simulated ones below."""
    fig, axes = plt.subplots(2, columns, figsize=(1.3 * columns, 3.0))
    for line, (X, titles) in zip(axes, ((recovered, labels), (simulated, [""] * columns)), strict=True):
        for ax, image, title in zip(line, X, titles, strict=False):
            show_disk(ax, image)
            ax.set_title(title, fontsize=7)
    axes[0, 0].set_ylabel("official", fontsize=8)
    axes[1, 0].set_ylabel("simulated", fontsize=8)
    return fig


def occlusion_figure(dataset, rows, maps, patch, stride):
    """Images above, and their `occlusion_map` below; circles mark the planets."""
    fig, axes = plt.subplots(2, len(rows), figsize=(1.5 * len(rows), 3.1), squeeze=False)
    size = dataset.X.shape[-1]
    for top, bottom, i, evidence in zip(*axes, rows, maps, strict=True):
        show_disk(top, dataset.X[i])
        limit = max(abs(evidence).max(), 0.5)
        last = (len(evidence) - 1) * stride + patch / 2 + stride / 2
        extent = (patch / 2 - stride / 2, last, patch / 2 - stride / 2, last)
        bottom.imshow(evidence, cmap="RdBu_r", origin="lower", vmin=-limit, vmax=limit, extent=extent)
        for ax in (top, bottom):
            if "positions" in dataset.meta:
                row, column = dataset.meta["positions"][i, : dataset.meta["n_planets"][i]].T
                ax.plot(column, row, "o", mfc="none", color="c" if ax is top else "k", ms=8, mew=0.8)
            ax.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5), xticks=[], yticks=[])
            ax.grid(False)
    return fig


def picture(axes):
    """Three disks with planets, one on each of the axes."""
    disks = simulate.simulate(40, seed=4)
    heaviest = disks.meta["masses"].max(axis=1)
    runs = disks.meta["run"][np.argsort(-heaviest)]
    chosen = [np.flatnonzero(disks.meta["run"] == run)[0] for run in dict.fromkeys(runs)]
    chosen = [row for row in chosen if (disks.X[row] > 0).mean() > 0.8]  # not cut off by the box of the simulation
    for ax, row in zip(axes, chosen, strict=False):
        show_disk(ax, disks.X[row])
