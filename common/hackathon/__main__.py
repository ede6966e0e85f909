"""The command line of the event: python -m common.hackathon prepare | submit | score | certificates."""

import argparse
import sys
from pathlib import Path

from common.challenge import SubmissionError
from common.hackathon import __doc__ as usage
from common.hackathon.event import EXAMPLE, EventError


def parser():
    """The options, one sub-command each."""
    main_parser = argparse.ArgumentParser(
        prog="python -m common.hackathon", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = main_parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="make the hidden test sets (organisers)")
    prepare.add_argument("--seed", required=True, help="a secret of at least 12 characters")
    prepare.add_argument("--out", type=Path, required=True, help="folder of the event, new")
    prepare.add_argument("--event", type=Path, default=EXAMPLE, help="event file (default: DeepLearn 2024)")
    submit = commands.add_parser("submit", help="check and pack a solution (participants)")
    submit.add_argument("challenge", help="its folder, such as Higgs")
    submit.add_argument("--team", required=True)
    submit.add_argument("--member", action="append", default=[], help="name for a certificate; once for each")
    submit.add_argument("--event", type=Path, required=True, help="the folder that the organisers gave out")
    submit.add_argument("--predictions", type=Path, required=True, help="folder with the prediction files")
    submit.add_argument("--notebook", type=Path, required=True, help="the executed notebook")
    submit.add_argument(
        "--weights", type=Path,
        help="the trained model: .safetensors, .pt or .pth; of trees .txt (LightGBM) or .skops (scikit-learn)",
    )  # fmt: skip
    submit.add_argument("--no-pdf", action="store_true", help="do not print the notebook")
    submit.add_argument("--out", type=Path, default=Path("."), help="folder of the submission")
    score = commands.add_parser("score", help="score all submissions (organisers)")
    score.add_argument("event", type=Path, help="folder of the event")
    score.add_argument("submissions", type=Path, help="folder of the submissions, as they were received")
    score.add_argument("--workers", type=int, help="processes (default: 2)")
    certificates = commands.add_parser("certificates", help="print certificates (organisers)")
    certificates.add_argument("event", type=Path, help="folder of the event, scored")
    certificates.add_argument("--font", type=Path, help="a TrueType font for names in other scripts")
    return main_parser


def main(argv=None):
    """Run the command line; returns the exit status."""
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except (EventError, SubmissionError, OSError, ImportError) as error:
        print(f"python -m common.hackathon {args.command}: {error}", file=sys.stderr)
        return 1


def _prepare(args):
    from common.hackathon.prepare import prepare

    prepare(args.event, args.seed, args.out)
    return 0


def _submit(args):
    from common.hackathon.submit import submit

    path, notes = submit(
        args.challenge, args.team, args.event, args.predictions, args.notebook, args.weights, args.member, args.out,
        pdf=not args.no_pdf,
    )  # fmt: skip
    print(*notes, f"wrote {path}: hand in this file", sep="\n")
    return 0


def _score(args):
    from common.hackathon import leaderboard
    from common.hackathon.event import load

    if args.workers is not None and args.workers < 1:
        raise EventError(f"--workers {args.workers}: expected at least 1")
    board = leaderboard.rank(
        load(args.event / "event.toml"), leaderboard.judge_all(args.event, args.submissions, args.workers)
    )
    leaderboard.write(board, args.event)
    print(leaderboard.as_text(board))
    print(f"wrote {args.event / 'leaderboard.html'} and leaderboard.json")
    return 0


def _certificates(args):
    from common.hackathon.certificates import certificates

    written = certificates(args.event, args.font)
    print(f"wrote {len(written)} certificates to {args.event / 'certificates'}")
    return 0


COMMANDS = {"prepare": _prepare, "submit": _submit, "score": _score, "certificates": _certificates}


if __name__ == "__main__":
    sys.exit(main())
