"""The bounds of the page, tried on a real one on loopback."""

import http.client
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from gradio_client import Client

from core.errors import SettingsError
from core.settings import Settings
from qa import LongFormQA
from tests.ui.conftest import SlowGenerator
from ui import bounds
from ui.feedback import FeedbackStore
from ui.offer import Offer
from ui.page import build_page, serve
from ui.visits import arrivals, bytes_waiting

CHUNK = b"x" * (1 << 16)
POSTS = ("/gradio_api/queue/join", "/gradio_api/call/ask", "/gradio_api/run/rate", "/gradio_api/mcp/", "/login")
IN_CI = 64 << 20  # bytes of oversized bodies; 1.3 GB were tried by hand


@pytest.fixture(scope="module")
def slow_writer():
    return SlowGenerator()


@pytest.fixture(scope="module")
def page(tiny_retriever, tmp_path_factory, slow_writer):
    store = FeedbackStore(tmp_path_factory.mktemp("bounds") / "ratings.jsonl")
    qa = LongFormQA(tiny_retriever, {"slow": slow_writer}, answer_seconds=1.0)
    page = build_page(qa, store=store, offer=Offer.of(["extractive"]))
    yield page
    page.close(verbose=False)


@pytest.fixture(scope="module")
def address(page):
    return urlsplit(serve(page, "127.0.0.1"))


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may take long to send what is thrown away."""
    monkeypatch.setattr(bounds, "DRAIN_SECONDS", 600.0)


def sent(address, path, body, headers=None, method="POST"):
    """The status and the JSON of an answer; the body is sent in pieces, as far as it is taken."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def pieces(size):
    for _ in range(size // len(CHUNK)):
        yield CHUNK


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("told", [True, False])
def test_a_large_body_is_refused_with_one_line_on_every_route(address, path, told):
    size = 2 * bounds.LARGEST_BODY
    status, said = sent(address, path, pieces(size), {"Content-Length": str(size)} if told else {})
    assert status == 413 and said.count(b"\n") == 1
    assert json.loads(said) == {"error": "the body is larger than 1,048,576 bytes: send less"}


def test_oversized_bodies_leave_the_memory_as_it_was(address):
    """The page runs in this process: what it keeps, this process keeps."""
    sent(address, POSTS[0], pieces(4 << 20))
    before = psutil.Process().memory_info().rss
    for number in range(8):
        assert sent(address, POSTS[number % 4], pieces(IN_CI // 8))[0] == 413
    assert psutil.Process().memory_info().rss - before < 50 << 20


def test_a_body_of_the_largest_size_is_taken(address):
    body = json.dumps({"data": ["x" * 1000, *[""] * 6]})
    status, _ = sent(address, "/gradio_api/run/rate", body + " " * (bounds.LARGEST_BODY - len(body)))
    assert status != 413


@pytest.mark.parametrize("length", ["-1", "1e3", "many"])
def test_a_length_that_is_none_reaches_nothing(address, length):
    try:
        status, _ = sent(address, POSTS[0], b"{}", {"Content-Length": length})
    except (http.client.HTTPException, OSError):
        return
    assert status in (400, 413)


FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
OF_FILES = {"Content-Type": "multipart/form-data; boundary=x"}
UPLOAD = "/gradio_api/upload"


def test_a_page_without_uploads_takes_no_file(tiny_qa, tmp_path):
    page = build_page(tiny_qa, store=FeedbackStore(tmp_path / "r.jsonl"), offer=Offer.of(uploads=False))
    try:
        status, said = sent(urlsplit(serve(page, "127.0.0.1")), UPLOAD, FILE, OF_FILES)
    finally:
        page.close(verbose=False)
    assert status == 404 and json.loads(said) == {"error": "this page takes no files and nothing of this kind"}


def test_a_file_arrives_in_the_folder_that_is_swept(address):
    status, said = sent(address, UPLOAD, FILE, OF_FILES)
    assert status == 200
    [path] = map(Path, json.loads(said))
    assert path.read_bytes() == b"hello" and path.is_relative_to(arrivals())
    path.unlink()


def test_too_many_bytes_of_files_are_refused_before_they_are_read(address, monkeypatch):
    monkeypatch.setattr(bounds, "LARGEST_UPLOAD", 1000)
    before = bytes_waiting()
    status, said = sent(address, UPLOAD, FILE + bytes(2000), OF_FILES)
    assert status == 413 and "drop fewer files at once" in json.loads(said)["error"]
    assert sent(address, UPLOAD, pieces(5000), OF_FILES)[0] == 411
    assert bytes_waiting() == before


def test_files_that_nobody_asked_for_leave_no_room_for_more(address, monkeypatch):
    monkeypatch.setattr(bounds, "LARGEST_WAITING", 50)
    assert sent(address, UPLOAD, FILE, OF_FILES)[0] == 503
    monkeypatch.undo()
    monkeypatch.setattr(bounds, "MOST_UPLOADS", 0)
    assert sent(address, UPLOAD, FILE, OF_FILES)[0] == 503


def test_files_that_do_not_arrive_are_given_up(address, monkeypatch):
    monkeypatch.setattr(bounds, "UPLOAD_SECONDS", 0.3)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(head + b"Content-Length: 1000\r\n\r\n--x")
        assert client.recv(65536).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("route", ["upload/", "upload/x", "uploads", "component_server"])
def test_only_the_one_address_takes_files(address, route):
    assert sent(address, f"/gradio_api/{route}", FILE, OF_FILES)[0] == 404


@pytest.mark.parametrize("path", ["process_recording", "component_server", "vibe-edit", "stream/x", "profiling/clear"])
@pytest.mark.parametrize("body", [b"{}", None])
def test_what_the_page_has_no_use_for_is_not_there(address, path, body):
    assert sent(address, f"/gradio_api/{path}", body)[0] == 404


def test_a_slow_body_is_given_up(address, monkeypatch):
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0.3)
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert client.recv(65536).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_that_asks_nothing_is_closed(address, monkeypatch, head):
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.3)
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(head)
        assert client.recv(65536) == b""


def test_a_second_request_may_not_dawdle_either(address, monkeypatch):
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(bounds, "HEAD_SECONDS", 0.3)
        client.sendall(b"GET / HTTP/1.1\r\n")
        while client.recv(65536):
            pass


def test_a_stream_outlasts_the_time_for_a_head(address, monkeypatch):
    monkeypatch.setattr(bounds, "HEAD_SECONDS", 1.0)
    with socket.create_connection((address.hostname, address.port), timeout=3) as client:
        client.sendall(b"GET /gradio_api/heartbeat/me HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):  # open, and nothing more to say
            while client.recv(65536):
                pass
            pytest.fail("the stream was cut")


def test_a_long_answer_ends_by_itself_and_says_why(address, slow_writer):
    client = Client(address.geturl(), verbose=False, httpx_kwargs={"timeout": None})
    slow_writer.ended.clear()
    answer = client.submit("What are tides?", generator="slow", api_name="/ask").result(timeout=240)
    assert slow_writer.ended.is_set() and answer["stopped"] is True
    assert (
        answer["note"]
        == "Ended after 1 s, the longest that an answer may be written here, with its last whole sentence."
    )


def test_twenty_passages_a_thousand_words_and_sixteen_beams_end_in_time(tiny_retriever, tiny_seq2seq):
    """The dearest that may be asked, of a real checkpoint."""
    qa = LongFormQA(tiny_retriever, answer_seconds=0.2)
    settings = Settings(
        "dense", 20, str(tiny_seq2seq("t5")), decoding="beams", beams=16, min_words=1000, max_words=1000
    )
    answer = qa.ask("What are tides?", settings)
    assert answer.stopped and answer.note.startswith("Ended after 0.2 s, the longest")
    assert len(answer.text.split()) < 1000


def test_connections_are_bounded(page, address, monkeypatch):
    """One beyond the bound is told to come again."""
    assert page.server.config.limit_concurrency == bounds.MOST_CONNECTIONS
    monkeypatch.setattr(page.server.config, "limit_concurrency", 3)
    held = [socket.create_connection((address.hostname, address.port)) for _ in range(3)]
    try:
        assert sent(address, "/robots.txt", None, method="GET")[0] == 503
    finally:
        for each in held:
            each.close()


def test_a_full_line_is_told_in_words(address, page, monkeypatch):
    monkeypatch.setattr(page._queue, "max_size", 0)
    body = json.dumps({"data": ["Why do tides rise?"]})
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    connection.request("POST", "/gradio_api/call/ask", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 503 and answer.headers["Retry-After"] == "60"
    assert json.loads(answer.read()) == {"detail": bounds.TOO_MANY}
    connection.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("call/nothing", {"data": []}),
        ("call/v2/nothing", {"question": "Why?"}),
        ("run/predict", {"fn_index": 99999, "data": []}),
        ("queue/join", {"fn_index": -1, "data": [], "session_hash": "a"}),
    ],
)
def test_what_the_api_has_not_is_told(address, path, body):
    status, said = sent(address, f"/gradio_api/{path}", json.dumps(body))
    assert status == 404 and json.loads(said)["detail"].startswith(bounds.NOT_THERE)


def test_only_so_many_browsers_states_are_held(address, page):
    event = next(number for number, fn in page.fns.items() if fn.api_name == "rate")
    for number in range(bounds.MOST_STATES + 10):
        body = {"fn_index": event, "data": ["", *[None] * 4, "", ""], "session_hash": f"visitor{number}"}
        assert sent(address, "/gradio_api/run/predict", json.dumps(body))[0] in (200, 500)
    held = page.app.state_holder.session_data
    assert len(held) == bounds.MOST_STATES and f"visitor{number}" in held and "visitor0" not in held


@pytest.mark.parametrize(("given", "seconds"), [(None, 60.0), ("", 60.0), ("5", 5.0), (90, 90.0)])
def test_the_time_for_an_answer(monkeypatch, given, seconds):
    monkeypatch.delenv("LFQA_ANSWER_SECONDS", raising=False)
    assert bounds.answer_seconds(given) == seconds
    monkeypatch.setenv("LFQA_ANSWER_SECONDS", "7")
    assert bounds.answer_seconds() == 7.0


@pytest.mark.parametrize("given", ["0", "soon", "nan", "inf", "99999", "-4"])
def test_a_time_that_is_none_is_refused(given):
    with pytest.raises(SettingsError, match="allowed are 1 to 3600"):
        bounds.answer_seconds(given)
