"""Ctrl-C before a command has begun, and closed standard streams; every command of the project is tried."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interrupting import interruptible

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "data", "docs", "evaluation", "training")
FILES = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
COMMANDS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in FILES
    if '\nif __name__ == "__main__":\n    sys.exit' in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_while_a_command_is_imported_gives_no_traceback(command):
    module = [command] if "/" not in command else ["-m", command.removesuffix(".py").replace("/", ".")]
    process = subprocess.Popen(
        interruptible([sys.executable, "-X", "importtime", *module, "--help"]),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    for line in process.stderr:
        said += line
        if said.count(" core.starting\n") and not line.endswith(" core.starting\n"):  # amid what is imported next
            process.send_signal(signal.SIGINT)
            break
    said += process.stderr.read()
    process.wait()
    assert process.returncode == 130 and "Traceback" not in said and said.endswith("\nstopped\n")


CLOSED = """
from core.starting import start
start()
with open(FILE, "w") as file:
    assert file.fileno() > 2
    import os
    os.write(1, b"printed"), os.write(2, b"printed")
    file.write("own")
"""


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    script = CLOSED.replace("FILE", repr(str(tmp_path / "a")))
    done = subprocess.run(["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, script], cwd=ROOT)
    assert done.returncode == 0 and (tmp_path / "a").read_text() == "own"
