"""Arrays to figures. No streamlit, no torch.

The figures set no colours of their own: in the app they take the theme of .streamlit/config.toml,
and elsewhere `TEMPLATE`, which holds the same palette. Series take their colour by position:
training first, validation second, baselines after them.
"""

from minigpt.plots.choices import Candidate, live_next_token_option, next_token_bars
from minigpt.plots.curves import (
    Compared,
    buckets,
    compared,
    comparison,
    comparison_height,
    compression_curve,
    live_comparison_option,
    live_loss_option,
    live_share_option,
    loss_curve,
    share_curve,
)
from minigpt.plots.heads import (
    MOST_ROWS,
    Shape,
    alone,
    attention_grid,
    attention_heatmap,
    columns,
    grid_shape,
    heatmap_shape,
)
from minigpt.plots.theme import TEMPLATE, escaped, readable

__all__ = [
    "MOST_ROWS",
    "TEMPLATE",
    "Candidate",
    "Compared",
    "Shape",
    "alone",
    "attention_grid",
    "attention_heatmap",
    "buckets",
    "columns",
    "compared",
    "comparison",
    "comparison_height",
    "compression_curve",
    "escaped",
    "grid_shape",
    "heatmap_shape",
    "live_comparison_option",
    "live_loss_option",
    "live_next_token_option",
    "live_share_option",
    "loss_curve",
    "next_token_bars",
    "readable",
    "share_curve",
]
