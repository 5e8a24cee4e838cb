"""What training reads: the passages of the claims, read once and kept on the disk, and the examples made from them.

It knows the question set and the reader. It knows nothing of the models that are trained.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from core.files import replacing, write_json
from core.sentences import split_sentences
from core.words import STOP_WORDS, Words, stem
from data.passages import Passage
from data.questions import Claim as HandWritten
from data.questions import Question
from generator.support.cross_encoder import JOINT_LAYERS
from generator.support.reading import Claim, Reader, Source, SourceSentence
from training.support_spoiler import ClaimExample, Spoiler, spoiled

# Title → first row, last row and text of its head ("") and of each sentence.
Places = dict[str, list[tuple[int, int, str]]]
HELD_OUT_PERCENT = 15
_SHORTEST = 6  # words
_CHUNK = 256


def held_out(group: str) -> bool:
    """Whether a group of claims is kept from the training of the parts; the same on every machine.

    >>> held_out("b00-000"), held_out("b00-005")
    (False, False)
    """
    return int(hashlib.md5(group.encode(), usedforsecurity=False).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


class KeptPassages:
    """Passages with their states in one file, so that every claim of a run finds its passages read already."""

    def __init__(self, folder: Path, passages: Mapping[str, Passage], titles: Sequence[str], reader: Reader) -> None:
        """Open the kept states in a folder, or read the passages and keep them (minutes; about 400 kB a passage).

        Args:
            folder: where "passages.json" and "states.f16" lie.
            passages: by the names that examples give them: their titles, or what tells pieces of them apart.
            titles: those names of them that are needed.
            reader: reads them.
        """
        self.reader = reader
        self.passages = passages
        index, states = folder / "passages.json", folder / "states.f16"
        kept = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
        if list(kept) != list(titles):
            kept = self._read(titles, states)
            write_json(index, kept, indent=None)
        self._places: Places = kept
        hidden = reader.encoder.config.hidden_size
        self._states = np.memmap(states, np.float16, "r").reshape(-1, JOINT_LAYERS + 1, hidden)

    def _read(self, titles: Sequence[str], path: Path) -> Places:
        """Read passages into a file; returns the rows of each title's head and sentences."""
        places: Places = {}
        row = 0
        bar = tqdm(total=len(titles), desc="reading passages", unit="passage")
        with bar, replacing(path) as part, part.open("wb") as file:
            for start in range(0, len(titles), _CHUNK):
                chunk = titles[start : start + _CHUNK]
                shown = [self.passages[title] for title in chunk]
                source = self.reader.passages([(passage.title, passage.text) for passage in shown])
                for number, title in enumerate(chunk, 1):
                    mine = [s for s in source.sentences if s.passage == number]
                    pieces = [("", _with_vector(source.heads[number], None))] if mine else []
                    pieces += [(s.text, _with_vector(s.states, s.vector)) for s in mine]
                    places[title] = []
                    for text, piece in pieces:
                        file.write(piece.tobytes())
                        places[title].append((row, row + len(piece), text))
                        row += len(piece)
                bar.update(len(chunk))
        return places

    def source(self, titles: Sequence[str]) -> Source:
        """The passages of these titles as they were read, states left on the disk until they are used."""
        heads, sentences, named = {}, [], {}
        for number, title in enumerate(titles, 1):
            if not self._places[title]:
                continue
            (first, last, _), *parts = self._places[title]
            heads[number] = self._states[first:last, :JOINT_LAYERS]
            named[number] = self._words(self.passages[title].title)
            for start, end, text in parts:
                states = self._states[start:end, :JOINT_LAYERS]
                sentences.append(SourceSentence(number, text, self._words(text), self._vector(start, end), states))
        return Source(named, heads, tuple(sentences))

    def beside(self, claim: Claim, example: ClaimExample) -> Source | None:
        """What a claim is judged by: its passages, without their support where that is taken away; None for nothing."""
        source: Source | None = self.source(example.titles)
        if source is not None and example.source == "removed":
            source = without_support(claim, source, self.reader)
        return source if source is not None and source.sentences else None

    @lru_cache(maxsize=40_000)  # noqa: B019 (lives as long as the run)
    def _words(self, text: str) -> Words:
        return Words(text)

    @lru_cache(maxsize=40_000)  # noqa: B019 (lives as long as the run)
    def _vector(self, start: int, end: int) -> np.ndarray:
        mean = self._states[start:end, -1].astype(np.float32).mean(0)
        return mean / (np.linalg.norm(mean) + 1e-9)


def _with_vector(states: np.ndarray, vector: np.ndarray | None) -> np.ndarray:
    """States with one more layer that holds the sentence's vector: its mean is what is asked of it."""
    last = np.zeros((len(states), 1, states.shape[-1]), np.float16)
    if vector is not None:
        last[:] = vector.astype(np.float16)
    return np.concatenate([states, last], 1)


def without_support(claim: Claim, source: Source, reader: Reader) -> Source | None:
    """The source less the two sentences nearest to a claim; None when too little would be left."""
    near = reader.nearest(claim, source)
    if len(near) < 4:
        return None
    kept = tuple(s for row, s in enumerate(source.sentences) if row not in near[:2])
    numbers = {sentence.passage for sentence in kept}
    return Source(
        {number: words for number, words in source.titles.items() if number in numbers},
        {number: head for number, head in source.heads.items() if number in numbers},
        kept,
    )


def siblings_of(reader: Reader, texts: Sequence[str]) -> Mapping[str, list[str]]:
    """Words of the same sort that mean something else, by the encoder's own word vectors.

    Args:
        reader: its encoder's vectors and vocabulary are used.
        texts: only words that these hold eight times are counted.

    Returns:
        word → up to 22 others: not the two nearest, no synonyms (cosine below 0.75), with the same ending or near.
    """
    counts = Counter(word for text in texts for word in re.findall(r"\b[a-z]{3,}\b", text))
    vocabulary = reader.tokenizer.get_vocab()
    words = [w for w, count in counts.items() if count >= 8 and w in vocabulary and w not in STOP_WORDS]
    table = reader.encoder.embeddings.word_embeddings.weight.detach()[
        torch.tensor([vocabulary[word] for word in words])
    ]
    table = torch.nn.functional.normalize(table - table.mean(0), dim=-1)
    values, rows = (table @ table.T).topk(min(40, len(words)))
    found = {}
    for word, cosines, others in zip(words, values.tolist(), rows.tolist(), strict=True):
        found[word] = [
            words[other] for cosine, other in zip(cosines, others, strict=True)
            if cosine < 0.75 and stem(words[other]) != stem(word) and (words[other][-2:] == word[-2:] or cosine > 0.4)
        ][2:24]  # fmt: skip
    return found


def make_examples(
    claims: Sequence[HandWritten],
    answers: Mapping[str, Mapping[str, Question]],
    texts: Mapping[str, str],
    siblings: Mapping[str, Sequence[str]],
    seed: int,
) -> list[ClaimExample]:
    """The hand-written claims, and easier examples made from them and from answers to the same questions.

    Args:
        claims: hand-written, with their passages' titles.
        answers: "written" and "close" → id → answer.
        texts: title → passage.
        siblings: see `siblings_of`.
        seed: of all that is drawn.

    Returns:
        In a fixed order: supported sentences of every source, each also with one thing made wrong, some beside other
        questions' passages, some with their support taken away.
    """
    rng = random.Random(seed)
    spoiler = Spoiler(rng, lambda word: siblings.get(word, ()))
    read = {claim.id: claim.read for claim in claims}
    base = [ClaimExample(claim.claim, claim.read, claim.supported, (), "hard", claim.id) for claim in claims]
    for group, titles in read.items():
        base += _answer_sentences(group, titles, answers)
        for title in titles:
            sentence = rng.choice(split_sentences(texts[title]) or [""])
            if len(sentence.split()) >= _SHORTEST:
                base.append(ClaimExample(sentence, titles, True, (), "quoted", group))
    made = list(base)
    # Held-out claims are put beside held-out passages only.
    groups = {side: [group for group in read if held_out(group) == side] for side in (False, True)}
    for example in base:
        if example.supported:
            words = Words(example.claim).stem_set
            own = max(example.titles, key=lambda title: len(words & Words(f"{title}. {texts[title]}").stem_set))
            tries = 2 if example.source == "hard" else 1
            made += [wrong for _ in range(tries) if (wrong := spoiled(example, own, texts, spoiler)) is not None]
        if rng.random() < 0.12 and groups[held_out(example.group)]:
            other = rng.choice(groups[held_out(example.group)])
            made.append(ClaimExample(example.claim, read[other], False, (), "other", other))
        if example.supported and rng.random() < 0.15:
            made.append(replace(example, supported=False, source="removed"))
    return made


def _answer_sentences(
    group: str, titles: tuple[str, ...], answers: Mapping[str, Mapping[str, Question]]
) -> list[ClaimExample]:
    """Sentences of the answers to a group's question whose supporting passages were all at hand."""
    found = []
    for source, by_id in answers.items():
        answer = by_id.get(group)
        if answer is not None and answer.answerable and set(answer.titles) <= set(titles):
            found += [
                ClaimExample(sentence, titles, True, (), source, group)
                for sentence in split_sentences(answer.answer) if len(sentence.split()) >= _SHORTEST
            ]  # fmt: skip
    return found
