"""JSON files from outside as records: every field of the type that the record's annotations say.

pydantic compares; it is only loaded where such a file is read. It knows types, and nothing of what the fields mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from core.errors import UserError, first_line
from core.texts import TextError, parse_json, read_text

_Record = TypeVar("_Record")
_SHOWN = 60  # characters of a value that is wrong


def read_object(path: Path, what: str, failure: type[UserError], cure: str) -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        path: of the file.
        what: what it should be, such as "manifest of an index".
        failure: the error that is raised.
        cure: what to do, as the message's end.
    """
    try:
        value, _ = parse_json(read_text(path))
    except (TextError, OSError) as error:
        raise failure(f"{path} is no {what} ({first_line(error)}); {cure}") from error
    if not isinstance(value, dict):
        raise failure(f"{path} is no {what} (no object but {type(value).__name__}); {cure}")
    return value


def shaped(facts: Mapping[str, Any], kind: type[_Record]) -> _Record:
    """An object as a dataclass, whose annotations say what each field is.

    Raises:
        ValueError: a field is missing, unknown, or of another type; the first is named, with what was given.
    """
    from pydantic import TypeAdapter, ValidationError

    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(facts) - set(known)):
        raise ValueError(f"unknown: {', '.join(unknown)[:_SHOWN]}")
    try:
        # Of JSON, because a dataclass is only taken for one there: 1 is a number, and "1" is none.
        return TypeAdapter(kind).validate_json(json.dumps(facts), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        given = "" if first["type"] == "missing" else f", {json.dumps(first['input'])[:_SHOWN]} given"
        raise ValueError(f"{place}: {first['msg']}{given}") from error
