"""The contract of the StrongLensing challenge."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from common.challenge import Array, Challenge, Metric, Table, Task

PREDICTIONS = Table(
    name="stronglensing_predictions.csv",
    columns=("axion", "cdm", "no"),  # probability of each class, one row a test image, in order
    low=0.0,
    high=1.0,
)
IMAGES = Array(name="stronglensing_super_resolution.npy", shape=(128, 128), low=0.0, high=1.0)


def macro_auc(truth, p):
    """Mean of the areas under the three one-against-the-rest ROC curves; rows of p need not add up to 1."""
    return np.mean([roc_auc_score(truth == k, p[:, k]) for k in range(p.shape[1])])


def averaged(metric):
    """A metric of scikit-learn, averaged over the classes, of the most probable class."""
    return lambda truth, p: metric(truth, p.argmax(axis=1), average="macro", zero_division=0)


def image_scores(truth, images):
    """How near images are to the true ones, image by image.

    Parameters
    ----------
    truth, images : ndarray of shape (n, height, width) or (n, 1, height, width)

    Returns
    -------
    dict of str to ndarray of shape (n,)
        Mean squared error (MSE); peak signal-to-noise ratio (PSNR, in dB) and structural similarity (SSIM) for a data
        range of 1; and both for the range of the restored image, as the original hackathon computes them (where an
        image has no range at all, they are 0).

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13 (2004) 600 (SSIM, as in scikit-image).
    """
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    truth, images = (np.asarray(a, dtype=np.float64).reshape(len(a), *a.shape[-2:]) for a in (truth, images))
    scores = {"PSNR": [], "SSIM": [], "MSE": [], "PSNR (own range)": [], "SSIM (own range)": []}
    for true, image in zip(truth, images, strict=True):
        own = np.ptp(image)
        scores["MSE"].append(np.mean((true - image) ** 2))
        for name, data_range in (("", 1.0), (" (own range)", own)):
            usable = data_range > 0
            with np.errstate(divide="ignore"):
                psnr = peak_signal_noise_ratio(true, image, data_range=data_range) if usable else 0.0
            ssim = structural_similarity(true, image, data_range=data_range) if usable else 0.0
            scores[f"PSNR{name}"].append(min(psnr, 200.0))  # of a perfect image it would be infinite
            scores[f"SSIM{name}"].append(ssim)
    return {name: np.array(values) for name, values in scores.items()}


def mean_score(name):
    return lambda truth, images: image_scores(truth, images)[name].mean()


CHALLENGE = Challenge(
    folder="StrongLensing",
    title="Strong lensing",
    kind="multi-class classification and super-resolution, computer vision",
    summary="Read the kind of dark matter off the image of a lensed galaxy, and sharpen the image.",
    notebooks=("StrongLensing_Classification", "StrongLensing_SuperResolution"),
    tasks=(
        Task(
            name="classification",
            submission=PREDICTIONS,
            metrics=(
                Metric("macro AUC", macro_auc),
                Metric("accuracy", lambda truth, p: accuracy_score(truth, p.argmax(axis=1))),
                Metric("precision", averaged(precision_score)),
                Metric("recall", averaged(recall_score)),
                Metric("F1", averaged(f1_score)),
            ),
        ),
        Task(
            name="super_resolution",
            submission=IMAGES,
            metrics=(
                Metric("PSNR", mean_score("PSNR")),
                Metric("SSIM", mean_score("SSIM")),
                Metric("MSE", mean_score("MSE"), higher_is_better=False),
                Metric("PSNR (own range)", mean_score("PSNR (own range)")),
                Metric("SSIM (own range)", mean_score("SSIM (own range)")),
            ),
        ),
    ),
)
