"""The table that `make bench` prints: a row for each thing measured, ours beside what people would use instead."""

import time
from dataclasses import asdict, dataclass

import numpy as np


@dataclass
class Row:
    """One comparison.

    Attributes
    ----------
    section, challenge : str
    what : str
        What is measured, with its unit: "images/s", "test AUC".
    ours, peer : str
        Names of the two.
    our_value, peer_value : float
        Medians of rates and times, means of scores.
    gain : float
        Ours over the peer's (`times`), or ours minus the peer's (`plus`); positive or above 1 is better for us.
    low, high : float
        Least and largest gain of the repetitions, or of the seeds.
    kind : {"times", "plus", "cost"}
        A cost has no peer and no gain.
    note : str
    measured : str
        On which machine, and when.
    """

    section: str
    challenge: str
    what: str
    ours: str
    our_value: float
    peer: str = ""
    peer_value: float = float("nan")
    gain: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    kind: str = "cost"
    note: str = ""
    measured: str = ""

    def as_dict(self):
        """Of plain values; what is not there is None, since JSON knows no nan."""
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(self).items()}

    @property
    def verdict(self):
        """The gain in words."""
        if self.kind == "times":
            word = "" if self.gain >= 1 else "behind, "
            return f"{word}{number(self.gain)} times ({number(self.low)} to {number(self.high)})"
        if self.kind == "plus":
            word = "ahead" if self.gain >= 0 else "behind"
            return f"{word} by {abs(self.gain):.3g} ({self.low:+.3g} to {self.high:+.3g})"
        return ""


def number(value):
    """Three digits, without an exponent where that can be read."""
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rate(work, n):
    """n things done by work(), per second of processor time."""
    start = time.process_time()
    work()
    return n / (time.process_time() - start)


def in_turns(section, challenge, what, ours, peer, repeats=5, note=""):
    """A row of two rates, measured one after the other, several times.

    Parameters
    ----------
    ours, peer : tuple (name, callable () -> rate)
        Each is called once before, to import and allocate, unless its rate is a number already.
    repeats : int
    """
    values = np.array([[ours[1](), peer[1]()] for _ in range(repeats + 1)])[1:]
    gains = values[:, 0] / values[:, 1]
    first, second = np.median(values, axis=0)
    return Row(section, challenge, what, ours[0], first, peer[0], second, float(np.median(gains)), gains.min(),
               gains.max(), "times", note)  # fmt: skip


def over_seeds(section, challenge, what, ours, peer, our_scores, peer_scores, larger_is_better=True, note=""):
    """A row of two scores, one a seed; seeds are compared pair by pair."""
    our_scores, peer_scores = np.array(our_scores, float), np.array(peer_scores, float)
    gains = (our_scores - peer_scores) * (1 if larger_is_better else -1)
    spread = f"spread of seeds {our_scores.std(ddof=1):.2g} and {peer_scores.std(ddof=1):.2g}" if len(gains) > 1 else ""
    return Row(section, challenge, what, ours, our_scores.mean(), peer, peer_scores.mean(), gains.mean(), gains.min(),
               gains.max(), "plus", "; ".join(filter(None, [note, spread])))  # fmt: skip


def as_text(rows):
    """The table for a terminal, or for a page in Markdown: a line for each row, by section, machine and day."""
    lines = []
    for section in dict.fromkeys(row.section for row in rows):
        here = [row for row in rows if row.section == section]
        lines += ["", f"**{section}**"]
        for measured in dict.fromkeys(row.measured for row in here):
            lines += ["", measured] if measured else []
            lines += ["", "| challenge | what | ours | instead | ours is | |", "|---|---|---|---|---|---|"]
            lines += [as_line(row) for row in here if row.measured == measured]
    return "\n".join(lines[1:])


def as_line(row):
    """A row as a line in Markdown."""
    peer = f"{row.peer} {number(row.peer_value)}" if row.peer else ""
    ours = f"{row.ours} {number(row.our_value)}".strip()
    return f"| {row.challenge} | {row.what} | {ours} | {peer} | {row.verdict} | {row.note} |"
