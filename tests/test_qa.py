"""The whole path on the twelve passages, and the command line."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import qa as command
from batch import answer_of, open_batch
from core.outputs import sole_writer
from core.records import (
    Answer,
    Draft,
    Found,
    Passage,
    QuestionError,
    Retrieved,
    Selection,
    Sentence,
    check_question,
)
from core.settings import Settings
from qa import LongFormQA
from tests.interrupting import interruptible

ROOT = Path(command.__file__).parent
# Needs no model beyond the tiny ones.
QUOTING = Settings(generator="extractive")
KEYS = {"question", "answer", "answerable", "holds", "confidence", "passages", "sentences", "settings", "seconds"}


class SlowWriter:
    """A generator that writes a word a step, noting what it was given."""

    name = "slow"

    def __init__(self):
        self.given = None
        self.words = 0

    def read(self, retrieved):
        first, second, *rest = retrieved.found
        read = first.as_read(first.passage.text), second.as_read(second.passage.text[:20]), *rest
        return replace(retrieved, found=read)

    def stream(self, retrieved, settings, stop=None):
        self.given = list(retrieved.found)
        for self.words in range(1, 1000):
            if stop.is_set():
                yield Draft((Sentence("Stopped here."),), done=True, stopped=True)
                return
            yield Draft(tail="word " * self.words)
        yield Draft((Sentence("All of it."),), done=True)


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [(" a\x00b\tc \n?", "a b c ?"), ("什么？ ok", "什么？ ok"), ("<script>x</script>", "<script>x</script>")],
)
def test_a_question_is_tidied(raw, tidy):
    assert check_question(raw) == tidy


@pytest.mark.parametrize("question", ["", "  ", "\x00\x07", "a", "?", "😀😀😀", "x" * 10_000])
def test_a_question_that_cannot_be_asked_is_refused_with_a_cure(question):
    with pytest.raises(QuestionError, match=r"Type a question|Shorten it"):
        check_question(question)


def test_the_answer_has_the_stable_json(tiny_qa):
    row = tiny_qa.ask("Why do flutes count as woodwinds?", Settings("dense", 3, "extractive")).to_json()
    assert row.keys() >= KEYS
    assert [passage["rank"] for passage in row["passages"]] == [1, 2, 3]
    assert row["passages"][0].keys() >= {"rank", "title", "section", "url", "text", "score", "read"}
    assert row["sentences"] and row["sentences"][0].keys() >= {"text", "support", "passage"}
    assert " ".join(sentence["text"] for sentence in row["sentences"]) == row["answer"]
    assert row["seconds"].keys() == {"retrieve", "encode", "first_token", "total"}
    assert row["settings"]["retrieval"] == "dense" and row["settings"]["seed"] == 0
    json.dumps(row)


def test_stream_grows_and_ends_done(tiny_qa):
    snapshots = list(tiny_qa.stream("How do bees make honey?", QUOTING))
    assert [snapshot.stage for snapshot in snapshots][:2] == ["retrieving", "reading"]
    assert snapshots[-1].stage == "done" and snapshots[-2].stage == "judging"
    assert snapshots[0].found == () and snapshots[1].found == snapshots[-1].found != ()


def test_every_quoted_sentence_is_traced_to_the_passage_that_holds_it(tiny_qa):
    answer = tiny_qa.ask("Is honey made by bees?", QUOTING)
    for sentence in answer.sentences:
        assert sentence.text in answer.found[sentence.passage - 1].passage.text


def test_the_passages_shown_are_the_passages_read(tiny_retriever):
    writer = SlowWriter()
    answer = LongFormQA(tiny_retriever, {"slow": writer}).ask("Is honey sweet?", Settings(generator="slow"))
    assert answer.found == tuple(writer.given)
    rows = answer.to_json()["passages"]
    assert [passage["read"] for passage in rows] == [True, True, False, False]
    assert rows[1]["read_text"] == writer.given[1].text and "read_text" not in rows[0]


def test_without_retrieval_there_is_nothing_to_quote_and_it_is_said(tiny_qa):
    answer = tiny_qa.ask("How do bees make honey?", Settings("none", generator="extractive"))
    assert (answer.text, answer.answerable, answer.found) == ("", False, ())
    assert "No passages" in answer.note


def test_stop_ends_at_the_next_step(tiny_retriever):
    writer, stop = SlowWriter(), threading.Event()
    snapshots = []
    for snapshot in LongFormQA(tiny_retriever, {"slow": writer}).stream(
        "Is honey sweet?", Settings(generator="slow"), stop
    ):
        snapshots.append(snapshot)
        if len(snapshots) == 5:
            stop.set()
    assert snapshots[-1].stopped and snapshots[-1].text == "Stopped here." and writer.words < 10


class Holding:
    """A selector that says how far passages hold the answer, and nothing of sentences."""

    def __init__(self, holds):
        self.holds = holds

    def select(self, retrieved, said=()):
        confidence = {"full": 0.9, "part": 0.6, "no": 0.1}[self.holds]
        return Selection(self.holds, confidence, confidence / 2, 0.5, ())


def asked(tiny_retriever, holds, **settings):
    qa = LongFormQA(tiny_retriever, {"slow": SlowWriter()}, load_selector=lambda: Holding(holds))
    return qa.ask("Is honey sweet?", Settings(generator="slow", **settings))


def test_what_the_passages_hold_is_answered_with_confidence(tiny_retriever):
    row = asked(tiny_retriever, "full", unsupported="keep").to_json()
    assert (row["answer"], row["holds"], row["confidence"]) == ("All of it.", "full", 0.9)


def test_of_what_they_hold_in_part_the_rest_is_said_to_be_lacking(tiny_retriever, monkeypatch):
    monkeypatch.setattr(SlowWriter, "stream", lambda self, given, settings, stop: iter([
        Draft((Sentence(given.read[0].text, "quoted", ((1, 1),)),), done=True)
    ]))  # fmt: skip
    answer = asked(tiny_retriever, "part")
    assert [sentence.kind for sentence in answer.sentences] == ["quoted", "lacking"]
    assert answer.sentences[-1].text in answer.text and answer.answerable and answer.holds == "part"


def test_what_they_do_not_hold_is_told_without_asking_the_generator(tiny_retriever):
    answer = asked(tiny_retriever, "no")
    assert answer.text == "The passages don't answer the question “Is honey sweet?”"
    assert (answer.holds, answer.confidence, answer.answerable) == ("no", 0.1, False)
    assert answer.lacks and answer.stage == "done"


def test_words_that_no_passage_has_are_named_where_there_is_no_answer(tiny_retriever):
    qa = LongFormQA(tiny_retriever, {"slow": SlowWriter()}, load_selector=lambda: Holding("no"))
    answer = qa.ask("How do vacines wrok with bees?", Settings(generator="slow"))
    assert answer.note.startswith("No passage here has the words “vacines” and “wrok”: check how they are spelt")
    assert "has the word “swet”: check how it is spelt" in qa.ask("Is honey swet?", Settings(generator="slow")).note


@pytest.mark.parametrize(
    ("question", "told"),
    [("Ist der Honig süß und wie machen ihn die Bienen?", "German"), ("Is honey sweet?", "")],
)
def test_a_question_in_another_language_is_told_as_such(tiny_retriever, question, told):
    qa = LongFormQA(tiny_retriever, {"slow": SlowWriter()}, load_selector=lambda: Holding("no"))
    answer = qa.ask(question, Settings(generator="slow"))
    assert told in answer.note and bool(answer.note) == bool(told)


def test_an_answer_to_be_kept_is_written_all_the_same(tiny_retriever):
    answer = asked(tiny_retriever, "no", unsupported="keep")
    assert (answer.text, answer.holds, answer.answerable) == ("All of it.", "no", False)


def test_without_passages_the_selector_is_not_asked(tiny_retriever):
    qa = LongFormQA(tiny_retriever, load_selector=lambda: Holding("no"))
    answer = qa.ask("Is honey sweet?", Settings("none", generator="extractive"))
    assert answer.confidence is None and "No passages" in answer.note


def test_an_earlier_snapshot_does_not_change_later(tiny_qa):
    stream = tiny_qa.stream("How do bees make honey?", QUOTING)
    early = [next(stream), next(stream)]
    copies = [replace(snapshot, seconds=dict(snapshot.seconds)) for snapshot in early]
    list(stream)
    assert early == copies


def test_the_answer_is_the_same_again(tiny_qa):
    first, second = (tiny_qa.ask("What is chess?", QUOTING) for _ in range(2))
    assert (first.text, first.found) == (second.text, second.found)


@pytest.fixture
def index_folder(corpus, write_index, tmp_path) -> Path:
    return write_index(tmp_path / "index", corpus)


@pytest.fixture
def on_the_tiny_corpus(monkeypatch, tiny_qa):
    monkeypatch.setattr(LongFormQA, "load", classmethod(lambda cls, *given, **named: tiny_qa))


def run(*arguments: object) -> int:
    quoting = [] if "--generator" in arguments else ["--generator", "extractive"]
    return command.main([*map(str, arguments), *quoting])


def test_the_command_prints_one_json_object(on_the_tiny_corpus, capsys):
    assert run("What is honey?", "--json", "--passages", 2, "--retrieval", "sparse") == 0
    row = json.loads(capsys.readouterr().out)
    assert row["question"] == "What is honey?" and len(row["passages"]) == 2


def test_the_command_prints_text_with_its_evidence(on_the_tiny_corpus, capsys):
    assert run("What is honey?") == 0
    assert "https://en.wikipedia.org/wiki/Honey" in capsys.readouterr().out


def test_the_command_asks_a_follow_up(on_the_tiny_corpus, capsys, tiny_qa):
    options = ("--retrieval", "sparse", "--passages", 2, "--json")
    assert run("And why?", "--previous", "What are tides?", "--previous", "And the Moon?", *options) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["previous"] == "And the Moon?" and any(passage.get("from_previous") for passage in row["passages"])
    settings = Settings("sparse", 2, "extractive")
    first = tiny_qa.ask("What are tides?", settings)
    second = tiny_qa.ask("And the Moon?", settings, previous=first.as_previous())
    expected = replace(second.as_previous(), said=())
    assert tiny_qa.previous(["What are tides?", "And the Moon?"], settings) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--json"], "The question is empty"),
        (["And why?", "--previous", ""], "The question is empty"),
        (["x" * 2000], "2,000 characters"),
        (["What is it?", "--passages", 0], "the number of passages is 0; allowed is 1 to 20"),
        (["What is it?", "--passages", 10_000], "allowed is 1 to 20"),
        (["What is it?", "--retrieval", "magic"], "allowed are dense"),
        (["What is it?", "--generator", "/no/such/folder"], "/no/such/folder"),
        (["What is it?", "--seed", -1], "seed is -1"),
    ],
)
def test_bad_arguments_get_one_clear_line(on_the_tiny_corpus, capsys, arguments, said):
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.startswith("error: ")


def test_a_missing_index_gets_one_clear_line(capsys, monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    assert run("What is it?", "--index", "/no/such/index") == 1
    assert "there is no index folder /no/such/index" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["What?", "--questions", "q"],
        ["--questions", "q"],
        ["What?", "--output", "o"],
        ["--questions", "q", "--output", "o", "--previous", "Why?"],
    ],
)
def test_arguments_that_do_not_go_together(arguments):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)


QUESTIONS = ["What is honey?", "", "How\u2028do tides work?", "What is chess?"]


@pytest.fixture
def questions(tmp_path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps({"id": i, "question": q}) + "\n\n" for i, q in enumerate(QUESTIONS)))
    return path


def answers(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def without_times(rows: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_a_file_of_questions_is_answered_line_by_line(on_the_tiny_corpus, questions, tmp_path):
    output = tmp_path / "answers.jsonl"
    assert run("--questions", questions, "--output", output) == 0
    rows = answers(output)
    assert [row["id"] for row in rows] == [0, 1, 2, 3]
    assert rows[0]["answer"] and "error" not in rows[0]
    assert rows[1]["answer"] == "" and "empty" in rows[1]["error"]


@pytest.mark.parametrize("cut", [0, 1, 30, 10_000])
def test_a_run_that_ended_early_goes_on(on_the_tiny_corpus, questions, tmp_path, cut):
    whole, output = tmp_path / "whole.jsonl", tmp_path / "answers.jsonl"
    run("--questions", questions, "--output", whole)
    content = whole.read_bytes()
    output.write_bytes(content[: len(content) - cut])
    assert run("--questions", questions, "--output", output) == 0
    assert without_times(answers(output)) == without_times(answers(whole))


def test_answers_of_other_settings_are_kept_and_refused(on_the_tiny_corpus, questions, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    run("--questions", questions, "--output", output)
    before = output.read_bytes()
    assert run("--questions", questions, "--output", output, "--passages", 2) == 1
    assert "made with other settings" in capsys.readouterr().err
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no questions"),
        ("{", "line 1: not JSON"),
        ('{"question": "a b"}\n{"q": 1}', "line 2: expected"),
        ("[]", "line 1"),
    ],
)
def test_a_broken_file_of_questions_is_named(on_the_tiny_corpus, tmp_path, capsys, content, said):
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    assert run("--questions", path, "--output", tmp_path / "a.jsonl") == 1
    assert said in capsys.readouterr().err


def test_cut_at_any_byte_the_lines_before_stay_and_the_rest_is_made_again(tmp_path):
    """What is answered does not matter here, only the file."""
    rows = [{"id": n, "question": f"Wie süß {n}?"} | ({"answer": "mine"} if n == 1 else {}) for n in range(3)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole, output = tmp_path / "whole.jsonl", tmp_path / "a.jsonl"

    def go(path):
        with open_batch(tmp_path / "q.jsonl", path, QUOTING) as batch:
            batch.answer(lambda question, settings: Answer(Retrieved(question), settings))

    go(whole)
    content = whole.read_bytes()
    starts = [at for at, byte in enumerate(content) if byte == ord("\n") or content[at - 1] == ord("\n")]
    for end in {*range(0, len(content), 7), *range(50), *starts, *(start + 1 for start in starts), len(content)}:
        output.write_bytes(content[:end])
        go(output)
        assert output.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary,\n",
        b"Dear diary",
        b"\0\0\0\0",
        b"\x89PNG\r\n\x1a\n\0",
        b'{"a": 1}',
        b'{"a": 1}\n',
        b'{"id": 0, "question": "What is honey?"}',
        b'{"id": 0, "question": "What is honey?", "settings": 1}',
        b'{"id": 1, "que',
        b"[" * 100_000,
    ],
)
def test_a_foreign_output_file_is_never_touched(on_the_tiny_corpus, questions, tmp_path, capsys, content):
    output = tmp_path / "diary.txt"
    output.write_bytes(content)
    assert run("--questions", questions, "--output", output) == 1
    told = capsys.readouterr().err
    assert output.read_bytes() == content and told.startswith("error: ") and told.count("\n") == 1


def test_a_foreign_end_of_a_file_of_answers_is_never_touched(on_the_tiny_corpus, questions, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    run("--questions", questions, "--output", output)
    content = b"".join(output.read_bytes().splitlines(keepends=True)[:2]) + b"To do: buy honey"
    output.write_bytes(content)
    assert run("--questions", questions, "--output", output) == 1
    assert "line 3 is not JSON" in capsys.readouterr().err and output.read_bytes() == content


@pytest.mark.parametrize("link", [os.link, os.symlink, None])
def test_the_questions_are_no_output(on_the_tiny_corpus, questions, tmp_path, capsys, link):
    content, output = questions.read_bytes(), questions
    if link:
        output = tmp_path / "same"
        link(questions, output)
    assert run("--questions", questions, "--output", output) == 1
    assert "both read and written" in capsys.readouterr().err and questions.read_bytes() == content


@pytest.mark.parametrize("output", ["/dev/full", "."])
def test_an_output_that_is_no_file_is_said(on_the_tiny_corpus, questions, capsys, output):
    assert run("--questions", questions, "--output", output) == 1
    told = capsys.readouterr().err
    assert ("no regular file" in told or "is a folder" in told) and told.count("\n") == 1


def test_a_second_process_on_one_output_ends_with_nothing_written(on_the_tiny_corpus, questions, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    with sole_writer(output):
        assert run("--questions", questions, "--output", output) == 1
        assert f"is being written by process {os.getpid()}" in capsys.readouterr().err
        assert output.read_bytes() == b""
    assert not output.exists()


def test_a_rows_own_fields_stay_and_ours_stand_beside_them(on_the_tiny_corpus, tmp_path):
    own = {"question": "What is honey?", "answer": "mine", "passages": [1], "note": None, "settings": {}, "error": "e"}
    rows = [own, {"question": "", "error": "e"}, {"question": "What is chess?", "topic": "games"}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "answers.jsonl"
    assert run("--questions", tmp_path / "q.jsonl", "--output", output) == 0
    first, second, third = answers(output)
    assert own.items() <= first.items() and first.keys() - own.keys() == {"long_form_qa"}
    assert first["long_form_qa"].keys() >= KEYS and first["long_form_qa"]["settings"]["generator"] == "extractive"
    assert second["error"] == "e" and "empty" in second["long_form_qa"]["error"]
    assert third["topic"] == "games" and third["answer"] and "long_form_qa" not in third
    # Answers are questions again, and those of the first time stay.
    again = tmp_path / "again.jsonl"
    for _ in range(2):
        assert run("--questions", output, "--output", again, "--passages", 2) == 0
        for row, before in zip(answers(again), (first, second, third), strict=True):
            assert before.items() <= row.items()
            assert answer_of(row)["settings"]["passages"] == 2 and answer_of(row)["question"] == row["question"]


@pytest.mark.assets
def test_ctrl_c_leaves_whole_lines_and_the_run_goes_on(tmp_path):
    path, output = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    # So many that the run cannot be over before Ctrl-C comes, however busy the machine.
    lines = [json.dumps({"question": f"What is the number {n}?"}) + "\n" for n in range(2000)]
    path.write_text("".join(lines))
    options = ["--generator", "extractive", "--questions", str(path), "--output", str(output)]
    arguments = [sys.executable, "qa.py", *options]
    process = subprocess.Popen(interruptible(arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (output.exists() and output.read_bytes().count(b"\n") >= 2) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130 and "run the same command again" in error and "Traceback" not in error
    left = answers(output)
    assert 2 <= len(left) < len(lines)
    # The same beginning; the rest would only take time.
    path.write_text("".join(lines[: len(left) + 2]))
    assert subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert answers(output)[: len(left)] == left and len(answers(output)) == len(left) + 2


def test_settings_hold_everything_needed_to_repeat_a_run():
    settings = Settings("dense", 7, "fused", decoding="sampling", seed=5)
    assert Settings(**settings.to_json()) == settings


def test_a_fresh_answer_is_empty():
    assert Answer(Retrieved("Why?")).to_json()["answer"] == ""


def test_only_the_last_checkpoint_is_kept_beside_the_embedded_generators(tiny_qa, monkeypatch):
    loads = []
    monkeypatch.setattr(command, "load_generator", lambda name, parts: loads.append(name) or SlowWriter())
    for name in ("fused", "first/model", "second/model", "first/model", "first/model", "fused"):
        tiny_qa.generator(name)
    assert loads == ["fused", "first/model", "second/model", "first/model"]


@pytest.mark.parametrize("as_json", [False, True])
def test_titles_on_the_terminal_are_shown_and_not_obeyed(capsys, as_json):
    passage = Passage("1", "Sea\x1b[2J\x1b]0;x\x07", "", "Water\x9b31m\u202e.", "https://example.org/\x1b")
    sentence = Sentence("Water\x1b[1m.", "quoted", ((1, 1),), 0.9, "supported", 1, "Water\x08")
    answer = Answer(Retrieved("Why?", (Found(1, passage),)), Settings(), text="Water\x1b[1m.", sentences=(sentence,))
    command._print_answer(answer, as_json)
    said = capsys.readouterr().out
    assert "Sea" in said and not set(said) & set("\x1b\x07\x08\x9b\u202e")
    if as_json:
        assert json.loads(said)["passages"][0]["title"] == passage.title
