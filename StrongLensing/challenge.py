"""The contract of the StrongLensing challenge."""

from functools import partial

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from common.challenge import AUC_SPREAD, Array, Challenge, Metric, Task, probabilities

# Of each class, one row a test image, in order
PREDICTIONS = probabilities("stronglensing_predictions.csv", columns=("axion", "cdm", "no"))
IMAGES = Array(name="stronglensing_super_resolution.npy", shape=(128, 128), low=0.0, high=1.0)


def macro_auc(truth, p):
    """Mean of the areas under the three one-against-the-rest ROC curves; rows of p need not add up to 1."""
    return np.mean([roc_auc_score(truth == k, p[:, k]) for k in range(p.shape[1])])


def averaged(metric):
    """A metric of scikit-learn, averaged over the classes, of the most probable class."""
    return lambda truth, p: metric(truth, p.argmax(axis=1), average="macro", zero_division=0)


def mse(truth, images):
    """Mean squared error of each image, shape (n,)."""
    return np.array([np.mean((true - image) ** 2) for true, image in _pairs(truth, images)])


def psnr(truth, images, own=False):
    """Peak signal-to-noise ratio of each image, dB, shape (n,); at most 200, where it would be infinite.

    The data range is 1; `own` takes that of the restored image, as the original hackathon does (0 where it has none).
    """
    squares = mse(truth, images)
    ranges = _ranges(images) if own else np.ones(len(squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ranges > 0, np.minimum(10 * np.log10(ranges**2 / squares), 200.0), 0.0)


def ssim(truth, images, own=False):
    """Structural similarity of each image, shape (n,); `own` as in `psnr`.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13 (2004) 600 (SSIM, as in scikit-image).
    """
    from skimage.metrics import structural_similarity

    ranges = _ranges(images) if own else np.ones(len(images))
    return np.array([
        structural_similarity(true, image, data_range=r) if r > 0 else 0.0
        for (true, image), r in zip(_pairs(truth, images), ranges, strict=True)
    ])  # fmt: skip


def _pairs(truth, images):
    truth, images = (np.asarray(a).reshape(len(a), *np.shape(a)[-2:]) for a in (truth, images))
    # one by one: a test set of them in double precision is large
    return ((true.astype(float), image.astype(float)) for true, image in zip(truth, images, strict=True))


def _ranges(images):
    return np.array([np.ptp(np.asarray(image, dtype=np.float64)) for image in images])


IMAGE_SCORES = {
    "PSNR": psnr,
    "SSIM": ssim,
    "MSE": mse,
    "PSNR (own range)": partial(psnr, own=True),
    "SSIM (own range)": partial(ssim, own=True),
}


def image_scores(truth, images):
    """How near images are to the true ones, image by image.

    Parameters
    ----------
    truth, images : ndarray of shape (n, height, width) or (n, 1, height, width)

    Returns
    -------
    dict of str to ndarray of shape (n,)
    """
    return {name: function(truth, images) for name, function in IMAGE_SCORES.items()}


CHALLENGE = Challenge(
    folder="StrongLensing",
    title="Strong lensing",
    kind="multi-class classification and super-resolution, computer vision",
    summary="Read the kind of dark matter off the image of a lensed galaxy, and sharpen the image.",
    picture="Three galaxies bent into rings by a gravitational lens, with three kinds of dark matter in it.",
    notebooks=("StrongLensing_Classification", "StrongLensing_SuperResolution"),
    tasks=(
        Task(
            name="classification",
            submission=PREDICTIONS,
            fewest=9,
            most=20_000,
            metrics=(
                Metric("macro AUC", macro_auc, spread=AUC_SPREAD),
                Metric("accuracy", lambda truth, p: accuracy_score(truth, p.argmax(axis=1))),
                Metric("precision", averaged(precision_score)),
                Metric("recall", averaged(recall_score)),
                Metric("F1", averaged(f1_score)),
            ),
        ),
        Task(
            name="super_resolution",
            submission=IMAGES,
            imports=("skimage.metrics",),
            most=1000,
            metrics=tuple(Metric(name, function, name != "MSE") for name, function in IMAGE_SCORES.items()),
        ),
    ),
)
