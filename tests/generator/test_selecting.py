"""Which sentences become an answer, over a selector whose judgement is known."""

from dataclasses import replace

import pytest

from core.records import Found, Passage, Retrieved, SelectedSentence, Selection, read_texts
from core.sentences import split_sentences
from core.settings import Settings
from generator.abstention import says_lacking
from generator.lacking import not_answered, partly_answered
from generator.selecting import LIKELY, LIKELY_WHILE_SHORT, Room, as_read, chosen, is_whole

BEES = ["Bees fly from flower to flower.", "They gather nectar in the spring.", "Wax is made by young bees."]
HIVES = ["Hives are built out of wood.", "A hive holds many thousand bees."]
FOUND = tuple(read_texts([" ".join(BEES), " ".join(HIVES)], ["Bee", "Hive"]))
WIDE = Room(enough=100, most=200)


class Known:
    """Gives each place its probability, given what was said; notes what it was asked."""

    def __init__(self, chances, later=None):
        self.chances, self.later, self.asked = chances, later or {}, []

    def select(self, retrieved, said=()):
        self.asked.append(set(said))
        chances = self.chances | (self.later if said else {})
        sentences = tuple(
            SelectedSentence((rank, number), text, chances.get((rank, number), 0.0), (rank, number) in said)
            for rank, texts in ((1, BEES), (2, HIVES))
            for number, text in enumerate(texts, 1)
        )
        return Selection("full", 0.9, 0.9, 0.5, sentences)


def places(chances, later=None, room=WIDE, **given):
    return [each.place for each in chosen(Known(chances, later), Retrieved("Why?", FOUND), room, **given)]


def test_likely_sentences_are_chosen_best_first():
    assert places({(2, 1): 0.9, (1, 3): 0.8, (1, 1): LIKELY - 0.01}) == [(2, 1), (1, 3)]


def test_each_choice_is_judged_beside_what_was_said():
    assert places({(2, 1): 0.9, (1, 3): 0.8, (1, 1): 0.1}, later={(1, 3): 0.1, (1, 1): 0.7}) == [(2, 1), (1, 1)]


def test_what_leans_comes_behind_the_sentence_that_it_leans_on():
    assert places({(1, 2): 0.9}) == [(1, 1), (1, 2)]
    assert places({(1, 2): 0.9}, said=[(1, 1)]) == [(1, 2)]


def test_what_leans_at_the_beginning_of_a_passage_comes_behind_the_end_of_the_one_before_it():
    texts = ["Snow falls in winter. Ice covers the whole lake.", "It melts again in the spring."]
    passages = [Passage(f"7.{number}", "Lake", "Ice", text, "") for number, text in enumerate(texts, 4)]

    class Melting(Known):
        def select(self, retrieved, said=()):
            rows = [((p.rank, n), t) for p in retrieved.read for n, t in enumerate(split_sentences(p.text), 1)]
            melts = [SelectedSentence(place, text, 0.9 * ("melts" in text), place in said) for place, text in rows]
            return Selection("full", 0.9, 0.9, 0.5, tuple(melts))

    def order(*found):
        parts = tuple(Found(rank, passage).as_read(passage.text) for rank, passage in enumerate(found, 1))
        return [each.text for each in chosen(Melting({}), Retrieved("Why?", parts), WIDE)][:2]

    assert order(*passages) == ["Ice covers the whole lake.", texts[1]] == order(*reversed(passages))
    assert texts[1] not in order(replace(passages[0], section="Fish"), passages[1])


def test_the_best_comes_even_where_it_is_unlikely_but_nothing_follows_it():
    assert places({(1, 3): 0.1, (2, 1): 0.05}) == [(1, 3)]
    assert places({(1, 3): 0.1}, said=[(2, 1)]) == []


def test_a_short_answer_takes_what_is_less_likely():
    chances = {(2, 1): 0.9, (1, 3): LIKELY_WHILE_SHORT, (1, 1): LIKELY_WHILE_SHORT - 0.01}
    assert places(chances, room=Room(enough=100, most=200, short=50)) == [(2, 1), (1, 3)]
    assert places(chances) == [(2, 1)]


def test_there_is_an_end():
    all_likely = {(rank, number): 0.9 for rank, count in ((1, 3), (2, 2)) for number in range(1, count + 1)}
    assert len(places(all_likely)) == 5
    assert len(places(all_likely, room=Room(enough=7, most=100))) == 2
    assert len(places(all_likely, room=Room(enough=100, most=12))) == 2
    assert places(all_likely, room=Room(enough=10, most=100), words=10) == []


def test_what_the_selector_said_already_is_not_asked_again():
    selector = Known({(1, 1): 0.9})
    retrieved = Retrieved("Why?", FOUND, selection=selector.select(Retrieved("Why?", FOUND)))
    list(chosen(selector, retrieved, WIDE))
    assert selector.asked == [set(), {(1, 1)}]


def test_sentences_are_read_passage_by_passage():
    first, second, third = (SelectedSentence(place, "", 0.5) for place in ((2, 2), (1, 1), (2, 1)))
    assert as_read([first, second, third]) == [third, first, second]


@pytest.mark.parametrize("text", ["is 1, by convention.", "Too short.", "No end of it is here", "word " * 71 + "."])
def test_what_a_cut_has_left_is_no_sentence(text):
    assert not is_whole(text)


def test_the_room_is_that_of_the_settings():
    assert Room.of(Settings(min_words=10, max_words=100)) == Room(enough=50, most=100, short=10)


@pytest.mark.parametrize("question", ["Why do bees hum?", "why do bees hum", "Tell me about bees."])
def test_what_is_lacking_is_said_in_one_whole_sentence_with_the_very_question(question):
    sentence = not_answered(question)
    assert question in sentence.text and sentence.text.rstrip("”")[-1] in "?." and sentence.kind == "lacking"
    assert says_lacking(sentence.text) and says_lacking(partly_answered().text)
