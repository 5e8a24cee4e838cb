import pytest

from training.log import TrainingLog, plot_log, read_log


def test_resuming_drops_the_rows_after_the_step(tmp_path):
    log = TrainingLog(tmp_path / "run/log.jsonl")
    for step in range(1, 6):
        log.add(step, loss=1 / step)
    resumed = TrainingLog(log.path, resume_step=3)
    resumed.add(4, loss=9.0)
    assert [(row["step"], row["loss"]) for row in read_log(log.path)] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 9.0)]
    assert read_log(TrainingLog(log.path).path) == []


def test_a_row_cut_by_a_kill_is_left_out(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 2}\n{"step": 2, "lo')
    assert read_log(tmp_path / "log.jsonl") == [{"step": 1, "loss": 2}]


@pytest.mark.parametrize("line", [b"caf\xe9", b"[" * 100_000, b"9" * 5000, b"[]", b'{"step": "2"}'])
def test_so_is_what_is_no_row(tmp_path, line):
    (tmp_path / "log.jsonl").write_bytes(b'{"step": 1, "loss": 2}\n' + line + b"\n")
    assert read_log(tmp_path / "log.jsonl") == [{"step": 1, "loss": 2}]


def test_the_picture_is_a_png_of_both_panels(tmp_path):
    rows = [{"step": step, "loss": 1 / step} for step in range(1, 9)] + [{"step": 8, "mrr@10": 0.5}]
    plot_log(rows, tmp_path / "loss.png", {"loss": ["loss"], "held out": ["mrr@10", "recall@5"]}, "A run")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG\r\n")
    plot_log([], tmp_path / "empty.png", {"loss": ["loss"]}, "Nothing yet")
