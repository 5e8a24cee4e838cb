"""How commands read their arguments: a help that cannot be printed is told, and no argument is repeated at length."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.command import Parser

ROOT = Path(__file__).parents[2]
HELPS = """
from core.starting import start
start()
from core.command import Parser
parser = Parser(prog="x")
parser.add_subparsers().add_parser("y")
parser.parse_args(["y", "--help"])
"""


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (">/dev/full", "error: No space left on device: the standard output\n"),
        (">&-", "error: the standard output is closed, so nothing can be printed; open it, or send it to a file\n"),
    ],
)
def test_a_help_that_cannot_be_printed_is_told(end, said):
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {end}', sys.executable, HELPS], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, said)


def test_help_is_printed_and_the_status_is_0(capsys):
    with pytest.raises(SystemExit) as ended:
        Parser(prog="x", description="It does x.").parse_args(["-h"])
    assert not ended.value.code and "It does x." in capsys.readouterr().out


def test_what_is_wrong_with_an_argument_is_said_in_short_and_shown(capsys):
    parser = Parser(prog="x")
    parser.add_argument("--kind", choices=("a", "b"))
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--kind", "\x1b[2J" + "y" * 5000])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and len(said) < 1800 and "\x1b" not in said and "choose from" in said


def test_every_command_reads_its_arguments_so():
    folders = ("benchmarks", "data", "docs", "evaluation", "generator", "retriever", "training", "ui")
    files = [*ROOT.glob("*.py"), *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    own = [str(path.relative_to(ROOT)) for path in files if "argparse.ArgumentParser(" in path.read_text("utf-8")]
    assert len(files) > 100 and not own
