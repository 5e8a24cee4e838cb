"""The command that builds an index folder: `python -m data.build_index --source … --output DIR`.

A command at the edge: the only module of this package that uses the retriever, and only when it runs.

    python -m data.build_index --source vital --output my-index
    python -m data.build_index --source articles.jsonl --output my-index     # lines {"title", "text", "section", "url"}
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.assets import AssetError, asset_path
from data.passages import Passage, PassageError, article_url, clean_text, read_vital_articles, split_snippets


def read_source(source: str, words: int = 100) -> Iterator[Passage]:
    """The passages of a source.

    Args:
        source: "vital", or a file of JSON lines with "title" and "text", and perhaps "section" and "url".
        words: the length of a snippet in words.

    Raises:
        PassageError: the file is missing, or a line of it is no article; file and line are named.
    """
    if source == "vital":
        yield from read_vital_articles(asset_path("vital-articles"))
        return
    path = Path(source)
    if not path.is_file():
        raise PassageError(f'the source is "{source}"; allowed are vital, or the path of a file of JSON lines')
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield from _snippets(line, f"{path}, line {number}", str(number), words)


def _snippets(line: str, place: str, number: str, words: int) -> Iterator[Passage]:
    """The snippets of one line of an article file."""
    try:
        article = json.loads(line)
        title, text = str(article["title"]), str(article["text"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise PassageError(
            f'{place}: expected {{"title": "…", "text": "…"}} ({type(error).__name__}: {error})'
        ) from error
    section = str(article.get("section") or "")
    url = str(article.get("url") or article_url(title, section))
    for part, snippet in enumerate(split_snippets(clean_text(text), words)):
        yield Passage(f"{number}.{part}", title, section, snippet, url)


def build(source: str, output: Path, words: int = 100) -> int:
    """Encode a source with the embedded encoder and write its index folder.

    Returns:
        How many passages it holds.

    Raises:
        PassageError: the source cannot be read, or holds no text.
    """
    from retriever.encode import Encoder
    from retriever.index import PassageIndex

    passages = list(read_source(source, words))
    if not passages:
        raise PassageError(f"{source} holds no text to index")
    encoder = Encoder.load()
    vectors = encoder.encode_passages([passage.text for passage in passages])
    PassageIndex.build(passages, vectors, encoder.name, encoder.identity, source).save(output)
    return len(passages)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build an index; the exit status is 0, 1 for a failure, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m data.build_index", description="Build an index folder.")
    parser.add_argument("--source", default="vital", help='vital, or a file of JSON lines with "title" and "text"')
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--words", type=int, default=100, help="words in a snippet (default 100)")
    given = parser.parse_args(arguments)
    if given.words < 1:
        parser.error(f"--words is {given.words}; it must be at least 1")
    if given.output.is_dir() and any(given.output.iterdir()) and not (given.output / "manifest.json").exists():
        parser.error(f"{given.output} holds other files; name an empty folder, a new one, or an index to replace")
    try:
        count = build(given.source, given.output, given.words)
    except (AssetError, PassageError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {given.output} cannot be written: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing usable was written\n")
        return 130
    sys.stderr.write(f"{count:,} passages indexed; ask with `python qa.py --index {given.output} …`\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
