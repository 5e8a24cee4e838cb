"""The API of the page, called as a client would, with a tiny system behind it; and how runs are stopped."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from answers import Answer, AskSettings, Evidence, check_question
from data.passages import Passage
from generator.attribution import TracedSentence
from generator.base import GeneratorError
from retriever.search import Hit
from ui.controls import to_settings
from ui.endpoints import SORRY
from ui.page import Asking, build_page, launch_options

VALUES = ("dense", 2, "extractive", "greedy", 4, 0.7, 0.9, 0, 50, 1.1, 7)


class TinyRetriever:
    def card(self):
        return {"passages": 2, "model": "tiny", "date": "2000-01-01", "source": "a test"}


class TinyQA:
    """Answers at once, one word at a time; "slow" goes on until it is stopped; "broken" fails."""

    retriever = TinyRetriever()

    def __init__(self):
        self.ended = threading.Event()

    def hits(self, settings):
        texts = ("Tides rise. Tides fall.", "The moon pulls.")
        found = [Passage(str(row), f"Title {row}", "", text, f"https://host/{row}") for row, text in enumerate(texts)]
        return [Hit(row + 1, part, 0.9 - row / 10) for row, part in enumerate(found)][: settings.passages]

    def retrieve(self, question, settings=None):
        check_question(question)
        return self.hits(settings or AskSettings())

    def stream(self, question, settings=None, stop=None):
        answer = Answer(check_question(question), settings=settings)
        yield answer
        if settings.generator == "missing":
            raise GeneratorError("there is no generator 'missing': choose extractive or fused")
        if settings.generator == "broken":
            raise ZeroDivisionError("a secret detail")
        found = tuple(Evidence(hit, "read", hit.passage.text) for hit in self.hits(settings))
        answer = replace(answer, stage="reading", evidence=found, score_name="cosine", seconds={"retrieve": 0.1})
        yield answer
        while settings.generator == "slow" and not stop.is_set():
            answer = replace(answer, stage="writing", text=answer.text + "word ")
            yield answer
            time.sleep(0.01)
        self.ended.set()
        sentence = TracedSentence("Tides rise.", 1.0, "supported", 1, "Tides rise.")
        yield replace(
            answer,
            stage="done",
            text="Tides rise.",
            sentences=(sentence,),
            answerable=True,
            stopped=stop.is_set(),
            seconds={"retrieve": 0.1, "encode": 0.2, "total": 0.5},
        )


@pytest.fixture(scope="module")
def client():
    page = build_page(TinyQA())
    _, address, _ = page.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, inbrowser=False, **launch_options()
    )
    yield Client(address, verbose=False)
    page.close(verbose=False)


def test_ask_streams_and_ends_with_the_whole_object(client):
    job = client.submit("Why do tides rise?", retrieval="dense", passages=1, seed=7, api_name="/ask")
    result = job.result(timeout=60)
    assert result["question"] == "Why do tides rise?"
    assert result["answer"] == "Tides rise."
    assert [row["title"] for row in result["passages"]] == ["Title 0"]
    assert result["passages"][0]["score"] == 0.9 and result["passages"][0]["read"] is True
    assert result["sentences"][0]["passage"] == 1
    assert result["settings"]["seed"] == 7 and result["settings"]["retrieval"] == "dense"
    assert set(result["seconds"]) == {"retrieve", "encode", "total"}
    assert len(job.outputs()) >= 3


def test_retrieve_finds_passages_only(client):
    rows = client.predict("Why do tides rise?", passages=2, api_name="/retrieve")
    assert [row["rank"] for row in rows] == [1, 2]
    assert set(rows[0]) == {"rank", "title", "section", "url", "text", "score"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"question": "   "}, "The question is empty"),
        ({"question": "x" * 10_000}, "10,000 characters"),
        ({"question": "Why?", "passages": 0}, "allowed is 1 to 20"),
        ({"question": "Why?", "passages": -3}, "allowed is 1 to 20"),
        ({"question": "Why?", "retrieval": "psychic"}, "psychic"),
        ({"question": "Why?", "temperature": 0}, "temperature"),
        ({"question": "Why?", "generator": "missing"}, "there is no generator 'missing'"),
        ({"question": "Why?", "generator": "broken"}, SORRY),
    ],
)
def test_bad_input_is_told_clearly(client, arguments, message):
    with pytest.raises(AppError) as caught:
        client.predict(**arguments, api_name="/ask")
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_only_the_two_endpoints_are_public_and_documented(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/ask", "/retrieve"}
    names = [row["parameter_name"] for row in endpoints["/ask"]["parameters"]]
    assert names[:4] == ["question", "retrieval", "passages", "generator"]


def test_an_api_client_that_cancels_frees_the_model():
    qa = TinyQA()
    from ui.endpoints import ask_endpoint

    stream = ask_endpoint(qa)("Why do tides rise?", generator="slow")
    while not next(stream)["answer"]:
        pass
    stream.close()
    assert next(ask_endpoint(qa)("Why again?"))["question"] == "Why again?"


class Request:
    """What the handlers read of Gradio's request."""

    def __init__(self, session):
        self.session_hash = session


def test_stop_ends_a_running_answer_and_keeps_what_was_written():
    qa = TinyQA()
    asking = Asking(qa)
    asking.begin(Request("me"), "Why?", *VALUES[:2], "slow", *VALUES[3:])
    stream = asking.answer(Request("me"))
    while "word" not in str(next(stream)[1]):
        pass
    asking.stop(Request("you"))
    next(stream)
    assert not qa.ended.is_set()
    asking.stop(Request("me"))
    *_, last = stream
    assert qa.ended.is_set() and "Stopped" in last[0]


def test_stop_of_a_waiting_question_needs_no_model():
    asking = Asking(TinyQA())
    asking.begin(Request("me"), "Why?", *VALUES)
    assert "Stopped before it began" in asking.stop(Request("me"))[1]
    assert all(isinstance(part, dict) for view in asking.answer(Request("me")) for part in view)


@pytest.mark.parametrize("ending", ["close", "leave"])
def test_a_closed_page_frees_the_model(ending):
    qa = TinyQA()
    asking = Asking(qa)
    asking.begin(Request("me"), "Why?", *VALUES[:2], "slow", *VALUES[3:])
    run = asking.runs._newest["me"]
    stream = asking.answer(Request("me"))
    while "word" not in str(next(stream)[1]):
        pass
    stream.close() if ending == "close" else asking.leave(Request("me"))
    assert run.stop.is_set()


def test_what_cannot_be_asked_is_said_and_the_last_answer_stays():
    asking = Asking(TinyQA())
    status, answer, found, button = asking.begin(Request("me"), "", *VALUES)
    assert "The question is empty" in status
    assert answer == found == button == asking.begin(Request("me"), "Why?", None, *VALUES[1:])[1]
    assert "type a whole number" in asking.begin(Request("me"), "Why?", "dense", 2.5, *VALUES[2:])[0]
    assert "the seed is empty" in asking.begin(Request("me"), "Why?", *VALUES[:-1], None)[0]


def test_an_unexpected_error_is_polite_and_logged(caplog):
    asking = Asking(TinyQA())
    asking.begin(Request("me"), "Why?", *VALUES[:2], "broken", *VALUES[3:])
    *_, last = asking.answer(Request("me"))
    assert SORRY in last[0] and "secret" not in last[0]
    assert "unexpected error" in caplog.text


def test_values_become_settings():
    settings = to_settings("mixed", 3.0, " fused ", "sampling", 2, 0.5, 0.8, 10, 20, 1.0, 2**62 + 1)
    assert (settings.passages, settings.generator, settings.generation.seed) == (3, "fused", 2**62 + 1)
    assert settings.generation.decoding == "sampling" and settings.generation.max_words == 20
