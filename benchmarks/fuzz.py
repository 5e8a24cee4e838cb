r"""Texts from outside, made up by hypothesis: every reader takes them or refuses them with a `UserError`.

    python -m benchmarks.fuzz --count 100000 --seed 0

Sources, files of questions, ratings, manifests, settings and bodies of the API are made of odd values:
marks of byte order, other encodings, half signs, NUL, NaN, numbers of thousands of digits, nesting without end, wrong
types, times out of range. Whatever else than a `UserError` comes out is a fault, printed with the input that hypothesis
shrank it to. Memory is compared between the first fifth and the end. A share of the bodies goes to a real page, and of
the documents to processes of their own.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import csv
import gc
import io
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import hypothesis
import hypothesis.strategies as st

from core.command import Parser, exit_status
from core.errors import UserError
from core.files import write_json
from core.memory import give_back_memory
from core.settings import DEFAULTS, Settings
from core.terminal import remark, say
from core.texts import mended
from qa import LongFormQA

Target = Callable[[Any], object]
_MEGABYTE = 1 << 20
ROUNDS = 10
# Of so many bodies one goes to a real page, whose answer takes some milliseconds.
_SERVED = 100
# Of so many documents one is read as a folder's are, in a process of its own, which takes tenths of a second.
_APART = 50
WARM = 2  # rounds after which memory is to be level
MOST_GROWTH = 50  # megabytes

# Signs that some decoder, terminal or line splitter takes for something else.
_ODD = '\ud83d\udc00\x00\ufeff\x1b\u2028\x85"\\,;\r\n\t\ufffd '
texts = st.text(st.one_of(st.characters(), st.sampled_from(_ODD)), max_size=40)
plain = st.text("abc Why tide. The é", min_size=1, max_size=60)
# What a JSON writer would not write, as it stands in a file.
_RAW: tuple[str, ...] = (
    "9" * 5000,
    "[" * 100_000 + "]" * 100_000,
    "NaN",
    "-Infinity",
    "1e999",
    '"\\ud83d"',
    '"\\u0000"',
    '"\x01"',
)
_RAW += ('{"a": ' * 50_000, "1e-999", "[1,]", "'x'", "", "00", "١", "-0", "1" + "0" * 400, '{"a":1,"a":2}', "tru")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | plain | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
written = st.one_of(values.map(json.dumps), plain.map(json.dumps), plain.map(json.dumps), st.sampled_from(_RAW))
_ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1")


@st.composite
def encoded(draw: st.DrawFn, content: st.SearchStrategy[str]) -> bytes:
    """A text's bytes in some encoding, now and then cut or with something put in."""
    encoding, text = draw(st.sampled_from(_ENCODINGS)), draw(content)
    errors = "surrogatepass" if encoding.startswith("utf") else "replace"
    data = text.encode(encoding, errors)
    change = draw(st.sampled_from(("", "", "", "cut", "put in")))
    if change:
        place = draw(st.integers(0, len(data)))
        data = data[:place] if change == "cut" else data[:place] + draw(st.binary(max_size=6)) + data[place:]
    return data


@st.composite
def objects(draw: st.DrawFn, names: Sequence[str]) -> str:
    """A JSON object as it stands in a file, with some of the names that a reader knows."""
    known = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    fields = [(json.dumps(name), draw(written)) for name in known]
    fields += [(json.dumps(draw(texts)), draw(written)) for _ in range(draw(st.integers(0, 1)))]
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields) + "}"


def lines(*names: str) -> st.SearchStrategy[bytes]:
    """A file of JSON lines."""
    line = st.one_of(objects(names), objects(names), written)
    return encoded(st.builds(str.join, st.sampled_from(("\n", "\n", "\r\n", "\r")), st.lists(line, max_size=4)))


def whole(*names: str) -> st.SearchStrategy[bytes]:
    """A file that holds one JSON value."""
    return encoded(objects(names) | st.lists(objects(names), max_size=2).map(lambda rows: f"[{', '.join(rows)}]"))


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A CSV file, right or nearly."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=draw(st.sampled_from(",,,;\t")))
    rows = [[draw(st.sampled_from(("title", "text", "url", "id", ""))) for _ in range(draw(st.integers(0, 4)))]]
    rows += draw(st.lists(st.lists(texts | plain, max_size=4), max_size=3))
    try:
        writer.writerows([["title", "text"], *rows] if draw(st.booleans()) else rows)
    except csv.Error:  # the writer's, not the reader's
        return 'title,text\n"x'
    return file.getvalue()


@st.composite
def columns(draw: st.DrawFn) -> list[tuple[str, Any, list[Any]]]:
    """Columns of a Parquet file, by name, Arrow's type and values."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": plain,
        "binary": st.binary(max_size=9),
        "int64": st.integers(-(2**63), 2**63 - 1),
        "float64": st.floats(),
        "timestamp[s]": st.integers(-(2**63), 2**63 - 1),
        "date64": st.integers(-(2**63), 2**63 - 1),
        "bool": st.booleans(),
    }
    rows, made = draw(st.integers(0, 3)), []
    for name in draw(st.lists(st.sampled_from(("title", "text", "url", "id", "section", "x")), unique=True)):
        kind = draw(st.sampled_from(sorted(kinds)))
        made.append((name, kind, [draw(kinds[kind] | st.none()) for _ in range(rows)]))
    return made


_TAGS: tuple[str, ...] = (
    "<page>",
    "</page>",
    "<title>",
    "</title>",
    "<ns>0</ns>",
    "<text>",
    "</text>",
    "<revision>",
    "</revision>",
)
_TAGS += ("<id>", "</id>", "<id>9</id>", "&#0;", "&#xD83D;", "<![CDATA[", "]]>", "<!--", '<redirect title="x"/>', "&x;")
_MARKUP: tuple[str, ...] = (
    "{{",
    "}}",
    "[[",
    "]]",
    "{|",
    "|}",
    "''",
    "<ref>",
    "</ref>",
    "==",
    "\n",
    "|",
    "* ",
    "<math>",
    "&nbsp;",
    "<!--",
)
_MARKUP += (
    "&#xD83D;",
    "&#0;",
    "<sup>",
    "</sup>",
    "<sub>",
    "</sub>",
    "{{s|XIX|e}}",
    "{{circa|",
    "{{formatnum:",
    "-{",
    "}-",
)
_MARKUP += (
    "{{date|",
    "{{val|",
    "{{lang|fr|",
    "{{quote|",
    "{{birth date|",
    "[[File:",
    "<poem>",
    "<pre>",
    "</pre>",
    "9|",
    " – ",
)
_MARKUP += ("(", ")", "<div>", "</div>", "<blockquote>", "|text=", "}}}", "{{{", "&lt;b&gt;", "10", "XIX|")
_MARKUP += ("{{" * 300, "[[" * 300, "<div>" * 300, "{{convert|", "[http://", "__NOTOC__", "#", ":;", "<nowiki>", "'''")
_HTML = (
    "<p>",
    "</p>",
    "<li>",
    "<ul>",
    "<h2 id=a>",
    "</h2>",
    "<table>",
    "&#0;",
    "<math>",
    "<sup>2</sup>",
    "<div>" * 300,
)


def pieces(*parts: str) -> st.SearchStrategy[str]:
    """A text pieced together of marks and words."""
    return st.lists(st.sampled_from(parts) | plain | texts, max_size=14).map("".join)


@st.composite
def dumps(draw: st.DrawFn) -> str:
    """A MediaWiki dump, right or nearly."""
    from xml.sax.saxutils import escape

    pages = ""
    for number in range(draw(st.integers(0, 2))):
        title, text = draw(plain | texts), draw(pieces(*_MARKUP))
        pages += (
            f"<page><title>{escape(title)}</title><ns>0</ns><id>{number}</id><revision><id>1</id>"
            f"<timestamp>{draw(st.sampled_from(('2020-01-01T00:00:00Z', '9' * 30, '')))}</timestamp>"
            f"<model>wikitext</model><text>{escape(text)}</text></revision></page>"
        )
    pages += draw(st.just("") | pieces(*_TAGS))
    return f"<mediawiki>{pages}</mediawiki>" if draw(st.booleans()) else pages


def targets(folder: Path, qa: LongFormQA | None = None) -> dict[str, tuple[st.SearchStrategy[Any], Target]]:
    """What is tried: a name → what is made up, and what reads it.

    Args:
        folder: where files are written.
        qa: answers the API's functions; None leaves them out.
    """
    article = ("title", "text", "section", "url", "id", "article_title", "section_title", "passage_text")
    question = ("question", "answer", "titles", "id", "holds", "sentences", "read", "answerable", "topic", "settings")
    feedback = ("kind", "id", "time", "scores", "went_wrong", "reason", "answer", "answers", "winner", "order")
    answer = ("question", "answer", "answerable", "passages", "sentences", "seconds", "settings", "long_form_qa", "id")
    found: dict[str, tuple[st.SearchStrategy[Any], Target]] = {
        "jsonl": (lines(*article), _source(folder / "a.jsonl")),
        "json": (whole(*article), _source(folder / "a.json")),
        "csv": (encoded(tables()), _source(folder / "a.csv")),
        "parquet": (columns(), lambda made: _parquet(folder / "a.parquet", made)),
        "text": (encoded(texts), _source(folder / "texts" / "a.txt", folder / "texts")),
        "markdown": (
            encoded(
                pieces("# ", "```", "|", "\n", "> ", "---", "    ", "- ", "[a](", ")", "<div>", "===", "~~~", "* ")
            ),
            _document(folder / "md" / "a.md"),
        ),
        "names": (st.binary(min_size=1, max_size=20), lambda name: _named(folder / "names", name)),
        "dump": (encoded(dumps()), _source(folder / "a.xml", f"dump:{folder / 'a.xml'}")),
        "wikitext": (pieces(*_MARKUP), _wikitext),
        "html": (encoded(pieces(*_HTML)), _html),
        "extract": (pieces("\n", "== ", "{\\displaystyle ", "}", ":", "  "), _extract),
        "questions": (lines(*question), reading_file(folder / "q.jsonl", _questions)),
        "answers of a run": (lines("question", "answer", "settings"), reading_file(folder / "o.jsonl", _resumed)),
        "question set": (lines(*question), reading_file(folder / "s.jsonl", _question_set)),
        "claims": (
            lines("claim", "read", "supported", "near", "kind", "id"),
            reading_file(folder / "c.jsonl", _claims),
        ),
        "answers": (lines(*answer), reading_file(folder / "w.jsonl", _answers)),
        "a rating": (_changed(_rating()), reading_file(folder / "r1.jsonl", _ratings)),
        "ratings": (lines(*feedback), reading_file(folder / "r.jsonl", _ratings)),
        "study": (_changed(_study()), lambda text: _folder_file(folder / "st", "study.json", text, _read_study)),
        "judgements": (lines("kind", "judge", "question", "study", "winner", "answers"), _judgements(folder / "sj")),
        "index manifest": (
            _changed(_manifest()),
            lambda text: _folder_file(folder / "i", "manifest.json", text, _index),
        ),
        "build plan": (whole("format", "model", "settings", "index", "sources"), _plan(folder)),
        "adapter": (
            whole("format", "base", "base_sha256"),
            lambda text: _folder_file(folder / "g", "adapter.json", text, _card),
        ),
        "settings": (st.dictionaries(st.sampled_from(sorted(DEFAULTS)), values, max_size=4), Settings.parse),
        "JSON": (written, _json),
    }
    return found | (_api(qa) if qa else {})


def _changed(facts: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A right object of which some fields have other values."""

    def with_others(others: dict[str, str]) -> str:
        fields = {name: json.dumps(value) for name, value in facts.items()} | others
        return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}"

    return encoded(st.dictionaries(st.sampled_from(sorted(facts)), written, max_size=2).map(with_others))


def _manifest() -> dict[str, Any]:
    from dataclasses import asdict

    from retriever.index_folder import FORMAT, IndexManifest

    return asdict(IndexManifest(2, 4, "a model", "0" * 64, "made up", "2026-01-01")) | {"format": FORMAT}


def _rating() -> dict[str, Any]:
    settings = {"generator": "fused", "retrieval": "mixed", "passages": 4}
    answer = {"settings": settings, "sentences": [{"label": "supported"}]}
    record = {"kind": "rating", "scores": {"clear": 3, "grounded": 5}, "went_wrong": "", "answer": answer}
    return record | {"winner": "a", "answers": {"a": answer, "b": answer}}


def _study() -> dict[str, Any]:
    from evaluation.study.folder import VERSION

    asked = {"id": "q/0", "question": "Why?", "kind": "q", "nuggets": [{"text": "so", "vital": True}]}
    systems = {name: {"settings": {}, "index": "", "file": "", "sha256": ""} for name in ("a", "b")}
    plan = {"program": "long-form-qa", "study": VERSION, "seed": 0, "citations": "shown", "judges": []}
    return plan | {"questions": [asked], "systems": systems, "made": {}}


def reading_file(path: Path, read: Callable[[Path], object]) -> Target:
    """What writes bytes to a file and reads it."""

    def target(data: bytes) -> object:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read(path)

    return target


def _folder_file(folder: Path, name: str, data: bytes, read: Callable[[Path], object]) -> object:
    return reading_file(folder / name, lambda path: read(folder))(data)


def _passages(spec: str) -> None:
    """All passages of a source; records that cannot be read are named and skipped, as a build does."""
    from data.snippets import skipped_lines
    from data.sources import PageError, open_source

    source, skipped = open_source(spec), []
    for record in source.records():
        try:
            for passage in source.passages(record):
                json.dumps(passage.to_json(), ensure_ascii=False).encode()
        except PageError as error:
            skipped.append([record.number, record.title, str(error)])
    json.dumps(skipped_lines(skipped), ensure_ascii=False).encode()


def _source(path: Path, spec: Path | str | None = None) -> Target:
    return reading_file(path, lambda path: _passages(str(spec or path)))


def _document(path: Path) -> Target:
    """A document, read in this process; now and then in one of its own, as the only one of a folder."""
    from data.sources.documents import read_document

    apart = _source(path, path.parent)
    here = reading_file(path, lambda path: read_document(path, path.name))
    return lambda data: apart(data) if crc32(data) % _APART == 0 else here(data)


def _parquet(path: Path, made: list[tuple[str, str, list[Any]]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"timestamp[s]": pa.timestamp("s"), "date64": pa.date64(), "bool": pa.bool_()}
    types |= {name: getattr(pa, name)() for name in ("string", "binary", "int64", "float64")}
    try:
        table = pa.table({name: pa.array(column, types[kind]) for name, kind, column in made})
        pq.write_table(table, path)
    except (pa.ArrowException, ValueError, OverflowError):  # the writer's, not the reader's
        return
    _passages(str(path))


def _named(folder: Path, name: bytes) -> None:
    """A folder of texts whose names are any bytes."""
    folder.mkdir(exist_ok=True)
    path = os.fsencode(folder) + b"/" + name.replace(b"/", b"_").replace(b"\0", b"_") + b".txt"
    with open(path, "wb") as file:
        file.write(b"The tide rises.")
    try:
        _passages(str(folder))
    finally:
        os.unlink(path)


def _wikitext(text: str) -> None:
    """Markup, as a dump's page is read."""
    from data.sources import SourceOptions
    from data.sources.base import PageError, Record
    from data.sources.dump import MediaWikiDump

    try:
        passages = MediaWikiDump("dump:x.xml", SourceOptions(), Path("x.xml")).passages(
            Record(0, "T", (1, mended(text), ("https://a.org/wiki/", frozenset(), "fr" if "{{s" in text else "en")))
        )
        json.dumps([passage.to_json() for passage in passages], ensure_ascii=False).encode()
    except PageError as error:
        raise AssertionError(str(error)) from error  # any markup can be read


def _html(data: bytes) -> None:
    from data.sources.html import is_disambiguation_page, read_html

    is_disambiguation_page(data)
    read_html(data, "https://a.org/")


def _extract(text: str) -> None:
    from data.sources.extract import read_extract

    read_extract(text, "https://a.org/")


def _questions(path: Path) -> None:
    from batch import open_batch

    output = path.with_suffix(".out")
    output.unlink(missing_ok=True)
    with open_batch(path, output, Settings()) as batch:
        for row in batch.left:
            batch.answers.add({"question": row["question"], "answer": "", "settings": batch.settings.to_json()})
    with open_batch(path, output, Settings()) as batch:  # the run goes on where it stopped
        assert not batch.left


def _resumed(path: Path) -> None:
    from batch import keeping_lines

    before = path.read_bytes()
    try:
        with keeping_lines(path, [{"question": "Why?"}], Settings().to_json()):
            pass
    except UserError:
        assert path.read_bytes() == before, "what is refused stays as it is"
        raise


def _question_set(path: Path) -> None:
    from data.questions import load_questions

    for item in load_questions(path, required=("question",)):
        assert all(isinstance(text, str) for text in (item.id, item.question, item.answer, item.topic, *item.titles))


def _claims(path: Path) -> None:
    from data.questions import load_claims

    for claim in load_claims(path):
        assert all(isinstance(text, str) for text in (claim.id, claim.claim, claim.kind, *claim.read, *claim.near))


def _answers(path: Path) -> None:
    from evaluation.answer_files import read_passages, read_rows

    for place, row in read_rows(path):
        read_passages(row, place)


def _ratings(path: Path) -> None:
    from evaluation.ratings import as_text, summarize
    from ui.feedback import FeedbackStore, StoreError, read_records

    try:
        FeedbackStore(path).check()
    except StoreError:  # for the operator, who is told its message
        pass
    as_text(summarize(read_records(path, whole=True)))


def _read_study(folder: Path) -> None:
    from evaluation.study.folder import open_study

    open_study(folder)


def _judgements(folder: Path) -> Target:
    """What reads bytes as the judgements of a study of one question."""
    from evaluation.study.folder import JUDGEMENTS, Asked, Manifest, Study, System
    from evaluation.study.judgements import read_judges

    systems = {name: System() for name in ("a", "b")}
    manifest = Manifest("long-form-qa", 1, 0, "shown", (), (Asked("q", "Why?", "q"),), systems)
    answers = {name: {"q": {"sentences": [{"text": "So."}]}} for name in systems}
    study = Study(folder, manifest, answers, {name: {"q": "0"} for name in systems})
    return reading_file(folder / JUDGEMENTS, lambda path: read_judges(study))


def _index(folder: Path) -> None:
    from retriever.index_folder import read_index_manifest

    read_index_manifest(folder)


def _plan(folder: Path) -> Target:
    from retriever.building.plan import BUILD, Plan

    return lambda data: _folder_file(folder / "p", BUILD, data, Plan.read)


def _card(folder: Path) -> None:
    from generator.adapter import read_card

    read_card(folder)


def _json(line: str) -> None:
    from core.texts import parse_json

    value, _ = parse_json(line)
    json.dumps(value, ensure_ascii=False).encode()


_PLACES = {"retrieve": 5, "support": 3, "rate": 7}


def _api(qa: LongFormQA) -> dict[str, tuple[st.SearchStrategy[Any], Target]]:
    """The functions behind the API, with arguments of any kind."""
    import gradio as gr

    from ui.endpoints import rate_endpoint, retrieve_endpoint, support_endpoint
    from ui.errors import SORRY
    from ui.feedback import FeedbackStore
    from ui.offer import Offer
    from ui.rating import RatingStrip
    from ui.runs import Finished

    offer = Offer.of((), public=True, indexes=qa.indexes)
    with gr.Blocks():
        strip = RatingStrip(FeedbackStore(Path(os.devnull)), Finished())
    functions = {
        "retrieve": retrieve_endpoint(qa, offer),
        "support": support_endpoint(qa),
        "rate": rate_endpoint(strip),
    }

    def calling(function: Callable[..., Any]) -> Target:
        def target(arguments: list[Any]) -> None:
            try:
                function(*arguments)
            except gr.Error as error:
                assert error.message != SORRY, "what a visitor sends is never our side's fault"
                error.message.encode()

        return target

    return {f"/{name}": (_arguments(name), calling(function)) for name, function in functions.items()}


def _arguments(name: str) -> st.SearchStrategy[list[Any]]:
    """Arguments of an endpoint, the right kinds among them."""
    right: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
        "retrieve": (
            plain,
            st.sampled_from(("sparse", "dense", "random", "none")),
            st.integers(1, 20),
            st.integers(0, 9),
            st.just(""),
        ),
        "support": (plain, st.lists(plain, min_size=1, max_size=2), st.none()),
        "rate": (plain, *[st.sampled_from((1, 5, None))] * 4, st.sampled_from(("", "both")), plain),
    }
    return st.tuples(*(values | part for part in right[name])).map(list)


def served(page_address: str) -> dict[str, tuple[st.SearchStrategy[Any], Target]]:
    """The same over HTTP, as raw bodies: a page answers each with a status below 500 and no apology."""
    import httpx

    from ui.errors import SORRY

    client = httpx.Client(timeout=600, headers={"content-type": "application/json"})

    def posting(name: str) -> Target:
        def target(body: bytes) -> None:
            url = f"{page_address}gradio_api/call/{name}"
            answer = client.post(url, content=body)
            assert answer.status_code < 500, answer.text
            if answer.status_code == 200:
                said = client.get(f"{url}/{answer.json()['event_id']}").text
                assert SORRY not in said, said

        return target

    def bodies(name: str) -> st.SearchStrategy[bytes]:
        count = _PLACES[name]
        parts = st.lists(written, min_size=count, max_size=count)
        return encoded(parts.map(lambda parts: f'{{"data": [{", ".join(parts)}]}}'))

    return {f"/{name} over HTTP": (bodies(name), posting(name)) for name in _PLACES}


def attempt(name: str, made: st.SearchStrategy[Any], read: Target, count: int, seed: int) -> str:
    """Try a reader with so many inputs; what went wrong, with the least input that does, or ""."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(made)
    def body(value: Any) -> None:  # noqa: ANN401 - whatever the reader takes
        try:
            read(value)
        except UserError as error:
            str(error).encode("utf-8", "surrogatepass")
        except Exception as error:
            error.add_note(f"given {value!r}"[:600])
            raise

    try:
        body()
    except Exception as error:  # what this looks for
        frame = ""
        trace = error.__traceback__
        while trace:
            frame = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        notes = " ".join(getattr(error, "__notes__", []))
        return f"{name}: {type(error).__name__}: {str(error)[:300]} at {frame}; {notes[:700]}"
    return ""


def resident() -> int:
    """The memory of this process, in bytes, without what is garbage or freed already."""
    import psutil

    gc.collect()
    give_back_memory()
    return int(psutil.Process().memory_info().rss)


def run(count: int, seed: int, folder: Path, qa: LongFormQA | None = None, address: str = "") -> dict[str, Any]:
    """Try every reader, in turns, so that memory can be compared.

    Args:
        count: inputs, all readers together.
        seed: of the first turn; the others follow it.
        folder: where files are written.
        qa: answers the API's functions; None leaves them out.
        address: of a page that is served; "" leaves that out.

    Returns:
        {"inputs", "faults": [what went wrong], "megabytes": after each turn}.
    """
    tried = targets(folder, qa)
    each = max(1, count // ROUNDS // len(tried))
    over_http = served(address) if address else {}
    faults: dict[str, str] = {}
    megabytes, inputs = [], 0
    for turn in range(ROUNDS):
        for name, (made, read) in (tried | over_http).items():
            number = each if name in tried else max(1, each // _SERVED * 10)
            if name not in faults:
                if fault := attempt(name, made, read, number, seed + turn):
                    faults[name] = fault
                    remark(f"{fault}\n")
                inputs += number
        megabytes.append(round(resident() / _MEGABYTE))
        remark(f"{datetime.now():%H:%M:%S} turn {turn + 1} of {ROUNDS}: {inputs:,} inputs, {megabytes[-1]} MB\n")
    return {"inputs": inputs, "faults": list(faults.values()), "megabytes": megabytes}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what went wrong and the memory; the exit status is 1 for a fault."""
    parser = Parser(prog="python -m benchmarks.fuzz", description="Try every reader of outer texts.")
    parser.add_argument("--count", type=int, default=10_000, help="inputs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="a JSON file for the result")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _run(given))


def _run(given: argparse.Namespace) -> int:
    from ui.feedback import FeedbackStore
    from ui.offer import Offer
    from ui.page import build_page, serve

    qa = LongFormQA.load(later=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        page = build_page(qa, store=FeedbackStore(folder / "ratings.jsonl"), offer=Offer.of((), indexes=qa.indexes))
        address = serve(page, "127.0.0.1")
        logging.disable(logging.CRITICAL)  # what readers say of what they mend and refuse
        try:
            result = run(given.count, given.seed, folder, qa, address)
        finally:
            logging.disable(logging.NOTSET)
            page.close(verbose=False)
    if given.output:
        write_json(given.output, result)
    say(json.dumps(result | {"faults": len(result["faults"])}) + "\n")
    grown = result["megabytes"][-1] - result["megabytes"][WARM - 1]
    if grown > MOST_GROWTH:
        remark(f"memory grew by {grown} MB after the first {WARM} of {ROUNDS} rounds\n")
    return int(bool(result["faults"]) or grown > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
