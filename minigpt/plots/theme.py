"""What all figures share: colours, margins, and how a token is shown."""

import html
import re
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
# Pixels: of what is read, and of the labels along an axis. Smaller ones cannot be read on a
# projector.
LETTERS, LABELS = 14, 13
LIVE_LETTERS, LIVE_LABELS = {"fontSize": LETTERS}, {"fontSize": LABELS}  # the same for ECharts
LIVE_TOOLTIP = {"textStyle": LIVE_LETTERS}
SCALE = [[i / 9, color] for i, color in enumerate(SEQUENTIAL)]
TEMPLATE = go.layout.Template(
    data={"heatmap": [{"colorscale": SCALE}]},  # which has a scale of its own, of two colours
    layout={
        "colorway": [TRAIN, VALIDATION, *GUIDES, *OTHERS],
        "colorscale": {"sequential": SCALE},
        "font": {"family": "system-ui, sans-serif", "color": "#1F2937", "size": LETTERS},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
        "yaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
    },
)
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def readable(figure: go.Figure) -> go.Figure:
    """The figure with letters that can be read on a projector: a theme may bring smaller ones."""
    letters = {"size": LETTERS}
    figure.update_layout(font=letters, hoverlabel_font=letters)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(title_font=letters)
        update(tickfont={"size": LABELS}, selector=lambda axis: axis.tickfont.size is None)
    return figure


STAND_INS = {" ": "·", "\n": "⏎", "\t": "⇥"}
# Printable by their category, and yet nothing to see: fillers, and what only chooses a variant of
# the character before it (Unicode's Default_Ignorable_Code_Point, and the blank of braille).
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def visible(token: str) -> str:
    """A token as it is shown everywhere: `·` for a space, `⏎` for a newline, `⇥` for a tab, a
    dotted circle under a mark that combines, `<U+200F>` for what has no glyph of its own, and for
    what would be taken for one of these signs.

    >>> visible("a b"), visible("\\u202e"), visible("\\u0301"), visible("·")
    ('a·b', '<U+202E>', '◌\u0301', '<U+00B7>')
    """
    shown = "".join(_sign(token, i) for i in range(len(token)))
    if shown and unicodedata.category(shown[0]).startswith("M"):
        return f"◌{shown}"
    return shown or "∅"


def _sign(token: str, i: int) -> str:
    """What stands for the i-th character of a token."""
    character, before = token[i], token[i - 1 : i]
    if character in STAND_INS:
        return STAND_INS[character]
    if character in STAND_INS.values():
        return _code(character)
    if character in "\u200c\u200d" and 0 < i < len(token) - 1:
        return character  # it joins two others, or keeps them apart: that is seen
    if character in "\ufe0e\ufe0f" and before and unicodedata.category(before)[0] == "S":
        return character  # it makes an emoji of the symbol before it, or a plain symbol
    seen = character.isprintable() and not UNSEEN.match(character)
    return character if seen else _code(character)


def _code(character: str) -> str:
    return f"<U+{ord(character):04X}>"


def legible(text: str) -> str:
    """Text to be read as text, with `<U+202E>` for what would turn its direction, break its lines
    where no newline is, or not be there at all; spaces, newlines and joiners stay.

    >>> legible("one\\r\\n two\\u202e")
    'one<U+000D>\\n two<U+202E>'
    """
    return "".join(
        c
        if c.isprintable() or c in "\n\t\u200c\u200d" or unicodedata.category(c) == "Zs"
        else _code(c)
        for c in text
    )


def escaped(text: str) -> str:
    """Text for a Plotly figure, which reads tags in every text, and of the entities for quotation
    marks knows none."""
    return html.escape(text, quote=False)
