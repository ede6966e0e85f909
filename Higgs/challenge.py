"""The contract of the Higgs challenge."""

from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from common.challenge import AUC_SPREAD, Challenge, Metric, Table, Task

PREDICTIONS = Table(
    name="higgs_predictions.csv",
    columns=("probability",),  # that the event is signal, one a test event, in order
    low=0.0,
    high=1.0,
)

CHALLENGE = Challenge(
    folder="Higgs",
    title="Higgs boson against background",
    kind="classification, general",
    summary="Find collisions that made heavy Higgs bosons among top-quark pairs, from 28 columns of numbers.",
    picture="Three simulated collisions seen along the beam: wedges are jets, the line is a lepton.",
    notebooks=("Higgs",),
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
