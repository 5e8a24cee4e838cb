"""Gradio's own colours and fonts, brought in line with style.css; fonts are the system's, so nothing is fetched."""

from __future__ import annotations

import gradio as gr

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """The theme, light and dark."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=SANS,
        font_mono=MONO,
    )
    pairs = {
        "body_background_fill": ("#f8f6f1", "#14171a"),
        "body_text_color": ("#1d2126", "#e9e6df"),
        "body_text_color_subdued": ("#5a626c", "#a6aeb7"),
        "background_fill_primary": ("#ffffff", "#1b1f24"),
        "background_fill_secondary": ("#f8f6f1", "#14171a"),
        "block_background_fill": ("#ffffff", "#1b1f24"),
        "block_label_text_color": ("#1d2126", "#e9e6df"),
        "block_title_text_color": ("#1d2126", "#e9e6df"),
        "block_info_text_color": ("#5a626c", "#a6aeb7"),
        "border_color_primary": ("#ddd8cc", "#30373e"),
        "input_background_fill": ("#ffffff", "#20262b"),
        "input_border_color": ("#8d887c", "#6a747d"),
        "input_placeholder_color": ("#6b6f76", "#98a1aa"),
        "button_primary_background_fill": ("#0b5563", "#7accd6"),
        "button_primary_background_fill_hover": ("#083f4a", "#9adce4"),
        "button_primary_text_color": ("#ffffff", "#07262b"),
        "button_primary_text_color_hover": ("#ffffff", "#07262b"),
        "slider_color": ("#0b5563", "#7accd6"),
        "checkbox_background_color_selected": ("#0b5563", "#2f8f9b"),
        "checkbox_border_color_selected": ("#0b5563", "#2f8f9b"),
        "checkbox_label_background_fill": ("#f2efe8", "#262c32"),
        "checkbox_label_background_fill_hover": ("#e8e4da", "#2e353c"),
        "checkbox_label_background_fill_selected": ("#e4eff0", "#1f3338"),
    }
    for name, (light, dark) in pairs.items():
        base.set(**{name: light, f"{name}_dark": dark})
    return base
