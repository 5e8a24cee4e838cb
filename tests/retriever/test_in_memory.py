import numpy as np
import pytest

from retriever.in_memory import index_in_memory


def test_passages_in_memory_are_found_as_in_any_index(corpus, tiny_encoder, tiny_retriever):
    done = []
    retriever, vectors = index_in_memory(corpus, tiny_encoder, "mine", "own", on_block=done.append)
    assert done == [len(corpus)] and vectors.shape == (len(corpus), tiny_encoder.dimensions)
    here, there = (each.find("Why do tides rise?", 3) for each in (retriever, tiny_retriever))
    assert [part.passage for part in here.found] == [part.passage for part in there.found]
    assert [part.score for part in here.found] == pytest.approx([part.score for part in there.found], abs=1e-5)
    assert retriever.card()["source"] == "mine" and retriever.card()["index"] == "own"


def test_only_what_is_new_is_encoded(corpus, tiny_encoder):
    _, first = index_in_memory(corpus[:5], tiny_encoder, "mine", "own")
    done = []
    retriever, both = index_in_memory(corpus, tiny_encoder, "mine", "own", first, done.append)
    np.testing.assert_array_equal(both[:5], first)
    assert done == [len(corpus)] and len(retriever.index) == len(corpus)


def test_what_hears_of_the_progress_may_end_it(corpus, tiny_encoder):
    def stop(done):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        index_in_memory(corpus, tiny_encoder, "mine", "own", on_block=stop)
