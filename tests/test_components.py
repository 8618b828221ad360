"""What a browser's component says is input: it is checked before anything believes it."""

from types import SimpleNamespace

import pytest

from minigpt.ui.components import board
from minigpt.ui.components.head_view import MOST_KEPT, _tokens


@pytest.fixture
def clicked(monkeypatch):
    """What the board takes for a click, of what a browser said of it."""

    def taken(answer: object) -> tuple[int, int] | None:
        said = {"heads": SimpleNamespace(clicked=answer)}
        monkeypatch.setattr(board.st, "session_state", said)
        return board.clicked("heads", 2, 3)

    return taken


@pytest.mark.parametrize("answer", [
    None, 3, "01", [0], [0, 1, 0], [2, 0], [0, 3], [-1, 0], [0.0, 1], ["0", "1"], {"layer": 0},
    [[0], 1], [None, 0],
], ids=str)  # fmt: skip
def test_what_is_no_head_of_the_board_is_no_click(answer, clicked):
    assert clicked(answer) is None


def test_a_head_of_the_board_is_a_click(clicked):
    assert clicked([1, 2]) == (1, 2)
    assert board.clicked("another", 2, 3) is None


@pytest.mark.parametrize("answer", [
    None, 5, "56", [5, 5], [4], [10], [-1], [5.0], ["5"], [True], [[5]], {"5": 5},
    list(range(5, 6 + MOST_KEPT)),
], ids=str)  # fmt: skip
def test_what_is_not_among_the_shown_tokens_is_not_kept(answer):
    assert _tokens(answer, 5, 10 if answer is None or len(str(answer)) < 20 else 99) is None


def test_kept_tokens_come_back_in_the_order_of_the_text():
    assert _tokens([9, 5], 5, 10) == [5, 9]
    assert _tokens([], 5, 10) == []
