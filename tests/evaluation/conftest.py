"""What the tests of the evaluation share: the real passages by title, and rows of answers as qa.py writes them."""

import pytest


@pytest.fixture(scope="session")
def vital_passages():
    from data.assets import asset_path
    from data.passages import read_vital_articles
    from data.questions import passages_by_title

    return passages_by_title(read_vital_articles(asset_path("vital-articles")))
