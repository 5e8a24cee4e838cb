"""What the page takes at most, all in one place: sizes, times and numbers. docs/deploy.md has them in one table.

It knows HTTP, and nothing of questions.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import TYPE_CHECKING, Any

from core.deadline import seconds_within
from core.texts import TextError, parse_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.config import Config

LARGEST_BODY = 1 << 20  # bytes; twenty passages of the longest kind with their titles, as JSON, fit
LARGEST_FILE = 1024  # bytes; the page takes none, and uploads are refused before they are read
LONGEST_TEXT = 4_000  # characters of a text for /support
BODY_SECONDS = 30.0  # for a body to arrive
HEAD_SECONDS = 20.0  # for the head of a request, counted from the connection or from its first byte
IDLE_SECONDS = 5  # for the next request on a connection
DRAIN_SECONDS = 5.0  # for which the rest of a refused body is thrown away, so that its sender reads why
MOST_CONNECTIONS = 500  # at once; a browser holds two or three
LARGEST_KEPT = 200_000  # characters of an answer that a browser or a snapshot kept, as JSON
MOST_SNAPSHOTS = 1000  # shared answers
MOST_WAITING = 20  # questions in the line
MOST_SESSIONS = 1000  # browsers whose run is known
MOST_FINISHED = 1000  # answers that may still be rated
ANSWER_SECONDS = 60.0  # for writing one answer
LONGEST_ANSWER_SECONDS = 3600
ANSWER_SECONDS_NAME = "LFQA_ANSWER_SECONDS"

_API = "/gradio_api/"
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
    """ASGI middleware: a request with too large or too slow a body, or with a file, never reaches the page."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on once its body is whole, or refuse it."""
        headers = dict(scope.get("headers", ()))
        length = headers.get(b"content-length", b"0")
        if scope["type"] != "http" or (length == b"0" and b"transfer-encoding" not in headers):
            await self._unless_unused(scope, receive, send)
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
    before, api, route = scope["path"].partition(_API)
    return not api or route.split("/")[0] in _USED


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
