"""The history tab: an empty frame. What this browser asked stays in it; `static/history.js` fills the list.

It knows HTML only; nothing of a history ever reaches the server.
"""

from __future__ import annotations


def history_html() -> str:
    """The frame of the list."""
    return (
        '<section class="history" aria-label="History"><p class="waiting">Answers that this browser got are listed '
        "here. They are kept in this browser only.</p>"
        '<p class="refused" hidden>This browser does not let the page keep anything: the list ends with this page.</p>'
        '<ol id="history-list"></ol>'
        '<button type="button" class="tool" data-tool="forget" hidden>Clear history</button></section>'
    )
