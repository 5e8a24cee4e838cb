"""The selector's network and its pieces: what belongs together is read together, and nothing else changes a thing."""

import torch

from generator.selection.pieces import LONGEST_PIECE
from tests.fixtures.tiny_selector import tiny_encoder, tiny_network, tiny_reader

_PASSAGES = [
    ("Tide", "", ["Tides are the rise and fall of the sea.", "The Moon pulls the water."]),
    ("Moon", "Orbit", ["The Moon is the only natural satellite of Earth."]),
]


def _judge(network, read, said=()):
    with torch.inference_mode():
        flags = torch.tensor([owner in said for owner in read.owners], dtype=torch.bool)
        return network.judge(network.read([read.pieces]), [flags])


def test_a_question_is_judged_alike_alone_and_beside_others():
    network, reader = tiny_network(), tiny_reader()
    asked = [reader.read("why do tides rise", _PASSAGES), reader.read("what is the moon", _PASSAGES[1:])]
    with torch.inference_mode():
        both = network.judge(
            network.read([one.pieces for one in asked]),
            [torch.zeros(len(one.owners), dtype=torch.bool) for one in asked],
        )
    for number, one in enumerate(asked):
        alone = _judge(network, one)
        assert torch.allclose(both.holds[number], alone.holds[0], atol=1e-5)
        assert torch.allclose(both.sentences[number], alone.sentences[0], atol=1e-5)
        assert len(both.passages[number]) == len(one.pieces)


def test_what_was_said_changes_the_judgement_of_the_rest():
    network, read = tiny_network(), tiny_reader().read("why do tides rise", _PASSAGES)
    before, after = _judge(network, read), _judge(network, read, said={(0, 1)})
    assert not torch.allclose(before.sentences[0][[0, 2]], after.sentences[0][[0, 2]], atol=1e-5)


def test_pieces_hold_question_title_and_each_sentence_where_its_span_says():
    reader = tiny_reader()
    read = reader.read("why do tides rise", _PASSAGES)
    tokens = reader._tokens
    assert read.owners == ((0, 0), (0, 1), (1, 0)) and read.passages == (0, 1)
    first, second = read.pieces
    assert first.ids[1 : 1 + len(tokens("why do tides rise"))] == tokens("why do tides rise")
    assert [first.ids[start:end] for start, end in first.spans] == [tokens(text) for text in _PASSAGES[0][2]]
    assert tokens("Moon, Orbit") == second.ids[len(tokens("why do tides rise")) + 2 :][: len(tokens("Moon, Orbit"))]
    assert all(len(piece.ids) == len(piece.kinds) for piece in read.pieces)
    assert [piece.rank for piece in read.pieces] == [0, 1]


def test_a_long_passage_is_read_in_pieces_and_each_sentence_once():
    sentences = [f"The sea of number {number} rises and falls each day of the long year." for number in range(40)]
    read = tiny_reader().read("why do tides rise", [("Tide", "", sentences)])
    assert len(read.pieces) > 1 and all(len(piece.ids) <= LONGEST_PIECE for piece in read.pieces)
    assert read.owners == tuple((0, place) for place in range(40))
    assert sum(len(piece.spans) for piece in read.pieces) == 40


def test_passages_of_one_article_share_its_rank():
    read = tiny_reader().read(
        "why", [("Tide", "", ["The sea."]), ("Moon", "", ["A moon."]), ("Tide", "", ["It falls."])]
    )
    assert [piece.rank for piece in read.pieces] == [0, 1, 0]


def test_the_shared_encoder_stays_as_it_was():
    from generator.selection.network import SelectorNetwork

    shared = tiny_encoder()
    before = {name: value.clone() for name, value in shared.state_dict().items()}
    network = SelectorNetwork.of(shared)
    with torch.no_grad():
        for weight in network.trained().parameters():
            weight.add_(1.0)
    assert all(torch.equal(before[name], value) for name, value in shared.state_dict().items())
    assert network.encoder.embeddings.word_embeddings.weight.data_ptr() == (
        shared.embeddings.word_embeddings.weight.data_ptr()
    )
