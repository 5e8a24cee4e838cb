from collections import Counter

from benchmarks.mutations import run


def test_spoilt_folders_are_fine_or_refused():
    rows = run(count=45, seed=1)
    counts = Counter(row["outcome"] for row in rows)
    assert set(counts) == {"fine", "refused"} and counts.total() == 45, [r for r in rows if "said" in r]
    assert {row["kind"] for row in rows} == {"flat", "hnsw", "ivfpq"}
