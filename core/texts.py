"""Texts from outside: what is read is UTF-8 without odd signs, or it is said where it is not.

One gate for every file that somebody else wrote. It mends what has one meaning only: marks of byte order go, UTF-16 is
read by its mark, a lone surrogate and NUL become U+FFFD. It refuses what could only be guessed: other encodings,
numbers of thousands of digits, NaN, nesting without end. It knows bytes, text and JSON, and nothing of their meaning.
"""

from __future__ import annotations

import codecs
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from core.errors import UserError

logger = logging.getLogger(__name__)

# By the mark of byte order; that of UTF-32 begins as that of UTF-16.
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_ODD = re.compile("[\x00\ud800-\udfff]")
_UNDECODED = re.compile("[\udc80-\udcff]")
# A sign that Unicode keeps free for such uses.
UNDECODED = "\ufdd0"
_MARKED = re.compile(f"{UNDECODED}([0-9A-F]{{2}})")
_MAY_BE_ODD = re.compile(r"[\x00\ud800-\udfff]|\\u(?:[dD][89a-fA-F]|0000)")
_REPLACEMENT = "\ufffd"
_ODD_MARK = "it begins as UTF-16 or UTF-32 text does, but is none: save the file as UTF-8"
_LARGEST_OBJECT = 1 << 26  # bytes of a file that is read whole to see whether it holds one object
# Of a value that is refused, so many characters are repeated.
_SHOWN = 60
MENDED = "signs that no text may hold were replaced by U+FFFD"


class TextError(UserError):
    """A text is no UTF-8, or no JSON that can be taken as it stands; the message says what to do."""


def open_text(path: Path, newline: str | None = None) -> IO[str]:
    """Open a text file from outside, without its mark of byte order.

    Bytes that are no UTF-8 come as lone surrogates, which `checked` refuses: so a line is refused, not the file. What
    begins as UTF-16 or UTF-32 and isn't raises UnicodeDecodeError when it is read.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8-sig")
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    return path.open(encoding=encoding, errors=errors, newline=newline)


class Marked:
    """A file that should be UTF-8, as bytes that are: each byte that is none comes as `UNDECODED` and its value.

    So a parser of UTF-8 reads on, and what holds the mark can be refused by itself; `undecoded` says what was there.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Read `file` from where it is."""
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def read(self, size: int = -1) -> bytes:
        """About so many bytes, more where marks were put in; none at the end."""
        while True:
            data = self._file.read(size)
            text = self._decoder.decode(data, final=not data)
            if not text and data:
                continue  # the beginning of a sign
            try:
                return text.encode()
            except UnicodeEncodeError:
                return _UNDECODED.sub(lambda found: f"{UNDECODED}{ord(found[0]) - 0xDC00:02X}", text).encode()


def undecoded(text: str) -> str:
    r"""What of a text that was read through `Marked` is no UTF-8, in words; "" where all of it is.

    >>> undecoded("The Caf\ufdd0E9 is")
    'not UTF-8 text (byte 0xE9 after "The Caf")'
    """
    found = _MARKED.search(text)
    if not found:
        return ""
    before = text[max(0, found.start() - 20) : found.start()].rsplit("\n", 1)[-1].lstrip()
    return f'not UTF-8 text (byte 0x{found[1]} after "{before}")'


def unmarked(text: str) -> str:
    """A text that was read through `Marked` with U+FFFD in place of each mark."""
    return _MARKED.sub(_REPLACEMENT, text)


def checked(line: str) -> str:
    r"""A line as `open_text` gives it, if it is UTF-8.

    Raises:
        TextError: it is in another encoding.

    >>> checked("Caf\udce9")
    Traceback (most recent call last):
    core.texts.TextError: not UTF-8 text (byte 0xE9 after "Caf"): save the file as UTF-8
    """
    found = _UNDECODED.search(line)
    if found:
        before = line[max(0, found.start() - 20) : found.start()].rsplit("\n", 1)[-1].lstrip()
        raise TextError(f'not UTF-8 text (byte 0x{ord(found[0]) - 0xDC00:X} after "{before}"): save the file as UTF-8')
    return line


def mended(text: str) -> str:
    r"""A text that can be written as UTF-8: a lone surrogate and NUL become U+FFFD, the two halves of a sign one.

    >>> mended("cut \ud83d"), mended("a\ud83d\ude00b"), mended("x\x00")
    ('cut �', 'a😀b', 'x�')
    """
    if not _ODD.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _ODD.sub(_REPLACEMENT, joined)


def parse_json(line: str) -> tuple[Any, bool]:
    """A value of JSON from outside, with its texts mended.

    Returns:
        The value, and whether a text of it was mended.

    Raises:
        TextError: it is not JSON, or holds what cannot be taken: NaN, a number of thousands of digits, deep nesting.
    """
    try:
        value = json.loads(checked(line), parse_constant=_refuse_constant)
        changes: list[str] = []
        # Odd signs come in as they are, or as "\\u0000", "\\ud83d".
        return (_mend_value(value, changes) if _MAY_BE_ODD.search(line) else value), bool(changes)
    except (json.JSONDecodeError, TextError) as error:
        raise TextError(f"not JSON ({error})") from error
    except RecursionError:
        raise TextError("not JSON that can be read: it is nested too deeply") from None
    except ValueError:
        raise TextError("not JSON that can be read: a number has thousands of digits; write it as text") from None


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - the parser's type
    raise TextError(f"{name} is no number: leave it out, or write null")


def _mend_value(value: Any, changes: list[str], undecoded: bool = False) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A value with its texts mended, names too; each that changed is noted.

    Raises:
        TextError: something in it cannot be taken.
    """
    if isinstance(value, _Refused):
        raise TextError(f"not JSON that can be read: {value} is in it; leave it out, or write it as text")
    if isinstance(value, str):
        text = mended(checked(value) if undecoded else value)
        if text != value:
            changes.append(text)
        return text
    if isinstance(value, list):
        return [_mend_value(part, changes, undecoded) for part in value]
    if isinstance(value, dict):
        return {
            _mend_value(name, changes, undecoded): _mend_value(part, changes, undecoded) for name, part in value.items()
        }
    return value


def as_given(value: object) -> str:
    r"""A value that is refused, as a message shows it: its beginning, and nothing that no text may hold.

    >>> as_given("a\ud83d"), as_given([1]), len(as_given("x" * 5000))
    ("'a\\ud83d'", '[1]', 61)
    """
    try:
        text = mended(repr(value[: _SHOWN + 1] if isinstance(value, str) else value))
    except (ValueError, RecursionError):  # a number of thousands of digits, nesting without end
        text = "a value too long to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def read_text(path: Path) -> str:
    """All of a text file from outside.

    Raises:
        TextError: it is not UTF-8; the line is named.
        OSError: it cannot be read.
    """
    text = ""
    try:
        with open_text(path) as file:
            text = file.read()
        found = mended(checked(text))
    except UnicodeDecodeError as error:
        raise TextError(_ODD_MARK) from error
    except TextError as error:
        line = text.count("\n", 0, _UNDECODED.search(text).start()) + 1  # type: ignore[union-attr]
        raise TextError(f"line {line}: {error}") from error
    if found != text:
        logger.warning("%s: %s", path_text(path), MENDED)
    return found


def path_text(path: Path | str) -> str:
    r"""A path as text that can be shown and stored; bytes of it that are no UTF-8 become U+FFFD.

    >>> path_text("caf\udce9.txt")
    'caf�.txt'
    """
    return os.fsencode(path).decode("utf-8", "replace")


def json_values(path: Path, on_read: Callable[[float], None] = lambda share: None) -> Iterator[tuple[int, Any, str]]:
    """The values of a file of JSON lines, blank lines passed over.

    Args:
        path: of the file.
        on_read: told what share of it was read, 0 to 1.

    Yields:
        (line, value, problem): the line from 1; the value, None where it cannot be taken; why not, `MENDED` where texts
        of the value were mended, or "".

    Raises:
        OSError: the file cannot be read.
    """
    size, number = max(1, path.stat().st_size), 0
    with open_text(path) as file:
        try:
            for number, line in enumerate(file, start=1):
                on_read(os.lseek(file.fileno(), 0, os.SEEK_CUR) / size)
                if line.strip():
                    yield number, *_parsed(line)
        except UnicodeDecodeError:
            yield number + 1, None, _ODD_MARK


def _parsed(line: str) -> tuple[Any, str]:
    """The value of a line and what is to be said of it, as `json_values` yields them."""
    try:
        value, changed = parse_json(line)
    except TextError as error:
        return None, str(error)
    return value, MENDED if changed else ""


def json_array(path: Path) -> list[tuple[Any, str]] | None:
    """The values of a file that holds one array of objects, or one object over several lines; None for something else.

    Returns:
        (value, problem) of each, as `json_values` yields them: one that cannot be taken leaves the others as they are.

    Raises:
        TextError: it is such an array, but cut, nested without end, or otherwise no JSON.
        OSError: the file cannot be read.
    """
    with open_text(path) as file:
        try:
            start = file.read(4096).lstrip()
            if start.startswith("{") and path.stat().st_size <= _LARGEST_OBJECT:
                return _one_object(start + file.read())
            if not start.startswith("[") or not start[1:].lstrip().startswith("{"):
                return None
            file.seek(0)
            text = file.read()
        except UnicodeDecodeError:
            return None
    try:
        rows = json.loads(text, parse_constant=_Refused, parse_int=_integer)
    except ValueError as error:
        raise TextError(f"not JSON ({error}); expected an array of objects, or one object a line") from error
    except RecursionError:
        raise TextError("not JSON that can be read: it is nested too deeply") from None
    undecoded = _UNDECODED.search(text) is not None
    return [_taken(row, undecoded) for row in rows]


def _one_object(text: str) -> list[tuple[Any, str]] | None:
    """The value of a file that holds one object over several lines; None where its first line is a value already."""
    try:
        json.loads(text.partition("\n")[0])
        return None
    except (ValueError, RecursionError):
        pass
    value, problem = _parsed(text)
    return None if value is None else [(value, problem)]


class _Refused(str):
    """What stands in an array where a number cannot be taken: how it is written."""


def _integer(digits: str) -> int | _Refused:
    try:
        return int(digits)
    except ValueError:
        return _Refused("a number of thousands of digits")


def _taken(value: Any, undecoded: bool) -> tuple[Any, str]:  # noqa: ANN401 - whatever JSON holds
    """A value of an array with its texts mended, and what is to be said of it; `undecoded` if some may be no UTF-8."""
    changes: list[str] = []
    try:
        return _mend_value(value, changes, undecoded), MENDED if changes else ""
    except TextError as error:
        return None, str(error)
