"""Requests to a MediaWiki API, with the manners that its operators ask for.

One request at a time, gzip, a User-Agent with a contact, Retry-After and 429 obeyed, no redirect followed, size and
time bounded. See https://www.mediawiki.org/wiki/API:Etiquette and
https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_API_Usage_Guidelines. It knows HTTP and the API's own
errors. It knows no articles.
"""

from __future__ import annotations

import email.utils
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any
from urllib.parse import urlsplit

from core.deadline import Deadline
from retriever.live.wiki import Wiki, WikiError, contact, is_loopback

VERSION = "0.1"
LARGEST_ANSWER = 8 << 20  # bytes after unpacking; the text of a page is at most a quarter of it on Wikipedia


class BusyError(WikiError):
    """The wiki asks to wait."""


class UnreachableError(WikiError):
    """The wiki does not answer, or not in time."""


class WikiClient:
    """Asks one wiki.

    Attributes:
        wiki: which.
        requests: how many were sent.
    """

    def __init__(self, wiki: Wiki, who: Callable[[], str] = contact) -> None:
        """Ask nobody yet; `who` gives the contact when the first request is sent."""
        self.wiki = wiki
        self.requests = 0
        self._who = who
        self._not_before = 0.0
        self._http: Any = None
        # One thread: one request at a time, whoever asks; and waiting for it ends when it must, even for a name server.
        self._queue = ThreadPoolExecutor(1, "wiki")
        self._lock = threading.Lock()

    def query(self, parameters: Mapping[str, str | int], until: Deadline) -> dict[str, Any]:
        """One request of action=query, or of another action that is named.

        Args:
            parameters: the API's; format and version are added.
            until: when to give up.

        Returns:
            The answer's JSON object.

        Raises:
            WikiError: there is no usable answer; the message says why.
        """
        agent = f"long-form-qa/{VERSION} ({self._who()})"
        self._may_ask(until)
        asked = {"action": "query", "format": "json", "formatversion": 2, "errorformat": "plaintext", **parameters}
        waiting = self._queue.submit(self._ask, asked, agent, until)
        try:
            return waiting.result(timeout=until.left)
        except Late as error:
            waiting.cancel()
            raise self._late(until) from error

    def _may_ask(self, until: Deadline) -> None:
        """Wait as long as the wiki asked to, if there is time for it."""
        with self._lock:
            wait = self._not_before - time.monotonic()
        if wait <= 0:
            return
        if wait >= until.left:
            raise BusyError(f"{self.wiki.name} asks to wait {wait:.0f} s before the next request: try again then")
        time.sleep(wait)

    def _ask(self, parameters: Mapping[str, str | int], agent: str, until: Deadline) -> dict[str, Any]:
        """Send a request and read its answer; runs in the queue's thread."""
        import httpx

        if until.left <= 0:
            raise self._late(until)
        if self._http is None:
            loopback = is_loopback(urlsplit(self.wiki.api).hostname or "")
            # A proxy of the operator's is used, but never for this machine.
            self._http = httpx.Client(follow_redirects=False, trust_env=not loopback)
        headers = {"User-Agent": f"{agent} httpx/{httpx.__version__}", "Accept-Encoding": "gzip"}
        self.requests += 1
        try:
            with self._http.stream(
                "GET", self.wiki.api, params=dict(parameters), headers=headers, timeout=max(0.05, until.left)
            ) as answer:
                self._check_status(answer.status_code, answer.headers)
                body = self._body(answer, until)
        except httpx.TimeoutException as error:
            raise self._late(until) from error
        except httpx.RemoteProtocolError as error:
            raise UnreachableError(f"{self.wiki.name}'s answer ended in the middle ({error}): try again") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise UnreachableError(f"{self.wiki.name} cannot be reached ({error}): is there a network?") from error
        return self._content(body, answer.headers.get("content-type", ""))

    def _check_status(self, status: int, headers: Mapping[str, str]) -> None:
        """Raise unless an answer's status is a success."""
        name = self.wiki.name
        if 300 <= status < 400:
            target = urlsplit(headers.get("location", "")).netloc or "another page"
            raise WikiError(
                f"{name} sends its visitors on to {target[:80]} (status {status}), which is not followed: it may "
                "ask to log in, or there is no such wiki"
            )
        if status in (429, 503):
            wait = _retry_after(headers.get("retry-after", ""))
            self._hold(wait)
            many = "has had too many requests" if status == 429 else "is overloaded"
            raise BusyError(f"{name} {many} (status {status}) and asks to wait {wait:.0f} s: try again then")
        if status != 200:
            raise WikiError(
                f"{name} answers with status {status}: see whether {self.wiki.api} is the address of its API"
            )

    def _body(self, answer: Any, until: Deadline) -> bytes:  # noqa: ANN401 - an httpx.Response
        """The bytes of an answer, as many as may be and no later than must be."""
        pieces, size = [], 0
        for piece in answer.iter_bytes():
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise WikiError(
                    f"{self.wiki.name}'s answer is larger than {LARGEST_ANSWER >> 20} MB, so it is not read"
                )
            if until.left <= 0:
                raise self._late(until)
            pieces.append(piece)
        return b"".join(pieces)

    def _content(self, body: bytes, kind: str) -> dict[str, Any]:
        """The JSON object of an answer that is no error."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            what = "a web page" if "html" in kind or body[:200].lstrip()[:1] == b"<" else "broken JSON"
            raise WikiError(
                f"{self.wiki.name} answers with {what} instead of JSON: see whether {self.wiki.api} is the address of "
                "its API"
            ) from error
        if not isinstance(content, dict):
            raise WikiError(f"{self.wiki.name} answers with JSON that is no object: is {self.wiki.api} its API?")
        errors = content.get("errors") or ([content["error"]] if content.get("error") else [])
        if errors:
            first = errors[0] if isinstance(errors[0], dict) else {}
            code, words = str(first.get("code", "")), str(first.get("text") or first.get("info") or "no reason given")
            if code in ("ratelimited", "maxlag"):
                self._hold(5.0)
                raise BusyError(f"{self.wiki.name} has had too many requests ({code}): try again in a few seconds")
            raise WikiError(f"{self.wiki.name} refuses the request ({code}: {' '.join(words.split())[:200]})")
        return content

    def _hold(self, seconds: float) -> None:
        """Send nothing for so long."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _late(self, until: Deadline) -> UnreachableError:
        return UnreachableError(
            f"{self.wiki.name} did not answer within {until.seconds:g} s: try again, or wait longer"
        )


def _retry_after(text: str) -> float:
    """The seconds of a Retry-After header, in either of its forms; 5 where there is none.

    >>> _retry_after("7"), _retry_after("soon")
    (7.0, 5.0)
    """
    if text.strip().isdigit():
        return max(1.0, float(text))
    try:
        return max(1.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 5.0
