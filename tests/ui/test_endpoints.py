"""The API of the page, called as a client would, with the tiny system behind it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from core.settings import Settings
from qa import LongFormQA
from tests.ui.conftest import PATIENCE, SlowGenerator
from ui.controls import CONTROLS, by_name, control_values, to_settings
from ui.endpoints import ask_endpoint
from ui.errors import SORRY
from ui.feedback import FeedbackStore, read_records
from ui.offer import Offer
from ui.page import build_page, serve
from ui.runs import Finished


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    return tmp_path_factory.mktemp("ratings") / "ratings.jsonl"


@pytest.fixture(scope="module")
def address(tiny_retriever, broken, ratings):
    qa = LongFormQA(tiny_retriever, {"broken": broken, "slow": SlowGenerator()})
    page = build_page(qa, "extractive", FeedbackStore(ratings))
    yield serve(page, "127.0.0.1")
    page.close(verbose=False)


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False, httpx_kwargs={"timeout": None})


def test_ask_streams_and_ends_with_the_whole_object(client):
    job = client.submit(
        "What are tides?", retrieval="sparse", passages=1, generator="extractive", seed=7, api_name="/ask"
    )
    result = job.result()
    assert result["question"] == "What are tides?"
    assert [row["title"] for row in result["passages"]] == ["Tide"]
    assert result["answer"] and all(row["text"] in result["passages"][0]["text"] for row in result["sentences"])
    assert result["passages"][0]["score"] > 0 and result["passages"][0]["read"] is True
    assert result["sentences"][0]["passage"] == 1
    assert result["settings"]["seed"] == 7 and result["settings"]["retrieval"] == "sparse"
    assert {"retrieve", "encode", "total"} <= set(result["seconds"])
    assert len(job.outputs()) >= 3


def test_retrieve_finds_passages_only(client):
    rows = client.predict("What are tides?", retrieval="sparse", passages=2, api_name="/retrieve")
    assert [row["rank"] for row in rows] == [1, 2] and rows[0]["title"] == "Tide"
    assert set(rows[0]) == {"rank", "title", "section", "url", "text", "score"}


def test_support_traces_any_text(client):
    rows = client.predict(
        "Bread is a food. Tides rise.", ["The sea is wide.", "Honey is sweet. Tides rise."], api_name="/support"
    )
    assert [row["text"] for row in rows] == ["Bread is a food.", "Tides rise."]
    assert (rows[1]["passage"], rows[1]["evidence"], rows[1]["label"]) == (2, "Tides rise.", "supported")
    assert rows[1]["support"] >= rows[0]["support"]


@pytest.mark.parametrize(
    ("answer", "passages", "message"),
    [
        ("Tides rise.", [], "0 given; give a list of 1 to 20 texts"),
        ("Tides rise.", ["x"] * 21, "21 given"),
        ("Tides rise.", "The sea.", "no list"),
        ("", ["The sea."], "the answer is 0 characters"),
        (5, ["The sea."], "the answer is int; give a text"),
        ("Tides rise.", [None], "the passage 1 is NoneType; give a text"),
        ("Tides rise.", ["The sea.", "x" * 5000], "the passage 2 is 5,000 characters"),
    ],
)
def test_support_says_what_it_cannot_take(client, answer, passages, message):
    with pytest.raises(AppError, match=message):
        client.predict(answer, passages, api_name="/support")


def test_support_takes_titles(client):
    rows = client.predict("Tides rise.", ["The sea is wide."], ["Sea"], api_name="/support")
    assert len(rows) == 1
    with pytest.raises(AppError, match="2 given for 1 passages"):
        client.predict("Tides rise.", ["The sea."], ["Sea", "Tide"], api_name="/support")


def test_an_answer_is_rated_once_and_stored_with_all_that_repeats_it(client, ratings):
    result = client.predict("What are tides?", retrieval="sparse", generator="extractive", api_name="/ask")
    said = client.predict(result["run"], factual=4, grounded=5, went_wrong="retrieval", reason=" ok ", api_name="/rate")
    assert said.startswith("Thank you")
    record = list(read_records(ratings))[-1]
    assert record["scores"] == {"factual": 4, "grounded": 5}
    assert (record["went_wrong"], record["reason"]) == ("retrieval", "ok")
    assert record["answer"] == json.loads(json.dumps(result))
    with pytest.raises(AppError, match="rated already"):
        client.predict(result["run"], factual=1, api_name="/rate")


def test_that_an_answer_helped_may_be_said_alone_and_scores_may_follow(client, ratings):
    result = client.predict("What are tides?", retrieval="sparse", generator="extractive", api_name="/ask")
    client.predict(result["run"], helpful=False, api_name="/rate")
    record = list(read_records(ratings))[-1]
    assert record["helpful"] is False and record["scores"] == {}
    with pytest.raises(AppError, match="rated already"):
        client.predict(result["run"], helpful=True, api_name="/rate")
    client.predict(result["run"], clear=2, helpful=True, api_name="/rate")
    record = list(read_records(ratings))[-1]
    assert record["helpful"] is True and record["scores"] == {"clear": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run": "unknown", "factual": 3}, "not held any more"),
        ({"run": "unknown", "helpful": False}, "not held any more"),
        ({"run": "unknown", "helpful": "very"}, "helped is .very.; allowed are true and false"),
        ({"run": "unknown"}, "Nothing is rated yet"),
        ({"run": "unknown", "clear": 6}, "score for clear is 6"),
        ({"run": "unknown", "clear": 3, "went_wrong": "everything"}, "allowed are nothing, retrieval"),
        ({"run": "unknown", "clear": 3, "reason": "x" * 2001}, "2,001 characters"),
    ],
)
def test_what_is_no_rating_is_told(client, arguments, message):
    with pytest.raises(AppError, match=message):
        client.predict(**arguments, api_name="/rate")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"question": "   "}, "The question is empty"),
        ({"question": "x" * 10_000}, "10,000 characters"),
        ({"question": None}, "The question is None, no text"),
        ({"question": 5}, "The question is 5, no text"),
        ({"question": "Why?", "passages": True}, "the number of passages is True, which is no number"),
        ({"question": "Why?", "passages": None}, "the number of passages is empty: type a number"),
        ({"question": "Why?", "passages": 10**30}, "allowed is 1 to 20"),
        ({"question": "Why?", "passages": 10**400}, "the number of passages is 1000"),
        ({"question": "Why?", "passages": "x" * 5000}, "xxx…, which is no number"),
        ({"question": "Why?", "generator": "x" * 5000}, "xxx…; give a text of up to 1,000 characters"),
        ({"question": "Why?", "generator": "x" * 900}, "which is no path (File name too long)"),
        ({"question": "Why?", "generator": "~nosuchuser/x"}, "there is no user of that name"),
        ({"question": "Why?", "index": "y" * 900}, "yyy… is not offered here"),
        ({"question": "Why?", "passages": 0}, "allowed is 1 to 20"),
        ({"question": "Why?", "passages": -3}, "allowed is 1 to 20"),
        ({"question": "Why?", "retrieval": "psychic"}, "psychic"),
        ({"question": "Why?", "temperature": 0}, "temperature"),
        ({"question": "Why?", "generator": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"question": "Why?", "generator": "broken"}, SORRY),
    ],
)
def test_bad_input_is_told_clearly(client, arguments, message):
    with pytest.raises(AppError) as caught:
        client.predict(**{"generator": "extractive"} | arguments, api_name="/ask")
    assert message in str(caught.value)
    assert "secret" not in str(caught.value) and len(str(caught.value)) < 400
    assert (str(caught.value) == SORRY) == (message == SORRY), "what the visitor can mend is not our fault"


@pytest.mark.parametrize("passages", [2, 2.0, "2"])
def test_a_whole_number_may_come_in_any_form(client, passages):
    assert len(client.predict("What are tides?", retrieval="sparse", passages=passages, api_name="/retrieve")) == 2


HALF = "\\ud83d"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("retrieve", f'"Tides {HALF} rise", "sparse", 1, 0, ""'),
        ("support", f'"Tides {HALF} rise.", ["The sea {HALF} is wide."], ["Sea {HALF}"]'),
        ("rate", f'"{HALF}", 3, null, null, null, "{HALF}", "{HALF}", null'),
    ],
)
def test_half_a_sign_is_mended_or_refused(address, name, values):
    headers, url = {"content-type": "application/json"}, f"{address}gradio_api/call/{name}"
    event = httpx.post(url, content=f'{{"data": [{values}]}}', headers=headers).json()["event_id"]
    said = httpx.get(f"{url}/{event}", timeout=60).text
    assert ("allowed are" if name == "rate" else "event: complete") in said and SORRY not in said


def test_half_a_sign_reaches_no_mcp_tool(address):
    call = f'{{"name": "retrieve", "arguments": {{"question": "Tides {HALF} rise", "passages": 1}}}}'
    body = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {call}}}'
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    said = httpx.post(f"{address}gradio_api/mcp/", content=body, headers=headers, timeout=60).text
    assert "wikipedia.org/wiki/" in said and "surrogates" not in said


def test_a_client_that_follows_the_page_s_document_learns_what_went_wrong(client):
    text = (Path(__file__).parents[2] / "docs/page.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"job = client.submit.*?\nprint\(answer\[.*?\n", text, re.DOTALL)
    asked = code.replace('api_name="/ask"', 'generator="broken", api_name="/ask"')
    with pytest.raises(AppError, match=SORRY):
        exec(asked, {"client": client})


def test_only_the_four_endpoints_are_public_and_documented(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/ask", "/retrieve", "/support", "/rate"}
    names = [row["parameter_name"] for row in endpoints["/ask"]["parameters"]]
    assert names[:4] == ["question", "retrieval", "passages", "generator"]
    assert all(row["python_type"]["type"] for shown in endpoints.values() for row in shown["parameters"])


def test_the_same_four_are_mcp_tools_with_their_descriptions(address):
    pytest.importorskip("mcp", reason="the page serves MCP where the package mcp is installed")
    script = (
        "import asyncio, json, sys\n"
        "from mcp import ClientSession\n"
        "from mcp.client.streamable_http import streamablehttp_client\n"
        "async def main():\n"
        "    async with streamablehttp_client(sys.argv[1]) as ends, ClientSession(*ends[:2]) as session:\n"
        "        await session.initialize()\n"
        "        tools = (await session.list_tools()).tools\n"
        "        call = {'question': 'What are tides?', 'retrieval': 'sparse', 'passages': 1}\n"
        "        found = await session.call_tool('retrieve', call)\n"
        "        print(json.dumps([{tool.name: tool.description for tool in tools}, found.content[0].text]))\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run([sys.executable, "-c", script, f"{address}gradio_api/mcp/"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    tools, found = json.loads(run.stdout)
    assert set(tools) == {"ask", "retrieve", "support", "rate"}
    assert "Find Wikipedia passages" in tools["retrieve"]
    assert "Tide" in found


def test_an_api_client_that_cancels_frees_the_model(client):
    job = client.submit("Why do tides rise?", generator="slow", api_name="/ask")
    while not any(step["answer"] for step in job.outputs()):
        assert not job.done(), job.exception()
        time.sleep(0.05)
    job.cancel()
    # There is one place at the model: behind an answer without an end, this one would never come.
    again = client.submit("What are tides?", generator="extractive", api_name="/ask")
    assert again.result(timeout=PATIENCE / 1000)["answer"]


def test_an_answer_that_nobody_reads_any_more_is_told_to_stop(qa, slow):
    stream = ask_endpoint(qa, Finished(), Offer())("Why do tides rise?", generator="slow")
    while not next(stream)["answer"]:
        pass
    assert not slow.stop.is_set()
    stream.close()
    assert slow.stop.is_set()


def test_values_become_settings():
    values = ("mixed", 3.0, " fused ", "sampling", 2, 0.5, 0.8, 10, 20, 1.0, 2**62 + 1)
    settings = to_settings(by_name(values, CONTROLS[: len(values)]), Offer())
    assert (settings.passages, settings.generator, settings.seed) == (3, "fused", 2**62 + 1)
    assert settings.decoding == "sampling" and settings.max_words == 20


def test_controls_take_named_settings_and_defaults_for_the_rest():
    values = control_values({"passages": 2, "no_repeat_ngram": 3, "other": 1}, "fused")
    expected = Settings(passages=2, no_repeat_ngram=3, generator="fused")
    assert to_settings(values, Offer()) == expected and list(values) == list(CONTROLS)


def test_every_setting_has_a_control():
    assert set(CONTROLS) == set(Settings().to_json())
