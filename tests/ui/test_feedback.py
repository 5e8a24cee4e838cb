"""The store of ratings: many writers, killed writers, uploads; and what is no rating."""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ui.feedback import FeedbackError, FeedbackStore, StoreError, open_store, rating, read_records, vote
from ui.rating import Answered, RatingStrip
from ui.runs import RatingError

ROOT = Path(__file__).resolve().parents[2]
ANSWER = {"run": "r", "question": "Why?", "settings": {"seed": 0}}
# Appends long records until it is killed; says the number of each once it is stored.
WRITER = """
import sys
from pathlib import Path
from ui.feedback import FeedbackStore
store, name = FeedbackStore(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    store.append({"kind": "rating", "writer": name, "number": number, "padding": "x" * 20_000})
    print(number, flush=True)
"""


def start(path, name, count):
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_many_writers_and_a_kill_lose_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "ratings.jsonl"
    steady = [start(path, f"steady-{number}", 40) for number in range(2)]
    killed = [start(path, f"killed-{number}", 100_000) for number in range(2)]
    said = {}
    for process in killed:
        lines = [process.stdout.readline() for _ in range(10)]
        process.send_signal(signal.SIGKILL)
        said[process.args[-2]] = len(lines) + len(process.stdout.read().split())
        process.wait()
    for process in steady:
        said[process.args[-2]] = len(process.communicate(timeout=240)[0].split())
        assert process.returncode == 0
    stored = {}
    for record in read_records(path):
        stored.setdefault(record["writer"], []).append(record["number"])
    for name, count in said.items():
        assert stored[name] == list(range(len(stored[name]))), "in order, each once"
        assert len(stored[name]) in (count, count + 1), "one may be stored and not yet said"
    assert said["steady-0"] == said["steady-1"] == 40


@pytest.mark.parametrize("torn", [b'{"kind": "rat', b"x" * 200_000])
def test_a_line_torn_by_a_kill_is_cut_off_before_the_next(tmp_path, torn):
    store = FeedbackStore(tmp_path / "ratings.jsonl")
    store.append({"kind": "rating", "number": 1})
    with store.path.open("ab") as file:
        file.write(torn)
    assert [record["number"] for record in read_records(store.path)] == [1]
    store.append({"kind": "rating", "number": 2})
    assert [json.loads(line)["number"] for line in store.path.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize("torn", [b'{"kind": "rating", "reason": "my wo', b"a note"])
def test_a_torn_line_is_kept_aside(tmp_path, torn):
    store = FeedbackStore(tmp_path / "ratings.jsonl")
    store.append({"kind": "rating", "number": 1})
    for number in (2, 3):
        with store.path.open("ab") as file:
            file.write(torn)
        store.append({"kind": "rating", "number": number})
    assert [record["number"] for record in read_records(store.path)] == [1, 2, 3]
    assert [path.read_bytes() for path in tmp_path.glob("ratings.jsonl.*.torn")] == [torn, torn]


def test_a_whole_last_record_without_a_line_end_is_kept(tmp_path):
    store = FeedbackStore(tmp_path / "ratings.jsonl")
    store.path.write_text('{"number": 1, "kind": "vote"}')
    assert [record["number"] for record in read_records(store.path)] == [1]
    store.append({"kind": "rating", "number": 2})
    assert [json.loads(line)["number"] for line in store.path.read_text().splitlines()] == [1, 2]
    assert not list(tmp_path.glob("*.torn"))


@pytest.mark.parametrize(
    "content", [b"Dear diary\n", b"Dear diary", b'{"a": 1}\n', b'{"kind": "of blue"}', b"\0\xff", b"[" * 100_000, b"\n"]
)
def test_a_file_of_something_else_is_never_touched(tmp_path, monkeypatch, content):
    path = tmp_path / "notes"
    path.write_bytes(content)
    monkeypatch.setenv("LFQA_RATINGS", str(path))
    with pytest.raises(StoreError, match="notes holds something else than ratings and stays as it is"):
        open_store()
    with pytest.raises(StoreError):
        FeedbackStore(path).append({"kind": "rating"})
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["notes"]


def test_somebody_elses_lock_is_not_emptied(tmp_path):
    (tmp_path / "ratings.jsonl.lock").write_text("a key")
    with pytest.raises(StoreError, match=r"ratings.jsonl.lock is somebody else's"):
        FeedbackStore(tmp_path / "ratings.jsonl").append({"kind": "rating"})
    assert (tmp_path / "ratings.jsonl.lock").read_text() == "a key"


@pytest.mark.parametrize("path", ["/dev/full", "."])
def test_a_path_that_is_no_file_is_said_at_the_start(monkeypatch, tmp_path, path):
    monkeypatch.setenv("LFQA_RATINGS", str(tmp_path / path))
    with pytest.raises(StoreError, match="is no regular file; name another with LFQA_RATINGS"):
        open_store()


def test_on_a_full_disk_nothing_is_stored_in_part(tmp_path):
    store, (_, hard) = FeedbackStore(tmp_path / "ratings.jsonl"), resource.getrlimit(resource.RLIMIT_FSIZE)
    store.append({"kind": "rating", "number": 1})
    before = store.path.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError):
            store.append({"kind": "rating", "padding": "x" * 200_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert store.path.read_bytes() == before


def test_eight_threads_write_whole_lines(tmp_path):
    store = FeedbackStore(tmp_path / "ratings.jsonl")

    def write(name):
        for number in range(10):
            store.append({"kind": "rating", "writer": name, "number": number, "padding": "x" * 30_000})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [(record["writer"], record["number"]) for record in read_records(store.path)]
    assert sorted(found) == [(name, number) for name in range(8) for number in range(10)]


def test_what_no_text_may_hold_is_mended_in_a_reason(tmp_path):
    store = FeedbackStore(tmp_path / "ratings.jsonl")
    store.append(rating(ANSWER | {"answer": "\udc80"}, {"factual": 5}, reason="cut \ud83d\0"))
    (record,) = read_records(store.path)
    assert (record["reason"], record["answer"]["answer"]) == ("cut \ufffd\ufffd", "\ufffd")


@pytest.mark.parametrize(
    "given",
    [({"factual": "x" * 10**6},), ({"x" * 10**6: 1},), ({"factual": 1}, "\ud83d" * 10**6), ({"factual": 1}, "", 5)],
)
def test_what_is_refused_is_said_in_a_short_line_that_can_be_written(given):
    with pytest.raises(FeedbackError) as said:
        rating(ANSWER, *given)
    assert len(str(said.value).encode()) < 250


@pytest.mark.parametrize("failure", [OSError("full"), StoreError("theirs"), ValueError("ours"), KeyboardInterrupt()])
def test_after_any_failure_the_answer_may_be_rated_again(tmp_path, monkeypatch, failure):
    strip = RatingStrip(FeedbackStore(tmp_path / "ratings.jsonl"))
    strip.finished.add("r", Answered(ANSWER))
    with monkeypatch.context() as patch:
        patch.setattr(FeedbackStore, "append", lambda *_: (_ for _ in ()).throw(failure))
        with pytest.raises(type(failure)):
            strip.rate("r", {"factual": 4}, "", "")
    strip.rate("r", {"factual": 4}, "", "")
    with pytest.raises(RatingError, match="rated already"):
        strip.rate("r", {"factual": 4}, "", "")
    with pytest.raises(RatingError, match="not held"):
        strip.rate(["r"], {"factual": 4}, "", "")
    assert len(list(read_records(strip.store.path))) == 1


ANSWER = {"settings": {"generator": "fused", "retrieval": "mixed", "passages": 4}}
RATING = {"kind": "rating", "scores": {"clear": 3}, "went_wrong": "", "answer": ANSWER}
VOTE = {"kind": "vote", "winner": "a", "answers": {"a": ANSWER, "b": ANSWER}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"question": "Why?"}, "no record of a rating or vote"),
        (RATING | {"scores": {"clear": 6}}, 'the rating has no right "scores"'),
        (RATING | {"scores": {"clear": True}}, 'the rating has no right "scores"'),
        (RATING | {"went_wrong": 5}, 'the rating has no right "went_wrong"'),
        (RATING | {"answer": {"settings": {}}}, 'the rating has no right "answer"'),
        (RATING | {"answer": ANSWER | {"sentences": [5]}}, 'the rating has no right "answer"'),
        (VOTE | {"winner": []}, 'the vote has no right "winner"'),
        (VOTE | {"answers": {"a": ANSWER}}, 'the vote has no right "answers"'),
        ("x" * 99, "no record"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, said):
    path = tmp_path / "ratings.jsonl"
    path.write_text("\ufeff" + "".join(json.dumps(row) + "\n" for row in (RATING, VOTE, line)), encoding="utf-8")
    with pytest.raises(FeedbackError, match=f"line 3: {said}"):
        list(read_records(path, whole=True))


@pytest.mark.parametrize("line", ["9" * 5000, "[" * 100_000, "caf\udce9"])
def test_a_line_of_another_kind_is_refused_and_an_unfinished_one_left_out(tmp_path, line):
    path = tmp_path / "ratings.jsonl"
    path.write_text(f"{json.dumps(RATING)}\n{line}", encoding="utf-8", errors="surrogateescape")
    assert list(read_records(path)) == [RATING]
    with path.open("a") as file:
        file.write("\n")
    with pytest.raises(FeedbackError, match="line 2: not JSON"):
        list(read_records(path))


def test_a_rating_keeps_what_was_given_and_all_that_repeats_the_run():
    record = rating(ANSWER, {"factual": 5, "clear": None}, "both", "  too short ")
    assert (record["scores"], record["went_wrong"], record["reason"]) == ({"factual": 5}, "both", "too short")
    assert record["answer"] == ANSWER and record["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "scores", [{"factual": 0}, {"factual": 6}, {"factual": "5"}, {"factual": True}, {"nice": 3}, {}]
)
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(FeedbackError):
        rating(ANSWER, scores)


def test_a_vote_names_its_winner_by_side():
    answers = {"a": {"answer": "x"}, "b": {"answer": "y"}}
    record = vote(answers, "ba", "a")
    assert (record["winner"], record["order"], record["answers"]) == ("a", "ba", answers)
    with pytest.raises(FeedbackError, match="allowed are a, b, tie, both bad"):
        vote(answers, "ab", "c")


class Hub(BaseHTTPRequestHandler):
    """The few answers of the Hugging Face Hub that an upload needs, on this machine; it keeps what was committed."""

    committed: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/repos/create":
            reply = {"url": "http://127.0.0.1/datasets/me/ratings", "name": "me/ratings"}
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            reply = {"files": [{"path": row["path"], "uploadMode": "regular", "shouldIgnore": False} for row in files]}
        else:
            self.committed.append([json.loads(line) for line in body.splitlines()])
            reply = {
                "commitOid": "0" * 40,
                "commitUrl": "http://127.0.0.1/datasets/me/ratings/commit/0",
                "success": True,
            }
        self._reply(reply)

    def do_GET(self):
        self._reply({"id": "me/ratings", "sha": "0" * 40, "siblings": []})

    def _reply(self, content):
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def test_with_a_token_and_a_dataset_ratings_are_committed_to_the_hub(tmp_path):
    Hub.committed = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = (
        "from ui.feedback import open_store\n"
        "store = open_store(print)\n"
        "store.append({'kind': 'rating', 'number': 7})\n"
        "import gc\n"
        "from huggingface_hub import CommitScheduler\n"
        "(scheduler,) = [item for item in gc.get_objects() if type(item) is CommitScheduler]\n"
        "scheduler.trigger().result()\n"
        "scheduler.stop()\n"
    )
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_TOKEN": "hf_of_a_test",
        "HF_HUB_OFFLINE": "0",
        "LFQA_RATINGS_DATASET": "me/ratings",
        "LFQA_RATINGS": str(tmp_path / "ratings.jsonl"),
    }
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    server.shutdown()
    assert run.returncode == 0, run.stderr
    assert "every 5 minutes to the dataset me/ratings" in run.stdout
    files = [row["value"] for commit in Hub.committed for row in commit if row["key"] == "file"]
    (file,) = files
    assert file["path"].startswith("ratings/ratings-") and file["path"].endswith(".jsonl")
    assert json.loads(base64.b64decode(file["content"])) == {"kind": "rating", "number": 7}


@pytest.mark.parametrize(("dataset", "token"), [("", ""), ("", "hf_x"), ("me/ratings", "")])
def test_without_both_ratings_stay_in_the_local_file(tmp_path, monkeypatch, dataset, token):
    monkeypatch.setenv("LFQA_RATINGS", str(tmp_path / "deep" / "ratings.jsonl"))
    monkeypatch.setenv("LFQA_RATINGS_DATASET", dataset)
    monkeypatch.setenv("HF_TOKEN", token)
    store = open_store()
    store.append({"kind": "rating"})
    assert [record["kind"] for record in read_records(tmp_path / "deep" / "ratings.jsonl")] == ["rating"]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        FeedbackStore(tmp_path / "file" / "ratings.jsonl").append({"kind": "rating"})
