import json

import numpy as np
import pytest

from generator.support.joint import Joint, Trees
from training.support_judgement import trees_of


@pytest.fixture(scope="module")
def fitted():
    from sklearn.ensemble import GradientBoostingClassifier

    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4)).astype(np.float32)
    truth = features[:, 0] * features[:, 1] > 0
    return features, GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=0).fit(features, truth)


def test_trees_say_what_scikit_learn_says(fitted):
    features, model = fitted
    trees = trees_of(model)
    np.testing.assert_allclose(trees(features), model.decision_function(features), atol=1e-9)
    again = Trees.from_json(json.loads(json.dumps(trees.to_json())))
    np.testing.assert_allclose(again(features), model.decision_function(features), atol=1e-3)


def test_the_regression_by_hand(fitted, tmp_path):
    features, model = fitted
    joint = Joint(("a", "cosine", "quoted", "d"), trees_of(model), (0.5, 0.25, 2.0, -3.0), -0.1, 0.8, 0.4)
    joint.save(tmp_path / "joint.json")
    cross = np.linspace(-20, 20, len(features))
    logits = 0.5 * model.decision_function(features) + 0.25 * cross.clip(-8, 8) + 2 * features[:, 2]
    logits += -3 * features[:, 1] - 0.1
    found = Joint.load(tmp_path / "joint.json").probability(features, cross)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-3)


@pytest.mark.parametrize(
    ("probability", "label"), [(0.8, "supported"), (0.79, "partly"), (0.4, "partly"), (0.39, "not supported")]
)
def test_labels_begin_at_their_thresholds(fitted, probability, label):
    assert Joint((), trees_of(fitted[1]), (1.0, 1.0, 1.0, 1.0), 0.0, 0.8, 0.4).label(probability) == label
