"""The doctor, on machines that lack something."""

import os
import subprocess
import sys
from pathlib import Path

import doctor
from doctor import Finding, examine, packages, pinned

ROOT = Path(doctor.__file__).parent


def run(python: str = sys.executable, *options: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [python, *options, str(ROOT / "doctor.py")],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        check=False,
    )


def test_every_line_says_its_state_and_a_missing_model_is_status_1(tmp_path):
    told = run(LFQA_CACHE=str(tmp_path), LFQA_CONTACT="nobody", LFQA_ASSETS="")
    lines = [line for line in told.stdout.splitlines() if not line.startswith("          →")]
    assert {line.split()[0] for line in lines} <= {"ok", "missing", "optional"}
    lacking = [line for line in lines if f"{tmp_path}/assets/" in line]
    later = [line for line in lacking if "qwen2.5-coder-0.5b" in line]
    assert [line for line in lines if line.startswith("missing")] == [line for line in lacking if line not in later]
    assert len(later) == 1 and later[0].startswith("optional")
    assert "→ python -m data.assets" in told.stdout and "set LFQA_CONTACT" in told.stdout
    assert told.returncode == 1 and told.stderr == "" and not list(tmp_path.iterdir())


def test_it_runs_without_any_package():
    told = run(sys.executable, "-S")
    assert told.returncode == 1 and told.stderr == ""
    assert "missing   packages: torch" in told.stdout and "pip install -r requirements.txt" in told.stdout


def test_versions_are_compared_with_the_requirements(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a remark\nnumpy==0.1\nno-such-package[all]==2.0\n")
    assert pinned(requirements) == {"numpy": "0.1", "no-such-package": "2.0"}
    absent, other = packages(requirements)
    assert (absent.what, absent.state, absent.said) == ("packages", "missing", "no-such-package 2.0")
    assert other.state == "optional" and other.said.endswith("(tried with 0.1)")


def test_a_check_that_lacks_its_package_is_told():
    def models():
        raise ImportError("No module named 'torch'")
        yield

    assert list(examine([models])) == [
        Finding("models", "missing", "cannot be looked at (No module named 'torch')", doctor._INSTALL)
    ]
