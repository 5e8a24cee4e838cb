"""A MediaWiki of one's own on loopback, from Debian's packages: what live search is tested and timed with.

It holds the articles of a dump beside the 10,033 embedded leads, so that finding an article is no toy, and wikitext
stand-ins of the templates that carry words or that a reader's eye passes over. It knows MediaWiki's maintenance
scripts; nothing of the retriever.

    apt-get install --no-install-recommends mediawiki php-cli php-sqlite3 php-intl php-xml php-mbstring
"""

from __future__ import annotations

import bz2
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from core.errors import UserError
from core.files import replacing, write_text

PROGRAM = Path("/usr/share/mediawiki")
_PACKAGES = "mediawiki php-cli php-sqlite3 php-intl php-xml php-mbstring"
_SETTINGS = """
$wgServer = WebRequest::detectServer();
$wgCacheDirectory = __DIR__ . "/cache";
$wgMainCacheType = CACHE_DB;
$wgInvalidateCacheOnLocalSettingsChange = false;
$wgJobRunRate = 0;
$wgArticleCountMethod = 'any';
$wgDBservers = [ [ 'type' => 'sqlite', 'dbname' => 'wiki', 'tablePrefix' => '', 'dbDirectory' => $wgSQLiteDataDir,
    'variables' => [ 'synchronous' => 'OFF' ], 'flags' => DBO_DEFAULT, 'load' => 0 ] ];
$wgRightsUrl = "https://creativecommons.org/licenses/by-sa/4.0/";
$wgRightsText = "CC BY-SA 4.0";
wfLoadExtension( 'Cite' );
wfLoadExtension( 'ParserFunctions' );
wfLoadExtension( 'Poem' );
// Formulas as Wikipedia renders them, which takes a server of its own.
$wgHooks['ParserFirstCallInit'][] = static function ( Parser $parser ) {
    $parser->setHook( 'math', static function ( $tex ) {
        $html = '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;"><math>'
            . "\\n  <semantics>\\n    <mrow>\\n      <mi>x</mi>\\n    </mrow>\\n    <annotation "
            . 'encoding="application/x-tex">{\\displaystyle ' . htmlspecialchars( $tex ?? '' ) . '}</annotation>'
            . "\\n  </semantics>\\n</math></span></span>";
        return [ $html, 'markerType' => 'nowiki' ];
    } );
};
"""
_EXTRACTS = "wfLoadExtension( 'TextExtracts' );\n"
# "{{convert|55|to|80|cm}}" or "{{convert|5|km}}".
_CONVERT = "{{#switch:{{{2}}}|to|-|–|and|by|x={{{1}}} {{{2}}} {{{3}}} {{{4|}}}|{{{1}}} {{{2}}}}}"
# What Wikipedia's own templates of these names leave in a page, reduced to what a reader of the text meets.
_TEMPLATES = {
    "convert": _CONVERT,
    "cvt": _CONVERT,
    "lang": "{{{2}}}",
    "transl": "{{{3|{{{2}}}}}}",
    "nowrap": "{{{1}}}",
    "small": "<small>{{{1}}}</small>",
    "quote": "<blockquote>{{{1}}}</blockquote>",
    "val": "{{{1}}}",
    "as of": "As of {{{1}}}",
    "main": '<div role="note" class="hatnote">Main article: [[{{{1}}}]]</div>',
    "see also": '<div role="note" class="hatnote">See also: [[{{{1}}}]]</div>',
    "about": '<div role="note" class="hatnote">This article is about {{{1}}}.</div>',
    "citation needed": "<sup class=\"noprint Inline-Template\">&#91;''citation needed''&#93;</sup>",
    "coord": '<span id="coordinates">Coordinates: {{{1}}}°N {{{2|}}}°E</span>',
    "infobox country": '<table class="infobox"><tr><th>Capital</th><td>{{{capital|}}}</td></tr></table>',
    "reflist": '<div class="reflist">{{#tag:references}}</div>',
    "disambig": '<div id="disambigbox" class="dmbox">This page lists articles of one name.</div>',
}
_TEMPLATE_NAME = re.compile(r"\{\{\s*([^|{}<>#\[\]:\n]+?)\s*(?:\||\}\}|\n|<!--)")


class ServerError(UserError):
    """MediaWiki is not installed, or does not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wiki:
    """A MediaWiki that runs: the address of its api.php."""

    api: str


def why_not() -> str:
    """Why there can be no MediaWiki here, with the cure; "" if there can."""
    if not (PROGRAM / "api.php").is_file() or shutil.which("php") is None:
        return f"MediaWiki is not installed: apt-get install --no-install-recommends {_PACKAGES}"
    return ""


def build(folder: Path, dump: Path | None = None, pages: Mapping[str, str] | None = None) -> Path:
    """Make a wiki's folder: settings, database, search index.

    Args:
        folder: where it shall be; what stands there already is taken as it is.
        dump: a MediaWiki dump, .xml.bz2.
        pages: title → wikitext, beside it.

    Returns:
        The folder.

    Raises:
        ServerError: MediaWiki is not installed, or one of its scripts fails.
    """
    if problem := why_not():
        raise ServerError(problem)
    if (folder / "LocalSettings.php").is_file():
        return folder
    texts = dict(pages or {})
    whole = ""
    if dump is not None:
        with bz2.open(dump, "rt", encoding="utf-8") as file:
            whole = file.read()
        texts = _templates(whole) | texts
    with replacing(folder) as part:
        for name in ("db", "cache"):
            (part / name).mkdir(parents=True)
        _php(
            part,
            "install",
            "--dbtype",
            "sqlite",
            "--dbpath",
            str(part / "db"),
            "--dbname",
            "wiki",
            "--server",
            "http://127.0.0.1",
            "--scriptpath",
            "",
            "--confpath",
            str(part),
            "--pass",
            _password(),
            "Test",
            "admin",
        )
        settings = part / "LocalSettings.php"
        plain = settings.read_text(encoding="utf-8").replace(str(part / "db"), '" . __DIR__ . "/db')
        write_text(settings, plain + _SETTINGS + _EXTRACTS)
        exports = ([whole] if dump is not None else []) + ([_export(texts)] if texts else [])
        for export in exports:
            write_text(part / "pages.xml", export)
            _php(part, "importDump", "--no-updates", str(part / "pages.xml"))
            (part / "pages.xml").unlink()
        _php(part, "rebuildtextindex")
        _php(part, "initSiteStats", "--update")
        # Without it SQLite goes through all pages for each search, for half a minute.
        with closing(sqlite3.connect(part / "db" / "wiki.sqlite")) as base:
            base.execute("ANALYZE page")
            base.commit()
    return folder


@contextmanager
def running(folder: Path, extracts: bool = True) -> Iterator[Wiki]:
    """Serve a wiki's folder on a free port of loopback until the block ends.

    Args:
        folder: as `build` made it.
        extracts: whether it has the extension TextExtracts.

    Raises:
        ServerError: it does not answer within 30 s.
    """
    settings = folder / "LocalSettings.php"
    if not extracts:
        settings = folder / "WithoutExtracts.php"
        write_text(settings, (folder / "LocalSettings.php").read_text(encoding="utf-8").replace(_EXTRACTS, ""))
    port = free_port()
    process = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", "-t", str(PROGRAM)],
        env=os.environ | {"MW_CONFIG_FILE": str(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        api = f"http://127.0.0.1:{port}/api.php"
        _await(f"{api}?action=query&meta=siteinfo&format=json", process)
        yield Wiki(api)
    finally:
        process.terminate()
        process.wait(timeout=10)


def warm(api: str, titles: Iterable[str]) -> None:
    """Have the wiki parse articles and keep what it parsed, as one that is read by many has done already."""
    for title in titles:
        for intro in ("", "&exintro=1"):
            asked = f"?action=query&format=json&prop=extracts&explaintext=1&redirects=1&titles={quote(title)}{intro}"
            with urllib.request.urlopen(api + asked, timeout=300) as answer:
                answer.read()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until an address answers."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=30):
                return
        except OSError:
            time.sleep(0.1)
    raise ServerError(f"MediaWiki does not answer at {address}; does `php -S` run?")


def _php(folder: Path, script: str, *arguments: str) -> None:
    """Run one of MediaWiki's maintenance scripts."""
    environment = dict(os.environ)
    if script != "install":
        environment["MW_CONFIG_FILE"] = str(folder / "LocalSettings.php")
    done = subprocess.run(
        ["php", str(PROGRAM / "maintenance" / f"{script}.php"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"MediaWiki's {script} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _password() -> str:
    """A password that nobody needs: the wiki is only read."""
    return hashlib.sha256(os.urandom(32)).hexdigest()


def _templates(dump: str) -> dict[str, str]:
    """A page for every template that a dump's pages use: words where they carry some, else nothing."""
    written = (name.replace("_", " ") for name in _TEMPLATE_NAME.findall(dump))
    names = {name[:1].upper() + name[1:] for name in written}
    empty = "<noinclude>empty</noinclude>"
    return {f"Template:{name}": _TEMPLATES.get(name.casefold(), empty) for name in sorted(names)}


def _export(pages: Mapping[str, str]) -> str:
    """Pages as a MediaWiki export, which importDump.php reads."""
    return "".join(_export_lines(pages.items()))


def _export_lines(pages: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10" xml:lang="en">\n'
    for title, text in pages:
        space = 10 if title.startswith("Template:") else 0
        yield (
            f"<page><title>{escape(title)}</title><ns>{space}</ns><revision>"
            "<timestamp>2024-01-02T03:04:05Z</timestamp><contributor><username>Import</username></contributor>"
            f'<model>wikitext</model><format>text/x-wiki</format><text xml:space="preserve">{escape(text)}</text>'
            "</revision></page>\n"
        )
    yield "</mediawiki>\n"
