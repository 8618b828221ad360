"""What all figures share: colours, margins, and how a token is shown."""

import unicodedata

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
TEMPLATE = go.layout.Template(
    layout={
        "colorway": [TRAIN, VALIDATION, *GUIDES, *OTHERS],
        "colorscale": {"sequential": [[i / 9, color] for i, color in enumerate(SEQUENTIAL)]},
        "font": {"family": "system-ui, sans-serif", "color": "#1F2937"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
        "yaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
    }
)
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def visible(token: str) -> str:
    """A token as it is shown everywhere: `·` for a space, `⏎` for a newline, `⇥` for a tab, a
    dotted circle under a mark that combines, `<U+200F>` for what has no glyph of its own.

    >>> visible("a b"), visible("\\u202e"), visible("\\u0301")
    ('a·b', '<U+202E>', '◌\u0301')
    """
    shown = token.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥")
    if not shown.isprintable():  # a joiner between two emoji stays, it makes them one
        shown = "".join(
            c if c.isprintable() or (c == "\u200d" and len(shown) > 1) else f"<U+{ord(c):04X}>"
            for c in shown
        )
    if shown and unicodedata.category(shown[0]).startswith("M"):
        return f"◌{shown}"
    return shown or "∅"
