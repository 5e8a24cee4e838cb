import csv
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.sources import PageError, SourceError, SourceOptions, open_source

ROWS = [
    {"title": "Flute", "text": "A flute has no reed.", "section": "", "url": ""},
    {"title": "Tide", "text": "Tides rise. " * 120, "section": "Causes & Moon", "url": ""},
    {"title": "Oboe", "text": "It has two reeds.", "section": "", "url": "https://example.org/oboe"},
]


def write(path, rows):
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return str(path)


def read(spec, options=None, start=0):
    source = open_source(spec, options)
    return [passage for record in source.records(start) for passage in source.passages(record)]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_rows_become_snippets_with_their_place(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", ROWS)
    passages = read(path)
    assert [p.title for p in passages] == ["Flute", "Tide", "Tide", "Oboe"]
    assert [p.id for p in passages] == ["1.0", "2.0", "2.1", "3.0"]
    assert passages[1].url == "" and passages[1].section == "Causes & Moon"
    assert passages[3].url == "https://example.org/oboe"
    assert read(path, start=2) == passages[3:]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_columns_are_named_by_flags(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", [{"name": "Flute", "body": "It has no reed.", "key": "f"}])
    options = SourceOptions(columns={"title": "name", "text": "body", "id": "key"})
    assert [(p.id, p.title, p.text) for p in read(path, options)] == [("f.0", "Flute", "It has no reed.")]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_missing_column_is_refused_with_those_there(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", [{"name": "Flute", "text": "No reed."}])
    with pytest.raises(SourceError, match=r'no column "title" for the title; it has name, text: .*--title-column'):
        read(path)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_wiki_snippets_are_passages_already(tmp_path, suffix):
    row = {"article_title": "Tide", "section_title": "Causes & Moon", "passage_text": "Tides rise. " * 120}
    (passage,) = read(write(tmp_path / f"a.{suffix}", [row]))
    assert (passage.title, passage.section) == ("Tide", "Causes & Moon")
    assert len(passage.text.split()) == 240 and passage.url.endswith("/Tide#Moon")


@pytest.mark.parametrize("line", ["{", "[1]", '{"title": "A"}', '{"title": "A", "text": ["b"]}'])
def test_a_broken_line_is_a_page_error_and_the_next_is_read(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{line}\n\n{json.dumps(ROWS[0])}\n")
    source = open_source(str(path))
    broken, whole = source.records()
    with pytest.raises(PageError):
        source.passages(broken)
    assert source.passages(whole)[0].title == "Flute"


def test_a_truncated_parquet_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    write(path, ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match="no whole Parquet file"):
        read(str(path))


@pytest.mark.parametrize("spec", ["/no/such/file.jsonl", "magic", ""])
def test_an_unknown_source_is_refused_with_what_is_allowed(spec):
    with pytest.raises(SourceError, match="allowed are vital"):
        open_source(spec)


def test_a_folder_of_texts(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/Bass_flute.txt").write_text("It is low.")
    (tmp_path / "a.md").write_text("Ä flute.")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "picture.png").write_bytes(b"\x89")
    source = open_source(str(tmp_path))
    first, second, broken = source.records()
    assert source.passages(first)[0].text == "Ä flute."
    assert source.passages(second)[0].title == "Bass flute" and source.passages(second)[0].id == "b/Bass_flute.txt.0"
    with pytest.raises(PageError, match="UTF-8"):
        source.passages(broken)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="holds no document"):
        list(open_source(str(tmp_path)).records())


def test_a_dataset_is_streamed_and_skipped_into(tmp_path):
    write(tmp_path / "train.parquet", ROWS)
    spec = f"hf:{tmp_path}"
    passages = read(spec)
    assert [p.title for p in passages] == ["Flute", "Tide", "Tide", "Oboe"]
    assert read(spec, start=2) == passages[3:]


def test_a_dataset_that_cannot_be_had_is_named(tmp_path):
    with pytest.raises(SourceError, match="cannot be read: .*--split"):
        read(f"hf:{tmp_path / 'none'}:config")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_a_changed_file_has_another_fingerprint(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", ROWS)
    before = open_source(path).fingerprint()
    write(tmp_path / f"a.{suffix}", ROWS[:2])
    assert open_source(path).fingerprint() != before


def problems(path):
    source = open_source(str(path))
    good, bad = [], []
    for record in source.records():
        try:
            good += [passage.text for passage in source.passages(record)]
        except PageError as error:
            bad.append(str(error))
    return good, bad


def test_a_mark_of_byte_order_is_no_text(tmp_path):
    for encoding in ("utf-8-sig", "utf-16"):
        for name, text in (
            ("a.jsonl", '{"title": "Té", "text": "It is hot."}\n'),
            ("a.csv", "title,text\nTé,It is hot.\n"),
        ):
            (tmp_path / name).write_text(text, encoding=encoding)
            assert [passage.title for passage in read(str(tmp_path / name))] == ["Té"]


def test_rows_in_another_encoding_are_refused_with_their_line_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("title,text\nTea,Hot.\nCafé,Strong.\nMilk,White.\n".encode("cp1252"))
    good, [bad] = problems(path)
    assert good == ["Hot.", "White."] and re.search(r"a\.csv, line 3: not UTF-8 .*0xE9 .*save the file as UTF-8", bad)
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"title": "A", "text": "Café."}\n{"title": "B", "text": "Hot."}'.encode("latin-1"))
    good, [bad] = problems(path)
    assert good == ["Hot."] and "line 1: not JSON (not UTF-8 text" in bad


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NaN", "NaN is no number"),
        ("9" * 5000, "thousands of digits"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("true", "no text but bool"),
        ('{"a": 1}', "no text but dict"),
    ],
)
def test_what_json_cannot_say_is_refused_and_the_rest_is_read(tmp_path, text, says):
    rows = [f'{{"title": "A", "text": {text}}}', '{"title": "B", "text": "Hot."}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    good, [bad] = problems(tmp_path / "a.jsonl")
    assert good == ["Hot."] and says in bad
    (tmp_path / "a.json").write_text(f"[{', '.join(rows)}]")
    if text.startswith("["):
        with pytest.raises(SourceError, match=says):
            problems(tmp_path / "a.json")
    else:
        good, [bad] = problems(tmp_path / "a.json")
        assert good == ["Hot."] and says.removesuffix(" is no number") in bad


def test_an_array_in_another_encoding_or_cut_is_refused_as_far_as_needed(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes('[{"title": "A", "text": "Café."},\n{"title": "B", "text": "Hot \\ud83d."}]'.encode("cp1252"))
    good, [bad] = problems(path)
    assert good == ["Hot \ufffd."] and "object 1: not UTF-8 text" in bad
    path.write_text('[{"title": "A", "text": "Hot."},')
    with pytest.raises(SourceError, match=r"a\.json: not JSON .*expected an array of objects, or one object a line"):
        problems(path)


def test_a_column_whose_name_is_no_text_is_told_as_text(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_bytes(b"\x80,title,text\r\ntea\r\n")
    source = open_source(str(path))
    with pytest.raises(PageError) as told:
        list(source.passages(next(iter(source.records()))))
    assert str(told.value).encode() and "\ufffd, title, text" in str(told.value)


@pytest.mark.parametrize(
    ("lines", "good", "said"),
    [
        (["Tea,Hot, and black.", "Milk,White."], ["White."], "line 2: 3 values for 2 columns; put quotes"),
        (['Tea,"Hot" and black.', "Milk,White."], ["White."], "line 2: not CSV .*may lack a quote"),
        (["Tea,Hot.", 'Milk,"White.', "Ox,Big."], ["Hot."], "line 3: not CSV .unexpected end.*may lack a quote"),
    ],
)
def test_a_row_of_csv_that_is_not_as_it_seems_is_refused(tmp_path, lines, good, said):
    (tmp_path / "a.csv").write_text("\n".join(["title,text", *lines]) + "\n")
    read, [bad] = problems(tmp_path / "a.csv")
    assert read == good and re.search(said, bad)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "txt"])
def test_mending_is_told_of_every_kind_of_file(tmp_path, caplog, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"title": ["A"], "text": ["Hot\0tea."]}), path)
    else:
        path.write_text("title,text\nA,Hot\0tea.\n" if suffix == "csv" else "Hot\0tea.")
    [passage] = read(str(tmp_path if suffix == "txt" else path))
    assert passage.text == "Hot\ufffdtea." and f"a.{suffix}" in caplog.text and "U+FFFD" in caplog.text


def test_signs_that_no_text_may_hold_are_replaced_with_a_word(tmp_path, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text('{"title": "A\\ud83d", "text": "Hot \\u0000 tea \\ud83d\\ude00."}')
    [passage] = read(str(path))
    assert (passage.title, passage.text) == ("A\ufffd", "Hot \ufffd tea \U0001f600.")
    assert "a.jsonl, line 1" in caplog.text


def test_an_array_is_read_as_lines_are(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS[:1] + ["x"] + ROWS[2:], indent=1))
    good, [bad] = problems(path)
    assert good == ["A flute has no reed.", "It has two reeds."] and "object 2: no object but str" in bad


def test_rows_of_parquet_that_cannot_be_read_are_refused_alone(tmp_path):
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(bytes([0, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0])), pa.py_buffer(b"Caf\xe9Hot.")]
    )
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"title": ["A", "B"], "text": texts}), path)
    good, [bad] = problems(path)
    assert good == ["Hot."] and "row 1: not readable" in bad


def test_hidden_files_and_folders_are_not_read(tmp_path):
    for name in (".git/a.txt", ".ipynb_checkpoints/b.txt", ".c.txt", "d/.e/f.txt", "d/g.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Some text.")
    assert [passage.id for passage in read(str(tmp_path))] == ["d/g.txt.0"]


def test_a_file_whose_name_is_no_utf8_is_read(tmp_path):
    import os

    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("It is hot.")
    source = open_source(str(tmp_path))
    [passage] = read(str(tmp_path))
    assert passage.id == "caf\ufffd.txt.0" and passage.title == "caf\ufffd"
    assert passage.url.endswith("caf%E9.txt") and source.fingerprint()


def test_markdown_is_read_as_text(tmp_path):
    (tmp_path / "a.md").write_text(
        "---\ntitle: X\n---\n# Use\nSee [the *tool*](https://x.y) `now`.\n\n```bash\npip install tool\n```\n"
        "## Steps\n1. Boil it\n2. Add <b>tea</b>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![img](a.png)\n"
    )
    assert [(passage.section, passage.text) for passage in read(str(tmp_path))] == [
        ("Use", "See the tool now. pip install tool"),
        ("Use & Steps", "Boil it. Add tea. a, b. 1, 2."),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.jsonl",
            '{"title": "A", "text": "x"}\n{"title": true, "text": "x"}\n',
            'a.jsonl, line 2: "title" is no text but bool',
        ),
        ("a.json", '[{"title": "A"}]', 'a.json, object 1: no "text" among title'),
        ("a.csv", "title,text\nA\n", 'a.csv, row 1: no "text" among title, text'),
    ],
)
def test_a_row_that_lacks_something_is_refused_with_file_and_place(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(PageError, match=re.escape(said)):
        read(str(tmp_path / name))


def test_an_object_over_several_lines_is_one_row(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "title": "Tide",\n "text": "It rises."\n}\n')
    assert [(p.title, p.text) for p in read(str(path))] == [("Tide", "It rises.")]
    path.write_text('{"title": NaN\n{"title": "Tide", "text": "It rises."}\n')
    source = open_source(str(path))
    assert [bool(record.problem) for record in source.records()] == [True, False]


def test_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("title,text,note,note,text\nA,one,x,y,two\n")
    with pytest.raises(SourceError, match='a.csv has several columns "text": give each a name of its own'):
        read(str(path))
    path.write_text("title,text,note,note\nA,one,x,y\n")
    assert [p.text for p in read(str(path))] == ["one"]
