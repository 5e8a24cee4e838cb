"""What a user of the measuring commands can mend."""

from __future__ import annotations

from core.errors import UserError


class EvaluationError(UserError):
    """What is to be measured is not there, or not what it should be; the message says where and what to do."""
