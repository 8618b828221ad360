"""Arrays to charts and pictures. No streamlit, no torch.

A chart is described once, and drawn by Plotly where it rests (`figure`), by ECharts where it moves
(`option`). None sets colours of its own: in the app they take the
theme of .streamlit/config.toml, and elsewhere `TEMPLATE`, which holds the same palette. What a
chart consists of takes its colour by position: training first, validation second, baselines after
them.
"""

from minigpt.plots.chart import Axis, Bars, Chart, Line, Points, Rows, buckets
from minigpt.plots.choices import Candidate, next_tokens, with_and_without
from minigpt.plots.curves import (
    by_place,
    comparison,
    compression,
    copies,
    course,
    loss,
    memorising,
    moment,
    right_answers,
)
from minigpt.plots.heads import (
    MOST_PIXELS,
    MOST_ROWS,
    Kind,
    packed,
    short,
    table,
    thumbnail,
)
from minigpt.plots.learned import learned, learned_table
from minigpt.plots.lens import VIEWED, LensMap, LensView, lens_svg, lens_table
from minigpt.plots.lines import lines_svg
from minigpt.plots.moving import option
from minigpt.plots.parts import (
    NONE_SEEN,
    depths,
    parts_svg,
    parts_table,
    places_table,
    signed,
    surprise_svg,
    surprise_table,
)
from minigpt.plots.picture import ends, svg
from minigpt.plots.resting import figure
from minigpt.plots.scattered import MOST_POINTS, scattered, scattered_svg, scattered_table
from minigpt.plots.theme import TEMPLATE, escaped, readable
from minigpt.plots.tree import Branch, tree_svg
from minigpt.plots.waterfall import waterfall, waterfall_svg, waterfall_table

__all__ = [
    "MOST_PIXELS",
    "MOST_POINTS",
    "MOST_ROWS",
    "NONE_SEEN",
    "TEMPLATE",
    "VIEWED",
    "Axis",
    "Bars",
    "Branch",
    "Candidate",
    "Chart",
    "Kind",
    "LensMap",
    "LensView",
    "Line",
    "Points",
    "Rows",
    "buckets",
    "by_place",
    "comparison",
    "compression",
    "copies",
    "course",
    "depths",
    "ends",
    "escaped",
    "figure",
    "learned",
    "learned_table",
    "lens_svg",
    "lens_table",
    "lines_svg",
    "loss",
    "memorising",
    "moment",
    "next_tokens",
    "option",
    "packed",
    "parts_svg",
    "parts_table",
    "places_table",
    "readable",
    "right_answers",
    "scattered",
    "scattered_svg",
    "scattered_table",
    "short",
    "signed",
    "surprise_svg",
    "surprise_table",
    "svg",
    "table",
    "thumbnail",
    "tree_svg",
    "waterfall",
    "waterfall_svg",
    "waterfall_table",
    "with_and_without",
]
