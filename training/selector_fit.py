"""Fitting the selector's calibrated judgement on examples that its network was not trained on.

It knows logits, scores and verdicts, and no texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from evaluation.selection_metrics import f1, recall
from generator.selection.joint import FEATURES, SEARCH, SENTENCE_FEATURES, Joint, Regression, holding_features
from generator.selection.network import SelectorNetwork
from generator.selection.pieces import PieceReader
from training.selector_examples import Example, parent, without_answer

# What a verdict of each kind counts: questions as people ask them count most, and the few about own documents, each of
# them. Those whose evidence was taken out and that nobody looked at again count less, since now and then another
# sentence holds the answer.
_WEIGHTS = {"real": 3.0, "more": 1.0, "deep": 2.0, "own": 5.0, "close": 1.0}
_REMOVED = 0.5
# The strength of the regressions' regularisation is 1 / C.
_C = 0.3
# At least so much of what is answered in each kind must stay answered; among such thresholds the best F1 decides.
_RECALL = {"deep": 0.93, "close": 0.93}
_THRESHOLDS = np.round(np.arange(0.05, 0.95, 0.01), 2)


@dataclass(frozen=True)
class Judged:
    """An example with what the network says of it.

    Attributes:
        source: of the example; "+removed" behind it where its evidence was taken out, "+less" where that was judged.
        holds: the verdict.
        features: of the judgement of the whole.
        logits: of the sentences.
        targets: how far each belongs into the answer.
    """

    source: str
    holds: str
    features: dict[str, float]
    logits: tuple[float, ...]
    targets: tuple[float, ...]


def judge(network: SelectorNetwork, reader: PieceReader, examples: Sequence[Example]) -> list[Judged]:
    """What the network says of examples, and of those with an answer once more without the evidence."""
    looked_at = {parent(example) for example in examples if example.less}
    both = [(f"{example.source}+less" if example.less else example.source, example) for example in examples]
    both += [(f"{e.source}+removed", without_answer(e)) for e in examples if e.holds != "no" and e.id not in looked_at]
    found = []
    for source, example in tqdm(both, desc="judging", unit="question", mininterval=5):
        read = reader.read(example.question, [(p.title, p.section, p.sentences) for p in example.passages])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            said = torch.zeros(len(read.owners), dtype=torch.bool)
            judged = network.judge(network.read([read.pieces]), [said])
        features = holding_features(
            judged.holds[0].tolist(),
            judged.passages[0].tolist(),
            judged.sentences[0].tolist(),
            [passage.score for passage in example.passages],
        )
        targets = tuple(example.passages[passage].targets[place] for passage, place in read.owners)
        found.append(Judged(source, example.holds, features, tuple(judged.sentences[0].tolist()), targets))
    return found


def fit(rows: Sequence[Judged]) -> Joint:
    """The regressions and thresholds that fit what was judged."""
    weights = np.array([_weight(row.source) for row in rows])
    something = np.array([row.holds != "no" for row in rows])
    whole = np.array([row.holds == "full" for row in rows])
    unscored = [name for name in FEATURES if name not in SEARCH]
    inputs = [row.features for row in rows]
    sentences = [
        ({"logit": logit, "part": row.features["part"]}, target, _weight(row.source) / max(1, len(row.logits)))
        for row in rows
        for logit, target in zip(row.logits, row.targets, strict=True)
    ]
    joint = Joint(
        part=_regression(inputs, something, weights, FEATURES),
        whole=_regression(inputs, whole, weights, FEATURES),
        part_unscored=_regression(inputs, something, weights, unscored),
        whole_unscored=_regression(inputs, whole, weights, unscored),
        sentence=_regression(
            [row for row, _, _ in sentences],
            np.array([target for _, target, _ in sentences]),
            np.array([weight for _, _, weight in sentences]),
            SENTENCE_FEATURES,
        ),
        least=0.5,
        least_whole=0.5,
    )
    return replace(joint, least=threshold(joint, rows), least_whole=whole_threshold(joint, rows))


def threshold(joint: Joint, rows: Sequence[Judged]) -> float:
    """Of the thresholds that keep enough of what deep and close questions have answered, the one of the best F1.

    The F1 is that of questions as people ask them; where no threshold keeps enough, the lowest is taken.
    """
    chances = np.array([joint.holding(row.features)[0] for row in rows])
    truth = np.array([row.holds != "no" for row in rows])
    sources = np.array([row.source for row in rows])
    kept = [
        least
        for least in _THRESHOLDS
        if all(
            recall(chances[sources == name], truth[sources == name], least) >= wanted
            for name, wanted in _RECALL.items()
            if (sources == name).any()
        )
    ] or [_THRESHOLDS[0]]
    real = sources == "real"
    return float(max(kept, key=lambda least: f1(chances[real], truth[real], least)))


def whole_threshold(joint: Joint, rows: Sequence[Judged]) -> float:
    """The share of "whole" in "something" from which on as many verdicts as possible are right."""
    some = [(joint.holding(row.features), row.holds == "full") for row in rows if row.holds != "no"]
    shares = np.array([whole / max(part, 1e-9) for (part, whole), _ in some])
    truth = np.array([full for _, full in some])
    return float(max(_THRESHOLDS, key=lambda least: (f1(shares, truth, least) + f1(-shares, ~truth, -least), -least)))


def _weight(source: str) -> float:
    base, _, kind = source.partition("+")
    return _WEIGHTS[base] * (_REMOVED if kind == "removed" else 1.0)


def _regression(
    inputs: Sequence[dict[str, float]], targets: np.ndarray, weights: np.ndarray, names: Sequence[str]
) -> Regression:
    """A logistic regression; a target of 0.3 counts as three tenths of a yes and seven of a no."""
    from sklearn.linear_model import LogisticRegression

    values = np.array([[row[name] for name in names] for row in inputs])
    middle, spread = values.mean(0), values.std(0) + 1e-9
    scaled = (values - middle) / spread
    wanted = targets.astype(float)
    fitted = LogisticRegression(C=_C, max_iter=2000).fit(
        np.vstack([scaled, scaled]),
        np.repeat([1, 0], len(scaled)),
        np.concatenate([wanted, 1 - wanted]) * np.concatenate([weights, weights]),
    )
    plain = fitted.coef_[0] / spread
    return Regression(dict(zip(names, map(float, plain), strict=True)), float(fitted.intercept_[0] - plain @ middle))
