"""Files of JSON lines, read with the place of every line at hand for what is to be said about it.

It knows lines and JSON. It knows nothing of what the lines should hold.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.texts import json_values

logger = logging.getLogger(__name__)


def json_lines(path: Path, failure: type[Exception], cure: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a file, a line each; blank lines are passed over.

    Args:
        path: of the file, UTF-8 or UTF-16 with a mark.
        failure: raised where a line is not JSON or cannot be taken, with its place.
        cure: what its message ends with.

    Yields:
        (place, value), the place as "file, line 3".
    """
    for number, value, problem in json_values(path):
        place = f"{path}, line {number}"
        if value is None and problem:
            raise failure(f"{place}: {problem}{cure}")
        if problem:
            logger.warning("%s: %s", place, problem)
        yield place, value
