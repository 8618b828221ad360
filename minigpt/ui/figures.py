"""Charts on a page, in the app's theme; those that rest have a download."""

# Plotly takes pandas for whole as soon as another page's thread has begun to import it; imported
# here, before any figure, it is.
import pandas  # noqa: F401
import streamlit as st

from minigpt import plots

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "minigpt"},
}


def show_chart(chart: plots.Chart, key: str, *, moving: bool = False, toolbar: bool = True) -> None:
    """Draws a chart in the colours of .streamlit/config.toml, light or dark."""
    if moving:  # ECharts takes new points without a remount; a Plotly chart would lose its zoom
        st.echarts_chart(plots.option(chart), height=chart.height, key=f"live-{key}")
    else:
        draw = st.plotly_chart  # touching it registers the template named below
        figure = plots.readable(plots.figure(chart).update_layout(template="streamlit"))
        config = {**CONFIG, "displayModeBar": None if toolbar else False}
        draw(figure, key=key, config=config, height="content")
