import socket
import threading
import time

import pytest

from benchmarks.stand_in import cut, dripping, huge, slow, small_wiki, status
from core.deadline import Deadline
from retriever.live.client import BusyError, UnreachableError, WikiClient
from retriever.live.wiki import CONTACT, ContactError, WikiError, parse_wiki

ASKED = {"titles": "Tide"}


def test_an_answer_and_the_manners_of_its_request(client, server, until):
    pages = client.query(ASKED, until)["query"]["pages"]
    assert [page["title"] for page in pages] == ["Tide"]
    (parameters, headers), *others = server.asked
    assert not others and client.requests == 1
    assert parameters["action"] == "query" and parameters["formatversion"] == "2" and "maxlag" not in parameters
    assert headers["User-Agent"].startswith("long-form-qa/") and "(ada@example.org)" in headers["User-Agent"]
    assert "gzip" in headers["Accept-Encoding"]


def test_without_a_contact_nothing_is_sent(client, server, until, monkeypatch):
    monkeypatch.delenv(CONTACT)
    with pytest.raises(ContactError, match=CONTACT):
        client.query(ASKED, until)
    assert not server.asked


def test_one_request_at_a_time_whoever_asks(client, server):
    server.answer = slow(0.05, small_wiki())
    threads = [threading.Thread(target=client.query, args=(ASKED, Deadline(20))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 6 and server.most_at_once == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(404), "answers with status 404"),
        (status(500), "answers with status 500"),
        (status(302, Location="https://login.evil.example/x"), r"sends its visitors on to login.evil.example .*log in"),
        (lambda exchange: exchange.send(b"<!DOCTYPE html><p>Hello", kind="text/html"), "a web page instead of JSON"),
        (lambda exchange: exchange.send(b'{"query": {'), "broken JSON"),
        (lambda exchange: exchange.send(b"[" * 100_000), "broken JSON"),
        (lambda exchange: exchange.send(b"\xff\xfe"), "broken JSON"),
        (lambda exchange: exchange.send(b"[]"), "no object"),
        (lambda exchange: exchange.json({"error": {"code": "readapidenied", "info": "You\nneed rights"}}),
         "refuses the request .readapidenied: You need rights"),
        (lambda exchange: exchange.json({"errors": [{"code": "badvalue", "text": "No."}]}), "badvalue: No."),
        (cut, "ended in the middle"),
        (huge, "larger than 8 MB"),
        (lambda exchange: exchange.send(b"not gzip", Content_Encoding="gzip"), "cannot be reached"),
    ],
)  # fmt: skip
def test_every_fault_is_one_line(client, server, until, answer, said):
    server.answer = answer
    with pytest.raises(WikiError, match=said) as raised:
        client.query(ASKED, until)
    assert "\n" not in str(raised.value)
    server.answer = small_wiki()
    assert client.query(ASKED, Deadline(5))["query"]


@pytest.mark.parametrize("answer", [slow(30, small_wiki()), dripping])
def test_a_wiki_that_hangs_or_drips_is_given_up_in_time(client, server, answer):
    server.answer = answer
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="did not answer within 0.4 s"):
        client.query(ASKED, Deadline(0.4))
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(("number", "said"), [(429, "too many requests"), (503, "overloaded")])
def test_a_wiki_that_asks_to_wait_is_not_asked_before(client, server, number, said):
    server.answer = status(number, Retry_After="30")
    with pytest.raises(BusyError, match=f"{said}.*wait 30 s"):
        client.query(ASKED, Deadline(5))
    server.answer = small_wiki()
    with pytest.raises(BusyError, match=r"wait (29|30) s"):
        client.query(ASKED, Deadline(5))
    assert len(server.asked) == 1


def test_a_short_wait_is_waited_for(client, server):
    server.answer = status(429, Retry_After="1")
    with pytest.raises(BusyError):
        client.query(ASKED, Deadline(5))
    server.answer = small_wiki()
    began = time.monotonic()
    assert client.query(ASKED, Deadline(20))["query"]
    assert time.monotonic() - began > 0.5


@pytest.mark.parametrize("body", [{"error": {"code": "ratelimited", "info": "x"}}, {"errors": [{"code": "maxlag"}]}])
def test_limits_that_come_as_json_are_limits_too(client, server, until, body):
    server.answer = lambda exchange: exchange.json(body)
    with pytest.raises(BusyError, match="too many requests"):
        client.query(ASKED, until)


def test_nobody_there_is_one_line(until):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UnreachableError, match="cannot be reached.*is there a network"):
        WikiClient(parse_wiki(f"mediawiki:http://127.0.0.1:{port}/api.php")).query(ASKED, until)


def test_a_redirect_is_never_followed(client, server, until):
    server.answer = status(301, Location=f"{server.api}?again=1")
    with pytest.raises(WikiError, match="not followed"):
        client.query(ASKED, until)
    assert len(server.asked) == 1
