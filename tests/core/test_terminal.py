"""Nothing that is printed is obeyed by the terminal."""

import json
import logging

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


def test_what_is_said_and_logged_is_shown(capsys, monkeypatch):
    say(f"{HOSTILE}\n")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log_to_stderr()
    logging.getLogger("a").warning("skipped %s", HOSTILE)
    found = capsys.readouterr()
    assert "skipped" in found.err and not set(found.err + found.out) & set(OBEYED)
