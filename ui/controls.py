"""The sidebar: its controls, and the settings made of their values.

It knows the settings' names and ranges; it starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import gradio as gr

from answers import MOST_CANDIDATES, MOST_PASSAGES, AskSettings
from generator.base import DECODINGS, VOCABULARIES, WORDINGS, GenerationSettings, SettingsError
from generator.registry import EMBEDDED
from generator.support.choose import UNSUPPORTED_WAYS

_DEFAULTS, _ASKING = GenerationSettings(), AskSettings()


def sidebar(generator: str) -> list[gr.components.Component]:
    """The closed sidebar with its controls, in the order that `to_settings` reads them."""
    from retriever.search import METHODS

    ask = _ASKING
    with gr.Sidebar(open=False, position="right", width=330, elem_id="settings"):
        gr.HTML('<h2 class="side">Settings</h2>', js_on_load=None)
        retrieval = gr.Dropdown(
            list(METHODS),
            value=ask.retrieval,
            label="Retrieval",
            info="dense: by meaning; sparse: by words (BM25); mixed: both; none and random: to see what evidence adds",
        )
        passages = gr.Slider(1, MOST_PASSAGES, value=ask.passages, step=1, label="Number of passages")
        writer = generator_choice(
            generator,
            "Generator",
            "extractive quotes; fused writes; or the name or folder of a seq2seq checkpoint. First use loads it."
            if offered() is None
            else "extractive quotes; fused writes. First use loads it.",
        )
        decoding = gr.Radio(list(DECODINGS), value=_DEFAULTS.decoding, label="Decoding")
        beams = gr.Slider(1, 16, value=_DEFAULTS.beams, step=1, label="Beams", info="used by beams")
        temperature = gr.Slider(
            0.05, 2.0, value=_DEFAULTS.temperature, step=0.05, label="Temperature", info="used by sampling"
        )
        top_p = gr.Slider(0.05, 1.0, value=_DEFAULTS.top_p, step=0.05, label="Top-p", info="used by sampling")
        shortest = gr.Number(_DEFAULTS.min_words, precision=0, label="Shortest answer, in words")
        longest = gr.Number(_DEFAULTS.max_words, precision=0, label="Longest answer, in words")
        penalty = gr.Slider(1.0, 2.0, value=_DEFAULTS.repetition_penalty, step=0.05, label="Repetition penalty")
        seed = gr.Number(_DEFAULTS.seed, precision=0, label="Seed", info="the same seed repeats a sampled answer")
        more = _more_controls(ask)
    return [retrieval, passages, writer, decoding, beams, temperature, top_p, shortest, longest, penalty, seed, *more]


def _more_controls(ask: AskSettings) -> list[gr.components.Component]:
    """What is seldom changed."""
    with gr.Accordion("More", open=False):
        candidates = gr.Slider(
            1, MOST_CANDIDATES, value=ask.candidates, step=1, label="Candidates", info="the best supported is kept"
        )
        unsupported = gr.Radio(list(UNSUPPORTED_WAYS), value=ask.unsupported, label="Sentences without support")
        wording = gr.Radio(
            list(WORDINGS), value=_DEFAULTS.wording, label="Wording", info="close to the passages, or fused's own"
        )
        vocabulary = gr.Radio(
            list(VOCABULARIES),
            value=_DEFAULTS.vocabulary,
            label="Names and numbers of fused",
            info="sources: only those that the passages or the question have",
        )
        ngram = gr.Number(_DEFAULTS.no_repeat_ngram, precision=0, label="Tokens in a row that may not repeat")
        bonus = gr.Slider(0, 10, value=_DEFAULTS.copy_bonus, step=0.5, label="Bonus for copying", info="used by fused")
    return [candidates, unsupported, wording, vocabulary, ngram, bonus]


CONTROLS = (
    "retrieval",
    "passages",
    "generator",
    "decoding",
    "beams",
    "temperature",
    "top_p",
    "min_words",
    "max_words",
    "repetition_penalty",
    "seed",
    "candidates",
    "unsupported",
    "wording",
    "vocabulary",
    "no_repeat_ngram",
    "copy_bonus",
)  # the settings in the order of the controls


def control_values(named: Mapping[str, Any], generator: str = "") -> dict[str, Any]:
    """A value for every control, in their order: the one named, else the default.

    Args:
        named: settings by name; names without a control are left out.
        generator: the default generator, if it is not that of `AskSettings`.
    """
    default = AskSettings().to_json() | ({"generator": generator} if generator else {})
    return {name: named.get(name, default[name]) for name in CONTROLS}


def to_settings(
    retrieval: Any,  # noqa: ANN401 — values come from a browser and are checked here
    passages: Any,  # noqa: ANN401
    generator: Any,  # noqa: ANN401
    decoding: Any,  # noqa: ANN401
    beams: Any,  # noqa: ANN401
    temperature: Any,  # noqa: ANN401
    top_p: Any,  # noqa: ANN401
    min_words: Any,  # noqa: ANN401
    max_words: Any,  # noqa: ANN401
    repetition_penalty: Any,  # noqa: ANN401
    seed: Any,  # noqa: ANN401
    candidates: Any = _ASKING.candidates,  # noqa: ANN401
    unsupported: Any = _ASKING.unsupported,  # noqa: ANN401
    wording: Any = _DEFAULTS.wording,  # noqa: ANN401
    vocabulary: Any = _DEFAULTS.vocabulary,  # noqa: ANN401
    no_repeat_ngram: Any = _DEFAULTS.no_repeat_ngram,  # noqa: ANN401
    copy_bonus: Any = _DEFAULTS.copy_bonus,  # noqa: ANN401
) -> AskSettings:
    """Settings from the controls' values or an API call's.

    Raises:
        SettingsError: a value is missing, no number, or out of range; the setting is named.
    """
    return AskSettings(
        retrieval=str(retrieval or ""),
        passages=_whole("the number of passages", passages),
        generator=_name(generator),
        generation=GenerationSettings(
            decoding=str(decoding or ""),
            beams=_whole("the number of beams", beams),
            temperature=_number("the temperature", temperature),
            top_p=_number("top-p", top_p),
            min_words=_whole("the shortest answer", min_words),
            max_words=_whole("the longest answer", max_words),
            repetition_penalty=_number("the repetition penalty", repetition_penalty),
            no_repeat_ngram=_whole("the number of tokens that may not repeat", no_repeat_ngram),
            wording=str(wording or ""),
            vocabulary=str(vocabulary or ""),
            copy_bonus=_number("the bonus for copying", copy_bonus),
            seed=_whole("the seed", seed),
        ),
        candidates=_whole("the number of candidates", candidates),
        unsupported=str(unsupported or ""),
    )


def offered() -> tuple[str, ...] | None:
    """The generators that may be chosen; None where any name or folder may be.

    A public Space must not load whatever a visitor names: there it is the embedded ones, or those in LFQA_GENERATORS.
    """
    if names := os.environ.get("LFQA_GENERATORS"):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return EMBEDDED if "SPACE_ID" in os.environ else None


def generator_choice(generator: str, label: str, info: str | None = None) -> gr.Dropdown:
    """The control that chooses a generator.

    Args:
        generator: the one chosen at first.
        label: the control's name.
        info: a line below it.
    """
    names = [*(offered() or EMBEDDED), generator]
    return gr.Dropdown(
        list(dict.fromkeys(names)), value=generator, allow_custom_value=offered() is None, label=label, info=info
    )


def _name(generator: object) -> str:
    """The generator's name, not blank, and one that is offered."""
    name, names = str(generator or "").strip(), offered()
    if not name:
        raise SettingsError("no generator is chosen: pick extractive or fused, or type a checkpoint's name or folder")
    if names is not None and name not in names:
        raise SettingsError(f"the generator {name!r} is not offered here; allowed are {', '.join(names)}")
    return name


def _number(name: str, value: Any) -> float:  # noqa: ANN401
    """A number, or an error that names the setting."""
    try:
        return float(value)
    except (TypeError, ValueError):
        given = "empty" if value in (None, "") else f"{value!r}, which is no number"
        raise SettingsError(f"{name} is {given}: type a number") from None


def _whole(name: str, value: Any) -> int:  # noqa: ANN401
    """A whole number, or an error that names the setting."""
    number = _number(name, value)
    if number != number or number in (float("inf"), float("-inf")) or number != int(number):
        raise SettingsError(f"{name} is {value}: type a whole number")
    return value if isinstance(value, int) else int(number)  # a long seed would lose digits as a float
