import pytest

from benchmarks.stand_in import small_wiki, standing_in
from core.deadline import Deadline
from retriever.articles import ArticleCorpus
from retriever.cache import Cache
from retriever.live.client import WikiClient
from retriever.live.library import WikiLibrary
from retriever.live.wiki import parse_wiki


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A contact, and a cache's folder for each test."""
    monkeypatch.setenv("LFQA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LFQA_CONTACT", "ada@example.org")


@pytest.fixture
def server():
    """A small wiki that keeps its manners, until a test tells it otherwise."""
    with standing_in(small_wiki()) as state:
        yield state


@pytest.fixture
def until():
    return Deadline(30.0)


@pytest.fixture
def client(server):
    return WikiClient(parse_wiki(f"mediawiki:{server.api}"))


@pytest.fixture
def cache(tmp_path):
    cache = Cache(tmp_path / "articles.sqlite")
    yield cache
    cache.close()


@pytest.fixture
def library(client, cache):
    return WikiLibrary(client.wiki, client, cache)


@pytest.fixture
def corpus(tiny_encoder, library, cache):
    return ArticleCorpus(tiny_encoder, library, cache, seconds=30.0)
