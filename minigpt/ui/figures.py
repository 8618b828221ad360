"""Plotly figures on a page: in the app's theme, with a download."""

# Plotly takes pandas for whole as soon as another page's thread has begun to import it; imported
# here, before any figure, it is.
import pandas  # noqa: F401
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "minigpt"},
}


def show_figure(
    figure: go.Figure, key: str, place: DeltaGenerator | None = None, *, toolbar: bool = True
) -> None:
    """Draws `figure` in the colours of .streamlit/config.toml, light or dark."""
    _draw(figure, key, place or st, toolbar, "content")


def show_map(figure: go.Figure, key: str, shape: plots.Shape) -> None:
    """Draws a figure in a box that keeps its shape at every width, and thins its labels out where
    there is no room for all."""
    css = f".st-key-{key} {{ container-type: inline-size; max-width: {shape.width}px }}"
    css += f".st-key-{key} > * {{ height: {shape.height} }}"
    for axis, pitch in shape.pitch.items():
        for every, (least, most) in enumerate(shape.widths(pitch), start=2):
            css += (
                f"@container (min-width: {least}px) and (max-width: {most}px) {{ .st-key-{key} "
                f".{axis}tick:not(:nth-child({every}n + 1)) {{ display: none }} }}"
            )
    with st.container(key=key):
        st.html(f"<style>{css}</style>")
        _draw(figure, f"{key}-figure", st, True, "stretch")


def _draw(figure: go.Figure, key: str, place: DeltaGenerator, toolbar: bool, height: str) -> None:
    draw = place.plotly_chart  # touching it registers the template named below
    figure.update_layout(template="streamlit")
    config = {**CONFIG, "displayModeBar": None if toolbar else False}
    draw(plots.readable(figure), key=key, config=config, height=height)
