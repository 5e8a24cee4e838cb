"""Tiny random BART, T5 and LED checkpoints, made in the test, behind the common interface."""

import json
import threading

import pytest

from core.errors import SettingsError
from core.records import Found, Retrieved, read_texts
from core.settings import Settings
from generator.base import GeneratorError
from generator.seq2seq import Seq2SeqGenerator

PLAIN = {"repetition_penalty": 1.0, "no_repeat_ngram": 0}


@pytest.fixture(scope="module", params=["bart", "t5", "led"])
def folder(request, tiny_seq2seq):
    return tiny_seq2seq(request.param)


@pytest.fixture(scope="module")
def generator(folder):
    return Seq2SeqGenerator.load(str(folder))


def read(generator, passages, question="What is honey?"):
    return generator.read(Retrieved(question, tuple(Found(rank, passage) for rank, passage in enumerate(passages, 1))))


def write(generator, corpus, settings, stop=None):
    return list(generator.stream(read(generator, corpus[:2]), settings, stop))


def test_greedy_writes_what_transformers_writes(generator, folder, corpus):
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    settings = Settings(min_words=0, max_words=10, **PLAIN)
    steps = write(generator, corpus, settings)
    pieces, reference = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)
    mark = "" if reference.config.model_type == "t5" else "<P> "
    texts = " ".join(mark + passage.text for passage in corpus[:2])
    ids = pieces(f"question: What is honey? context: {texts}", return_tensors="pt").input_ids[:, : generator._budget]
    more = {}
    if reference.config.model_type == "led":
        more["global_attention_mask"] = torch.zeros_like(ids)
        more["global_attention_mask"][:, 0] = 1
    written = [step.text for step in steps if not step.done]
    output = reference.generate(input_ids=ids, max_new_tokens=len(written), do_sample=False, num_beams=1, **more)
    assert written[-1] == pieces.decode(output[0], skip_special_tokens=True).rstrip("\ufffd").strip()
    assert [steps[0].done, steps[-1].done] == [False, True]


@pytest.mark.parametrize("decoding", ["greedy", "beams", "sampling"])
def test_every_decoding_repeats_with_its_seed(generator, corpus, decoding):
    settings = Settings(decoding=decoding, beams=3, min_words=0, max_words=6, seed=4)
    first, second = (write(generator, corpus, settings) for _ in range(2))
    assert first == second and first[-1].done
    if decoding == "beams":
        assert len([step for step in first if not step.done]) == 1


def test_stop_ends_at_the_next_token_and_leaves_no_thread(generator, corpus):
    stop = threading.Event()
    settings = Settings(min_words=0, max_words=200, **PLAIN)
    before = threading.active_count()
    steps = []
    for step in generator.stream(read(generator, corpus[:2]), settings, stop):
        steps.append(step)
        stop.set()
    assert steps[-1].stopped and steps[-1].done
    assert threading.active_count() == before


def test_closing_the_iterator_ends_the_thread(generator, corpus):
    before = threading.active_count()
    stream = generator.stream(read(generator, corpus[:1]), Settings(max_words=200, **PLAIN))
    assert not next(stream).done
    stream.close()
    assert threading.active_count() == before


def test_what_is_read_fits_and_the_rest_is_said_not_to_be_read(generator, corpus):
    retrieved = read(generator, list(corpus) * 20)
    assert len(generator._encode("What is honey?", retrieved.read)) <= generator._budget
    statuses = [part.status for part in retrieved.found]
    assert statuses == sorted(statuses, key=["read", "cut", "not read"].index) and statuses[-1] == "not read"


def test_special_tokens_in_a_passage_are_only_text(generator):
    ids = generator._encode("Why?", read_texts(["the </s> moon <s><pad>"]))
    special = generator.tokenizer.all_special_ids
    plain = generator._encode("Why?", read_texts(["the moon"]))
    assert sum(token in special for token in ids) == sum(token in special for token in plain)


def test_a_missing_folder_is_refused():
    with pytest.raises(GeneratorError, match=r"no generator folder /no/such/folder.*extractive"):
        Seq2SeqGenerator.load("/no/such/folder")


def test_a_name_that_cannot_be_one_is_refused():
    with pytest.raises(GeneratorError, match="there is no generator"):
        Seq2SeqGenerator.load("no such name!")


def test_a_folder_without_weights_is_refused(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(GeneratorError, match="has no weights"):
        Seq2SeqGenerator.load(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(GeneratorError, match="pickled"):
        Seq2SeqGenerator.load(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(GeneratorError, match="cannot be loaded"):
        Seq2SeqGenerator.load(str(tmp_path))


def test_an_empty_folder_and_a_model_of_another_kind_are_refused(folder, tmp_path):
    with pytest.raises(GeneratorError, match=r"config\.json is missing"):
        Seq2SeqGenerator.load(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(GeneratorError, match=r"cannot be loaded.*extractive"):
        Seq2SeqGenerator.load(str(tmp_path))


def test_settings_are_checked_before_anything_is_loaded():
    with pytest.raises(SettingsError):
        Settings(decoding="fast")


def test_the_loss_of_an_answer_is_that_of_its_tokens_one_by_one(generator, folder, corpus):
    """Against the reference model fed by hand, one token more at a time."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    pieces, reference = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)
    retrieved = read(generator, corpus[:2])
    loss, count = generator.answer_loss(retrieved, "Bees make it.")
    ids = torch.tensor([generator._encode("What is honey?", retrieved.read)])
    more = {}
    if reference.config.model_type == "led":
        more["global_attention_mask"] = torch.zeros_like(ids)
        more["global_attention_mask"][:, 0] = 1
    target = [*pieces("Bees make it.").input_ids, pieces.eos_token_id]
    written, expected = [reference.config.decoder_start_token_id], 0.0
    for token in target:
        with torch.inference_mode():
            logits = reference(input_ids=ids, decoder_input_ids=torch.tensor([written]), **more).logits
        expected -= float(logits[0, -1].log_softmax(-1)[token])
        written.append(token)
    assert count == len(target)
    assert loss == pytest.approx(expected, rel=1e-4)


def test_the_loss_of_a_long_answer_is_that_of_what_the_model_can_write(generator, corpus):
    loss, count = generator.answer_loss(read(generator, corpus[:1]), "Bees make honey. " * 100)
    assert loss > 0
    assert count == 94 or generator.model.config.model_type == "t5" and count > 94
