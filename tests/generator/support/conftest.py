"""A support model on a tiny random encoder."""

import numpy as np
import pytest
import torch

from generator.support.cross_encoder import CrossEncoder
from generator.support.joint import Joint, Trees
from generator.support.model import SupportModel
from generator.support.plain import NAMES
from generator.support.reading import Reader


@pytest.fixture
def tiny_support(tiny_reader: Reader) -> SupportModel:
    """Judges by one tree: whether half of the claim's words are found."""
    torch.manual_seed(1)
    found = NAMES.index("words found")
    tree = Trees(
        0.0,
        np.array([[found, -1, -1]]),
        np.array([[0.5, 0.0, 0.0]]),
        np.array([[1, 0, 0]]),
        np.array([[2, 0, 0]]),
        np.array([[0.0, -2.0, 2.0]]),
    )
    joint = Joint(NAMES, tree, (1.0, 0.0, 0.0, 0.0), 0.0, 0.7, 0.3)
    return SupportModel(tiny_reader, CrossEncoder(tiny_reader.encoder), joint)
