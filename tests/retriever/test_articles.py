"""How passages are chosen by way of articles, with a library that is a dictionary."""

import numpy as np
import pytest

from core.errors import SettingsError, UserError
from core.records import Passage
from retriever.articles import ArticleCorpus, Candidate, Library, Reading
from retriever.cache import Cache
from retriever.corpus import METHODS
from retriever.near_duplicates import distinct
from retriever.query import MOST_TITLES, content_words, searches, title_stretches

TEXTS = {
    "Tide": [
        "Tides are the rise and fall of the sea.",
        "The Moon and the Sun pull the water.",
        "They repeat each day.",
    ],
    "Moon": ["The Moon is the only natural satellite of Earth.", "It always shows the same side to Earth."],
    "Chess": ["Chess is a board game for two players."],
}


class Shelf(Library):
    spec = "shelf"

    def __init__(self, texts, broken=()):
        self.texts, self.broken, self.read_titles = texts, broken, []

    def find(self, question, rarity, until):
        assert rarity("zyzzyva") > rarity("the")
        return [
            Candidate(title, title, texts[0], place=place) for place, (title, texts) in enumerate(self.texts.items())
        ], ""

    def read(self, candidate, until):
        if candidate.title in self.broken:
            raise UserError(f"{candidate.title} is broken")
        self.read_titles.append(candidate.title)
        return [
            Passage(f"{candidate.title}.{row}", candidate.title, "" if row == 0 else "More", text, "u")
            for row, text in enumerate(self.texts[candidate.title])
        ]

    def card(self):
        return {"passages": 0, "date": "2024-01-02", "source": "a shelf", "licence": ""}


@pytest.fixture
def make(tiny_encoder, tmp_path):
    def corpus(texts=TEXTS, broken=(), **reading):
        cache = Cache(tmp_path / "articles.sqlite")
        return ArticleCorpus(tiny_encoder, Shelf(texts, broken), cache, reading=Reading(**{"gap": 99.0} | reading))

    return corpus


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [-1, 0, 1, 4, 50])
def test_best_first_ranked_and_never_more_than_there_are(make, method, k):
    hits = make().search("How does the Moon pull the water?", k, method)
    assert len(hits) == (0 if method == "none" else max(0, min(k, 6)))
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_scores_are_those_of_an_index_over_the_same_passages(make, tiny_encoder):
    from retriever.index import PassageIndex
    from retriever.search import Retriever

    corpus = make()
    question = "How does the Moon pull the water?"
    passages = [passage for title in TEXTS for passage in corpus.library.read(Candidate(title, title, ""), None)]
    read = [f"{p.title}, {p.section}: {p.text}" if p.section else p.text for p in passages]
    index = PassageIndex.build(passages, tiny_encoder.encode_passages(read), "tiny", "tiny", "six")
    for method in ("dense", "sparse", "mixed"):
        expected = {hit.passage.id: hit.score for hit in Retriever(tiny_encoder, index).search(question, 6, method)}
        got = {hit.passage.id: hit.score for hit in corpus.search(question, 6, method)}
        assert got == pytest.approx(expected, abs=2e-3)
    assert corpus.score_name("mixed") == "cosine + 0.02 × BM25"


def test_only_the_best_articles_are_read(make):
    corpus = make(articles=1)
    corpus.search("What is chess, the board game for two players?")
    assert len(corpus.library.read_titles) == 1
    far = make(gap=0.0)
    far.search("What is chess?")
    assert len(far.library.read_titles) == 1


def test_an_article_that_cannot_be_read_is_told_and_the_others_are_searched(make):
    result = make(broken=("Moon",)).find("How does the Moon pull the water?")
    assert "Tide" in {hit.passage.title for hit in result.found}
    assert result.note == "Not all was read: Moon is broken."
    with pytest.raises(UserError, match="is broken"):
        make(broken=tuple(TEXTS)).find("How does the Moon pull the water?")


def test_near_duplicates_are_read_once(make):
    copies = {title: list(TEXTS["Tide"]) for title in ("Tide", "Tides of the sea")}
    texts = [hit.passage.text for hit in make(copies).search("Why do tides rise?", 6)]
    assert sorted(texts) == sorted(TEXTS["Tide"])


def test_texts_that_share_some_words_are_no_duplicates():
    assert distinct(["The Moon pulls the sea.", "The Sun pulls the sea, too.", "A cat.", "A cat."], 9) == [0, 1, 2]
    assert distinct([], 3) == [] and distinct(["a"], 0) == []


def test_vectors_are_kept(make, monkeypatch):
    corpus = make()
    first = corpus.search("How does the Moon pull the water?")
    again = make()
    monkeypatch.setattr(again.encoder, "encode_passages", lambda texts: pytest.fail("embedded again"))
    second = again.search("How does the Moon pull the water?")
    np.testing.assert_allclose([hit.score for hit in first], [hit.score for hit in second], atol=1e-6)


def test_random_passages_repeat_with_their_seed(make):
    ids = [[hit.passage.id for hit in make().search("x y", 3, "random", seed=seed)] for seed in (1, 1, 2, 3, 4)]
    assert ids[0] == ids[1] and len({tuple(row) for row in ids}) > 1


def test_an_unknown_method_is_refused(make):
    with pytest.raises(SettingsError, match="'magic'"):
        make().search("x", 3, "magic")


def test_nothing_found_is_no_hit(make):
    result = make({}).find("What is chess?")
    assert result.found == () and result.low_scores


@pytest.mark.parametrize(
    ("question", "content"),
    [
        ("ELI5: Why is the sky blue?", ["sky", "blue"]),
        ("please explain like i'm five how black holes evaporate", ["black", "holes", "evaporate"]),
        ("What's AC/DC's first album?", ["AC/DC", "album"]),
        ("why?", ["why"]),
        ("", []),
    ],
)
def test_the_words_that_say_what_a_question_is_about(question, content):
    assert content_words(question) == content


def test_stretches_of_a_long_question_fit_one_request():
    stretches = title_stretches(" ".join(f"alpha{number} beta{number}s" for number in range(60)))
    assert len(stretches) == MOST_TITLES and all(stretch[0] == "A" or stretch[0] == "B" for stretch in stretches)


def test_no_more_than_three_searches_and_the_rarest_last():
    rows = searches("Did octopus hearts evolve because cephalopod blood carries oxygen poorly?", len)
    assert len(rows) == 3 and rows[2] == ["cephalopod"] and len(rows[0]) > len(rows[1]) == 3
