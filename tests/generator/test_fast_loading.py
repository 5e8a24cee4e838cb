"""What is prepared for the fast decoder: kept, made again where it is spoilt, in memory where it cannot be kept."""

import resource
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from generator import fast_loading
from generator.fast_stack import kept_weights

WEIGHTS = {"tiles": torch.arange(90_000, dtype=torch.int32), "norms": torch.ones(3, 5, dtype=torch.bfloat16)}
WAYS = {
    "emptied": lambda old: b"",
    "truncated": lambda old: old[: len(old) // 2],
    "flipped": lambda old: old[:-9] + bytes([old[-9] ^ 1]) + old[-8:],
}


@contextmanager
def full_disk():
    """No file may be written beyond its first 1,000 bytes, pytest's output among them: around as little as can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def same(packed: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(packed[name], weight) for name, weight in WEIGHTS.items())


@pytest.mark.parametrize("way", WAYS)
def test_spoilt_weights_are_prepared_again(tmp_path, caplog, way):
    path = tmp_path / "decoder-1.safetensors"
    assert same(kept_weights(path, lambda: WEIGHTS))
    written = path.read_bytes()
    path.write_bytes(WAYS[way](written))
    assert same(kept_weights(path, lambda: WEIGHTS)) and path.read_bytes() == written
    (record,) = caplog.records
    assert str(path) in record.getMessage()


def test_on_a_full_disk_weights_are_prepared_in_memory(tmp_path, caplog):
    path = tmp_path / "decoder-1.safetensors"
    with full_disk():
        weights = kept_weights(path, lambda: WEIGHTS)
    assert same(weights)
    assert "prepared in memory" in caplog.text and not list(tmp_path.glob("[!.]*"))


class Writer:
    """Compiles as numba does: it takes its files as they are, and writes them where they are missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ran: list[bytes] = []

    def warm_up(self) -> None:
        names = {"kernels.advance-1.py311.nbi": b"index of it", "kernels.advance-1.py311.1.nbc": b"code " * 1_000}
        for name, content in names.items():
            path = self.folder / name
            if not path.is_file():
                self.ran.append(content)
                path.write_bytes(content)
            self.ran.append(path.read_bytes())


@pytest.fixture
def writer(tmp_path, monkeypatch) -> Writer:
    folder = tmp_path / "kernels" / "generator_1"
    folder.mkdir(parents=True)
    monkeypatch.setattr("generator.kernels.advance", SimpleNamespace(stats=SimpleNamespace(cache_path=str(folder))))
    return Writer(folder)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_spoilt_code_is_never_run(writer, caplog, way, ending):
    fast_loading.warm_up(writer)
    (path,) = writer.folder.glob(f"*{ending}")
    (writer.folder / "other.pyc").write_text("somebody else's")
    path.write_bytes(WAYS[way](path.read_bytes()))
    fast_loading.warm_up(writer)
    assert set(writer.ran) == {b"index of it", b"code " * 1_000}
    assert f"{writer.folder} " in caplog.text and "compiled again" in caplog.text
    assert (writer.folder / "other.pyc").read_text() == "somebody else's"


def test_whole_code_is_not_compiled_again(writer, caplog, capsys):
    for _ in range(3):
        fast_loading.warm_up(writer)
    assert writer.ran[:1] == [b"index of it"] and len(writer.ran) == 2 + 3 * 2 and not caplog.records
    assert capsys.readouterr().err.count("Compiling") == 1


def test_on_a_full_disk_code_is_compiled_in_memory(writer, caplog):
    tries = []
    writer.warm_up = lambda: (
        tries.append(1) if tries else (tries.append(0), (writer.folder / "kernels.advance-x").write_bytes(b"x" * 9_000))
    )
    with full_disk():
        fast_loading.warm_up(writer)
    assert tries == [0, 1] and "compiled at each start" in caplog.text
    assert not list(writer.folder.iterdir())
