import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt import plots


@given(st.integers(1, 3_000), st.integers(0, 10))
def test_buckets_keep_the_extremes_and_the_ends_in_few_points(n, seed):
    y = np.random.default_rng(seed).normal(size=n)
    x, kept = plots.buckets(np.arange(n), y, most=100)
    assert len(x) <= 100
    assert (x[0], x[-1]) == (0, n - 1)
    assert (np.diff(x) > 0).all()
    assert kept.max() == y.max() and kept.min() == y.min()


def test_the_loss_curve_shows_training_validation_and_baselines_in_the_palette_s_order():
    val = np.array([np.nan, 2.0, np.nan, 1.5])
    figure = plots.loss_curve(np.arange(4), np.array([4, 3, 2, 1.0]), val, {"bigram": 2.4})
    assert [line.name for line in figure.data] == ["training", "validation", "bigram"]
    assert figure.data[1].y.tolist() == [2.0, 1.5]
    assert figure.data[2].line.dash == "dash"
    assert all(line.line.color is None for line in figure.data)


def test_the_live_curve_is_the_same_lines_as_plain_json():
    val = np.array([np.nan, 2.0])
    option = plots.live_loss_option(np.arange(2), np.array([4, 3.0]), val, {"uniform": 4.1}, 10)
    json.dumps(option, allow_nan=False)
    assert [line["name"] for line in option["series"]] == ["training", "validation", "uniform"]
    assert option["series"][1]["data"] == [[1.0, 2.0]]


def test_level_lines_are_told_apart_by_their_dashes():
    levels = {"uniform": 4.1, "bigram": 2.4, "trigram": 2.0, "lowest possible": 1.0}
    data = np.arange(2), np.array([4, 3.0]), np.array([np.nan, 2.0]), levels
    figure, option = plots.loss_curve(*data), plots.live_loss_option(*data, max_steps=10)
    assert len({line.line.dash for line in figure.data[1:]}) == 5
    assert len({str(line["lineStyle"]["type"]) for line in option["series"][1:]}) == 5


def test_a_long_run_s_live_curve_stays_small():
    n = 20_000
    option = plots.live_loss_option(np.arange(n), np.random.rand(n), np.full(n, np.nan), {}, n)
    assert len(json.dumps(option)) < 10_000


def test_equal_tokens_keep_their_own_rows_and_columns():
    figure = plots.attention_heatmap(np.eye(7), list("hello e"))
    assert list(figure.layout.xaxis.tickvals) == list(range(7))
    assert figure.layout.xaxis.ticktext == ("h", "e", "l", "l", "o", "·", "e")


def test_the_heatmap_hides_the_future_and_escapes_tokens():
    figure = plots.attention_heatmap(np.ones((3, 3)) / 3, ["<", "b", "\n"])
    assert np.isnan(figure.data[0].z[0, 1]) and not np.isnan(figure.data[0].z[1, 0])
    assert figure.layout.yaxis.ticktext == ("&lt;", "b", "⏎")


@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (4, 4)])
def test_the_grid_has_one_picture_per_head(shape):
    figure = plots.attention_grid(np.ones((*shape, 5, 5)) / 5)
    assert len(figure.data) == shape[0] * shape[1]


def test_next_token_bars_show_both_probabilities():
    rows = [(" ", 0.6, 0.9), ("e", 0.4, 0.1)]
    figure = plots.next_token_bars(rows)
    assert [bar.name for bar in figure.data] == ["drawn from", "bare model"]
    assert list(figure.data[0].x) == [0.9, 0.1]
    assert figure.layout.yaxis.ticktext == ("·", "e")
    option = plots.live_next_token_option(rows)
    assert option["series"][1]["data"] == [0.6, 0.4]


@pytest.mark.parametrize(
    "token, shown", [(" ", "·"), ("\n", "⏎"), ("\t", "⇥"), ("a", "a"), ("", "∅")]
)
def test_white_space_is_visible(token, shown):
    assert plots.visible(token) == shown


def test_compared_runs_are_told_apart_by_colour_then_by_dash():
    lines = [(np.arange(3.0), np.array([3.0, 2.0, 1.0])) for _ in range(5)]
    names = [f"run {i}" for i in range(5)]
    figure = plots.comparison(names, lines, "seconds")
    assert [line.name for line in figure.data] == names
    assert len({line.line.dash for line in figure.data[1:]}) == 4
    option = plots.live_comparison_option(names, lines, "seconds")
    json.dumps(option, allow_nan=False)
    assert option["series"][4]["data"] == [[0, 3], [1, 2], [2, 1]]
