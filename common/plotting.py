"""Figures that look alike in every notebook, and that can be heard as well as seen."""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from sklearn.metrics import roc_auc_score, roc_curve

from common.challenge import ROOT

STYLE = Path(__file__).with_name("deeplearn.mplstyle")
LINES = ("-", "--", "-.", ":")


def use_style():
    """Use the course's style: small figures, a palette that colour-blind readers can tell apart."""
    plt.style.use(STYLE)


def show(fig, alt):
    """Display a figure with a description in words, and close it.

    The description is what a screen reader reads, and what remains of the figure in a terminal.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    alt : str
        What the figure shows, in one or two sentences.
    """
    png = io.BytesIO()
    fig.savefig(png, format="png", metadata={"Software": None})
    plt.close(fig)
    display(
        {"image/png": png.getvalue(), "text/plain": alt}, raw=True,
        metadata={"image/png": {"alt": alt}},
    )


def show_file(path, alt):
    """Display a PNG file of the course, with a description in words as in `show`.

    Parameters
    ----------
    path : str
        From the folder of the course, such as "StrongLensing/official_pair.png".
    alt : str
    """
    png = (ROOT / path).read_bytes()
    display({"image/png": png, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def roc_curves(ax, truth, predictions, digits=2):
    """ROC curves of several models on one test set.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    truth : ndarray of shape (n,)
        0 or 1.
    predictions : dict of str to ndarray of shape (n,)
        Score of each sample, by name of the model.
    digits : int
        Of the areas in the legend.
    """
    for i, (name, prediction) in enumerate(predictions.items()):
        false_positive, true_positive, _ = roc_curve(truth, prediction)
        auc = roc_auc_score(truth, prediction)
        ax.plot(false_positive, true_positive, LINES[i % 4], label=f"{name}: AUC {auc:.{digits}f}")
    ax.plot([0, 1], [0, 1], color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    ax.legend(loc="lower right")


def learning_curve(history, score="validation score"):
    """A figure of the loss and the validation score against the epoch, the kept epoch marked."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6))
    epochs = np.arange(1, len(history) + 1)
    left.plot(epochs, history.train_loss, "-", label="training")
    left.plot(epochs, history.valid_loss, "--", label="validation")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    right.plot(epochs, history.valid_score, "-o", ms=3, color="C2")
    right.axvline(history.best_epoch + 1, color="0.6", lw=0.8, ls=":")
    right.set(xlabel="epoch", ylabel=score)
    return fig, (left, right)
