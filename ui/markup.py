"""Text as HTML that can do no harm: escaping, addresses, and the few pieces that several parts of the page share.

It knows HTML and the way Gradio treats it; it does not know Gradio itself.
"""

from __future__ import annotations

import html
from urllib.parse import quote, urlsplit

# Gradio puts an HTML value through a JavaScript template: what could mean something there becomes an entity.
_TEMPLATE_MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "$`\\{}@"}
_URL_CHARACTERS = "%/:?#[]@!&'()*+,;=~-._"


def escape(text: str) -> str:
    r"""Text that a browser, and a JavaScript template before it, shows exactly as typed.

    >>> escape('<b>"${alert(1)}"</b>')
    '&lt;b&gt;&quot;&#36;&#123;alert(1)&#125;&quot;&lt;/b&gt;'
    """
    return html.escape(text, quote=True).translate(_TEMPLATE_MARKS)


def safe_url(url: str) -> str:
    """The address percent-encoded and escaped if it is http or https with a host, else "".

    >>> safe_url("https://en.wikipedia.org/wiki/Tide"), safe_url("javascript:alert(1)")
    ('https://en.wikipedia.org/wiki/Tide', '')
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return escape(quote(url.strip(), safe=_URL_CHARACTERS))


def is_wikipedia(url: str) -> bool:
    """Whether an address is one of Wikipedia's.

    >>> is_wikipedia("https://en.wikipedia.org/wiki/Tide"), is_wikipedia("https://example.org/.wikipedia.org")
    (True, False)
    """
    try:
        return f".{urlsplit(url).hostname or ''}".endswith(".wikipedia.org")
    except ValueError:
        return False


def waiting(text: str) -> str:
    """A quiet line in place of what is not there yet."""
    return f'<p class="waiting">{escape(text)}</p>'


def problem(message: str) -> str:
    """What is wrong and what to do, announced at once to those who hear the page; it begins as a sentence does.

    >>> problem("no index is named so").partition("</b> ")[2]
    'No index is named so</p>'
    """
    words = message[:1].upper() + message[1:] if message.split(" ")[0].isalpha() else message
    return f'<p class="problem" role="alert"><b>Not answered.</b> {escape(words)}</p>'


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "word"), plural(2, "word")
    ('1 word', '2 words')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
