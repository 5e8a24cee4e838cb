"""Nothing that is printed is obeyed by the terminal."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from core.command import exit_status
from core.errors import UserError
from core.terminal import log_to_stderr, say, shown, shown_json

HOSTILE = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp.exe \r\x08\x7f \ud800"
OBEYED = [chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), 0x2066, 0xD800)]


def test_control_characters_are_shown_and_all_else_stays():
    assert shown("Café 日本\tx\n") == "Café 日本\tx\n"
    assert not set(shown("".join(OBEYED))) & set(OBEYED)
    assert shown("\x1b[2J") == "\\x1b[2J"


def test_json_is_read_back_as_it_was():
    text = shown_json({"title": HOSTILE, HOSTILE: ["é"]})
    assert json.loads(text) == {"title": HOSTILE, HOSTILE: ["é"]} and "é" in text
    assert not set(text) & set(OBEYED)


def raising(error: BaseException):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("error", [UserError(f"no file {HOSTILE}"), OSError(2, "No such file", HOSTILE)])
def test_a_command_names_what_failed_without_control_characters(capsys, error):
    assert exit_status(raising(error)) == 1
    said = capsys.readouterr().err
    assert "gnp.exe" in said and not set(said) & set(OBEYED)


SAYS = """
from core.command import exit_status
from core.terminal import say, shown_json
raise SystemExit(exit_status(lambda: say(shown_json({"é": "→😀"}) + chr(10))))
"""


def printing(ends: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that prints a line, with its standard output as a shell's words say."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])} | variables
    script = ["bash", "-c", f'"$0" -c "$1" {ends}', sys.executable, SAYS]
    return subprocess.run(script, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (">&-", "error: the standard output is closed, so nothing can be printed; open it, or send it to a file\n"),
        (">/dev/full", "error: No space left on device: the standard output\n"),
        ("| true; exit ${PIPESTATUS[0]}", ""),
    ],
)
def test_what_cannot_be_printed_is_one_line_and_a_failure(ends, said):
    done = printing(ends)
    assert (done.returncode, done.stderr) == (1, said)


def test_what_an_encoding_lacks_is_escaped_as_json_reads_it():
    done = printing("", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.stdout.isascii() and json.loads(done.stdout) == {"é": "→😀"} and not done.stderr


def test_a_long_message_keeps_its_beginning_and_its_end(capsys):
    assert exit_status(raising(UserError(f"no column {'x' * 5000}; name another"))) == 1
    said = capsys.readouterr().err
    assert len(said) < 2000 and said.startswith("error: no column xxx") and said.endswith("name another\n")


def test_what_is_said_and_logged_is_shown(capsys, monkeypatch):
    say(f"{HOSTILE}\n")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log_to_stderr()
    logging.getLogger("a").warning("skipped %s", HOSTILE)
    found = capsys.readouterr()
    assert "skipped" in found.err and not set(found.err + found.out) & set(OBEYED)
