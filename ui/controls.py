"""The sidebar: a control for each setting, made from its description, and the settings made of their values.

It knows no setting by name; it starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from core.settings import DEFAULTS, DESCRIPTIONS, Description, Settings
from ui.offer import Offer

# The settings in the order of their controls: what is seldom changed comes late, and last the index, which
# stands elsewhere on the page.
CONTROLS = tuple(
    sorted(DESCRIPTIONS, key=lambda name: (DESCRIPTIONS[name].control == "index", DESCRIPTIONS[name].folded))
)


def sidebar(offer: Offer, index: gr.components.Component) -> list[gr.components.Component]:
    """The closed sidebar with its controls, in the order of `CONTROLS`; that of the index stands elsewhere."""
    with gr.Sidebar(open=False, position="right", width=330, elem_id="settings"):
        gr.HTML('<h2 class="side">Settings</h2>', js_on_load=None)
        shown = list(_controls(offer, folded=False))
        with gr.Accordion("More", open=False):
            shown += _controls(offer, folded=True)
    assert CONTROLS[-1] == "index"
    return [*shown, index]


def _controls(offer: Offer, folded: bool) -> Iterator[gr.components.Component]:
    """The controls of one part of the sidebar."""
    for name in CONTROLS:
        about = DESCRIPTIONS[name]
        if about.folded == folded and about.control != "index":
            yield control(name, about, offer.generator if about.control == "generator" else DEFAULTS[name], offer)


def control(
    name: str,
    about: Description,
    value: Any,  # noqa: ANN401
    offer: Offer,
    label: str = "",
    **layout: Any,  # noqa: ANN401
) -> gr.components.Component:
    """The control of one setting.

    Args:
        name: of the setting.
        about: its description.
        value: the one chosen at first.
        offer: what may be chosen.
        label: beside it, if not the description's; then nothing more is said.
        layout: further options of the component.
    """
    said: dict[str, Any] = {"label": label} if label else {"label": about.label, "info": about.help}
    said |= layout
    match about.control:
        case "generator":
            return _generator_choice(value, offer, **said)
        case "dropdown":
            return gr.Dropdown(list(about.choices), value=value, **said)
        case "radio":
            return gr.Radio(list(about.choices), value=value, **said)
        case "slider":
            low, high, step = about.slider or (about.low, about.high, 1)
            return gr.Slider(low, high, value=value, step=step, **said)
        case _:
            return gr.Number(value, precision=0, **said)


def control_values(named: Mapping[str, Any], generator: str = "") -> dict[str, Any]:
    """A value for every control, in their order: the one named, else the default.

    Args:
        named: settings by name; names without a control are left out.
        generator: the default generator, if it is not that of `Settings`.
    """
    default = DEFAULTS | ({"generator": generator} if generator else {})
    return {name: named.get(name, default[name]) for name in CONTROLS}


def by_name(values: Sequence[Any], names: Sequence[str] = CONTROLS) -> dict[str, Any]:
    """Values in the order of names, under those names."""
    return dict(zip(names, values, strict=True))


def to_settings(values: Mapping[str, Any], offer: Offer) -> Settings:
    """Settings from values by name; what is not named is at its default.

    Raises:
        SettingsError: a value is missing, no number, out of range, or a generator that is not offered.
    """
    return offer.check(Settings.parse(values))


def _generator_choice(generator: str, offer: Offer, label: str, **options: Any) -> gr.Dropdown:  # noqa: ANN401
    """The control that chooses a generator.

    Args:
        generator: the one chosen at first.
        offer: what may be chosen.
        label: the control's name.
        options: further ones of the component.
    """
    return gr.Dropdown(list(offer.generators), value=generator, allow_custom_value=offer.others, label=label, **options)
