"""Documents as people have them, and files made to harm: real small files, written here."""

import io
import time
import zipfile
from dataclasses import replace

import docx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fpdf import FPDF

from data.sources import PageError, SourceError, open_source
from data.sources.apart import read_apart
from data.sources.documents import Bounds, read_document
from data.sources.pdf import without_heads

PARAGRAPH = (
    "Tides are the rise and fall of the sea. They are caused by the gravitation of the Moon and of the Sun, and by "
    "the rotation of the Earth. Some shores have two nearly equal high tides each day, others only one. "
)


class Handbook(FPDF):
    """Pages with a running head and a number."""

    def header(self):
        self.set_font("Helvetica", size=9)
        self.cell(0, 8, "Handbook of the sea", new_x="LMARGIN", new_y="NEXT")

    def footer(self):
        self.set_y(-15)
        self.cell(0, 10, f"Page {self.page_no()}", align="C")


def pdf(path, texts, kind=Handbook, **options):
    file = kind()
    for text in texts:
        file.add_page()
        file.set_font("Helvetica", size=11)
        if text:
            file.multi_cell(0, 6, text, align="L")
    if options.get("password"):
        file.set_encryption(owner_password="o", user_password=options["password"])
    file.output(str(path))
    return path


def read(path, **options):
    return read_document(path, path.name, **options)


def whole_text(document):
    return " ".join(passage.text for passage in document.passages)


def test_a_pdf_gives_its_prose_by_page_without_heads_and_numbers(tmp_path):
    texts = [f"{word} comes first. {PARAGRAPH}The last of it is {word}." for word in ("Amber", "Basalt", "Coal", "Dew")]
    document = read(pdf(tmp_path / "the_sea.pdf", texts))
    assert [passage.section for passage in document.passages] == [f"Page {number}" for number in range(1, 5)]
    assert {passage.title for passage in document.passages} == {"the sea"}
    assert document.passages[1].text == texts[1]
    assert document.problems == []


def test_what_repeats_on_two_pages_only_is_kept():
    assert without_heads([["A", "x"], ["A", "y"]]) == [["A", "x"], ["A", "y"]]


def test_hyphens_at_line_ends_go_and_a_sentence_goes_on_over_the_page(tmp_path):
    pages = [
        "The gravi-\ntation of the Moon pulls the water of the",
        "oceans towards it, and so they rise. Then it ends.",
    ]
    document = read(pdf(tmp_path / "a.pdf", pages, FPDF))
    whole = "The gravitation of the Moon pulls the water of the oceans towards it, and so they rise. Then it ends."
    assert whole_text(document) == whole
    assert {passage.section for passage in document.passages} == {"Page 1"}


def test_a_pdf_in_a_folder_leads_to_its_page(tmp_path):
    pdf(tmp_path / "sea.pdf", [PARAGRAPH, PARAGRAPH])
    source = open_source(f"folder:{tmp_path}")
    passages = [passage for record in source.records() for passage in source.passages(record)]
    assert [passage.url for passage in passages] == [(tmp_path / "sea.pdf").as_uri() + f"#page={n}" for n in (1, 2)]


def test_only_the_first_pages_are_read_where_there_are_too_many(tmp_path):
    seen = []
    path = pdf(tmp_path / "a.pdf", [PARAGRAPH] * 5)
    document = read(path, bounds=Bounds(pages=2), on_progress=lambda *done: seen.append(done))
    assert seen == [(1, 5), (2, 5)] and len(document.passages) == 2
    assert document.problems == ["only its first 2 of 5 pages were read"]


def word(path):
    document = docx.Document()
    document.add_paragraph("A handbook of tides.")
    document.add_heading("Causes", 1)
    document.add_paragraph("The Moon pulls the water.")
    document.add_heading("The Sun", 2)
    document.add_paragraph("It pulls, too", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Height", "12 m"
    document.save(str(path))
    return path


def test_a_word_document_gives_sections_under_their_headings(tmp_path):
    passages = read(word(tmp_path / "a.docx")).passages
    assert [(passage.section, passage.text) for passage in passages] == [
        ("", "A handbook of tides."),
        ("Causes", "The Moon pulls the water."),
        ("Causes & The Sun", "It pulls, too. Height, 12 m."),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_without_title_and_text_is_read_row_by_row(tmp_path, delimiter):
    path = tmp_path / "ports.csv"
    path.write_text("\n".join(delimiter.join(row) for row in [("Port", "Tide"), ("Brest", "7 m"), ("Kiel", "")]))
    assert [(passage.title, passage.text) for passage in read(path).passages] == [
        ("ports, row 1", "Port: Brest; Tide: 7 m."),
        ("ports, row 2", "Port: Kiel."),
    ]


def test_a_table_with_title_and_text_has_articles(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"title": ["Tide"], "text": ["It rises."], "other": [1]}), path)
    [passage] = read(path).passages
    assert (passage.title, passage.text, passage.id) == ("Tide", "It rises.", "a.parquet#1.0")


def test_rows_in_another_encoding_are_told_in_one_line_and_the_others_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("title,text\nTide,It rises.\nCafé,Schön.\nThé,Noir.\n".encode("cp1252"))
    document = read(path)
    assert whole_text(document) == "It rises."
    [told] = document.problems
    assert told.startswith("2 rows can't be read and were left out") and "save the file as UTF-8" in told
    assert str(tmp_path) not in told


def bomb():
    """Word's own archive with a part of a gigabyte, which takes a megabyte packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        with archive.open("word/document.xml", "w") as part:
            for _ in range(1024):
                part.write(bytes(1 << 20))
    return packed.getvalue()


def hostile(tmp_path):
    """Name of a bad file → its content, and what is said of it."""
    scan = pdf(tmp_path / "x.pdf", ["", ""], FPDF).read_bytes()
    locked = pdf(tmp_path / "y.pdf", [PARAGRAPH], FPDF, password="secret").read_bytes()
    whole = word(tmp_path / "z.docx").read_bytes()
    return {
        "scan.pdf": (scan, "have its text recognised"),
        "locked.pdf": (locked, "without a password"),
        "cut.pdf": (scan[:300], "no PDF that can be read|pictures of pages"),
        "photo.pdf": (b"\x89PNG\r\n\x1a\n" + bytes(100), "begins as a PNG picture does"),
        "photo.txt": (b"\xff\xd8\xff\xe0" + bytes(100), "begins as a JPEG picture does"),
        "empty.md": (b"", "it is empty"),
        "blank.txt": (b" \n", "holds no text"),
        "broken.docx": (whole[: len(whole) // 2], "no whole Word document"),
        "other.docx": (zipped({"a.txt": "x"}), "an archive but no Word document"),
        "bad.docx": (zipped({"[Content_Types].xml": "<x"}), "no Word document that can be read"),
        "bomb.docx": (bomb(), "unpacked it has .* 1,073,741,"),
        "many.zip": (zipped({"a.txt": "x"}), 'files that end in ".zip" are not read; allowed are .pdf'),
        "cut.parquet": (b"PAR1" + bytes(40), "no whole Parquet file"),
        "no_text.csv": ("é".encode("cp1252") * 3 + b"\n\xe9\n", "save the file as UTF-8"),
        "latin.txt": ("Caf\u00e9".encode("cp1252"), "save the file as UTF-8"),
    }


def zipped(parts):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_each_bad_file_is_told_in_one_line(tmp_path):
    for name, (content, told) in hostile(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(PageError, match=told) as error:
            read(path)
        assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value), name


def test_a_large_file_is_told_unread(tmp_path):
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(PageError, match=r"200,000,000 bytes; allowed are 25,000,000"):
        read(path, bounds=Bounds(size=25_000_000))


def test_a_folder_reads_on_past_bad_files(tmp_path):
    bad = hostile(tmp_path)
    for name in ("scan.pdf", "empty.md", "broken.docx"):
        (tmp_path / name).write_bytes(bad[name][0])
    source, told = open_source(str(tmp_path)), []
    for record in source.records():
        try:
            source.passages(record)
        except PageError as error:
            told.append((record.title, str(error)))
    assert [title for title, _ in told] == ["broken.docx", "empty.md", "locked.pdf", "scan.pdf"][:2] + [
        title for title, _ in told[2:]
    ]
    assert {"scan.pdf", "x.pdf", "y.pdf"} <= {title for title, _ in told}
    assert "z.docx" not in {title for title, _ in told}


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="there is no folder .*nowhere"):
        open_source(f"folder:{tmp_path / 'nowhere'}")


def test_a_process_of_its_own_reads_the_same(tmp_path):
    path, seen = pdf(tmp_path / "a.pdf", [PARAGRAPH] * 3), []
    apart = read_apart(path, path.name, on_progress=lambda *done: seen.append(done))
    assert apart == read(path) and seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(PageError, match="it is empty"):
        empty = tmp_path / "b.pdf"
        empty.touch()
        read_apart(empty, empty.name)


def table(path, rows):
    path.write_text("text\n" + f'"{PARAGRAPH}"\n' * rows, encoding="utf-8")
    return path


def test_waiting_is_no_work(tmp_path):
    """A reader that gets no processor for longer than its bound on time goes on when it gets one."""
    path, held = table(tmp_path / "long.csv", 3_000), []
    others = set(psutil.Process().children())

    def on_progress(done, of):
        if not held:
            (reader,) = set(psutil.Process().children()) - others
            reader.suspend()
            held.append(reader.cpu_times().user)
            time.sleep(3.2)
            reader.resume()

    assert len(read_apart(path, path.name, bounds=Bounds(seconds=3), on_progress=on_progress).passages) >= 3_000
    assert held[0] < 3


def test_what_takes_too_long_or_too_much_ends(tmp_path):
    path = pdf(tmp_path / "a.pdf", [PARAGRAPH])
    with pytest.raises(PageError, match=r"not done after 0.01 s.* busy"):
        read_apart(path, path.name, bounds=Bounds(waiting=0.01))
    with pytest.raises(PageError, match="more than 1 s of the processor's time"):
        read_apart(long := table(tmp_path / "long.csv", 200_000), long.name, bounds=Bounds(seconds=0.5))
    rows = tmp_path / "bomb.parquet"
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["a" * (1 << 20)]))
    pq.write_table(pa.table({"text": text}), rows, compression="zstd", store_schema=False)
    assert rows.stat().st_size < 1000
    with pytest.raises(PageError, match="memory|cannot be read|no whole Parquet"):
        read_apart(rows, rows.name, bounds=replace(Bounds(), memory=1_000_000_000, characters=100_000))
