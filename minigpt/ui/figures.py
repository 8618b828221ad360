"""Plotly figures on a page: in the app's theme, with a download."""

# Plotly takes pandas for whole as soon as another page's thread has begun to import it; imported
# here, before any figure, it is.
import pandas  # noqa: F401
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "minigpt"},
}


def show_figure(
    figure: go.Figure, key: str, place: DeltaGenerator | None = None, *, toolbar: bool = True
) -> None:
    """Draws `figure` in the colours of .streamlit/config.toml, light or dark."""
    draw = (place or st).plotly_chart  # touching it registers the template named below
    figure.update_layout(template="streamlit")
    draw(figure, key=key, config={**CONFIG, "displayModeBar": None if toolbar else False})
