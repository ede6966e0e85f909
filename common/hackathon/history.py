"""The history of a board as a picture: the best score of each team so far, over time, in the geometry of an SVG."""

import math
from datetime import datetime, timezone

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 10, 24
NAMED = 6  # teams with a colour of their own


def picture(board):
    """What the template draws of a board, or None where nobody has handed in anything in time.

    Parameters
    ----------
    board : dict
        One of `boards` in leaderboard.json.

    Returns
    -------
    dict
        `lines` (team, path, and place among the first, from 1, or 0), `names` of the first teams, `band` (y and height
        of the interval of the first team), `baseline` (name and y of the best one, or None), and the ticks of both axes
        (position and text).
    """
    steps = bests(board)
    if not steps:
        return None
    places = {row["team"]: place for place, row in enumerate(board["ranking"][:NAMED], start=1)}
    metric, low_high = board["metrics"][0], board["ranking"][0]["interval"]
    compared = [row["scores"][metric] for row in (board.get("baselines") or [])[:1]]
    shown = [score for team in places for _, score in steps.get(team, ())] + low_high + compared
    low, high = min(shown), max(shown)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 0.1
    start = min(times[0][0] for times in steps.values())
    end = max(_seconds(row["received"]) for row in board["history"] if not row["late"])
    end = max(end, start + 60)

    def x(time):
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (time - start) / (end - start), 1)

    def y(score):
        share = (score - low + pad) / (high - low + 2 * pad)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(share, -1), 2)), 1)

    def path(times):
        drawn = f"M{x(times[0][0]):g} {y(times[0][1]):g}"
        for time, score in times[1:]:
            drawn += f"H{x(time):g}V{y(score):g}"
        return f"{drawn}H{x(end):g}"

    lines = [{"team": team, "path": path(times), "place": places.get(team, 0)} for team, times in steps.items()]
    return {
        "lines": sorted(lines, key=lambda line: -line["place"] or -NAMED - 1),  # the first team on top
        "names": list(places),
        "band": (y(max(low_high)), round(y(min(low_high)) - y(max(low_high)), 1)),
        "baseline": (board["baselines"][0]["name"], y(compared[0])) if compared else None,
        "scores": [(y(value), f"{value:.6g}") for value in _ticks(low - pad, high + pad)],
        "times": [(x(time), _clock(time)) for time in (start, end)],
    }


def told(board):
    """The rows of the history with which a team bettered itself in time, and the late ones, in the order of arrival."""
    metric, better = board["metrics"][0], 1 if board["higher_is_better"] else -1
    best, rows = {}, []
    for row in board["history"]:
        score = better * row["scores"][metric]
        if row["late"]:
            rows.append(row)
        elif row["team"] not in best or score > best[row["team"]]:
            best[row["team"]] = score
            rows.append(row)
    return rows


def bests(board):
    """When each team bettered itself in time, and its score then: {team: [(seconds, score), ...]}."""
    steps = {}
    for row in told(board):
        if not row["late"]:
            score = row["scores"][board["metrics"][0]]
            steps.setdefault(row["team"], []).append((_seconds(row["received"]), score))
    return steps


def _ticks(low, high):
    """Three to six round numbers between two."""
    unit = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = max(step for step in (unit, 2 * unit, 5 * unit) if (high - low) / step >= 3 - 1e-9)  # 3 up to rounding
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _seconds(time):
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def _clock(seconds):
    time = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{time.day} {time:%b %H:%M}"
