"""Charts and maps on a page, in the app's theme; those that rest have a download."""

# Plotly takes pandas for whole as soon as another page's thread has begun to import it; imported
# here, before any figure, it is.
import pandas  # noqa: F401
import plotly.graph_objects as go
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
        _draw(plots.figure(chart), key, toolbar, "content")


def show_map(figure: go.Figure, key: str, shape: plots.Shape, file: str = "minigpt") -> None:
    """Draws a figure in a box that keeps its shape at every width, thins its labels out where
    there is no room for all, and says so. `file` is how its picture is called."""
    box = f".st-key-{key}"
    css = f"{box} {{ container-type: inline-size; max-width: {shape.width}px }}"
    css += f"{box} > :not(:has(.mg-thinned)) {{ height: {shape.height} }}"
    css += ".mg-thinned { font-size: 0.875rem; opacity: 0.75 } .mg-thinned > * { display: none }"
    for axis, pitch in shape.pitch.items():
        for every, (least, most) in enumerate(shape.widths(pitch), start=2):
            css += (
                f"@container (min-width: {least}px) and (max-width: {most}px) {{ {box} "
                f".{axis}tick:not(:nth-child({every}n + 1)) {{ display: none }} "
                f"{box} .mg-{axis}-{every} {{ display: inline }} }}"
            )
    with st.container(key=key):
        _draw(figure, f"{key}-figure", True, "stretch", file)
        st.html(f"<style>{css}</style>{_thinned(shape)}")


def _thinned(shape: plots.Shape) -> str:
    """A sentence for each way in which labels thin out: the page shows the one that holds."""
    sentences = (
        f'<span class="mg-{axis}-{every}">One {name} in {every} has its label here. </span>'
        for axis, name in (("x", "column"), ("y", "row"))
        if axis in shape.pitch
        for every, _ in enumerate(shape.widths(shape.pitch[axis]), start=2)
    )
    return f'<div class="mg-thinned">{"".join(sentences)}</div>'


def _draw(
    figure: go.Figure,
    key: str,
    toolbar: bool,
    height: str,
    file: str = "minigpt",
) -> None:
    draw = st.plotly_chart  # touching it registers the template named below
    figure.update_layout(template="streamlit")
    picture = {**CONFIG["toImageButtonOptions"], "filename": file}
    config = {
        **CONFIG,
        "toImageButtonOptions": picture,
        "displayModeBar": None if toolbar else False,
    }
    draw(plots.readable(figure), key=key, config=config, height=height)
