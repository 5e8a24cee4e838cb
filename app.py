"""The page's command: serves the page, and loads the models behind it. A Hugging Face Space runs this file.

python app.py
python app.py --index my_index --port 8000 --open
python app.py --study my_study
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.command import Parser, listening
from core.errors import UserError, in_short
from core.memory import share_arenas
from core.terminal import log_to_stderr, remark

if TYPE_CHECKING:
    from qa import LongFormQA

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# oneDNN keeps what it compiles for every shape that it meets; no two questions have the same.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")

DEFAULT_PORT = 7860
INDEX = "LFQA_INDEX"  # as --index, with commas between: a Space takes no command line


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line's choices."""
    from retriever.registry import EMBEDDED, KINDS, LIVE_SECONDS
    from ui.bounds import ANSWER_SECONDS
    from ui.bounds import ANSWER_SECONDS_NAME as NAME
    from ui.offer import UPLOADS

    parser = Parser(description="Serve the question answering page.")
    parser.add_argument(
        "--index",
        metavar="INDEX",
        action="append",
        default=[],
        help=f"{', '.join(KINDS)}; may be given several times, visitors then choose, and the first is read at first "
        f"(default: {INDEX}, or {EMBEDDED}, the vital articles)",
    )
    parser.add_argument("--live-seconds", metavar="SECONDS", help=LIVE_SECONDS)
    on_space = "SPACE_ID" in os.environ
    parser.add_argument("--host", default="0.0.0.0" if on_space else "127.0.0.1", help="default: %(default)s")
    port = os.environ.get("GRADIO_SERVER_PORT") or DEFAULT_PORT
    parser.add_argument("--port", type=_port, default=port, help="default: %(default)s")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--generator",
        metavar="NAME",
        action="append",
        default=[],
        help="offered to visitors, the first chosen at first; may be given several times. On a page that others reach, "
        "nothing else may be chosen but the settings' default",
    )
    parser.add_argument(
        "--snapshots",
        metavar="DIR",
        type=Path,
        help="lets visitors share an answer as it is, kept in this folder (default: they cannot)",
    )
    parser.add_argument(
        "--answer-seconds", metavar="SECONDS", help=f"for writing one answer (default {ANSWER_SECONDS:g}, or {NAME})"
    )
    parser.add_argument(
        "--study",
        metavar="STUDY",
        type=Path,
        help="serve a study instead, that “python -m evaluation.study new” made: judges see its answers side by side",
    )
    parser.add_argument(
        "--no-uploads", action="store_true", help=f"visitors may not drop documents of their own (or {UPLOADS}=no)"
    )
    options = parser.parse_args(arguments)
    if options.study and (options.index or options.generator or options.snapshots):
        parser.error("--study goes with --host, --port and --open only: a study answers nothing")
    return options


def _port(text: str) -> int:
    """A port's number, 1 to 65535."""
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, then serve until Ctrl-C; the exit status is 0, or 1 when something is missing or the port is taken."""
    options = parse(arguments)
    log_to_stderr()
    share_arenas()
    try:
        with listening():
            return serve(options)
    except KeyboardInterrupt:
        say("\nStopped.")
        return 0


def serve(options: argparse.Namespace) -> int:
    """Serve the page, load the models behind it, and wait for the end; the exit status."""
    from generator.registry import GENERATORS
    from retriever.article_plan import is_live
    from ui.bounds import answer_seconds
    from ui.gpu import system
    from ui.offer import Offer, is_public, uploads_allowed

    if problem := port_problem(options.host, options.port):
        return fail(problem)
    if options.study:
        return serve_study(options)
    start = time.perf_counter()
    try:
        longest = answer_seconds(options.answer_seconds)
        indexes = offered_indexes(options.index)
        qa = system().load(indexes, later=True, seconds=options.live_seconds, answer_seconds=longest)
        uploads = not options.no_uploads and uploads_allowed()
        offer = Offer.of(options.generator, is_public(options.host), qa.indexes, uploads)
        for generator in reversed(offer.generators):
            if generator == offer.generator or generator not in GENERATORS:
                find(qa, generator)
    except UserError as error:
        return fail(str(error))

    from ui.feedback import StoreError, open_store
    from ui.page import build_page
    from ui.page import serve as serve_page
    from ui.snapshots import Snapshots

    try:
        store = open_store(say)
        snapshots = Snapshots(options.snapshots) if options.snapshots else None
        page = build_page(qa, store=store, offer=offer, snapshots=snapshots)
    except (StoreError, UserError, OSError) as error:
        return fail(str(error))
    try:
        serve_page(page, options.host, options.port, inbrowser=options.open)
    except OSError as error:
        return fail(f"the page cannot be served on {options.host}, port {options.port}: {error}")
    try:
        shown = "localhost" if options.host in ("127.0.0.1", "0.0.0.0") else options.host
        say(f"The page is at http://{shown}:{options.port} — Ctrl-C ends it. Loading the models …")
        if not is_live(indexes[0]):  # a wiki is asked nothing that nobody asked
            qa.retrieve("Warm up")  # what is built at the first search is built now
        if warning := load(qa, offer.generator):
            say(warning)
        else:
            say(f"Ready after {time.perf_counter() - start:.1f} s.")
        page.server.thread.join()
    except UserError as error:
        return fail(str(error))
    finally:
        page.close(verbose=False)
    return 0


def serve_study(options: argparse.Namespace) -> int:
    """Serve a study, for which no model is loaded; the exit status."""
    from evaluation.study.page import serve_study as serve_it

    try:
        serve_it(options.study, options.host, options.port, say, options.open)
    except UserError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the study {options.study} cannot be served: {error}")
    return 0


def offered_indexes(given: Sequence[str]) -> list[str]:
    """What visitors may have read, the first at first.

    Args:
        given: on the command line; where nothing is, LFQA_INDEX, with commas between, else the embedded passages.

    Returns:
        As given; beside nothing but live wikis also the embedded passages, for when a wiki does not answer.

    >>> offered_indexes(["wikipedia"]), offered_indexes(["my-index", "wikipedia"])
    (['wikipedia', 'embedded'], ['my-index', 'wikipedia'])
    """
    from retriever.article_plan import is_live
    from retriever.registry import EMBEDDED

    named = list(given) or [name.strip() for name in os.environ.get(INDEX, "").split(",") if name.strip()]
    return named if any(not is_live(name) for name in named) else [*named, EMBEDDED]


def find(qa: LongFormQA, generator: str) -> None:
    """See that the generator can be had, before the page is served; only a checkpoint is loaded for that.

    Raises:
        UserError: an asset is missing and cannot be fetched, or a checkpoint cannot be loaded.
    """
    from data.assets import asset_path
    from generator.registry import BASES, GENERATORS

    if generator not in GENERATORS:
        qa.generator(generator)
    if generator in BASES:
        asset_path(BASES[generator])


def load(qa: LongFormQA, generator: str) -> str:
    """Load what answers are written and judged with; a warning where it cannot be had, since other generators may."""
    try:
        qa.load_all(generator)
    except Exception as error:
        return f"Warning: the generator {generator} cannot be loaded: {error}"
    return ""


def port_problem(host: str, port: int) -> str:
    """Why this port cannot be served on, with the cure; "" if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return f"port {port} on {host} cannot be used ({error.strerror or error}): choose another with --port"
    return ""


def say(message: str) -> None:
    """A line for whoever started the page; not part of any output."""
    remark(message + "\n")


def fail(message: str) -> int:
    """One clear line and the exit status 1."""
    say(f"Error: {in_short(message)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
