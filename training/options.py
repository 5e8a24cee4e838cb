"""Options that every training command has, and what is said of those out of range."""

from __future__ import annotations

import argparse
import math
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.outputs import own_folder
from training.checkpoint import is_state
from training.loop import STATE

# What a run may be gone on with although it differs.
_FREE = ("output", "restart", "save_every", "device", "cache_gb", "install")


def add_run_options(parser: argparse.ArgumentParser, *, batch_size: int, learning_rate: float, save_every: int) -> None:
    """Add what the loop needs, with a command's own defaults."""
    add = parser.add_argument_group("the run").add_argument
    add("--output", type=Path, required=True, metavar="DIR", help="the run's folder; a run in it goes on")
    add("--restart", action="store_true", help="forget the run that DIR holds")
    add("--batch-size", type=int, default=batch_size, metavar="N", help="examples a step (default %(default)s)")
    add("--learning-rate", type=float, default=learning_rate, help="the highest (default %(default)s)")
    add("--save-every", type=int, default=save_every, metavar="STEPS", help="write the state (default %(default)s)")
    add("--seed", type=int, default=0, help="of all that is drawn (default %(default)s)")


def run_folder(given: argparse.Namespace) -> AbstractContextManager[None]:
    """The run's folder, for this process alone; one with other people's files is refused.

    Raises:
        core.outputs.OutputError: it is another's, or another process trains in it.
    """
    # Runs of earlier versions have no mark, but a state.
    return own_folder(given.output, begun=lambda folder: is_state(folder / STATE))


def run_settings(given: argparse.Namespace) -> dict[str, Any]:
    """The options that decide a run, as JSON holds them."""

    def plain_value(value: Any) -> Any:  # noqa: ANN401 - an option's
        if isinstance(value, list):
            return [plain_value(each) for each in value]
        return str(value) if isinstance(value, Path) else value

    plain = {name: plain_value(value) for name, value in vars(given).items()}
    return {name: value for name, value in plain.items() if name not in _FREE}


def check_range(
    given: argparse.Namespace, low: float, *names: str, high: float = math.inf, above: bool = False
) -> None:
    """Refuse options out of range; those that are None pass.

    Args:
        given: the options.
        low: the least value.
        names: of the options, as attributes.
        high: the largest value.
        above: whether `low` itself is out of range.

    Raises:
        SettingsError: naming option, value and range.
    """
    for name in names:
        value = getattr(given, name)
        if value is None or (low < value if above else low <= value) and value <= high:
            continue
        allowed = f"it must be {'above' if above else 'at least'} {low:g}"
        if high < math.inf:
            allowed = f"allowed is {low:g} to {high:g}"
        raise SettingsError(f"--{name.replace('_', '-')} is {value}; {allowed}")
