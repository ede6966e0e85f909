"""The contract of the ParticleImages challenge."""

from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from common.challenge import AUC_SPREAD, Challenge, Metric, Table, Task

PREDICTIONS = Table(
    name="particleimages_predictions.csv",
    columns=("probability",),  # that the particle is an electron, one a test image, in order
    low=0.0,
    high=1.0,
)

CHALLENGE = Challenge(
    folder="ParticleImages",
    title="Particle images",
    kind="classification, computer vision",
    summary="Tell electrons from photons by the images that their showers leave in a crystal calorimeter.",
    picture="Energies in the crystals of a calorimeter: a photon between two electrons, which are wider.",
    notebooks=("ParticleImages_CNN", "ParticleImages_ViT"),
    tasks=(
        Task(
            name="classification",
            submission=PREDICTIONS,
            fewest=10,
            metrics=(
                Metric("AUC", roc_auc_score, spread=AUC_SPREAD),
                Metric("accuracy", lambda truth, p: accuracy_score(truth, p > 0.5)),
                Metric("log loss", lambda truth, p: log_loss(truth, p, labels=[0, 1]), higher_is_better=False),
            ),
        ),
    ),
)
