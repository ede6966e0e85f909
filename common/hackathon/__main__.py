"""The command line of the event: python -m common.hackathon prepare | submit | choose | receive | score | ..."""

import argparse
import getpass
import io
import sys
from datetime import datetime, timezone
from pathlib import Path

from common import texts
from common.files import in_words
from common.hackathon import __doc__ as usage
from common.hackathon.event import EXAMPLE, EventError


def parser():
    """The options, one sub-command each."""
    main_parser = argparse.ArgumentParser(
        prog="python -m common.hackathon", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = main_parser.add_subparsers(dest="command", required=True)
    _add_prepare(commands)
    _add_hand_in(commands)
    _add_team_commands(commands)
    _add_scoring(commands)
    _add_certificates(commands)
    return main_parser


def _add_prepare(commands):
    prepare = commands.add_parser("prepare", help="make the hidden test sets (organisers)")
    secret = prepare.add_mutually_exclusive_group()
    secret.add_argument("--secret-file", type=_path, help="a file with the secret (default: a random secret is made)")
    secret.add_argument("--ask", action="store_true", help="ask for the secret, without showing it")
    secret.add_argument("--seed", type=texts.argument,
                        help="the secret itself, which others may see in the list of processes")  # fmt: skip
    prepare.add_argument("--out", type=Path, required=True, help="folder of the event, new")
    prepare.add_argument("--past-deadline", action="store_true", help="though the deadline is over, to rehearse")
    prepare.add_argument("--event", type=_path, default=EXAMPLE, help="event file (default: DeepLearn 2024)")
    export = commands.add_parser("export", help="write the event for another engine (organisers)")
    export.add_argument("engine", choices=["codabench"])
    export.add_argument("--event", type=_path, required=True, help="folder of the event")
    export.add_argument("--out", type=_path, required=True, help="folder of the bundles")
    export.add_argument("--image", type=texts.argument,
                        help="the Docker image that scores there (default: a name of the course)")  # fmt: skip


def _add_hand_in(commands):
    submit = commands.add_parser("submit", help="check and pack a solution (participants)")
    submit.add_argument("challenge", help="its folder, such as Higgs")
    submit.add_argument("--team", required=True)
    submit.add_argument("--member", action="append", default=[], help="name for a certificate; once for each")
    submit.add_argument("--event", type=_path, required=True, help="the folder that the organisers gave out")
    submit.add_argument("--predictions", type=_path, required=True, help="folder with the prediction files")
    submit.add_argument("--notebook", type=_path, required=True, help="the executed notebook")
    submit.add_argument(
        "--weights", type=_path,
        help="the trained model: .safetensors, .pt or .pth; of trees .txt (LightGBM) or .skops (scikit-learn)",
    )  # fmt: skip
    submit.add_argument("--no-pdf", action="store_true", help="do not print the notebook")
    submit.add_argument("--out", type=_path, default=Path("."), help="folder of the submission")
    submit.add_argument("--key", type=_path, help="the key file of the team (default: made by its first submission)")
    choose = commands.add_parser("choose", help="say which submission of yours shall count (participants)")
    choose.add_argument("submission", type=_path, help="the zip file that was handed in")
    choose.add_argument("--key", type=_path, help="the key file of the team (default: beside the zip file)")


def _add_scoring(commands):
    receive = commands.add_parser("receive", help="log when submissions arrived (organisers)")
    receive.add_argument("event", type=_path, help="folder of the event")
    receive.add_argument("submissions", type=_path, help="folder of the submissions")
    receive.add_argument("--at", type=_time, help="when they arrived, such as 2026-07-29T15:55:00+00:00, where it is "
                         "known from elsewhere (default: now)")  # fmt: skip
    receive.add_argument("--file", action="append", default=[], help="with --at: this file only, once for each; "
                         "without it --at is said of all that was logged from this folder as later")  # fmt: skip
    score = commands.add_parser("score", help="score all submissions (organisers)")
    score.add_argument("event", type=_path, help="folder of the event")
    score.add_argument("submissions", type=_path, help="folder of the submissions, as they were received")
    watch = commands.add_parser("watch", help="score what is new as it arrives, until Ctrl-C (organisers)")
    watch.add_argument("event", type=_path, help="folder of the event")
    watch.add_argument("submissions", type=_path, help="folder of the submissions, as they are received")
    watch.add_argument("--every", type=_seconds, default=30, help="seconds between two looks (default: 30)")
    for command in (score, watch):
        command.add_argument("--workers", type=int, help="processes (default: 2)")
    serve = commands.add_parser("serve", help="one web page to hand in, until Ctrl-C (organisers)")
    serve.add_argument("event", type=_path, help="folder of the event")
    serve.add_argument("submissions", type=_path, help="folder of the submissions")
    serve.add_argument("--address", default="127.0.0.1", help="where it is reached (default: from this machine only)")
    serve.add_argument("--port", type=_port, default=8024)
    serve.add_argument("--behind", type=texts.argument, metavar="NAME", default="",
                       help="name of the site whose server on this machine passes requests on to the page")
    verify = commands.add_parser("verify", help="run the notebook of a submission again in a sandbox (organisers)")
    verify.add_argument("event", type=_path, help="folder of the event")
    verify.add_argument("file", type=_path, help="the submission")
    verify.add_argument("--minutes", type=_positive, default=30, help="on the clock (default: 30)")
    verify.add_argument("--memory", type=_positive, default=8, help="GB (default: 8)")


def _add_certificates(commands):
    certificates = commands.add_parser(
        "certificates", help="print certificates (organisers), or check some: certificates verify FILE --key KEY",
        usage="%(prog)s EVENT [--font FONT] [--badges] [--before-deadline]\n"
              "       %(prog)s verify FILE [FILE ...] --key KEY",
    )  # fmt: skip
    certificates.add_argument("what", type=_path, help="folder of the event, scored; or the word verify")
    certificates.add_argument("file", nargs="*", type=_path,
                              help="a certificate to check, or a text file with what its QR code says")  # fmt: skip
    certificates.add_argument("--key", type=_path, help="with verify: the organiser's public key")
    certificates.add_argument("--font", type=_path, action="append", default=[],
                              help="a TrueType font for names in other scripts; once for each")  # fmt: skip
    certificates.add_argument("--badges", action="store_true", help="an Open Badge (3.0) beside each")
    certificates.add_argument("--before-deadline", action="store_true", help="though ranks are not final, to rehearse")


def _add_team_commands(commands):
    """What organisers do for a team that asks for it."""
    register = commands.add_parser("register", help="register a team, and show its key (organisers)")
    join = commands.add_parser("join", help="add members to a registered team (organisers)")
    merge = commands.add_parser("merge", help="make two registered teams one (organisers)")
    for command in (register, join, merge):
        command.add_argument("event", type=_path, help="folder of the event")
    register.add_argument("--team", required=True)
    register.add_argument("--key", type=_path,
                          help="the key file of a team that has handed in (default: a key is made)")  # fmt: skip
    register.add_argument("--renew", action="store_true", help="give a team that lost its key another one: what it "
                          "handed in stays, and the old key ends")  # fmt: skip
    join.add_argument("--key", type=_path, required=True, help="the key file of the team")
    for command in (register, join):
        command.add_argument("--member", action="append", default=[], help="name for a certificate; once for each")
    reveal = commands.add_parser("reveal", help="let the boards of an anonymous event show its teams (organisers)")
    reveal.add_argument("event", type=_path, help="folder of the event")
    merge.add_argument("--key", type=_path, required=True, help="the key file of the team whose name stays")
    merge.add_argument("--with", type=_path, required=True, dest="other", help="the key file of the other team")


def main(argv=None):
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # letters that the terminal lacks are shown by their number
            stream.reconfigure(errors="backslashreplace")
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except (ValueError, OSError, ImportError) as error:
        print(f"python -m common.hackathon {args.command}: {in_words(error)}", file=sys.stderr)
        return 1


def _prepare(args):
    from common.hackathon.prepare import prepare

    secret = args.seed
    if args.secret_file is not None:
        secret = _text(args.secret_file).strip()
    elif args.ask:
        try:
            secret = getpass.getpass("Secret: ")
        except (EOFError, UnicodeDecodeError) as error:
            raise EventError("no secret in UTF-8 was typed: leave out --ask, and a random one is made") from error
    prepare(args.event, secret, args.out, past=args.past_deadline)
    return 0


def _text(path):
    try:
        return texts.read(path)
    except ValueError as error:
        raise EventError(str(error)) from error


def _submit(args):
    from common.hackathon.submit import submit

    path, notes = submit(
        args.challenge, args.team, args.event, args.predictions, args.notebook, args.weights, args.member, args.out,
        args.key, pdf=not args.no_pdf,
    )  # fmt: skip
    print(*notes, f"wrote {path}: hand in this file", sep="\n")
    return 0


def _choose(args):
    from common.hackathon.submit import choose

    print(f"wrote {choose(args.submission, args.key)}: hand in this file before the deadline")
    return 0


def _register(args):
    from common.hackathon import roster

    if args.renew:
        if args.key or args.member:
            raise EventError("--renew takes the name of the team alone")
        team, key = roster.renew(args.event, args.team)
        print(f"{team.name!r} has another key, and its old one takes nothing that arrives from now on")
        print("Handed in with the old one before, and not received yet? Then 'receive --at TIME --file FILE' says when")
    else:
        team, key = roster.register(args.event, args.team, args.member, args.key)
        print(f"registered {team.name!r}; members: {', '.join(team.members) or 'none yet'}")
    if key:
        print("Its key is shown this once and kept nowhere. The team saves this line in a file, and hands in with "
              f"--key and this file:\n\n{key}\n")  # fmt: skip
    return 0


def _join(args):
    from common.hackathon import roster

    team = roster.join(args.event, args.key, args.member)
    print(f"members of {team.name!r}: {', '.join(team.members)}")
    return 0


def _merge(args):
    from common.hackathon import roster

    whole, part = roster.merge(args.event, args.key, args.other)
    print(f"{part.name!r} is part of {whole.name!r}: both keys hand in for it, what both handed in counts towards its "
          "limits, and its last choice for each board counts")  # fmt: skip
    print(f"members: {', '.join(whole.members) or 'none yet'}")
    return 0


def _reveal(args):
    from common.hackathon import aliases
    from common.hackathon.event import load

    aliases.reveal(args.event, load(args.event / "event.toml"))
    print("the next scoring shows who is who")
    return 0


def _score(args):
    from common.hackathon import leaderboard

    _check_workers(args)
    _report(args, *leaderboard.score(args.event, args.submissions, args.workers))
    return 0


def _watch(args):
    from common.hackathon import leaderboard

    _check_workers(args)
    print(f"looking into {args.submissions} every {args.every:g} s; Ctrl-C ends it")
    try:
        for board, entries in leaderboard.watch(args.event, args.submissions, args.every, args.workers):
            _report(args, board, entries)
    except KeyboardInterrupt:  # the way to end it; what was scored is kept
        return 0


def _check_workers(args):
    if args.workers is not None and args.workers < 1:
        raise EventError(f"--workers {args.workers}: expected at least 1")


def _report(args, board, entries):
    """Say what a scoring found."""
    from common.hackathon import leaderboard, receipts
    from common.hackathon.event import load

    print(leaderboard.as_text(board))
    event = load(args.event / "event.toml")
    if remarks := leaderboard.remarks(event, entries):
        print(remarks)
    _say_of_arrivals(args)
    print(f"wrote {args.event / 'leaderboard.html'}, leaderboard.json and rules.html")
    print(f"wrote a receipt for each submission to {args.event / receipts.FOLDER}: send each to its team")


def _say_of_arrivals(args):
    from common.hackathon import arrivals, roster

    told = (arrivals.behind(args.event), roster.ahead(args.event), arrivals.elsewhere(args.event, args.submissions),
            arrivals.unread(args.submissions))  # fmt: skip
    for line in filter(None, told):
        print(line)


def _receive(args):
    from common.hackathon import arrivals
    from common.hackathon.event import load

    event = load(args.event / "event.toml")
    if args.file and args.at is None:
        raise EventError("--file goes with --at: when did it arrive?")
    if args.at is not None and event.day(args.at) < event.start <= event.day(arrivals.now()):
        raise EventError(f"--at {args.at}: the event started on {event.start}: check the time")
    received = arrivals.receive(args.event, args.submissions, args.at, args.file)
    logged, others = [a for a in received if not a.fault], [a for a in received if not a.digest]
    late = sum(arrival.time > event.deadline for arrival in logged)
    print(f"{len(logged)} submissions, {late} of them late")
    for arrival in (arrival for arrival in received if arrival.fault):
        print(f"{'' if arrival.digest else 'not logged: '}{arrival.file}: {arrival.fault}")
    _say_of_arrivals(args)
    return 1 if others else 0


def _path(text):
    """A path; an empty one, such as of a shell variable that is not set, would be the folder that one is in."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty: name a file or a folder (. is the one that you are in)")
    return Path(text)


def _seconds(text):
    if not text.isdigit() or not 1 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: expected seconds, from 1 to 3600")
    return int(text)


def _port(text):
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text}: expected the number of a port, from 1 to 65535")
    return int(text)


def _positive(text):
    try:
        if 0 < (value := float(text)) < 1e6:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")


def _time(text):
    """A time with its offset from UTC, which is not in the future."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: no time, expected one such as 2026-07-29T15:55:00+00:00") from error
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: give the offset from UTC too, as in {text}+00:00")
    if time < datetime(1970, 1, 1, tzinfo=timezone.utc):  # in UTC, as it is logged
        raise argparse.ArgumentTypeError(f"{text}: expected a year from 1970")
    if time > datetime.now(timezone.utc):
        raise argparse.ArgumentTypeError(f"{text} is in the future")
    return time.astimezone(timezone.utc).replace(microsecond=0)


def _export(args):
    from common.hackathon import codabench

    image = args.image or codabench.IMAGE
    written = codabench.export(args.event, args.out, image)
    print(f"wrote {len(written)} bundles to {args.out}: they hold the truth, so upload them and show them to nobody")
    print(f"Before that: docker build -t {image} {args.out} && docker push {image}")
    return 0


def _serve(args):
    import ipaddress

    from common.hackathon.serve import serve

    if not ipaddress.ip_address(args.address).is_loopback:
        print("Others can reach this page, and keys of teams travel as plain text: put a server with TLS before it")
    print(f"http://{args.address}:{args.port}; Ctrl-C ends it", flush=True)
    serve(args.event, args.submissions, args.address, args.port, args.behind)
    return 0


def _verify(args):
    from common.hackathon import verify

    outcomes = verify.verify(args.event, args.file, args.minutes, args.memory)
    print(*outcomes, verify.ISOLATION, sep="\n")
    return 0 if all(outcome.reproduced for outcome in outcomes) else 1


def _certificates(args):
    from common.hackathon.certificates import CURE, certificates, in_words

    if str(args.what) == "verify":
        return _check_certificates(args)
    if args.file or args.key:
        raise EventError("certificates takes the folder of an event, or 'verify', files and --key")
    folder = args.what
    options = {"before": args.before_deadline, "badges": args.badges}
    written, missing = certificates(folder, args.font, **options)
    print(f"wrote {len(written)} certificates to {folder / 'certificates'}")
    print(f"Publish {folder / 'certificates.pem'}: with it anybody can check them")
    if not missing:
        return 0
    raise EventError(
        f"no font has all letters of {in_words(missing)}: the certificates with these names are not written; {CURE}"
    )


def _check_certificates(args):
    from common.hackathon import archive, signing

    if not args.file or args.key is None:
        raise EventError("verify needs a file and --key: the organiser's public key, from the organiser")
    key, wrong = signing.public_key(args.key), 0
    print(f"key {signing.fingerprint(key)}")
    for path in args.file:
        name_of_file = archive.shown(path.name)
        try:
            fields, whole = signing.verify(path, key)
        except signing.NotGenuine as error:
            wrong += 1
            print(f"{name_of_file}: NOT GENUINE: {error}")
            continue
        print(f"{name_of_file}: genuine" + ("" if whole else ", as far as the code goes: compare what is printed"))
        print(*(f"  {name:<9}  {value}" for name, value in fields.items() if value is not None), sep="\n")
    return 1 if wrong else 0


COMMANDS = {
    "prepare": _prepare, "submit": _submit, "choose": _choose, "receive": _receive, "score": _score,
    "register": _register, "join": _join, "merge": _merge, "reveal": _reveal, "watch": _watch, "serve": _serve,
    "verify": _verify, "certificates": _certificates, "export": _export,
}  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
