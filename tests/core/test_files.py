import os
import resource
import subprocess
import sys

import pytest

from core.files import PathError, at_home, file_sha256, replacing, write_json, write_text


def test_a_file_takes_its_place_whole(tmp_path):
    path = tmp_path / "deeper" / "a.json"
    write_json(path, {"ä": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "ä": 1\n}\n'
    assert os.listdir(path.parent) == ["a.json"]


def test_what_stood_there_stays_when_writing_fails(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_takes_its_place_whole(tmp_path):
    with replacing(tmp_path / "made") as part:
        part.mkdir()
        (part / "inside").write_text("x")
    assert (tmp_path / "made" / "inside").read_text() == "x"
    assert os.listdir(tmp_path) == ["made"]


def test_a_folder_never_replaces_one_that_holds_something(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "note").write_text("mine")
    with pytest.raises(OSError), replacing(tmp_path / "theirs") as part:
        part.mkdir()
    assert (tmp_path / "theirs" / "note").read_text() == "mine"


def test_a_full_disk_is_named(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError) as said:
            write_text(tmp_path / "a.json", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert said.value.filename == str(tmp_path / "a.json") and said.value.strerror and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "said"),
    [("~nosuchuser/x", "there is no user of that name"), ("x" * 5000, "no path .File name too long.")],
)
def test_a_path_that_is_none_is_told_in_a_line(path, said):
    with pytest.raises(PathError, match=said) as told:
        at_home(path, "LFQA_CACHE")
    assert str(told.value).startswith("LFQA_CACHE is '") and len(str(told.value)) < 200


def test_the_hash_is_that_of_the_system(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 1000)
    assert (
        file_sha256(path)
        == subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout.split()[0]
    )


def test_core_imports_no_other_package_of_the_project():
    code = "import sys, pkgutil, importlib, core\n"
    code += "[importlib.import_module('core.' + m.name) for m in pkgutil.iter_modules(core.__path__)]\n"
    code += "print([m for m in sys.modules if m.split('.')[0] in ('data', 'retriever', 'generator', 'ui', 'training')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
