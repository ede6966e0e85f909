"""The contract of the NMRSpin challenge."""

from dataclasses import dataclass

import numpy as np

from common.challenge import Challenge, Metric, SubmissionError, Table, Task

LABELS = ("alpha", "xi", "d")
GUESS = (10.0, 37.0, 9.0)  # a material such as there may be
MOST = 1000.0  # labels go up to 20, 70 lattice spacings and 12: a regression may miss these by far, but not by more


@dataclass(frozen=True)
class MaterialTable(Table):
    """A table of alpha, xi and d that knows two frequent mistakes: standardised numbers, and rows for columns."""

    def write(self, path, values):
        """As `Table.write`; also raises SubmissionError for standardised or transposed values."""
        if np.ndim(values) == 2 and np.shape(values)[0] == 3 != np.shape(values)[1]:
            raise self._transposed(np.shape(values)[1])
        return super().write(path, values)

    def sample(self, path, n):
        """Write a guess that can be scored, the same material for all n samples, as `write` does."""
        return self.write(path, np.tile(GUESS, (n, 1)))

    def read(self, path, n):
        """As `Table.read`; the message of the SubmissionError says where a file is standardised or transposed."""
        try:
            return super().read(path, n)
        except SubmissionError:
            sideways = Table(self.name, tuple(map(str, range(n))), delimiter=self.delimiter)
            try:
                sideways.read(path, len(self.columns))
            except SubmissionError:
                pass  # not transposed: what was wrong first is the reason
            else:
                raise self._transposed(n) from None
            raise

    def _transposed(self, n):
        return SubmissionError(
            f"{self.name}: transposed: 3 rows of {n} numbers, expected {n} rows of {', '.join(self.columns)}. "
            "Write the transpose"
        )

    def _check_range(self, values):
        super()._check_range(values)
        # d is at least 6 and xi at least 3.5, whatever the sample; standardised columns have a mean near 0.
        middle = np.median(values, axis=0)
        if middle[1] < 2 and middle[2] < 2:
            numbers = ", ".join(f"{name} {value:.2g}" for name, value in zip(self.columns, middle, strict=True))
            raise SubmissionError(
                f"{self.name}: standardised: the medians are {numbers}. Expected physical units: alpha 0 to 20, "
                "xi above 3 lattice spacings, d above 6. Multiply by the labels' deviations and add their means"
            )


def squared_errors(truth, values):
    """Squared errors of labels in units of the standard deviations of the true ones; (n, 3)."""
    return ((np.asarray(values, dtype=np.float64) - truth) / np.std(truth, axis=0, dtype=np.float64)) ** 2


def of_label(column):
    """A metric (truth, values) -> float: the mean of `squared_errors` of one label, by its column."""
    return lambda truth, values: squared_errors(truth, values)[:, column].mean()


METRICS = (
    Metric("squared error", lambda truth, values: squared_errors(truth, values).sum(), higher_is_better=False),
    Metric("MSE", lambda truth, values: squared_errors(truth, values).mean(), higher_is_better=False),
    *(Metric(f"MSE of {name}", of_label(column), higher_is_better=False) for column, name in enumerate(LABELS)),
)

CHALLENGE = Challenge(
    folder="NMRSpin",
    title="NMR spin",
    kind="regression, physics of solids",
    summary="Read the strength, the range and the dissipation of an interaction off the echo of nuclear spins.",
    picture="Nuclear spins as dots, seen from above at three moments: fanning out, spread, and near the echo.",
    notebooks=("NMRSpin",),
    tasks=tuple(
        Task(
            name=task,  # one row a test echo, in order, in physical units
            submission=MaterialTable(f"{prefix}_mat_info_eval.txt", LABELS, -MOST, MOST, delimiter="\t"),
            metrics=METRICS,
            fewest=3,  # errors are in units of the standard deviations of the labels
        )
        for task, prefix in (("gauss", "gauss"), ("rkky", "RKKY"))
    ),
)
