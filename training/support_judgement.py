"""The joint judgement fitted: boosted trees over plain evidence, the regression over both parts, thresholds, pictures.

The trees are fitted on the claims that the cross-encoder was trained on, the regression on held-out ones, which no part
has seen, and the thresholds are chosen on the development claims. Needs scikit-learn and matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import PrecisionRecallDisplay, precision_recall_curve, roc_auc_score
from tqdm import tqdm

from core.files import write_json
from core.sentences import split_sentences
from data.questions import Claim as HandWritten
from data.questions import load_questions
from generator.support.cross_encoder import CrossEncoder
from generator.support.joint import BESIDE, Joint, Trees, joint_inputs
from generator.support.model import FOLDER, JOINT, SupportModel
from generator.support.plain import NAMES, plain_features
from generator.support.reading import Claim, Reader, Source
from training.support_examples import KeptPassages, held_out
from training.support_spoiler import HAND_WRITTEN, ClaimExample

OTHERS = 6000
FIGURES, RELIABILITY, PRECISION_RECALL = "figures.json", "reliability.png", "precision-recall.png"
# A sentence is called supported where that is right five times in six, and not supported below the
# probability that nine in ten supported claims pass.
PRECISION, RECALL = 5 / 6, 0.9
_HARD_WEIGHT = 2.0
_TREES = {"n_estimators": 150, "max_depth": 3, "learning_rate": 0.1, "subsample": 0.7, "min_samples_leaf": 20}


@dataclass(frozen=True)
class Judged:
    """Examples with what the two parts say.

    Attributes:
        examples: those that could be judged.
        truth: bool (examples,).
        plain: float32 (examples, features).
        cross: float64 (examples,) logits; zeros where they were not asked for.
        blind: likewise, of the cross-encoder with nothing to read.
    """

    examples: list[ClaimExample]
    truth: np.ndarray
    plain: np.ndarray
    cross: np.ndarray
    blind: np.ndarray


def fit_joint(
    cross: CrossEncoder,
    reader: Reader,
    kept: KeptPassages,
    examples: Sequence[ClaimExample],
    dev: Sequence[HandWritten],
    sentences: Sequence[HandWritten],
    folder: Path,
) -> None:
    """Fit trees, regression and thresholds; write joint.json, figures.json and two pictures into a folder.

    Args:
        cross: trained.
        reader: reads claims.
        kept: has the passages of them all.
        examples: of which some are held out.
        dev: claims beside whole passages, by which the thresholds are chosen.
        sentences: claims beside their evidence alone; figures of them are written where there are any.
        folder: where the files go.
    """
    # Its parts alone are asked; what joins them is fitted here.
    model = SupportModel(reader, cross, Joint.load(FOLDER / JOINT))
    seen, unseen = _sampled(examples)
    fitted = _judge(seen, model, kept, with_cross=False)
    joined = _judge(unseen, model, kept, with_cross=True)
    boosted = GradientBoostingClassifier(**_TREES, random_state=0)
    boosted.fit(fitted.plain, fitted.truth, sample_weight=_weights(fitted))
    trees = trees_of(boosted)
    inputs = joint_inputs(trees(joined.plain), joined.cross, joined.plain[:, [NAMES.index(name) for name in BESIDE]])
    regression = LogisticRegression(C=1.0).fit(inputs, joined.truth, _weights(joined))
    weights = tuple(regression.coef_[0].tolist())
    joint = Joint(NAMES, trees, weights, float(regression.intercept_[0]), 0.5, 0.5)
    hard = _judge([_example(claim) for claim in dev], model, kept, with_cross=True)
    chances = joint.probability(hard.plain, hard.cross)
    supported, partly = _thresholds(chances, hard.truth)
    joint = replace(joint, supported=supported, partly=partly)
    joint.save(folder / JOINT)
    figures = {
        "weights": dict(zip(("trees", "cross-encoder", *BESIDE), weights, strict=True)) | {"bias": joint.bias},
        "thresholds": {"supported": joint.supported, "partly": joint.partly},
        "fitted on": {"trees": len(fitted.truth), "regression": len(joined.truth)},
        "development claims": _table(hard, joint, {claim.claim: claim.kind for claim in dev}),
        "sources held out": _by_source(joined, joint),
    }
    if sentences:
        beside = _judge([_example(claim) for claim in sentences], model, kept, with_cross=True)
        figures["development sentences"] = _table(beside, joint, {claim.claim: claim.kind for claim in sentences})
    figures["own against others' passages"] = _own_against_others(dev, model, kept, joint)
    write_json(folder / FIGURES, figures)
    draw_curves(chances, hard.truth, folder)


def trees_of(model: GradientBoostingClassifier) -> Trees:
    """The trees of a fitted classifier of two classes."""
    inner = [stage[0].tree_ for stage in model.estimators_]
    nodes = max(tree.node_count for tree in inner)

    def padded(values: Sequence[np.ndarray], fill: float, kind: type) -> np.ndarray:
        table = np.full((len(inner), nodes), fill, kind)
        for row, value in zip(table, values, strict=True):
            row[: len(value)] = value
        return table

    leaf = [tree.children_left < 0 for tree in inner]
    chance = float(model.init_.class_prior_[1])
    return Trees(
        float(np.log(chance / (1 - chance))),
        padded([np.where(end, -1, tree.feature) for end, tree in zip(leaf, inner, strict=True)], -1, np.int64),
        padded([tree.threshold for tree in inner], 0.0, np.float64),
        padded([np.maximum(tree.children_left, 0) for tree in inner], 0, np.int64),
        padded([np.maximum(tree.children_right, 0) for tree in inner], 0, np.int64),
        padded([model.learning_rate * tree.value[:, 0, 0] for tree in inner], 0.0, np.float64),
    )


def _example(claim: HandWritten) -> ClaimExample:
    return ClaimExample(claim.claim, claim.read, claim.supported, (), "hard", claim.id)


def _weights(judged: Judged) -> np.ndarray:
    return np.array([_HARD_WEIGHT if example.source in HAND_WRITTEN else 1.0 for example in judged.examples])


def _sampled(examples: Sequence[ClaimExample]) -> tuple[list[ClaimExample], list[ClaimExample]]:
    """All hand-written claims and some of the others, those seen in training and those held out."""
    rng = np.random.default_rng(0)
    others = [example for example in examples if example.source not in HAND_WRITTEN]
    share = min(1.0, OTHERS / max(1, len(others)))
    chosen = [e for e in examples if e.source in HAND_WRITTEN] + [e for e in others if rng.random() < share]
    return [e for e in chosen if not held_out(e.group)], [e for e in chosen if held_out(e.group)]


def _judge(examples: Sequence[ClaimExample], model: SupportModel, kept: KeptPassages, with_cross: bool) -> Judged:
    """What the parts say of examples, in chunks."""
    reader = model.reader
    rows: list[ClaimExample] = []
    plain, cross, blind = [], [], []
    for start in tqdm(range(0, len(examples), 64), desc="judging", unit="batch"):
        chunk = examples[start : start + 64]
        # The trees are fitted on many; bfloat16 moves their cosines by less than 0.01.
        with torch.autocast("cpu", torch.bfloat16, enabled=not with_cross):
            read = reader.claims([example.claim for example in chunk])
        claims: list[Claim] = []
        sources: list[Source] = []
        for example, claim in zip(chunk, read, strict=True):
            source = kept.beside(claim, example)
            if source is not None:
                rows.append(example)
                claims.append(claim)
                sources.append(source)
                plain.append(plain_features(claim, source, reader))
        if with_cross and claims:
            near = [reader.nearest(claim, source) for claim, source in zip(claims, sources, strict=True)]
            cross += model.cross_logits(claims, sources, near).tolist()
            blind += model.cross_logits(claims, sources, [[] for _ in claims]).tolist()
    nothing = np.zeros(len(rows))
    return Judged(
        rows,
        np.array([example.supported for example in rows]),
        np.stack(plain),
        np.array(cross) if with_cross else nothing,
        np.array(blind) if with_cross else nothing,
    )


def _thresholds(chances: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The least probability from which `PRECISION` holds, and the one that `RECALL` of the supported claims pass."""
    precision, _, at = precision_recall_curve(truth, chances)
    right = [limit for share, limit in zip(precision[:-1], at, strict=True) if share >= PRECISION]
    supported = float(min(right)) if right else float(at[-1])
    partly = float(np.quantile(chances[truth], 1 - RECALL))
    return round(max(supported, partly), 4), round(partly, 4)


def _table(judged: Judged, joint: Joint, kinds: dict[str, str]) -> dict[str, Any]:
    """ROC AUC of the whole and of every part, and by kind."""
    names = list(NAMES)
    chances = joint.probability(judged.plain, judged.cross)
    parts = {
        "joint": chances,
        "cross-encoder": judged.cross,
        "trees over plain evidence": joint.trees(judged.plain),
        "cross-encoder without passages": judged.blind,
        "cosine of the nearest sentence": judged.plain[:, names.index("cosine")],
        "word overlap": judged.plain[:, names.index("words found")],
        "word overlap with the nearest sentence": judged.plain[:, names.index("words in nearest sentence")],
        "names and numbers missing": -judged.plain[:, [names.index(f"{x} missing") for x in ("names", "numbers")]].sum(
            1
        ),
    }
    kind = np.array([kinds[example.claim] for example in judged.examples])
    return {
        name: {"auc": _round(roc_auc_score(judged.truth, values))}
        | {
            each: _round(roc_auc_score(judged.truth[rows], values[rows]))
            for each in sorted(set(kind))
            # One kind against all of the other verdict.
            for rows in [(kind == each) | (judged.truth != judged.truth[kind == each][0])]
        }
        for name, values in parts.items()
    }


def _by_source(judged: Judged, joint: Joint) -> dict[str, dict[str, float]]:
    """How many examples of each source are held out, and their mean probability."""
    chances = joint.probability(judged.plain, judged.cross)
    sources = np.array([example.source for example in judged.examples])
    return {
        source: {"examples": int((sources == source).sum()), "mean": _round(chances[sources == source].mean())}
        for source in sorted(set(sources))
    }


def _own_against_others(
    dev: Sequence[HandWritten], model: SupportModel, kept: KeptPassages, joint: Joint
) -> dict[str, float]:
    """The written development answers' sentences beside their own passages and beside the next question's."""
    read = {claim.id: claim.read for claim in dev}
    groups = list(read)
    following = dict(zip(groups, [*groups[1:], groups[0]], strict=True))
    examples = [
        ClaimExample(sentence, titles, own)
        for question in load_questions("dev")
        if question.answerable and question.id in read
        for sentence in split_sentences(question.answer)
        for titles, own in ((read[question.id], True), (read[following[question.id]], False))
    ]
    judged = _judge(examples, model, kept, with_cross=True)
    chances = joint.probability(judged.plain, judged.cross)
    return {
        "auc": _round(roc_auc_score(judged.truth, chances)),
        "sentences": int(judged.truth.sum()),
        "own": _round(chances[judged.truth].mean()),
        "others": _round(chances[~judged.truth].mean()),
        "own supported": _round((chances[judged.truth] >= joint.supported).mean()),
        "others supported": _round((chances[~judged.truth] >= joint.supported).mean()),
    }


def draw_curves(chances: np.ndarray, truth: np.ndarray, folder: Path) -> None:
    """Write reliability.png and precision-recall.png.

    Args:
        chances: (claims,) probabilities.
        truth: bool (claims,).
        folder: where the pictures go.
    """
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axis = figure.subplots()
    share, mean = calibration_curve(truth, chances, n_bins=8, strategy="quantile")
    axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axis.plot(mean, share, marker="o")
    axis.set(xlabel="probability given", ylabel="share supported", title="Reliability, development claims")
    figure.savefig(folder / RELIABILITY, dpi=120)
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axis = figure.subplots()
    PrecisionRecallDisplay.from_predictions(truth, chances, ax=axis, name="support model")
    axis.set(xlabel="recall", ylabel="precision", title="Precision and recall, development claims")
    axis.grid(alpha=0.3)
    figure.savefig(folder / PRECISION_RECALL, dpi=120)


def _round(value: float) -> float:
    return round(float(value), 4)
