"""The contract of the ParticleImages challenge."""

from common.challenge import Challenge, Task, probabilities
from common.metrics import OF_TWO_CLASSES

# That the particle is an electron, one a test image, in order
PREDICTIONS = probabilities("particleimages_predictions.csv")

CHALLENGE = Challenge(
    folder="ParticleImages",
    title="Particle images",
    kind="classification, computer vision",
    summary="Tell electrons from photons by the images that their showers leave in a crystal calorimeter.",
    picture="Energies in the crystals of a calorimeter: a photon between two electrons, which are wider.",
    notebooks=("ParticleImages_CNN", "ParticleImages_ViT"),
    tasks=(
        Task(name="classification", submission=PREDICTIONS, metrics=OF_TWO_CLASSES, fewest=10),
    ),
)
