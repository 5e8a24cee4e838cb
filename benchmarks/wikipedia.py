"""How well and how fast passages are found in whole articles: a live wiki, a ZIM file, and an index folder.

All hold the same: the articles of a dump's sample, and the 10,033 embedded leads beside them, so that finding an
article is no toy. The wiki is a MediaWiki from Debian's packages on loopback; once with its own search, which neither
ranks nor stems, once with a search by BM25 in its place.

    python -m benchmarks.wikipedia                               # the forty questions of deep_questions.jsonl
    python -m benchmarks.wikipedia --only zim --questions FILE   # or those of data/lfqa/deep_dev.jsonl
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import html
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from benchmarks.mediawiki import build, running, warm
from benchmarks.stand_in import passing_on, standing_in
from benchmarks.zim_files import HtmlPage, page_html, write_zim
from core.command import Parser, exit_status
from core.errors import UserError
from core.json_lines import json_lines
from core.records import Passage
from data.assets import asset_path, cache_folder, fetch, read_assets
from data.passages import read_vital_articles
from data.sources import open_source
from retriever.articles import ArticleCorpus, encoder_text
from retriever.cache import Cache
from retriever.corpus import Corpus
from retriever.encode import Encoder
from retriever.kept_vectors import KeptVectors

HERE = Path(__file__).parent
QUESTIONS = HERE / "deep_questions.jsonl"
_DUMPS = HERE.parent / "tests/data/sources/dumps.json"
_READ = 4
SYSTEMS = ("wiki", "ranked", "zim", "folder")


@dataclass(frozen=True, slots=True)
class DeepQuestion:
    """A question with the articles, and the (article, section) pairs, any of which answers it."""

    question: str
    titles: frozenset[str]
    sections: frozenset[tuple[str, str]]


@dataclass
class Setup:
    """What is searched, made once and kept in the cache's folder.

    Attributes:
        folder: where it is.
        dump: the sample.
        articles: titles of its whole articles.
    """

    folder: Path
    dump: Path
    articles: list[str]

    @classmethod
    def make(cls) -> Setup:
        """Fetch the sample."""
        dump = fetch(read_assets(_DUMPS).values(), cache_folder() / "assets")["english"]
        records = list(open_source(f"dump:{dump}").records())
        return cls(cache_folder() / "wikipedia-benchmark", dump, [record.title for record in records if record.content])

    def leads(self) -> list[Passage]:
        """The embedded leads whose articles are not in the sample."""
        there = {record.title for record in open_source(f"dump:{self.dump}").records()}
        return [lead for lead in read_vital_articles(asset_path("vital-articles")) if lead.title not in there]

    def wiki(self) -> Path:
        """The folder of a MediaWiki with all of it; making it takes some minutes."""
        folder = self.folder / "wiki"
        if not folder.exists():
            build(folder, self.dump, {lead.title: lead.text for lead in self.leads()})
            with running(folder) as wiki:
                warm(wiki.api, self.articles)
        return folder

    def zim(self) -> Path:
        """A ZIM file of what the wiki renders."""
        file = self.folder / "articles.zim"
        if not file.is_file():
            with running(self.wiki()) as wiki:
                whole = [_rendered(wiki.api, title) for title in self.articles]
            leads = [_page(lead.title, f"<p>{html.escape(lead.text)}</p>") for lead in self.leads()]
            part = file.with_suffix(".part")
            part.unlink(missing_ok=True)
            write_zim(part, whole + leads).rename(file)
        return file


def read_questions(path: Path) -> list[DeepQuestion]:
    """Questions with "title" and "section", or with evidence as in data/lfqa/deep_dev.jsonl; others are left out.

    Raises:
        UserError: a line is no such question.
    """
    found = []
    for place, row in json_lines(path, UserError):
        try:
            evidence = [row] if "section" in row else [one for said in row["sentences"] for one in said["from"]]
            sections = frozenset((one["title"], one["section"]) for one in evidence)
            if sections and row.get("holds", "full") == "full":
                found.append(DeepQuestion(row["question"], frozenset(title for title, _ in sections), sections))
        except (KeyError, TypeError) as error:
            raise UserError(
                f'{place}: no deep question ({error}); it needs "question", "title" and "section"'
            ) from error
    return found


def measure(
    corpus: Corpus, questions: Sequence[DeepQuestion], requests: Callable[[], int] = lambda: 0
) -> dict[str, Any]:
    """Ask each question twice: what is among the passages read, and the seconds of the first and the second time."""
    articles, sections, first, second = [], [], [], []
    before = requests()
    for item in questions:
        began = time.perf_counter()
        hits = corpus.search(item.question, _READ)
        first.append(time.perf_counter() - began)
        articles.append(any(hit.passage.title in item.titles for hit in hits))
        sections.append(any((hit.passage.title, hit.passage.section) in item.sections for hit in hits))
    sent = requests() - before
    for item in questions:
        began = time.perf_counter()
        corpus.search(item.question, _READ)
        second.append(time.perf_counter() - began)
    return {
        "n": len(questions),
        "article": round(float(np.mean(articles)), 3),
        "section": round(float(np.mean(sections)), 3),
        "requests": round(sent / len(questions), 2),
        "again": requests() - before - sent,
        "seconds": round(statistics.median(first), 3),
        "cached": round(statistics.median(second), 3),
        "slowest": round(max(first), 3),
    }


@contextmanager
def system(name: str, setup: Setup, encoder: Encoder, cache: Cache) -> Iterator[tuple[Corpus, Callable[[], int]]]:
    """One of `SYSTEMS`, with what counts its requests."""
    with ExitStack() as stack:
        if name == "zim":
            from retriever.zim import ZimLibrary

            yield ArticleCorpus(encoder, ZimLibrary("zim", setup.zim()), cache, seconds=60), lambda: 0
        elif name == "folder":
            yield _folder(setup, encoder, Cache(setup.folder / "vectors.sqlite")), lambda: 0
        else:
            from retriever.live.client import WikiClient
            from retriever.live.library import WikiLibrary
            from retriever.live.wiki import parse_wiki

            folder = setup.wiki()
            api = stack.enter_context(running(folder)).api
            if name == "ranked":
                api = stack.enter_context(standing_in(passing_on(api, _ranked_search(api, setup)))).api
            wiki = parse_wiki(f"mediawiki:{api}")
            client = WikiClient(wiki, lambda: "benchmark@example.org")
            corpus = ArticleCorpus(encoder, WikiLibrary(wiki, client, cache), cache, seconds=60)
            yield corpus, lambda: client.requests


def _folder(setup: Setup, encoder: Encoder, cache: Cache) -> Corpus:
    """An index in memory over what a build would hold."""
    from safetensors.numpy import load_file

    from retriever.embedded import VECTORS
    from retriever.index import PassageIndex
    from retriever.search import Retriever

    source = open_source(f"dump:{setup.dump}")
    whole = [passage for record in source.records() for passage in source.passages(record)]
    leads = setup.leads()
    # The leads' vectors come with the program; a lead's id is its row.
    shipped = load_file(VECTORS)["vectors"][[int(lead.id) for lead in leads]].astype(np.float32)
    own = KeptVectors(encoder, cache).of([encoder_text(passage) for passage in whole])
    passages, vectors = [*whole, *leads], np.concatenate([own, shipped])
    return Retriever(encoder, PassageIndex.build(passages, vectors, encoder.name, encoder.identity, "benchmark"))


def _ranked_search(api: str, setup: Setup) -> Callable[[str], list[int]]:
    """A search by BM25 over whole pages, every word of the query in each, as Wikipedia's does."""
    from core.words import snowball_stems
    from retriever.sparse import Bm25

    source = open_source(f"dump:{setup.dump}")
    texts: dict[str, str] = {lead.title: lead.text for lead in setup.leads()}
    for record in source.records():
        if record.content:
            texts[record.title] = " ".join(passage.text for passage in source.passages(record))
    titles = list(texts)
    ids = _page_ids(api, titles)
    index = Bm25.build([Passage(title, title, "", text, "") for title, text in texts.items()])
    words = [set(row) for row in snowball_stems([f"{title}. {text}" for title, text in texts.items()])]

    def search(query: str) -> list[int]:
        wanted = set(snowball_stems([query.replace("*", "")])[0])
        _, rows = index.search(query.replace("*", ""), 500)
        return [ids[titles[row]] for row in rows if wanted <= words[row] and titles[row] in ids][:20]

    return search


def _page_ids(api: str, titles: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(titles), 50):
        answer = _asked(api, action="query", titles="|".join(titles[start : start + 50]))
        found |= {page["title"]: page["pageid"] for page in answer["query"]["pages"] if "pageid" in page}
    return found


def _rendered(api: str, title: str) -> HtmlPage:
    """An article as the wiki shows it."""
    page = _asked(api, action="parse", page=title, prop="text", disableeditsection=1)["parse"]
    return _page(title, page["text"])


def _page(title: str, body: str) -> HtmlPage:
    return HtmlPage(title.replace(" ", "_"), title, page_html(html.escape(title), body))


def _asked(api: str, **parameters: str | int) -> dict[str, Any]:
    with urlopen(f"{api}?{urlencode(parameters | {'format': 'json', 'formatversion': 2})}", timeout=120) as answer:
        return json.loads(answer.read())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a row for each system; the exit status is that of `core.command.exit_status`."""
    parser = Parser(prog="python -m benchmarks.wikipedia", description="Finding in whole articles.")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--only", choices=SYSTEMS, help="one of the systems")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _measure_all(given))


def _measure_all(given: argparse.Namespace) -> None:
    questions, setup, encoder = read_questions(given.questions), Setup.make(), Encoder.load()
    for name in [given.only] if given.only else SYSTEMS:
        with (
            tempfile.TemporaryDirectory() as empty,
            system(name, setup, encoder, Cache(Path(empty) / "c.sqlite")) as made,
        ):
            corpus, requests = made
            corpus.search("What is a warm-up question?", _READ)
            sys.stdout.write(json.dumps({"system": name} | measure(corpus, questions, requests)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
