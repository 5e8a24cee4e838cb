"""What the page takes at most, all in one place: sizes, times and numbers. docs/deploy.md has them in one table.

It knows HTTP, and nothing of questions.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.deadline import seconds_within
from core.texts import TextError, parse_json
from data.sources.documents import Bounds

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.config import Config

LARGEST_BODY = 1 << 20  # bytes; twenty passages of the longest kind with their titles, as JSON, fit
LARGEST_FILE = 25_000_000  # bytes of one document that a visitor drops
LARGEST_UPLOAD = 60_000_000  # bytes of all that are dropped at once
UPLOAD_SECONDS = 180.0  # for them to arrive
MOST_UPLOADS = 4  # that arrive at once
LARGEST_WAITING = 500_000_000  # bytes of documents that arrived and were not read yet
MOST_DOCUMENTS = 20  # of a visit
MOST_OWN_PASSAGES = 4_000  # of a visit: 800 pages
MOST_VISITS = 20  # with documents
VISIT_SECONDS = 3600.0  # without a question, after which documents go
UPLOAD_AGE = 900.0  # seconds, after which what arrived and was not asked for goes
DOCUMENT = Bounds(LARGEST_FILE, pages=1_000, characters=4_000_000, passages=MOST_OWN_PASSAGES, seconds=120,
                  memory=2_000_000_000, waiting=UPLOAD_AGE)  # fmt: skip
LONGEST_TEXT = 4_000  # characters of a text for /support
BODY_SECONDS = 30.0  # for a body to arrive
HEAD_SECONDS = 20.0  # for the head of a request, counted from the connection or from its first byte
IDLE_SECONDS = 5  # for the next request on a connection
DRAIN_SECONDS = 5.0  # for which the rest of a refused body is thrown away, so that its sender reads why
MOST_CONNECTIONS = 500  # at once; a browser holds two or three
LARGEST_KEPT = 200_000  # characters of an answer that a browser or a snapshot kept, as JSON
MOST_SNAPSHOTS = 1000  # shared answers
MOST_WAITING = 40  # questions in the line; at 1.5 s each the last waits a minute
MOST_SESSIONS = 1000  # browsers whose run is known
MOST_STATES = 100  # browsers for which Gradio keeps what the page's components hold: 0.3 MB each
MOST_FINISHED = 1000  # answers that may still be rated
ANSWER_SECONDS = 60.0  # for writing one answer
LONGEST_ANSWER_SECONDS = 3600
ANSWER_SECONDS_NAME = "LFQA_ANSWER_SECONDS"

TOO_MANY = "Too many people are asking just now, so this question was not taken: ask it again in a minute."
AGAIN_AFTER = 60  # seconds
NOT_THERE = "what the API has is listed at /gradio_api/info; it has nothing of the name or number that was given to"
_ROUTES = ("routes.py", "route_utils.py")  # of Gradio, where names and numbers of functions are looked up
_API = "/gradio_api/"
_FULL = "Queue is full"  # so Gradio begins
_HALF_A_SIGN = re.compile(rb"\\u[dD][89a-fA-F]")
# What the page, its API and MCP send to; Gradio's other addresses take files, recordings and code.
_USED = ("queue", "call", "run", "api", "cancel", "reset", "mcp")


def answer_seconds(given: str | float | None = None) -> float:
    """The longest that an answer may be written: what is given, or LFQA_ANSWER_SECONDS, or 60.

    Raises:
        SettingsError: it is no number from 1 to 3600.
    """
    text = os.environ.get(ANSWER_SECONDS_NAME) if given is None else given
    return seconds_within(text, ANSWER_SECONDS, LONGEST_ANSWER_SECONDS, "the seconds for an answer")


class BodyBound:
    """ASGI middleware: a request with too large or too slow a body never reaches the page.

    Files only reach it at the one address for them, where it takes any.
    """

    def __init__(self, app: ASGIApp, waiting: Callable[[], int] | None = None) -> None:
        """Stand before an application.

        Args:
            app: the application.
            waiting: how many bytes of files have arrived and were not read yet; None where none are taken.
        """
        self.app = app
        self._waiting = waiting
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on once its body is whole, or refuse it."""
        headers = dict(scope.get("headers", ()))
        length = headers.get(b"content-length", b"0")
        if scope["type"] != "http" or (length == b"0" and b"transfer-encoding" not in headers):
            await self._unless_unused(scope, receive, send)
            return
        if self._waiting is not None and _route(scope) == "upload":
            await self._upload(scope, receive, send, length)
            return
        if not _is_used(scope):
            await _refuse(404, "this page takes no files and nothing of this kind", receive, send)
            return
        if not length.isdigit() or int(length) > LARGEST_BODY:
            await _refuse(413, _TOO_LARGE, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _whole(receive)
        except TimeoutError:
            await _refuse(408, f"the body did not arrive within {BODY_SECONDS:g} s", receive, send, drain=False)
            return
        if body is None:
            await _refuse(413, _TOO_LARGE, receive, send)
            return
        await self.app(scope, _replayed(_mended(body), receive), send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, length: bytes) -> None:
        """A request with files, written to the disk as they come; the server takes no more than its length."""
        assert self._waiting is not None
        if not length.isdigit() or not int(length):
            await _refuse(411, "how long the body is must be said before it", receive, send)
        elif int(length) > LARGEST_UPLOAD:
            await _refuse(413, f"these are more than {LARGEST_UPLOAD:,} bytes: drop fewer files at once", receive, send)
        elif self._uploads >= MOST_UPLOADS or self._waiting() + int(length) > LARGEST_WAITING:
            await _refuse(503, "too many documents are arriving: try again soon", receive, send)
        else:
            self._uploads += 1
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    await self.app(scope, receive, send)
            except TimeoutError:
                await _refuse(408, f"the files did not arrive within {UPLOAD_SECONDS:g} s", receive, send, drain=False)
            finally:
                self._uploads -= 1

    async def _unless_unused(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request without a body."""
        if scope["type"] == "http" and not _is_used(scope):
            await _refuse(404, "this page takes no files and nothing of this kind", receive, send, drain=False)
        else:
            await self.app(scope, receive, send)


_TOO_LARGE = f"the body is larger than {LARGEST_BODY:,} bytes: send less"


def _is_used(scope: Scope) -> bool:
    """Whether the page has a use for a request: any that only reads, and those to the addresses of its API."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    route = _route(scope)
    return route is None or route.split("/")[0] in _USED


def _route(scope: Scope) -> str | None:
    """Where in Gradio's API a request goes; None where it goes elsewhere."""
    _, api, route = scope["path"].partition(_API)
    return route if api else None


async def _whole(receive: Receive) -> bytes | None:
    """A body, counted as it streams in; None as soon as it is too large."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        piece = message.get("body", b"")
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def _mended(body: bytes) -> bytes:
    """A JSON body whose texts can all be written as UTF-8: libraries behind the page fail at half a sign."""
    if not _HALF_A_SIGN.search(body):
        return body
    try:
        value, changed = parse_json(body.decode())
    except (TextError, UnicodeDecodeError):
        return body
    return json.dumps(value).encode() if changed else body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What an application receives of a body that was read before."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message


async def _refuse(status: int, why: str, receive: Receive, send: Send, drain: bool = True) -> None:
    """Answer with one line of JSON; then take what is still on its way, so that the answer is not lost with it."""
    said = json.dumps({"error": why}).encode() + b"\n"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(said)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said, "more_body": True})
    if drain:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                    pass
        except TimeoutError:
            pass
    await send({"type": "http.response.body", "body": b""})


async def told_why(request: Request, error: Exception) -> Response:
    """What whoever asks over HTTP is told of an error: Gradio's words, except that a full line is told in ours."""
    from fastapi.exception_handlers import http_exception_handler
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE and error.detail.startswith(_FULL):
        headers = {"Retry-After": str(AGAIN_AFTER)}
        error = HTTPException(error.status_code, TOO_MANY, headers)
    return await http_exception_handler(request, error)


async def not_there(request: Request, error: Exception) -> Response:
    """What whoever asks for something that the API has not is told: 404 and one line, where Gradio fails.

    Raises:
        Exception: the error, where it is another one.
    """
    from starlette.responses import JSONResponse

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or Path(trace.tb_frame.f_code.co_filename).name not in _ROUTES:
        raise error
    return JSONResponse({"detail": f"{NOT_THERE} {request.url.path}"}, HTTPStatus.NOT_FOUND)


def bound_connections(config: Config) -> None:
    """Bound the connections of a server that runs already: their number, and how long one may be silent."""
    config.timeout_keep_alive = IDLE_SECONDS
    config.limit_concurrency = MOST_CONNECTIONS
    config.http_protocol_class = _impatient(config.http_protocol_class)


def _impatient(protocol: Any) -> Any:  # noqa: ANN401 - one of uvicorn's two classes, made into a third
    """Uvicorn's own protocol, which waits without end for the head of a request, with an end to it."""

    class Impatient(protocol):
        """Closes a connection on which no request is whole in time."""

        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Wait for a head, unless a request is being answered."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            elif self._waiting is None:
                self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

        def _unwatch(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Impatient
