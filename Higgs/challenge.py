"""The contract of the Higgs challenge."""

from common.challenge import Challenge, Task, probabilities
from common.metrics import OF_TWO_CLASSES

PREDICTIONS = probabilities("higgs_predictions.csv")  # that the event is signal, one a test event, in order

CHALLENGE = Challenge(
    folder="Higgs",
    title="Higgs boson against background",
    kind="classification, general",
    summary="Find collisions that made heavy Higgs bosons among top-quark pairs, from 28 columns of numbers.",
    picture="Three simulated collisions seen along the beam: wedges are jets, the line is a lepton.",
    notebooks=("Higgs",),
    tasks=(
        Task(name="classification", submission=PREDICTIONS, metrics=OF_TWO_CLASSES, fewest=10),
    ),
)
