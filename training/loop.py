"""The loop of every training command: steps, learning rate, evaluation, exact resumption, record and picture.

A command gives it weights, an optimiser and a function that computes the gradient of a step. What a step draws follows
from its number, or from the generators of Python, NumPy and torch, whose states are kept; so a run that was stopped, or
killed, goes on to the weights of one that was not. The loop knows no data, no models and no command line.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from core.errors import UserError
from training.checkpoint import CheckpointError, TrainingState, load_state, save_state
from training.log import TrainingLog, plot_log
from training.schedule import Schedule

# What a run's folder holds, beside what its command puts there.
STATE, LOG, PICTURE, BEST = "state.safetensors", "log.jsonl", "loss.png", "best"
# Between evaluations the picture is drawn no more often.
_PICTURE_SECONDS = 60
STOPPED = "stopped; the same command goes on where it was"

Figures = dict[str, float]


class TrainingError(UserError):
    """A run cannot begin or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Evaluation:
    """What is measured in the course of a run, and which weights are kept.

    Attributes:
        measure: gives figures by name; none where nothing is held out, and then the last weights are the best.
        score: of figures; the highest is the best.
        keep: writes the weights as they are now, the best so far; given the step and its figures.
        every: steps from one evaluation to the next; the last step has one, too.
        patience: evaluations without a better score after which training ends; 0 for never.
        at_start: whether to measure before the first step, for the record only.
    """

    measure: Callable[[], Figures]
    score: Callable[[Figures], float]
    keep: Callable[[int, Figures], None]
    every: int
    patience: int = 0
    at_start: bool = False


@dataclass
class _Progress:
    """How far a run is: steps done, the last step evaluated, the best score and how many were no better since."""

    step: int = 0
    evaluated: int = -1
    best: float | None = None
    no_better: int = 0


class Training:
    """One run in one folder."""

    def __init__(
        self,
        folder: Path,
        weights: Mapping[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
        step: Callable[[int], Figures],
        schedule: Schedule,
        settings: Mapping[str, Any],
        *,
        save_every: int,
        evaluation: Evaluation | None = None,
        restart: bool = False,
        panels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Hold the parts.

        Args:
            folder: for state, record, picture and the best weights.
            weights: what is trained, by name.
            optimizer: of these; its groups' learning rates are their highest ones.
            step: adds the gradient of the step with this number, from 0, to the weights; returns its losses.
            schedule: of the learning rate.
            settings: what decides the run; a state made with others is refused.
            save_every: steps from one state to the next.
            evaluation: None for none.
            restart: whether to forget the run that the folder holds.
            panels: of the picture, see `plot_log`.
        """
        self.folder, self.weights, self.optimizer, self.step = folder, weights, optimizer, step
        self.schedule, self.evaluation, self.save_every, self.restart = schedule, evaluation, save_every, restart
        self.settings: dict[str, Any] = json.loads(json.dumps(settings, default=str))
        self.panels = panels or {"loss": ["loss"]}
        self._highest = [group["lr"] for group in optimizer.param_groups]
        self._now = _Progress()
        self._drawn = time.monotonic()

    def run(self) -> float | None:
        """Train to the end, from where the folder's run is.

        After Ctrl-C the step or evaluation under way is finished and the state written; a second one ends it at once.

        Returns:
            The best score, None without evaluation.

        Raises:
            CheckpointError: the folder holds a run with other settings, or a damaged one.
            TrainingError: a loss is not a number.
        """
        resumed = self._resume()
        self.log = TrainingLog(self.folder / LOG, self._now.step if resumed else None)
        total = self.schedule.steps
        with (
            tqdm(total=total, initial=self._now.step, desc="training", unit="step", mininterval=0.5) as bar,
            _interrupt_noted() as interrupted,
        ):
            while self._evaluation_is_due() or (self._now.step < total and not self._has_stalled()):
                if self._evaluation_is_due():
                    self._evaluate()
                else:
                    bar.set_postfix(self._train_step(), refresh=False)
                    bar.update()
                if interrupted.is_set() or self._state_is_due():
                    self._save()
                if interrupted.is_set():
                    raise KeyboardInterrupt
        self._draw()
        return self._now.best

    def _train_step(self) -> Figures:
        """One optimiser step; its losses."""
        now, share = self._now.step, self.schedule(self._now.step)
        for group, highest in zip(self.optimizer.param_groups, self._highest, strict=True):
            group["lr"] = highest * share
        self.optimizer.zero_grad()
        losses = self.step(now)
        if not all(map(math.isfinite, losses.values())):
            said = ", ".join(f"{name} is {value}" for name, value in losses.items())
            raise TrainingError(f"{said} at step {now + 1}: lower --learning-rate, or check the data")
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimizer.step()
        self._now.step += 1
        self.log.add(self._now.step, **losses, learning_rate=self.optimizer.param_groups[0]["lr"])
        return losses

    def _evaluation_is_due(self) -> bool:
        now, wanted = self._now, self.evaluation
        if wanted is None or now.evaluated == now.step:
            return False
        if now.step == 0:
            return wanted.at_start
        return now.step % wanted.every == 0 or now.step == self.schedule.steps

    def _evaluate(self) -> None:
        """Measure, and keep the weights if they are the best so far."""
        assert self.evaluation is not None
        now, figures = self._now, self.evaluation.measure()
        if figures:
            self.log.add(now.step, **figures)
            said = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            tqdm.write(f"step {now.step}: {said}", file=sys.stderr)
        if now.step:
            score = self.evaluation.score(figures) if figures else float(now.step)
            now.no_better += 1
            if now.best is None or score > now.best:
                self.evaluation.keep(now.step, figures)
                now.best, now.no_better = score, 0
        now.evaluated = now.step
        if time.monotonic() - self._drawn > _PICTURE_SECONDS:
            self._draw()
        if self._has_stalled():
            tqdm.write(f"no better for {self.evaluation.patience} evaluations: ended early", file=sys.stderr)

    def _has_stalled(self) -> bool:
        return self.evaluation is not None and 0 < self.evaluation.patience <= self._now.no_better

    def _state_is_due(self) -> bool:
        now = self._now
        if self._evaluation_is_due():
            return False
        return now.step % self.save_every == 0 or now.step == self.schedule.steps or now.evaluated == now.step

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        plot_log(self.log.rows, self.folder / PICTURE, self.panels, self.folder.name)

    def _save(self) -> None:
        progress = {"settings": self.settings} | vars(self._now)
        save_state(
            self.folder / STATE, TrainingState(self._now.step, self.weights, self.optimizer.state_dict(), progress)
        )

    def _resume(self) -> bool:
        """Take up the state of the folder; False if there is none or it is to be forgotten."""
        path = self.folder / STATE
        if self.restart or not path.is_file():
            return False
        state = load_state(path)
        saved = state.progress.pop("settings")
        for name in sorted(saved | self.settings):
            if saved.get(name) != self.settings.get(name):
                raise CheckpointError(
                    f"{self.folder} holds a run with other settings ({name} was {saved.get(name)}, now "
                    f"{self.settings.get(name)}): give the same, or --restart to forget it, or another --output"
                )
        for name, weight in self.weights.items():
            kept = state.tensors.get(name)
            if kept is None or kept.shape != weight.shape:
                has = "missing" if kept is None else f"of shape {tuple(kept.shape)}"
                raise CheckpointError(
                    f"{name} is {has} in the run of {self.folder}, expected {tuple(weight.shape)}: --restart to "
                    "forget it, or name another --output"
                )
            weight.data.copy_(kept)
        self.optimizer.load_state_dict(dict(state.optimizer))
        self._now = _Progress(**state.progress)
        return True


@contextmanager
def _interrupt_noted() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, a second one ends the program at once; where it is ignored, or not ours, all stays so."""
    event = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield event
        return

    def note(*_: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
