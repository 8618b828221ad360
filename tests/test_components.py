"""What a browser's component says is input: it is checked before anything believes it."""

import pytest

from minigpt.ui.components.board import _head
from minigpt.ui.components.head_view import MOST_KEPT, _tokens


@pytest.mark.parametrize("answer", [
    None, 3, "01", [0], [0, 1, 0], [2, 0], [0, 3], [-1, 0], [0.0, 1], ["0", "1"], {"layer": 0},
    [[0], 1], [None, 0],
], ids=str)  # fmt: skip
def test_what_is_no_head_of_the_board_is_no_click(answer):
    assert _head(answer, 2, 3) is None


def test_a_head_of_the_board_is_a_click():
    assert _head([1, 2], 2, 3) == (1, 2)


@pytest.mark.parametrize("answer", [
    None, 5, "56", [5, 5], [4], [10], [-1], [5.0], ["5"], [True], [[5]], {"5": 5},
    list(range(5, 6 + MOST_KEPT)),
], ids=str)  # fmt: skip
def test_what_is_not_among_the_shown_tokens_is_not_kept(answer):
    assert _tokens(answer, 5, 10 if answer is None or len(str(answer)) < 20 else 99) is None


def test_kept_tokens_come_back_in_the_order_of_the_text():
    assert _tokens([9, 5], 5, 10) == [5, 9]
    assert _tokens([], 5, 10) == []
