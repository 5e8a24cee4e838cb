"""Outputs that are somebody else's, or another process's, stay as they are."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from core.outputs import (
    MARK,
    PICTURE,
    OutputError,
    append_line,
    beginning,
    check_apart,
    check_replaceable,
    own_folder,
    sole_writer,
    write_own_json,
    write_own_text,
    write_picture,
)

OURS = beginning(b'{"ours": ')
HOLDER = """
import sys, time
from pathlib import Path
from core.outputs import own_folder, sole_writer
with {"file": sole_writer, "folder": own_folder}[sys.argv[1]](Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def holder(kind, path):
    """Another process that writes a file or fills a folder."""
    command = [sys.executable, "-c", HOLDER, kind, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_second_writer_is_told_who_the_first_is_and_a_killed_one_blocks_nobody(tmp_path, kind):
    path, hold = tmp_path / "out", {"file": sole_writer, "folder": own_folder}[kind]
    with holder(kind, path) as process:
        who = f"process {process.pid}" if os.path.exists("/proc/locks") else "another process"
        with pytest.raises(OutputError, match=f"is being written by {who}"), hold(path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold(path):
            pass


def test_one_process_is_no_second_writer_of_its_own(tmp_path):
    with sole_writer(tmp_path / "a"), pytest.raises(OutputError), sole_writer(tmp_path / "a"):
        pass


def test_a_file_that_nothing_was_written_to_goes_and_another_stays(tmp_path):
    (tmp_path / "kept").touch()
    for name in ("kept", "new", "deeper/new"):
        with sole_writer(tmp_path / name):
            pass
    assert sorted(os.listdir(tmp_path)) == ["deeper", "kept"] and os.listdir(tmp_path / "deeper") == []


def test_lines_are_appended_and_nothing_is_emptied(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"no line end")
    with sole_writer(path) as file:
        assert file.read() == b"no line end"
        append_line(file, {"ä": 1}, path)
    assert path.read_text(encoding="utf-8") == 'no line end{"ä": 1}\n'


def test_on_a_full_disk_no_part_of_a_line_is_left(tmp_path):
    """A limit of the file's size: the system writes what fits, as on a full disk."""
    path, (_, hard) = tmp_path / "a", resource.getrlimit(resource.RLIMIT_FSIZE)
    with sole_writer(path) as file:
        append_line(file, "first", path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(OSError) as said:
                append_line(file, "x" * 200_000, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert path.read_text() == '"first"\n' and said.value.filename == str(path)


@pytest.mark.parametrize("content", [b"Dear diary", b"Dear diary\n", b"\0\xff\x89PNG", b'{"a": 1}', b" {"])
def test_a_file_that_is_not_known_as_ours_is_not_replaced(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="stays as it is"):
        write_own_text(path, "new", OURS)
    with pytest.raises(OutputError, match="stays as it is"):
        write_own_json(path, {}, OURS)
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("content", [None, b"", b'{"ours": 1}'])
def test_what_is_ours_or_empty_is_replaced(tmp_path, content):
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    write_own_json(tmp_path / "a", {"ours": 2}, OURS, indent=None)
    assert json.loads((tmp_path / "a").read_text()) == {"ours": 2}


def test_through_a_link_the_file_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "a").write_bytes(b'{"ours": 1}')
    (tmp_path / "link").symlink_to("a")
    write_own_text(tmp_path / "link", "new", OURS)
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("path", [".", "/dev/full", "pipe", "dangling"])
def test_what_is_no_file_is_not_written(tmp_path, path):
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for refused in (lambda at: check_replaceable(at, OURS), lambda at: sole_writer(at).__enter__()):
        with pytest.raises(OutputError, match=r"is a folder|no regular file"):
            refused(tmp_path / path)
    assert sorted(os.listdir(tmp_path)) == ["dangling", "pipe"]


@pytest.mark.parametrize("link", [os.link, os.symlink, lambda source, target: None])
def test_an_input_is_no_output_by_any_name(tmp_path, link):
    (tmp_path / "a").write_text("x")
    link(tmp_path / "a", tmp_path / "b")
    (tmp_path / "folder").mkdir()
    for output in (tmp_path / "a", tmp_path / "folder" / ".." / "a", tmp_path / "b"):
        if output.exists():
            with pytest.raises(OutputError, match="both read and written"):
                check_apart(output, None, tmp_path / "none", tmp_path / "a")
    check_apart(tmp_path / "new", tmp_path / "a")


def test_a_picture_replaces_only_a_picture_of_ours(tmp_path):
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(1, 1))
    figure.savefig(tmp_path / "theirs.png")
    theirs = (tmp_path / "theirs.png").read_bytes()
    with pytest.raises(OutputError):
        write_picture(figure, tmp_path / "theirs.png")
    assert (tmp_path / "theirs.png").read_bytes() == theirs
    for _ in range(2):
        write_picture(figure, tmp_path / "ours.png")
    check_replaceable(tmp_path / "ours.png", PICTURE)


@pytest.mark.parametrize("name", ["log.jsonl", "notes.txt", MARK, ".hidden"])
def test_a_folder_with_other_files_is_not_filled(tmp_path, name):
    (tmp_path / name).write_text('{"not": "ours"}')
    with pytest.raises(OutputError, match=rf"holds other files \({name}\)"), own_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == '{"not": "ours"}'


@pytest.mark.parametrize("before", [None, "empty folder", "empty mark", "mark", "begun"])
def test_a_folder_of_ours_is_gone_on_with(tmp_path, before):
    folder = tmp_path / "run"
    if before:
        folder.mkdir()
    if before == "empty mark":
        (folder / MARK).touch()
    elif before == "mark":
        with own_folder(folder):
            (folder / "notes.txt").write_text("mine")
    elif before == "begun":
        (folder / "state").touch()
    with own_folder(folder, begun=lambda at: (at / "state").exists()):
        assert json.loads((folder / MARK).read_text()) == {"program": "long-form-qa"}
