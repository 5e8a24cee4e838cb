"""What a visitor is told when something fails: what they can mend in full, ours as an apology, with the log for us."""

from __future__ import annotations

import logging

from core.errors import UserError, in_short
from core.texts import mended

log = logging.getLogger(__name__)

SORRY = "Something went wrong on our side; it was logged. Please try again, or try other settings."


def readable(error: Exception) -> str:
    """What to tell the visitor: the message of an error that is theirs to mend, else an apology."""
    if isinstance(error, UserError):
        return in_short(mended(str(error)))
    log.error("unexpected error while answering", exc_info=error)
    return SORRY
