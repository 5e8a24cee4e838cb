import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.build_index import main
from data.snippets import read_shards
from retriever.building import build as building
from retriever.building import command
from retriever.building.check import card, verify
from retriever.errors import IndexFolderError
from retriever.index import PassageIndex
from retriever.index_folder import read_index_manifest
from retriever.search import Retriever


@pytest.fixture(autouse=True)
def encoder(monkeypatch, tiny_encoder):
    monkeypatch.setattr("retriever.encode.Encoder.load", classmethod(lambda cls, checkpoint=None: tiny_encoder))
    return tiny_encoder


def run(source, output, *more) -> int:
    return main(["--source", str(source), "--output", str(output), "--shard-rows", "8", *more])


def hashes(folder: Path) -> dict[str, str]:
    """Every passage and vector file by its content."""
    files = [*folder.glob("passages/*"), *folder.glob("vectors/*")]
    return {f"{f.parent.name}/{f.name}": hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture
def whole(articles, tmp_path):
    assert run(articles, tmp_path / "whole") == 0
    return tmp_path / "whole"


def test_a_build_opens_and_finds_its_passages(whole, encoder):
    index = PassageIndex.open(whole, encoder.identity)
    manifest = index.manifest
    assert len(index) == len(list(index.passages)) == sum(manifest.shards) > 40 and manifest.shards[0] == 8
    assert manifest.settings["skipped"] == 1
    assert json.loads((whole / "skipped.jsonl").read_text())["title"] == "line 10"
    texts = [f"{p.title}, {p.section}: {p.text}" for p in index.passages]
    expected = encoder.encode_passages(texts)
    np.testing.assert_allclose(index.scores(np.eye(128, dtype=np.float32), np.arange(len(index))), expected, atol=2e-3)
    assert Retriever(encoder, index).search("Which woodwind has a reed?", 3, "mixed")


@pytest.mark.parametrize("restart", [[], ["--restart"]])
@pytest.mark.parametrize("name", ["notes.txt", "manifest.json", "build.json", "skipped.jsonl", "index-1.faiss", ".lock",
                                  "passages/00000.arrow", "vectors/00000.npy", "bm25-1/params.index.json",
                                  "milvus-thesis.txt", ".thesis.7.1a2b3c4d.part", "index-thesis.faiss/a"])  # fmt: skip
def test_a_folder_that_is_not_ours_is_neither_built_into_nor_emptied(articles, tmp_path, capsys, name, restart):
    path = tmp_path / "theirs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"name": "their app", "model": "T"}')
    assert run(articles, tmp_path / "theirs", *restart) == 1
    told = capsys.readouterr().err
    assert "holds other files" in told and "stay as they are" in told and told.count("\n") == 1
    assert path.read_text() == '{"name": "their app", "model": "T"}'
    assert [file for file in (tmp_path / "theirs").rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize("name", ["passages/notes.txt", "vectors/mine/a", "bm25-1/thesis.txt", "index-mine.faiss"])
def test_strangers_in_an_index_are_found_and_nothing_is_removed(articles, whole, capsys, name):
    (whole / name).parent.mkdir(exist_ok=True)
    (whole / name).write_text("Mine")
    before = sorted(whole.rglob("*"))
    assert run(articles, whole, "--restart") == 1
    assert f"holds other files ({name.removesuffix('/a')}" in capsys.readouterr().err
    assert (whole / name).read_text() == "Mine" and sorted(whole.rglob("*")) == before


class Killed(BaseException):
    """What ends a run at once, as a kill would."""


@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_file_it_ends_with_the_same_bytes(articles, tmp_path, whole, monkeypatch, before):
    """Every file gets its name by os.replace: end the run just before, or just after, each one in turn."""
    replace, folder, kills = os.replace, tmp_path / "killed", 0

    def dying(source, target):
        nonlocal left
        left -= 1
        if left == 0 and before:
            raise Killed
        replace(source, target)
        if left == 0:
            raise Killed

    for nth in range(1, 100):
        left = 1 + nth % 3
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dying)
            try:
                assert run(articles, folder) == 0
                break
            except Killed:
                kills += 1
    assert kills > 5 and hashes(folder) == hashes(whole)


def test_killed_for_real_it_ends_with_the_same_bytes(articles, checkpoint, tmp_path):
    command = [sys.executable, "-m", "data.build_index", "--source", str(articles), "--encoder", str(checkpoint)]
    command += ["--shard-rows", "2", "--threads", "1", "--output"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    killed = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    while killed.poll() is None and not (tmp_path / "killed/vectors/00003.npy").exists():
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    subprocess.run([*command, str(tmp_path / "killed")], check=True, capture_output=True)
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")


def test_what_a_kill_left_half_written_is_removed_and_nothing_else(articles, tmp_path, whole, capsys):
    folder = tmp_path / "i"
    (folder / "vectors").mkdir(parents=True)
    for name in ("vectors/.00000.npy.7.1a2b3c4d.part", ".index-1.faiss.7.1a2b3c4d.part"):
        (folder / name).write_bytes(b"half")
    (folder / ".bm25-1.7.1a2b3c4d.part").mkdir()
    assert run(articles, folder) == 0
    assert not list(folder.rglob("*.part")) and hashes(folder) == hashes(whole)
    (folder / "thesis.part").write_text("Mine")
    assert run(articles, folder) == 1 and "holds other files (thesis.part" in capsys.readouterr().err
    assert (folder / "thesis.part").read_text() == "Mine"


def test_readers_in_other_processes_write_the_same_passages(articles, tmp_path, whole):
    assert run(articles, tmp_path / "two", "--workers", "2") == 0
    assert hashes(tmp_path / "two") == hashes(whole)


def test_a_finished_build_is_left_alone(articles, whole):
    before = (whole / "manifest.json").stat().st_mtime_ns
    assert run(articles, whole) == 0
    assert (whole / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--words", "20"], "words: 100 before, 20 now"),
        (["--no-titles"], "titles: True before, False now"),
        (["--kind", "hnsw"], "kind: auto before, hnsw now"),
    ],
)
def test_another_setting_is_refused_with_the_choices(articles, whole, capsys, more, said):
    before = hashes(whole)
    assert run(articles, whole, *more) == 1
    told = capsys.readouterr().err
    assert said in told and "--restart" in told and "--reindex" in told and hashes(whole) == before


def test_another_source_or_model_is_refused(articles, whole, tmp_path, capsys, encoder, monkeypatch):
    (tmp_path / "b.jsonl").write_text('{"title": "A", "text": "B."}')
    assert run(tmp_path / "b.jsonl", whole) == 1
    assert f"source: {articles} before" in capsys.readouterr().err
    monkeypatch.setattr(encoder, "identity", "another")
    assert run(articles, whole) == 1
    assert "model: tiny random RetriBERT (tiny) before" in capsys.readouterr().err


def test_a_changed_file_is_noticed_in_the_middle(articles, tmp_path, capsys, monkeypatch):
    source = tmp_path / "a.jsonl"
    source.write_text(articles.read_text())
    monkeypatch.setattr(building, "_vectors", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run(source, tmp_path / "i") == 130
    with source.open("a") as file:
        file.write('{"title": "New", "text": "More."}\n')
    assert run(source, tmp_path / "i") == 1
    assert "the content of" in capsys.readouterr().err


def test_a_first_run_that_wrote_nothing_binds_nobody(tmp_path, capsys):
    pq.write_table(pa.table({"name": ["Flute"], "body": ["It has no reed."]}), tmp_path / "a.parquet")
    assert run(tmp_path / "a.parquet", tmp_path / "i") == 1
    assert 'no column "title"' in capsys.readouterr().err
    columns = ["--title-column", "name", "--text-column", "body"]
    assert run(tmp_path / "a.parquet", tmp_path / "i", *columns) == 0


def test_a_damaged_build_of_ours_is_begun_anew(articles, whole):
    (whole / "manifest.json").unlink()
    notes = (whole / "build.json").read_text()
    (whole / "build.json").write_text(notes[:-5])
    assert run(articles, whole, "--restart") == 0 and verify(whole)


def test_begun_anew_it_forgets_the_old(articles, whole):
    assert run(articles, whole, "--words", "20", "--restart") == 0
    assert read_index_manifest(whole).settings["words"] == 20 and verify(whole)


@pytest.mark.parametrize("kind", ["hnsw", "flat"])
def test_added_passages_are_found_beside_the_old(articles, whole, tmp_path, encoder, kind):
    assert run(articles, whole, "--kind", kind, "--reindex") == 0
    before = list(PassageIndex.open(whole, encoder.identity).passages)
    (tmp_path / "b.jsonl").write_text('{"title": "Zither", "text": "A zither has strings."}\n')
    assert (
        main(
            [
                *("--source", str(tmp_path / "b.jsonl")),
                "--output",
                str(whole),
                "--shard-rows",
                "8",
                "--add",
                "--kind",
                kind,
            ]
        )
        == 0
    )
    index = PassageIndex.open(whole, encoder.identity)
    assert list(index.passages)[:-1] == before and index.passages[-1].title == "Zither"
    assert index.manifest.kind == kind and index.manifest.source.endswith(" + b.jsonl")
    vector = encoder.encode_passages(["A zither has strings."])
    assert index.search(vector, 1)[1][0, 0] == len(before)
    assert Retriever(encoder, index).search("zither strings", 1, "sparse")[0].passage.title == "Zither"
    assert verify(whole, encoder)


@pytest.mark.parametrize("more", [["--add"], ["--kind", "hnsw", "--reindex"]])
def test_a_change_that_was_killed_leaves_the_old_index_and_goes_on(
    articles, whole, tmp_path, encoder, monkeypatch, more
):
    source = articles
    if more == ["--add"]:
        source = tmp_path / "b.jsonl"
        source.write_text('{"title": "Zither", "text": "A zither has strings."}\n')
    old = read_index_manifest(whole)
    with monkeypatch.context() as patch:
        patch.setattr("retriever.building.build.write_index", lambda *given: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run(source, whole, *more)
    assert read_index_manifest(whole) == old and verify(whole, encoder)
    assert run(source, whole, *[word for word in more if word not in ("--add", "--reindex")]) == 0
    new = read_index_manifest(whole)
    assert new.generation == 2 and verify(whole, encoder)
    assert (new.passages, new.kind) == ((old.passages + 1, "flat") if more == ["--add"] else (old.passages, "hnsw"))


def test_the_same_source_is_not_added_twice(articles, whole, capsys):
    assert run(articles, whole, "--add") == 1
    assert "already" in capsys.readouterr().err


def test_another_kind_keeps_passages_and_vectors(articles, whole, encoder):
    before = hashes(whole)
    assert run(articles, whole, "--kind", "hnsw", "--reindex") == 0
    manifest = read_index_manifest(whole)
    assert manifest.kind == "hnsw" and manifest.recall["recall@10"] >= 0.95 and hashes(whole) == before
    assert [path.name for path in whole.glob("index-*")] == ["index-2.faiss"]
    assert "hnsw" in card(whole) and verify(whole, encoder)


@pytest.mark.parametrize(
    "name", ["passages/00001.arrow", "vectors/00002.npy", "index-1.faiss", "bm25-1/vocab.index.json"]
)
@pytest.mark.parametrize("damage", ["remove", "truncate", "change"])
def test_verify_finds_damage(whole, name, damage):
    path = whole / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        cut = len(content) // 2
        path.write_bytes(
            content[:cut] if damage == "truncate" else content[:cut] + bytes([content[cut] ^ 1]) + content[cut + 1 :]
        )
    with pytest.raises(IndexFolderError, match=path.name):
        verify(whole)


def test_verify_and_info_as_commands(whole, capsys):
    assert main(["verify", str(whole)]) == 0 and main(["info", str(whole)]) == 0
    told = capsys.readouterr().out
    assert "is whole" in told and "exact search" in told
    assert main(["verify", str(whole / "none")]) == 1
    assert "there is no index folder" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_said(articles, tmp_path, capsys, monkeypatch):
    def read_only(*given, **named):
        raise PermissionError(errno.EACCES, "Permission denied", "index")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", read_only)
        assert run(articles, tmp_path / "i") == 1
    assert "cannot be written: Permission denied (index); name another --output" in capsys.readouterr().err


def test_a_full_disk_is_said_and_the_build_goes_on(articles, tmp_path, whole, capsys, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("data.snippets.write_shard", full)
        assert run(articles, tmp_path / "i") == 1
    told = capsys.readouterr().err
    assert "is full" in told and "goes on where it was" in told and "Traceback" not in told
    assert run(articles, tmp_path / "i") == 0 and hashes(tmp_path / "i") == hashes(whole)


def test_too_little_disk_is_said_before_the_work(articles, tmp_path, capsys, monkeypatch):
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert run(articles, tmp_path / "i") == 1
    assert "GB are needed and 0.00 GB are free" in capsys.readouterr().err


def test_bad_arguments_end_with_status_two(articles, tmp_path, capsys):
    for more, said in [
        (["--engine", "magic"], "allowed are local, ray"),
        (["--words", "0"], "at least 1"),
        (["--recall", "2"], "at most 1"),
        (["--store", "redis:x"], "allowed is milvus:URI"),
        (["--memory-limit", "much"], "no size"),
        (["--add", "--restart"], "exclude one another"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            run(articles, tmp_path / "i", *more)
        assert said in capsys.readouterr().err
    assert run(articles, tmp_path / "i", "--kind", "magic") == 1
    assert "allowed are auto, flat, hnsw, ivfpq" in capsys.readouterr().err


def test_two_builds_of_one_folder_exclude_each_other(articles, tmp_path, capsys):
    from filelock import FileLock

    (tmp_path / "i").mkdir()
    with FileLock(tmp_path / "i/.lock"):
        assert run(articles, tmp_path / "i") == 1
    assert "another process is building" in capsys.readouterr().err


def test_a_large_index_without_bm25_is_searched_densely(whole, encoder, monkeypatch, articles):
    assert run(articles, whole, "--bm25", "no", "--reindex") == 0
    monkeypatch.setattr("retriever.index._BM25_IN_MEMORY", 10)
    retriever = Retriever(encoder, PassageIndex.open(whole, encoder.identity))
    mixed, dense = (retriever.search("Which woodwind has a reed?", 4, method) for method in ("mixed", "dense"))
    assert mixed == dense and retriever.score_name("mixed") == "cosine"
    with pytest.raises(IndexFolderError, match="--bm25 yes"):
        retriever.search("reed", 4, "sparse")


def test_nothing_is_unpickled_or_left_behind(whole):
    names = sorted(path.name for path in whole.iterdir())
    assert names == [
        ".lock",
        "bm25-1",
        "build.json",
        "index-1.faiss",
        "manifest.json",
        "passages",
        "skipped.jsonl",
        "vectors",
    ]
    assert not list(whole.rglob("*.part")) and read_shards(whole / "passages").place.ended


def test_sizes_are_read():
    assert command._bytes("2.5GB") == 2_500_000_000
