"""Files of JSON lines, read with the place of every line at hand for what is to be said about it.

It knows lines and JSON. It knows nothing of what the lines should hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def json_lines(path: Path, failure: type[Exception], cure: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a file, a line each; blank lines are passed over.

    Args:
        path: of the file, UTF-8.
        failure: raised where a line is not JSON, with its place.
        cure: what its message ends with.

    Yields:
        (place, value), the place as "file, line 3".
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}, line {number}"
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise failure(f"{place}: not JSON ({error}){cure}") from error
            yield place, value
