"""A tiny random encoder of six layers, and a support model on it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from generator.support.cross_encoder import CrossEncoder
from generator.support.joint import Joint, Trees
from generator.support.model import SupportModel
from generator.support.plain import NAMES
from generator.support.reading import Rarity, Reader


@pytest.fixture(scope="session")
def tiny_reader() -> Reader:
    from transformers import BertConfig, BertModel

    from retriever.tokenization_retribert_fast import RetriBertTokenizerFast

    torch.manual_seed(0)
    vocabulary = Path(__file__).parents[2] / "fixtures/retribert/vocab.txt"
    tokenizer = RetriBertTokenizerFast(vocab_file=str(vocabulary), model_max_length=512)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=64,
    )
    return Reader(BertModel(config, add_pooling_layer=False), tokenizer, Rarity(100, {"water": 30, "sea": 9}))


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
