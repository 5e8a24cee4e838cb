"""What visitors may choose: on a page for others only what is listed, and messages tell nothing of the disk."""

from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from core.errors import SettingsError
from core.settings import Settings
from qa import LongFormQA
from ui.controls import control_values, to_settings
from ui.feedback import FeedbackStore
from ui.offer import Offer, is_public
from ui.page import build_page, serve

PLACES = ("SPACE_ID", "LFQA_GENERATORS", "GRADIO_SHARE", "GRADIO_ROOT_PATH")


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("host", "variables", "public"),
    [
        ("127.0.0.1", {}, False),
        ("127.8.8.8", {}, False),
        ("::1", {}, False),
        ("[::1]", {}, False),
        ("localhost", {}, False),
        ("0.0.0.0", {}, True),
        ("::", {}, True),
        ("192.168.1.4", {}, True),
        ("my.example.org", {}, True),
        ("127.0.0.1", {"SPACE_ID": "me/space"}, True),
        ("127.0.0.1", {"GRADIO_SHARE": "True"}, True),
        ("127.0.0.1", {"GRADIO_ROOT_PATH": "/qa"}, True),
    ],
)
def test_a_page_is_public_as_soon_as_others_may_reach_it(monkeypatch, host, variables, public):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_public(host) is public


@pytest.mark.parametrize(
    ("listed", "variable", "public", "offered", "others"),
    [
        ([], "", False, ("fused", "extractive"), True),
        (["my/bart"], "", False, ("my/bart", "fused", "extractive"), True),
        ([], "", True, ("fused", "extractive"), False),
        (["extractive"], "", True, ("extractive", "fused"), False),
        (["my/bart", "my/bart"], "", True, ("my/bart", "fused"), False),
        ([], "extractive, my/bart", False, ("extractive", "my/bart", "fused"), False),
        (["a"], "b", True, ("a", "b", "fused"), False),
    ],
)
def test_what_is_offered(monkeypatch, listed, variable, public, offered, others):
    monkeypatch.setenv("LFQA_GENERATORS", variable)
    offer = Offer.of(listed, public)
    assert (offer.generators, offer.others, offer.generator) == (offered, others, offered[0])


def test_on_a_page_of_ones_own_any_name_may_be_typed():
    values = control_values({"generator": "my/bart"})
    assert to_settings(values, Offer.of()).generator == "my/bart"
    with pytest.raises(SettingsError, match="allowed are fused, extractive"):
        to_settings(values, Offer.of(public=True))


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_seq2seq):
    """Three folders that a visitor may try: a real checkpoint, one that is none, one that is not there."""
    there = tmp_path_factory.mktemp("there")
    return {"checkpoint": str(tiny_seq2seq("bart")), "folder": str(there), "nothing": str(there / "nothing")}


@pytest.fixture(scope="module")
def public_client(tiny_retriever, tmp_path_factory):
    """A page as it is served to others; here it listens on loopback, as tests must."""
    store = FeedbackStore(tmp_path_factory.mktemp("public") / "ratings.jsonl")
    page = build_page(LongFormQA(tiny_retriever), store=store, offer=Offer.of(["extractive"], public=True))
    yield Client(serve(page, "127.0.0.1"), verbose=False, httpx_kwargs={"timeout": None})
    page.close(verbose=False)


@pytest.mark.parametrize("kind", ["checkpoint", "folder", "nothing"])
def test_a_public_page_loads_no_folder_of_a_visitors_and_says_the_same_of_all(public_client, folders, kind):
    name = folders[kind]
    with pytest.raises(AppError) as told:
        public_client.predict("What are tides?", generator=name, api_name="/ask")
    said = str(told.value).replace(repr(name), "NAME")
    assert said == "the generator NAME is not offered here; allowed are extractive, fused"
    assert Path(name).name not in said


def test_a_public_page_answers_with_what_it_offers(public_client):
    steps = public_client.submit("What are tides?", generator="extractive", passages=2, api_name="/ask")
    assert steps.result()["settings"]["generator"] == "extractive"


def test_a_public_pages_control_takes_no_other_name(public_client):
    boxes = [part for part in public_client.config["components"] if part["props"].get("label") == "Generator"]
    assert [box["props"]["allow_custom_value"] for box in boxes] == [False]
    assert [name for _, name in boxes[0]["props"]["choices"]] == ["extractive", "fused"]


def test_a_link_to_a_public_page_names_no_folder(qa, request_of, tmp_path, tiny_retriever):
    import gradio as gr

    from tests.ui.conftest import parts_of
    from ui.asking import Asking
    from ui.corpora import Corpora
    from ui.nearest import load_nearest
    from ui.rating import RatingStrip

    with gr.Blocks():
        strip = RatingStrip(FeedbackStore(tmp_path / "ratings.jsonl"))
        strip.build()
        parts = parts_of(strip, [])
        corpora = Corpora(qa, Offer.of(public=True))
        corpora.build_choice()
    asking = Asking(qa, parts, load_nearest(lambda: tiny_retriever), lambda session: None, corpora)
    view = asking.open(request_of(q="Why?", generator=str(tmp_path)))
    assert "is not offered here; allowed are fused, extractive" in view[parts.status]
    assert asking.runs.newest("me") is None


@pytest.mark.parametrize(("host", "options"), [("0.0.0.0", {}), ("127.0.0.1", {"share": True})])
def test_a_page_of_ones_own_is_not_served_to_others(tiny_qa, tmp_path, host, options):
    page = build_page(tiny_qa, store=FeedbackStore(tmp_path / "ratings.jsonl"), offer=Offer.of())
    with pytest.raises(SettingsError, match="lets its visitors choose anything"):
        serve(page, host, **options)
    assert not page.is_running


def test_the_default_is_always_offered():
    assert Settings().generator in Offer.of(["my/bart"], public=True).generators
