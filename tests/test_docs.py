"""README and documents, as a reader would try them: commands, printed outputs, links, figures that stand in files."""

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.settings import Settings
from data.assets import read_assets
from doctor import pinned

ROOT = Path(__file__).parents[1]
# What a reader is led to; the fixtures' notes are for tests.
FILES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/*.md")] if "tests" not in path.parts)
CARDS = [
    "generator",
    "generator/writer",
    "generator/selection",
    "generator/support",
    "retriever",
    "data/lfqa",
    "data/studies/forty",
]
RUN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
COMMAND = re.compile(r"^(?:\S+=\S+ )*(?:\.venv/bin/)?python (-m )?([\w./]+)(.*)")


@cache
def tokens(path: Path) -> list[Token]:
    """A document's blocks, without the head that the hub reads."""
    text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return MarkdownIt().enable("table").parse(text)


def blocks(path: Path) -> list[tuple[str, str]]:
    """The fenced blocks: what each is marked as, and its text."""
    return [(token.info.strip(), token.content) for token in tokens(path) if token.type == "fence"]


def links(path: Path) -> Iterator[str]:
    """Targets of links and pictures."""
    for token in tokens(path):
        for child in token.children or []:
            if target := child.attrs.get("href") or child.attrs.get("src"):
                yield str(target)


def anchors(path: Path) -> set[str]:
    """The names of a document's headings, as they are linked to."""
    found = tokens(path)
    titles = (after.content for token, after in zip(found, found[1:], strict=False) if token.type == "heading_open")
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing_parts(printed: str, told: list[str]) -> list[str]:
    """The told lines that a text has not, in their order; … stands for anything."""
    lines = iter(printed.splitlines())
    patterns = {line: re.escape(line.rstrip()).replace("…", ".*") for line in told if line.strip(" …")}
    return [line for line, pattern in patterns.items() if not any(re.fullmatch(pattern, found) for found in lines)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The repository as links, so that what a command writes stays apart; with documents to index."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        (folder / path.name).symlink_to(path)
    if not (folder / ".venv").exists():
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/python").symlink_to(sys.executable)
    (folder / "my-documents").mkdir()
    honey = "# Honey\n\nHoney is a sweet food that bees make from nectar. They keep it in combs of wax.\n"
    (folder / "my-documents/honey.md").write_text(honey)
    return folder


def tried(command: list[str], folder: Path) -> str:
    """What a command prints; it must succeed."""
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.assets
@pytest.mark.parametrize("path", RUN, ids=lambda path: path.name)
def test_blocks_do_as_they_say(path, checkout, request):
    printed = ""
    for mark, text in blocks(path):
        if mark == "sh":
            printed = tried(["bash", "-euc", text], checkout)
        elif mark == "python" and "http://127.0.0.1:7860" in text:
            page = request.getfixturevalue("page")
            printed = tried([sys.executable, "-c", text.replace("http://127.0.0.1:7860", page)], checkout)
        elif mark == "python":
            printed = tried([sys.executable, "-c", text], checkout)
        elif mark == "text output":
            assert missing_parts(printed, text.splitlines()) == []
        else:
            assert mark in ("sh long", "text"), f"{path.name}: a block is marked {mark!r}"


@pytest.fixture(scope="module")
def page(checkout, tmp_path_factory) -> Iterator[str]:
    """The address of the page, as `app.py` serves it."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    variables = {"LFQA_RATINGS": str(tmp_path_factory.mktemp("ratings") / "ratings.jsonl"), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=checkout,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout
    try:
        # It ends with None where the page could not be served.
        assert next((line for line in server.stdout if f":{port}" in line), None)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_sound_and_name_what_there_is(name):
    for mark, text in blocks(ROOT / name):
        if mark.startswith("sh"):
            checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
            assert checked.returncode == 0, checked.stderr
        elif mark == "python" and name != "CONTRIBUTING.md":  # its third example is a line of a class
            ast.parse(text)
    codes = [token.content for token in tokens(ROOT / name) if token.type in ("fence", "code_block")]
    codes += [child.content for token in tokens(ROOT / name) for child in token.children or [] if child.tag == "code"]
    for line in textwrap.dedent("\n".join(codes)).replace("\\\n", " ").splitlines():
        if found := COMMAND.match(line.strip()):
            known_command(*found.groups())


def known_command(module: str | None, target: str, rest: str) -> None:
    """Compare a command with the file that it starts, and its options with what that package knows."""
    if target in ("pip", "venv", "pytest") and module:
        return
    base = ROOT / (target.replace(".", "/") if module else target)
    path = next((path for path in (base.with_suffix(".py"), base / "__main__.py", base) if path.is_file()), None)
    assert path, f"there is no {target}"
    for option in re.findall(r"(?<!\S)--([a-z][\w-]*)", rest.split("#")[0]):
        assert option in options(), f"{target} --{option}"


@cache
def options() -> set[str]:
    """Every long option that some file of the program names, and those made of the settings."""
    files = (path for path in ROOT.glob("**/*.py") if ".venv" not in path.parts and "tests" not in path.parts)
    named = (re.findall(r"\"--([a-z][\w-]*)\"", path.read_text(encoding="utf-8")) for path in files)
    settings = {name.replace("_", "-") for name in Settings.__dataclass_fields__}
    return settings.union({"help"}, *named)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    for target in links(ROOT / name):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(path), f"{name}: {target}"


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    parts = "|".join(path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file() or path.name == "tests")
    named = re.findall(rf"(?<![\w/.-])(?:{parts}|docs)/[\w/]+\.(?:py|md|jsonl?)\b", text)
    assert [path for path in named if not (ROOT / path).exists() and not ((ROOT / name).parent / path).exists()] == []


@pytest.mark.parametrize("folder", CARDS)
def test_cards_are_on_the_hub_s_form(folder):
    kind = DatasetCard if folder.startswith("data") else ModelCard
    data = kind.load(ROOT / folder / "README.md").data
    assert data.license in ("apache-2.0", "cc-by-sa-4.0") and data.language == "en" and data.tags
    assert kind is DatasetCard or (data.base_model and data.pipeline_tag)


def test_the_question_sets_card_offers_every_file_and_counts_it():
    folder = ROOT / "data/lfqa"
    counts = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.jsonl")}
    card = DatasetCard.load(folder / "README.md")
    offered = [file["path"] for config in card.data.configs for file in config["data_files"]]
    assert sorted(offered) == sorted(counts)
    told = re.findall(r"`(\w+\.jsonl)` \(([\d,]+)\)", card.text)
    assert {name: int(count.replace(",", "")) for name, count in told} == counts
    assert card.data.size_categories == ["10K<n<100K"] and 10_000 < sum(counts.values()) < 100_000


@pytest.mark.parametrize("part", ["questions", "real", "deep", "claims", "sentence_claims", "handbook_questions"])
def test_the_question_sets_load_by_their_card(part, tmp_path):
    from datasets import load_dataset

    splits = load_dataset(str(ROOT / "data/lfqa"), part, cache_dir=str(tmp_path))
    assert splits.num_rows and all(splits.num_rows.values())


def test_figures_of_the_readme_are_those_of_the_files():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    manifest = json.loads((ROOT / "retriever/embedded/manifest.json").read_text(encoding="utf-8"))
    assert f"lead paragraphs of {manifest['passages']:,} articles" in text
    real = [json.loads(line) for line in (ROOT / "data/lfqa/real_dev.jsonl").open(encoding="utf-8")]
    held = [row["holds"] for row in real]
    assert f"of {len(real)} questions written" in text
    assert f"whole answer to {held.count('full')} and a part of it for {held.count('part')}." in text
    pieces = [(asset, piece) for asset in read_assets().values() for piece in asset.pieces]
    wheels = {piece.package: piece.package_bytes for asset, piece in pieces if not asset.on_use}
    assert f"fetches {round(sum(wheels.values()) / 1e6, -1):.0f} MB" in text
    named = {
        piece.package: piece.version for asset, piece in pieces if not asset.on_use and "skill" not in piece.package
    }
    assert all(f"{package} {version}" in text for package, version in named.items())
    figures = json.loads((ROOT / "generator/support/figures.json").read_text(encoding="utf-8"))
    study = json.loads((ROOT / "data/studies/forty/report.json").read_text(encoding="utf-8"))
    assert f"the same words to {study['pairs'][0]['same_text']} of {study['questions']} questions" in text
    claims, sentences = (figures[f"development {name}"]["joint"]["auc"] for name in ("claims", "sentences"))
    assert f"ROC AUC {claims:.2f} on 640 claims, {sentences:.2f} on 205 sentences" in text


def test_versions_agree():
    head = (ROOT / "README.md").read_text(encoding="utf-8").split("---")[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"sdk_version: {pinned(ROOT / 'requirements.txt')['gradio']}\n" in head
    assert f">={re.findall('python_version: .(.*).', head)[0]}" == project["requires-python"]
    released = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == project["version"]
