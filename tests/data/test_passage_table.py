import pytest

from data.passage_table import PassageTable, read_shard, write_shard
from data.passages import Passage, SourceError


@pytest.fixture
def table(corpus, tmp_path):
    cuts = [(0, 5), (5, 5), (5, 12)]
    files = [tmp_path / f"{number}.arrow" for number in range(3)]
    for file, (start, stop) in zip(files, cuts, strict=True):
        write_shard(file, corpus[start:stop], {"start": start})
    return PassageTable(files, [stop - start for start, stop in cuts])


def test_rows_are_those_written(table, corpus):
    assert len(table) == 12 and list(table) == corpus
    assert [table[row] for row in range(12)] == corpus
    assert table[-1] == corpus[-1] and table[3:7] == corpus[3:7]


def test_odd_texts_survive_a_round_trip(tmp_path):
    odd = Passage("x", "T", "A & B", "line\u2028separator, \\ and “quotes”\n", "https://e.org")
    write_shard(tmp_path / "odd.arrow", [odd], {})
    assert list(PassageTable([tmp_path / "odd.arrow"], [1])) == [odd]


@pytest.mark.parametrize("row", [12, -13, 1000])
def test_a_row_beyond_the_end_is_refused(table, row):
    with pytest.raises(IndexError):
        table[row]


def test_facts_travel_with_the_rows(table, tmp_path):
    assert read_shard(tmp_path / "2.arrow")[1] == {"start": 5}


def test_the_same_rows_make_the_same_bytes(corpus, tmp_path):
    write_shard(tmp_path / "a", corpus, {"x": 1})
    write_shard(tmp_path / "b", corpus, {"x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_damaged_file_is_named(table, tmp_path):
    path = tmp_path / "0.arrow"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SourceError, match="0.arrow is no file of passages that can be read"):
        table[0]
