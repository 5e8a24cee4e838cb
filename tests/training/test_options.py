"""The folder of a run: nobody else's, and for one process alone."""

import importlib

import pytest
import torch

from training.checkpoint import TrainingState, save_state

COMMANDS = {"generator": [], "retriever": ["--questions", "q.jsonl"], "selector": [], "support": []}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("restart", [[], ["--restart"]])
def test_a_folder_with_other_files_stays_as_it_is(tmp_path, capsys, name, restart):
    (tmp_path / "log.jsonl").write_text("Dear diary")
    main = importlib.import_module(f"training.{name}").main
    assert main([*COMMANDS[name], *restart, "--output", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "holds other files (log.jsonl) and no run of this program" in told and "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]
    assert (tmp_path / "log.jsonl").read_text() == "Dear diary"


def test_a_run_of_an_earlier_version_is_gone_on_with(tmp_path, capsys):
    """It has a state and no mark; that this one is another command's is found later."""
    from training.options import run_folder
    from training.retriever import make_parser

    save_state(tmp_path / "state.safetensors", TrainingState(1, {"weight": torch.ones(2)}))
    with run_folder(make_parser().parse_args(["--questions", "q", "--output", str(tmp_path)])):
        assert (tmp_path / "run.json").is_file()
