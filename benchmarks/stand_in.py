"""A server on loopback that stands before a MediaWiki, or in its place, and does what a good one never does."""

from __future__ import annotations

import gzip
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Answer = Callable[["Exchange"], None]


@dataclass
class StandIn:
    """What the server does, and what it was asked.

    Attributes:
        answer: called for each request.
        asked: the parameters of each request, and its headers.
    """

    answer: Answer
    asked: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    api: str = ""


class Exchange:
    """One request and the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, parameters: dict[str, str]) -> None:
        """Hold a request and its parameters."""
        self.handler = handler
        self.parameters = parameters

    def send(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        """Send a body as it is; headers' names have _ for -."""
        self.handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def json(self, value: object) -> None:
        """Send a value as JSON, packed where that is welcome."""
        packed = "gzip" in self.handler.headers.get("Accept-Encoding", "")
        body = json.dumps(value).encode()
        if packed:
            self.send(gzip.compress(body), Content_Encoding="gzip")
        else:
            self.send(body)


@contextmanager
def standing_in(answer: Answer) -> Iterator[StandIn]:
    """Serve on a free port until the block ends."""
    state = StandIn(answer)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Note the request and answer it."""
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with lock:
                state.asked.append((parameters, dict(self.headers)))
                state.at_once += 1
                state.most_at_once = max(state.most_at_once, state.at_once)
            try:
                state.answer(Exchange(self, parameters))
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                with lock:
                    state.at_once -= 1

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        state.api = f"http://127.0.0.1:{server.server_port}/api.php"
        yield state
    finally:
        server.shutdown()
        server.server_close()


def passing_on(api: str, ranked: Callable[[str], list[int]] | None = None) -> Answer:
    """Answer as a real wiki does.

    Args:
        api: of the wiki.
        ranked: where given, it searches in the wiki's place: words → page ids, best first.
    """

    def answer(exchange: Exchange) -> None:
        asked = dict(exchange.parameters)
        if ranked is None or "gsrsearch" not in asked:
            exchange.json(_fetched(api, asked))
            return
        ids = ranked(asked["gsrsearch"])
        asked = {name: value for name, value in asked.items() if not name.startswith(("gsr", "generator"))}
        found: dict[str, Any] = {}
        if ids:
            found = _fetched(api, asked | {"pageids": "|".join(map(str, ids))})
        for page in found.get("query", {}).get("pages", []):
            page["index"] = ids.index(page["pageid"]) + 1
        exchange.json(found)

    return answer


def _fetched(api: str, parameters: dict[str, str]) -> dict[str, Any]:
    with urllib.request.urlopen(f"{api}?{urlencode(parameters)}", timeout=60) as real:
        return json.loads(real.read())


ARTICLES = {
    "Tide": "Tides are the rise and fall of sea levels caused by the Moon.\n\n\n== History ==\n"
    "Seleucus of Seleucia thought around 150 BC that tides were caused by the Moon.\n\n\n=== Newton ===\n"
    "Isaac Newton was the first person to explain tides as the product of gravity.\n\n\n== References ==\nBook.",
    "Moon": "The Moon is the only natural satellite of Earth.\n\n\n== Surface ==\nIts dark plains are called maria.",
    "Honey": "Honey is a sweet food made by bees from the nectar of flowers.",
    'What "is" C++ / AC·DC?': "C++ is a programming language with odd characters in this title.",
}


def small_wiki(articles: dict[str, str] | None = None) -> Answer:
    """Answer as a MediaWiki with a few articles would: titles, a plain search, introductions, texts."""
    pages = dict(enumerate((ARTICLES if articles is None else articles).items(), start=1))

    def described(number: int, whole: bool) -> dict[str, object]:
        title, text = pages[number]
        extract = text if whole else text.split("\n\n\n==")[0]
        own = {"pageid": number, "ns": 0, "title": title, "extract": extract, "lastrevid": 100 + number}
        return own | {"revisions": [{"revid": 100 + number, "timestamp": "2024-05-06T07:08:09Z"}]}

    def answer(exchange: Exchange) -> None:
        asked = exchange.parameters
        whole = "exintro" not in asked
        if "pageids" in asked:
            number = int(asked["pageids"])
            found = [described(number, whole)] if number in pages else [{"pageid": number, "missing": True}]
        elif "gsrsearch" in asked:
            wanted = [word.rstrip("*").casefold() for word in asked["gsrsearch"].split()]
            found = [
                described(number, whole) | {"index": number}
                for number, (_, text) in pages.items()
                if all(word in text.casefold() for word in wanted)
            ]
        else:
            titles = asked.get("titles", "").split("|")
            found = [described(number, whole) for number, (title, _) in pages.items() if title in titles]
        site = {"statistics": {"articles": len(pages)}, "rightsinfo": {"text": "CC BY-SA 4.0"}}
        exchange.json({"batchcomplete": True, "query": {"pages": found} | site})

    return answer


def slow(seconds: float, then: Answer) -> Answer:
    """Wait, then answer."""

    def answer(exchange: Exchange) -> None:
        time.sleep(seconds)
        then(exchange)

    return answer


def dripping(exchange: Exchange) -> None:
    """Send a byte now and then, without end."""
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Length", "100000")
    exchange.handler.end_headers()
    for _ in range(400):
        exchange.handler.wfile.write(b" ")
        exchange.handler.wfile.flush()
        time.sleep(0.05)


def cut(exchange: Exchange) -> None:
    """Half a body, then the end of the connection."""
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Type", "application/json")
    exchange.handler.send_header("Content-Length", "1000")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b'{"query": {"pages"')
    exchange.handler.close_connection = True


def huge(exchange: Exchange) -> None:
    """A small body that unpacks to 64 MB."""
    exchange.send(_many_spaces(), Content_Encoding="gzip")


@cache
def _many_spaces() -> bytes:
    return gzip.compress(b" " * (64 << 20), compresslevel=1)


def status(number: int, **headers: str) -> Answer:
    """An error by its status."""
    return lambda exchange: exchange.send(b"<html>no</html>", number, "text/html", **headers)
