"""What a visitor is told when something fails: their own mistakes in full, ours as an apology, with the log for us."""

from __future__ import annotations

import logging

from answers import QuestionError
from data.assets import AssetError
from generator.base import GeneratorError, SettingsError
from retriever.index_folder import IndexFolderError
from ui.feedback import FeedbackError
from ui.runs import RatingError

log = logging.getLogger(__name__)

EXPECTED = (QuestionError, SettingsError, GeneratorError, AssetError, FeedbackError, RatingError, IndexFolderError)
SORRY = "Something went wrong on our side; it was logged. Please try again, or try other settings."


def readable(error: Exception) -> str:
    """What to tell the visitor: the message of an error that is theirs to mend, else an apology."""
    if isinstance(error, EXPECTED):
        return str(error)
    log.error("unexpected error while answering", exc_info=error)
    return SORRY
