"""Registered teams: register, join, merge, their keys, what is no name, and made-up names."""

import json
import shutil
from datetime import timedelta

import filelock
import jsonschema
import pytest

from common.challenge import SubmissionError
from common.hackathon import aliases, arrivals, judge, keys, leaderboard, receipts, roster
from common.hackathon.__main__ import main
from common.hackathon.archive import digest_of
from common.hackathon.event import EventError
from tests.test_hackathon import EVENT, IN_TIME, clock, good, hand_in, prepared  # noqa: F401  (fixtures)
from tests.test_hackathon_phases import OVER, choose
from tests.test_hackathon_scoring import OTHER_KEY, SCHEMA, reasons, scored, teams

PHASE = """
[[phase]]
title = "Race"
start = 2026-07-27T18:00:00
end = 2026-07-29T18:00:00
limit_per_day = 2
limit = 5
"""


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(judge, "COPIES", 10)
    return shutil.copytree(prepared, tmp_path / "event")


@pytest.fixture
def register(folder, tmp_path, capsys):
    """Register a team on the command line; returns the path of its key file."""

    def register(name, *members):
        options = [option for member in members for option in ("--member", member)]
        assert main(["register", str(folder), "--team", name, *options]) == 0
        (key,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("deeplearn-team-key-"))
        path = tmp_path / f"{len(list(tmp_path.glob('*.key')))}.key"
        path.write_text(f"{key}\n")
        return path

    return register


def changed(folder, capsys, *command):
    """What a command that fails says, without the name of the program."""
    assert main([command[0], str(folder), *map(str, command[1:])]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    return said.partition(": ")[2]


def test_a_key_is_shown_once_and_kept_as_its_sha_256(folder, register, tmp_path):
    path = register("Café Quark", "Ana García", "Bo Chen")
    text = (folder / roster.FILE).read_text("utf-8")
    assert path.read_text().strip() not in text and keys.read_key(path) in text
    (team,) = roster.read(folder).teams
    assert (team.name, team.members, team.registered) == ("Café Quark", ("Ana García", "Bo Chen"), IN_TIME)
    hand_in(tmp_path / "subs", "a.zip", good(), "cafe quark", ["Cem"], key=keys.read_key(path))
    hand_in(tmp_path / "subs", "b.zip", good(4.0), "Café Quark", key=OTHER_KEY)
    hand_in(tmp_path / "subs", "c.zip", good(4.0), "Café Quark", key="")
    hand_in(tmp_path / "subs", "d.zip", good(4.0), "Tea Lepton", key=keys.read_key(path))
    hand_in(tmp_path / "subs", "e.zip", good(2.0), "Others", key=OTHER_KEY)
    board = scored(folder, tmp_path / "subs")
    assert list(teams(board)) == ["Café Quark", "Others"]
    assert teams(board)["Café Quark"]["members"] == ["Ana García", "Bo Chen", "Cem"]
    said = reasons(board)
    assert "has another key: submit with --key" in said["b.zip"] and said["b.zip"] == said["c.zip"]
    assert said["d.zip"] == "its key is that of the team 'Café Quark': submit with --team and this name"


def test_where_teams_register_others_cannot_hand_in(folder, register, tmp_path):
    (folder / "event.toml").write_text("registration = true\n" + EVENT, "utf-8")
    hand_in(tmp_path / "subs", "a.zip", good(), "A", key=keys.read_key(register("A")))
    hand_in(tmp_path / "subs", "b.zip", good(), "B")
    board = scored(folder, tmp_path / "subs")
    assert list(teams(board)) == ["A"]
    assert reasons(board) == {"b.zip": "the team 'B' is not registered: ask the organisers to register it"}


@pytest.mark.parametrize("name, message", [
    ("", "the team name has 0 characters, expected 1 to 80"), ("x" * 81, "has 81 characters"),
    ("a\nb", r"contains the invisible character U\+000A"), ("a\x1b[31mb", r"U\+001B"), ("a\x00b", r"U\+0000"),
    ("a\u202eb", "RIGHT-TO-LEFT OVERRIDE"), ("a\u200fb", "RIGHT-TO-LEFT MARK"), ("a\ud800b", "U.D800"),
    ("../..", "neither a letter nor a digit"), ("CAFÉ QUARK", "could be taken for 'Café Quark', which is registered"),
    ("Сafé Quark", "could be taken for"), ("../cafe/quark", "could be taken for"), ("Café Quark", "is registered: use"),
])  # fmt: skip
def test_names_that_no_team_may_have(folder, register, capsys, name, message):
    register("Café Quark")
    before = (folder / roster.FILE).read_bytes()
    with pytest.raises(SubmissionError, match=message):
        roster.register(folder, name)
    said = changed(folder, capsys, "register", "--team", name)
    assert said.isprintable() and (folder / roster.FILE).read_bytes() == before
    assert [path.name for path in (folder / "private").glob(".*")] == [".scoring.lock"]


def test_a_path_is_a_name_like_any_other(folder, register):
    register("../../etc/passwd", "<script>")
    assert roster.read(folder).teams[0].name == "../../etc/passwd"
    assert sorted(path.name for path in folder.iterdir()) == ["event.toml", "private", "public"]


def test_what_register_join_and_merge_refuse(folder, register, tmp_path, capsys, clock):  # noqa: F811
    a, b = register("A", "Ana"), register("B", *(f"Member {k}" for k in range(20)))
    stranger = tmp_path / "stranger.key"
    keys.write_key(stranger)
    says = lambda *command: changed(folder, capsys, *command)  # noqa: E731
    assert "this is the key of the team 'A'" in says("register", "--team", "C", "--key", a)
    assert "could be taken for the member 'Bo'" in says("register", "--team", "C", "--member", "Bo", "--member", "BO")
    assert "no registered team has this key" in says("join", "--key", stranger, "--member", "Cem")
    assert "no such file" in says("join", "--key", tmp_path / "none.key", "--member", "Cem")
    assert "not the key file of a team" in says("join", "--key", folder / "event.toml", "--member", "Cem")
    assert "could be taken for the member 'Ana'" in says("join", "--key", a, "--member", "ana")
    assert "nobody joins" in says("join", "--key", a)
    assert "at most 20 names" in says("join", "--key", a, *(f"--member={k}" for k in range(21)))
    assert "would have 21 members, at most 20" in says("join", "--key", b, "--member", "Cem")
    assert "would have 21 members, at most 20" in says("merge", "--key", a, "--with", b)
    assert "both are keys of the team 'A'" in says("merge", "--key", a, "--with", a)
    assert "no registered team has this key" in says("merge", "--key", a, "--with", stranger)
    clock(OVER)
    assert "is over: nobody merges any more" in says("merge", "--key", a, "--with", b)
    assert "is over: nobody registers any more" in says("register", "--team", "C")
    assert "no such file" in changed(tmp_path / "nowhere", capsys, "register", "--team", "C")


def test_a_name_that_hand_ins_took(folder, tmp_path, capsys, register):
    """It can be registered with the key of these hand-ins; that of a baseline cannot."""
    hand_in(tmp_path / "subs", "a.zip", good(), "A", key=keys.write_key(tmp_path / "a.key"))
    hand_in(folder / leaderboard.BASELINES, "trees.zip", good(2.0), "Trees", key="9" * 64)
    leaderboard.judge_all(folder, tmp_path / "subs", 0)
    said = changed(folder, capsys, "register", "--team", "Á")
    assert "could be taken for 'A', which handed in with another key" in said and "--key" in said
    assert "could be taken for 'Trees'" in changed(folder, capsys, "register", "--team", "TREES")
    said = changed(folder, capsys, "register", "--team", "Delta", "--key", str(tmp_path / "a.key"))
    assert "with this key the team 'A' has handed in: register that name" in said
    assert main(["register", str(folder), "--team", "A", "--member", "Ana", "--key", str(tmp_path / "a.key")]) == 0
    assert "deeplearn-team-key" not in capsys.readouterr().out
    assert teams(scored(folder, tmp_path / "subs"))["A"]["members"] == ["Ana"]


def test_a_hand_in_takes_a_name_until_it_is_withdrawn(folder, tmp_path, capsys):
    """Even one that cannot be scored; what was found stays known until the next scoring."""
    place, own, other = tmp_path / "subs", keys.write_key(tmp_path / "own.key"), tmp_path / "other.key"
    keys.write_key(other)
    hand_in(place, "bad.zip", good()[:5], "Muons")
    hand_in(place, "gone.zip", good(), "Taus")
    hand_in(place, "sound.zip", good(2.0), "Café Quark", key=own)
    arrivals.receive(folder, place)
    assert "were received and not scored" in changed(folder, capsys, "register", "--team", "Gluons")
    leaderboard.judge_all(folder, place, 0)
    assert "could be taken for 'Taus'" in changed(folder, capsys, "register", "--team", "Taus")
    for path in (place / "gone.zip", folder / arrivals.FOLDER / f"{digest_of(place / 'gone.zip')}.zip"):
        path.unlink()
    hand_in(place, "other.zip", good(4.0), "Muons", key=OTHER_KEY)
    board = scored(folder, place)
    assert sorted(teams(board)) == ["Café Quark"]
    shutil.rmtree(folder / "private" / "judged")
    for name in ("Muons", "cafe quark"):
        assert "handed in with another key" in changed(folder, capsys, "register", "--team", name, "--key", other)
    assert main(["register", str(folder), "--team", "Taus", "--key", str(other)]) == 0
    for damage in ('"team": 1', '"members": null', '"members": [[]]', '"used": 5', '"used": {"a": "b"}', '"key": []'):
        (folder / roster.SETTLED).write_text(f'{{"times": {{}}, "teams": [{{{damage}}}]}}')
        assert "settled.json is damaged" in changed(folder, capsys, "register", "--team", "Gluons")


def test_who_handed_in_since_the_last_scoring_keeps_the_name(folder, register, tmp_path, capsys):
    """The name may not go to whoever registers, nor sizes and limits be those of before."""
    a, b, place = register("A"), register("B"), tmp_path / "subs"
    key = keys.write_key(tmp_path / "own.key")
    hand_in(place, "sound.zip", good(), "Leptons")
    leaderboard.judge_all(folder, place, 0)
    hand_in(place, "new.zip", good(2.0), "Quark", key=key)
    arrivals.receive(folder, place)
    for command in (["register", "--team", "Quark"], ["join", "--key", a, "--member", "Ana"],
                    ["merge", "--key", a, "--with", b]):  # fmt: skip
        assert "were received and not scored" in changed(folder, capsys, *command)
    leaderboard.judge_all(folder, place, 0)
    assert "handed in with another key" in changed(folder, capsys, "register", "--team", "Quark")
    arrivals.receive(folder, place, IN_TIME - timedelta(hours=1), ["new.zip"])  # it may be the first of a name now
    assert "or corrected or withdrawn since" in changed(folder, capsys, "register", "--team", "Gluons")
    leaderboard.judge_all(folder, place, 0)
    arrivals.receive(folder, place)
    register("Gluons")


def test_a_name_is_kept_while_another_folder_is_scored(folder, register, tmp_path, capsys):
    """Until what was handed in to the first folder is withdrawn, and that folder scored: the next may have the name."""
    place, other = tmp_path / "subs", tmp_path / "mails"
    digest = digest_of(hand_in(place, "a.zip", good(), "Muons"))
    leaderboard.judge_all(folder, place, 0)
    hand_in(other, "b.zip", good(2.0), "Taus", key=keys.write_key(tmp_path / "own.key"))
    for _ in range(2):
        leaderboard.judge_all(folder, other, 0)
        assert "could be taken for 'Muons'" in changed(folder, capsys, "register", "--team", "Muons")
    (place / "a.zip").unlink()
    (folder / arrivals.FOLDER / f"{digest}.zip").unlink()
    leaderboard.judge_all(folder, other, 0)
    said = changed(folder, capsys, "register", "--team", "Muons")
    assert "withdrawn since" in said and said.endswith(f": {place}")
    leaderboard.judge_all(folder, place, 0)
    register("Muons")


@pytest.mark.parametrize("before", ["received", "damaged"])
def test_no_name_is_given_away_before_its_folder_was_scored(folder, tmp_path, capsys, before):
    """Neither where it was only received, nor where what its scoring found is lost."""
    place, other = tmp_path / "subs", tmp_path / "mails"
    hand_in(place, "a.zip", good(), "Muons")
    arrivals.receive(folder, place)
    if before == "damaged":
        leaderboard.judge_all(folder, place, 0)
        (folder / roster.SETTLED).write_text('{"times"')
    hand_in(other, "b.zip", good(2.0), "Taus", key=OTHER_KEY)
    leaderboard.judge_all(folder, other, 0)
    said = changed(folder, capsys, "register", "--team", "Muons")
    assert "received and not scored" in said and said.endswith(f": {place}")
    leaderboard.judge_all(folder, place, 0)
    assert "could be taken for 'Muons'" in changed(folder, capsys, "register", "--team", "Muons")


def test_a_name_is_that_of_its_first_hand_in_whichever_folder_it_was_put_in(folder, tmp_path, capsys, clock):  # noqa: F811
    place, other, own = tmp_path / "subs", tmp_path / "mails", tmp_path / "own.key"
    hand_in(place, "a.zip", good(), "Muons", key=keys.write_key(own))
    leaderboard.judge_all(folder, place, 0)
    clock(IN_TIME + timedelta(seconds=1))
    stranger = hand_in(other, "b.zip", good(2.0), "Muons", key=keys.write_key(tmp_path / "stranger.key"))
    leaderboard.judge_all(folder, other, 0)
    for key in ([], ["--key", tmp_path / "stranger.key"]):
        assert "handed in with another key" in changed(folder, capsys, "register", "--team", "Muons", *key)
    (folder / arrivals.FOLDER / f"{digest_of(stranger)}.zip").unlink()
    stranger.unlink()
    leaderboard.judge_all(folder, other, 0)
    assert "handed in with another key" in changed(folder, capsys, "register", "--team", "Muons")
    assert main(["register", str(folder), "--team", "Muons", "--key", str(own)]) == 0


def test_a_stranger_takes_no_name_where_teams_register(folder, register, tmp_path):
    (folder / "event.toml").write_text("registration = true\n" + EVENT, "utf-8")
    hand_in(tmp_path / "subs", "squat.zip", good(), "Café Quark", key=OTHER_KEY)
    leaderboard.judge_all(folder, tmp_path / "subs", 0)
    register("Café Quark")


def test_join_and_merge_count_all_whom_teams_named(folder, register, tmp_path, capsys):
    a, b, place = register("A"), register("B", *(f"Member {k}" for k in range(4))), tmp_path / "subs"
    hand_in(place, "a.zip", good(), "A", [f"a{k}" for k in range(15)], key=keys.read_key(a))
    hand_in(place, "b.zip", good(2.0), "B", ["b0", "b1"], key=keys.read_key(b))
    leaderboard.judge_all(folder, place, 0)
    more = [f"--member=m{k}" for k in range(6)]
    assert "'A' would have 21 members" in changed(folder, capsys, "join", "--key", a, *more)
    assert "'A' would have 21 members" in changed(folder, capsys, "merge", "--key", a, "--with", b)
    assert main(["join", str(folder), "--key", str(a), *more[1:]]) == 0
    assert not any(entry.reason for entry in leaderboard.judge_all(folder, place, 0))


def test_teams_cannot_merge_beyond_the_limits_of_one(folder, register, tmp_path, capsys, clock):  # noqa: F811
    (folder / "event.toml").write_text(EVENT + PHASE, "utf-8")  # five, and two a day of three
    place = tmp_path / "subs"
    files = {name: register(name) for name in "ABC"}
    for day, team, count in ((-1, "A", 2), (0, "A", 2), (0, "B", 1), (0, "C", 2)):
        clock(IN_TIME + timedelta(days=day))
        for k in range(count):
            key = keys.read_key(files[team])
            hand_in(place, f"{team}{day}{k}.zip", good(len(list(place.glob("*"))) + 1.0), team, key=key)
        arrivals.receive(folder, place)
    assert not any(entry.reason for entry in leaderboard.judge_all(folder, place, 0))
    said = changed(folder, capsys, "merge", "--key", files["A"], "--with", files["C"])
    assert "Higgs-classification in the phase 'Race' both teams together handed in 6" in said
    assert "one team may have handed in 5 until now" in said
    assert main(["merge", str(folder), "--key", str(files["A"]), "--with", str(files["B"])]) == 0
    assert "handed in 7" in changed(folder, capsys, "merge", "--key", files["C"], "--with", files["A"])


def test_two_teams_that_merge_are_one(folder, register, tmp_path, clock):  # noqa: F811
    (folder / "event.toml").write_text(EVENT + PHASE, "utf-8")
    place, first_day = tmp_path / "subs", IN_TIME - timedelta(days=1, hours=2)
    clock(first_day)
    files = {"A": register("A", "Ana"), "B": register("B", "Bo", "ana"), "C": register("C", "Cem")}
    a, b, c = (keys.read_key(path) for path in files.values())

    def arrives(hours, name, team, key, strength=1.0):
        clock(first_day + timedelta(hours=hours))
        hand_in(place, name, good(strength), team, key=key)
        arrivals.receive(folder, place)

    arrives(0, "a1.zip", "A", a, 1.1)
    arrives(1, "a2.zip", "A", a, 1.2)
    arrives(1, "b1.zip", "B", b, 3.0)
    arrives(1, "early.zip", "A", b, 1.3)  # the key of B, before they merge
    choose(place, "b1.zip", team="B", key=b)
    arrivals.receive(folder, place)
    clock(first_day + timedelta(hours=2))
    leaderboard.judge_all(folder, place, 0)
    assert main(["merge", str(folder), "--key", str(files["A"]), "--with", str(files["B"])]) == 0
    arrives(3, "full.zip", "A", b, 1.4)  # three of this day between them
    arrives(24, "b2.zip", "B", b, 1.5)
    arrives(25, "c.zip", "C", c, 1.6)
    entries = {entry.file: entry for entry in leaderboard.judge_all(folder, place, 0)}
    assert entries["b2.zip"].left == {"today": 1, "in the phase": 1} and entries["a2.zip"].left["today"] == 0
    assert {entry.team for entry in entries.values()} == {"A", "C"}
    board = scored(folder, place)
    assert list(teams(board)) == ["A", "C"] and teams(board)["A"]["file"] == "b1.zip"
    assert teams(board)["A"]["members"] == ["Ana", "Bo"]
    assert reasons(board) == {
        "early.zip": "the team 'A' has another key: submit with --key and the key file of the team",
        "full.zip": "Higgs-classification: the limit of 2 a day is reached",
    }
    assert teams(scored(folder, place, OVER))["A"]["file"] == "b1.zip"  # the choice of B is that of the whole team
    clock(IN_TIME)
    choose(place, "a1.zip", team="A", key=a)  # and the last one counts
    arrivals.receive(folder, place)
    assert teams(scored(folder, place, OVER))["A"]["file"] == "a1.zip"
    whole, _ = roster.merge(folder, files["C"], files["B"])  # either key is that of the whole team
    assert whole.name == "C" and whole.members == ("Cem", "Ana", "Bo")
    assert list(teams(scored(folder, place))) == ["C"]
    with pytest.raises(SubmissionError, match="both are keys of the team 'C'"):
        roster.merge(folder, files["A"], files["B"])


def test_made_up_names_until_the_teams_are_revealed(folder, tmp_path, capsys):
    """Neither pages nor names of files say who is who; receipts tell each team its own name."""
    place = tmp_path / "subs"
    hand_in(place, "Higgs-cafe-quark.zip", good(), "Café Quark", ["Ana García"])
    hand_in(place, "Higgs-muons.zip", good(2.0)[:-1], "Muons", key=OTHER_KEY)
    assert main(["reveal", str(folder)]) == 1 and "is not anonymous" in capsys.readouterr().err
    (folder / "event.toml").write_text("anonymous = true\n" + EVENT, "utf-8")
    for _ in range(2):
        assert main(["score", str(folder), str(place)]) == 0
    board = json.loads((folder / "leaderboard.json").read_text("utf-8"))
    jsonschema.validate(board, SCHEMA)
    assert board["settled"] == digest_of(folder / roster.SETTLED)  # certificates are of this board alone
    (name,) = teams(board)
    shown = [(folder / f"leaderboard.{kind}").read_text("utf-8").lower() for kind in ("json", "html")]
    assert not any(word in text for text in shown for word in ("quark", "muons", "ana garc"))
    receipt = (folder / receipts.FOLDER / receipts.receipt_name(digest_of(place / "Higgs-cafe-quark.zip"))).read_text()
    assert f"On boards {name}, until" in receipt and "Café Quark" in receipt
    assert aliases.names(folder, ["Café Quark"]) == {"Café Quark": name}
    assert board["anonymous"] and board["rejected"] == []
    assert main(["certificates", str(folder)]) == 1 and "made-up names" in capsys.readouterr().err
    assert main(["reveal", str(folder)]) == 0 and main(["reveal", str(folder)]) == 1
    capsys.readouterr()
    assert main(["certificates", str(folder)]) == 1  # the board is still that of before
    assert "first 'reveal' and 'score'" in capsys.readouterr().err
    assert main(["score", str(folder), str(place)]) == 0
    assert list(teams(json.loads((folder / "leaderboard.json").read_text("utf-8")))) == ["Café Quark"]


def test_who_is_refused_learns_no_name_of_an_anonymous_team(folder, tmp_path, register):
    (folder / "event.toml").write_text("anonymous = true\n" + EVENT, "utf-8")
    hand_in(tmp_path / "subs", "a.zip", good(), "Café Quark")
    hand_in(tmp_path / "subs", "b.zip", good(2.0), "CAFE QUARK", key=OTHER_KEY)
    register("Müons")
    hand_in(tmp_path / "subs", "c.zip", good(3.0), "muons", key="8" * 64)
    _, refused, other = leaderboard.judge_all(folder, tmp_path / "subs", 0)
    assert refused.reason == "the team name 'CAFE QUARK' could be taken for another team's, which came first"
    assert other.reason.startswith("the team 'muons' has another key")


def test_made_up_names_are_distinct_and_need_their_key(folder):
    """And not the secret of the event, of which nobody shall try a guess by a name."""
    first = aliases.names(folder, map(str, range(500)))
    assert len(set(first.values())) == 500 and aliases.names(folder, map(str, range(100))).items() <= first.items()
    (folder / "private" / "secret.txt").write_text("another")
    assert aliases.names(folder, ["0", "1", "2"]) == {team: first[team] for team in "012"}
    (folder / aliases.KEY).unlink()
    assert aliases.names(folder, ["0", "1", "2"]) != {team: first[team] for team in "012"}
    (folder / aliases.KEY).write_text("")
    with pytest.raises(EventError, match="is empty, and made-up names are drawn from it"):
        aliases.names(folder, ["0"])


def test_a_damaged_file_of_teams_is_one_line(folder, register, tmp_path, capsys):
    register("A"), register("B")
    (tmp_path / "subs").mkdir()
    path = folder / roster.FILE
    sound = json.loads(path.read_text("utf-8"))["teams"]
    for damage in (
        "", "{", "[]", '{"teams": 1}', '{"teams": [1]}', "[" * 100_000, path.read_text("utf-8")[:-9],
        *(json.dumps({"teams": [sound[0], {**sound[1], **change}]}) for change in (
            {"name": "a"}, {"key": sound[0]["key"]}, {"key": "x"}, {"members": "Ana"}, {"into": "C"}, {"more": 1},
            {"into": "B", "merged": sound[1]["registered"]}, {"into": "A", "merged": None}, {"registered": "soon"},
            {"registered": "2026-07-29T12:00:00"}, {"name": "a\nb"})),
    ):  # fmt: skip
        path.write_text(damage, "utf-8")
        said = changed(folder, capsys, "register", "--team", "C")
        assert "teams.json is damaged" in said and said.endswith("put back a copy of it") and said.isprintable()
    assert main(["score", str(folder), str(tmp_path / "subs")]) == 1 and "is damaged" in capsys.readouterr().err
    assert path.read_text("utf-8") == damage
    path.unlink()
    path.symlink_to(folder / "moved.json")
    assert "teams.json is damaged" in changed(folder, capsys, "register", "--team", "C")


def test_a_file_of_teams_that_an_editor_of_windows_has_saved(folder, register):
    register("A", "Ana")
    path, before = folder / roster.FILE, roster.read(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert roster.read(folder) == before and register("B") and len(roster.read(folder).teams) == 2


def test_who_registers_while_it_is_scored_waits(folder, capsys, monkeypatch):
    monkeypatch.setattr(roster, "PATIENCE", 0.1)
    with filelock.FileLock(folder / "private" / ".scoring.lock"):
        assert "a scoring is under way" in changed(folder, capsys, "register", "--team", "A")
    assert main(["register", str(folder), "--team", "A"]) == 0


def test_a_full_disk_leaves_the_teams_as_they_were(folder, register, monkeypatch, capsys):
    register("A")
    before = (folder / roster.FILE).read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert "the disk is full" in changed(folder, capsys, "register", "--team", "B")
    monkeypatch.undo()
    assert (folder / roster.FILE).read_bytes() == before
    assert len(list((folder / "private").glob(".teams*"))) == 0


def test_a_lost_key_is_renewed_and_the_old_one_ends(folder, register, tmp_path, capsys, clock):  # noqa: F811
    lost, fresh, place = register("Café Quark", "Ana"), tmp_path / "fresh.key", tmp_path / "subs"
    hand_in(place, "before.zip", good(2.0), "Café Quark", key=keys.read_key(lost))
    hand_in(place, "stranger.zip", good(3.0), "Muons", key=OTHER_KEY)
    assert set(teams(scored(folder, place))) == {"Café Quark", "Muons"}
    clock(IN_TIME + timedelta(seconds=1))
    assert main(["register", str(folder), "--team", "Café Quark", "--renew"]) == 0
    said = capsys.readouterr().out
    fresh.write_text(said.splitlines()[-2])
    assert "has another key" in said and keys.read_key(fresh) != keys.read_key(lost)
    clock(IN_TIME + timedelta(seconds=2))
    hand_in(place, "old.zip", good(1.0), "Café Quark", key=keys.read_key(lost))
    hand_in(place, "new.zip", good(1.0), "Café Quark", key=keys.read_key(fresh))
    board = scored(folder, place)
    assert {row["file"] for row in board["boards"][0]["history"]} == {"before.zip", "stranger.zip", "new.zip"}
    why = "the team 'Café Quark' has got another key since: submit with --key and that one"
    assert reasons(board) == {"old.zip": why}
    assert "is the key of the team 'Café Quark'" in changed(folder, capsys, "register", "--team", "B", "--key", lost)
    assert "no registered team has this key" in changed(folder, capsys, "join", "--key", lost, "--member", "Bo")
    roster.join(folder, fresh, ["Bo"])
    # once more, and for a team that never registered
    team, _ = roster.renew(folder, "Café Quark")
    assert [key for key, _ in team.former] == [keys.read_key(lost), keys.read_key(fresh)]
    leaderboard.judge_all(folder, place, 0)
    team, _ = roster.renew(folder, "Muons")
    assert team.former[0][0] == OTHER_KEY and "Muons" in teams(scored(folder, place))
    for command, message in ((["--team", "cafe quark"], "no team 'cafe quark'"), (["--team", "Nobody"], "no team"),
                             (["--team", "Café Quark", "--member", "Bo"], "the name of the team alone")):  # fmt: skip
        assert message in changed(folder, capsys, "register", *command, "--renew")


def test_an_old_key_ends_by_no_wrong_clock(folder, register, tmp_path, capsys, clock):  # noqa: F811
    lost, other, place = register("A"), register("B"), tmp_path / "subs"
    receive = ["receive", str(folder), str(place)]
    hand_in(place, "a.zip", good(), "A", key=keys.read_key(lost))
    clock(IN_TIME + timedelta(seconds=30))
    assert main(receive) == 0 and "old keys" not in capsys.readouterr().out
    clock(IN_TIME)  # a.zip would be of a key that had ended
    assert "the clock of this machine is behind" in changed(folder, capsys, "register", "--team", "A", "--renew")
    assert "the clock of this machine is behind" in changed(folder, capsys, "merge", "--key", lost, "--with", other)
    assert main([*receive, "--at", IN_TIME.isoformat()]) == 0
    clock(IN_TIME + timedelta(seconds=30))  # ahead, and what is lost goes on
    roster.renew(folder, "A")
    clock(IN_TIME)
    capsys.readouterr()
    assert main(receive) == 0 and "the old keys of 'A' end only later" in capsys.readouterr().out
    clock(IN_TIME + timedelta(seconds=1))
    team, _ = roster.renew(folder, "A")
    assert {until for _, until in team.former} == {IN_TIME + timedelta(seconds=1)} and not roster.ahead(folder)
    clock(IN_TIME + timedelta(seconds=2))
    hand_in(place, "stolen.zip", good(2.0), "A", key=keys.read_key(lost))
    board = scored(folder, place)
    assert teams(board)["A"]["file"] == "a.zip" and "has got another key since" in reasons(board)["stolen.zip"]
