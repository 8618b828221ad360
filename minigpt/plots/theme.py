"""What all figures share: colours, letters, margins."""

import html

import plotly.graph_objects as go

TRAIN, VALIDATION, GUIDES = "#0F766E", "#B45309", ("#64748B", "#7C8BA1", "#94A3B8", "#475569")
# Of runs laid over the one that is looked at: hues that nothing else has, also to eyes that miss a
# colour, each of its own lightness.
OTHERS = ("#0529C7", "#B853C6", "#602023", "#1D0D59")
# Where they stand in the palette, here and in .streamlit/config.toml.
TRAIN_AT, VALIDATION_AT, GUIDES_AT, OTHERS_AT = 0, 1, (2, 3, 4, 5), (6, 7, 8, 9)
SEQUENTIAL = (
    "#F8FAF9", "#D9EFEA", "#B5E0D8", "#8ECFC5", "#63B9AE",
    "#3A9F94", "#1B8479", "#0F6A62", "#0C4F4B", "#0B3437",
)  # fmt: skip
SEQUENTIAL_DARK = (
    "#141C1A", "#11332F", "#124B45", "#14655C", "#178074",
    "#1D9C8D", "#2DB8A6", "#58D1BF", "#93E5D8", "#D5F7F1",
)  # fmt: skip
DIVERGING = (
    "#0F6A62", "#3A9F94", "#8ECFC5", "#D9EFEA", "#F8FAF9",
    "#FBF6EC", "#F6E0B8", "#E5B464", "#C97F1E", "#8A3F06",
)  # fmt: skip
# Pixels: of what is read, and of the labels along an axis. Smaller ones cannot be read on a
# projector.
LETTERS, LABELS = 14, 13
TEMPLATE = go.layout.Template(
    layout={
        "colorway": [TRAIN, VALIDATION, *GUIDES, *OTHERS],
        "font": {"family": "system-ui, sans-serif", "color": "#1F2937", "size": LETTERS},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
        "yaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
    },
)
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
# Around a plot, moving and at rest alike: for the widest labels there may be. Then it does not move
# as they change, or as its run ends.
ROOM = {"left": 60, "right": 28, "bottom": 52}
DOT = 4  # px


def readable(figure: go.Figure) -> go.Figure:
    """The figure with letters that can be read on a projector: a theme may bring smaller ones."""
    letters = {"size": LETTERS}
    figure.update_layout(font=letters, hoverlabel_font=letters)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(title_font=letters)
        update(tickfont={"size": LABELS}, selector=lambda axis: axis.tickfont.size is None)
    return figure


def escaped(text: str) -> str:
    """Text for a Plotly figure, which reads tags in every text, and of the entities for quotation
    marks knows none."""
    return html.escape(text, quote=False)
