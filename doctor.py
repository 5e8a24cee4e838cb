"""What this machine has of what the program needs, line by line, and how to mend what is missing.

    python doctor.py

Only what is marked "missing" keeps the program from answering; then the exit status is 1. Until its packages are
checked it imports the standard library alone, so that it runs where they are absent. Nothing is fetched or changed.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from core.command import Parser, exit_status
from core.errors import UserError, first_line
from core.terminal import say

_ROOT = Path(__file__).parent
_INSTALL = f"{sys.executable} -m pip install -r requirements.txt"
_FREE = 2_000_000_000  # bytes: models and passages, what is prepared of them, and room for the download
_SECONDS = 2.0  # to wait for the hub


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        what: what was looked for.
        state: "ok", "missing" (the program cannot answer without it) or "optional" (it can).
        said: what was found.
        cure: what to do; empty where nothing is to be done.
    """

    what: str
    state: str
    said: str
    cure: str = ""


def python() -> Iterator[Finding]:
    """The interpreter's version, and pip, by which models and passages come."""
    version = platform.python_version()
    enough = sys.version_info >= (3, 11)
    cure = "" if enough else "make the environment with Python 3.11 or newer"
    yield Finding("Python", "ok" if enough else "missing", f"{version}, {platform.machine()}", cure)
    if importlib.util.find_spec("pip"):
        yield Finding("pip", "ok", "downloads models and passages")
    else:
        cure = f"{sys.executable} -m ensurepip, or `uv venv --seed`; or set LFQA_ASSETS to a folder with the files"
        yield Finding("pip", "optional", "none: models and passages cannot be downloaded", cure)


def packages(requirements: Path = _ROOT / "requirements.txt") -> Iterator[Finding]:
    """The packages of requirements.txt: absent ones, and those of another version than the tried one."""
    absent, other = [], []
    pins = pinned(requirements)
    for name, wanted in pins.items():
        try:
            # A local version, such as torch's "+cpu", is the same release.
            found = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            absent.append(f"{name} {wanted}")
            continue
        if found != wanted:
            other.append(f"{name} {found} (tried with {wanted})")
    if absent:
        yield Finding("packages", "missing", ", ".join(absent), _INSTALL)
    if other:
        yield Finding("versions", "optional", ", ".join(other), _INSTALL)
    if not absent and not other:
        yield Finding("packages", "ok", f"all {len(pins)} of {requirements.name}, in the versions tried")


def pinned(requirements: Path) -> dict[str, str]:
    """The version of each package that a file of requirements pins."""
    found = re.findall(r"^([\w.-]+)(?:\[[^]]*])?==([\w.]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def cache() -> Iterator[Finding]:
    """The folder for what is fetched and prepared: whether it can be written, and its disk's room."""
    from data.assets import cache_folder

    folder = cache_folder()
    # The nearest folder that is there: the missing ones are made when something is fetched.
    there = next(path for path in (folder, *folder.parents) if path.exists())
    cure = "set LFQA_CACHE to a folder that can be written"
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        yield Finding("cache", "ok", f"{folder} can be written")
    except OSError as error:
        yield Finding("cache", "optional", f"{folder} cannot be written ({error.strerror})", cure)
    free = shutil.disk_usage(there).free
    cure = "" if free >= _FREE else f"free {_FREE / 1e9:.0f} GB, or set LFQA_CACHE to a folder on another disk"
    yield Finding("disk", "optional" if cure else "ok", f"{free / 1e9:.1f} GB free in {there}", cure)


def models() -> Iterator[Finding]:
    """Models and passages, in the cache or in LFQA_ASSETS."""
    from data.assets import check

    for state in check():
        lacking = "optional" if state.asset.on_use else "missing"
        yield Finding(state.asset.name, "ok" if state.whole else lacking, state.said, state.cure)


def processor() -> Iterator[Finding]:
    """Instructions that make answers faster, and the GPU."""
    import torch

    has = {name for name, there in torch.cpu.get_capabilities().items() if there is True}
    useful = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    found = [name for name in useful if name in has]
    said = f"{os.cpu_count()} CPUs; " + (", ".join(found) or "no known vector instructions: answers take longer")
    yield Finding("processor", "ok" if found else "optional", said)
    if torch.cuda.is_available():
        yield Finding("GPU", "ok", torch.cuda.get_device_name())
    else:
        yield Finding("GPU", "optional", "none that torch can use; none is needed")


def network() -> Iterator[Finding]:
    """The Hugging Face hub, and the contact for questions to a live wiki."""
    import httpx
    from huggingface_hub.constants import ENDPOINT

    from retriever.live.wiki import contact

    try:
        httpx.head(ENDPOINT, timeout=_SECONDS)
        yield Finding("hub", "ok", f"{ENDPOINT} answers")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"{ENDPOINT} cannot be reached ({first_line(error)}); needed only for hf: sources, indexes and models"
        yield Finding("hub", "optional", said)

    try:
        yield Finding("contact", "ok", f"{contact()} answers for questions to a live wiki")
    except UserError as error:
        yield Finding("contact", "optional", "none; needed only for --index wikipedia", str(error))


def examine(checks: Sequence[Callable[[], Iterator[Finding]]]) -> Iterator[Finding]:
    """The findings of the checks in turn; a check that needs an absent package says so instead."""
    for look in checks:
        try:
            yield from look()
        except ImportError as error:
            yield Finding(look.__name__, "missing", f"cannot be looked at ({error})", _INSTALL)
        except UserError as error:
            yield Finding(look.__name__, "missing", str(error))


def report() -> int:
    """Print every finding; 1 where something needed is missing."""
    findings = []
    for finding in examine((python, packages, cache, models, processor, network)):
        findings.append(finding)
        say(f"{finding.state:<9} {finding.what}: {finding.said}\n")
        if finding.cure:
            say(f"{'':<9} → {finding.cure}\n")
    return int(any(finding.state == "missing" for finding in findings))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    Parser(prog="python doctor.py", description="Say what is missing on this machine, and how to mend it.").parse_args(
        arguments
    )
    return exit_status(report)


if __name__ == "__main__":
    sys.exit(main())
