"""What may go wrong in finding passages for reasons that a user can mend, part by part."""

from __future__ import annotations

from core.errors import UserError

# The cure of a damaged index.
REBUILD = "rebuild the index"


class EncoderError(UserError):
    """An encoder cannot be loaded; the message says why and what to do."""


class IndexFolderError(UserError):
    """A folder is no index, is damaged, or belongs to another model; the message says which and what to do."""


class BuildError(UserError):
    """An index cannot be built as asked; the message says why and what the choices are."""
