"""What a browser's component says is input: it is checked before anything believes it."""

from types import SimpleNamespace

import pytest

from minigpt.ui.components import board, parts, strip, tree
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


@pytest.fixture
def said(monkeypatch):
    """Puts into the session what a browser said of a strip or a tree."""

    def saying(**answers: object) -> None:
        monkeypatch.setattr(strip.st, "session_state", {"it": SimpleNamespace(**answers)})

    return saying


RIVALS = [strip.Rival(id, "a", 0.5, 0.5, "top_k" if id == 9 else None, id == 7) for id in (5, 7, 9)]
TOKENS = [strip.Told("a", "a", 0.5, 1, 1.0, RIVALS), strip.Told("b", "b", 0.5, 1, 1.0, ())]


@pytest.mark.parametrize("drawn", [strip, tree, parts], ids=["strip", "tree", "parts"])
@pytest.mark.parametrize("answer", [None, 2, -1, 0.0, True, "0", [0], {"at": 0}], ids=str)
def test_what_is_no_token_no_node_of_a_tree_and_no_part_is_no_click(answer, drawn, said):
    said(clicked=answer)
    assert drawn.clicked("it", 2) is None


@pytest.mark.parametrize("drawn", [strip, tree, parts], ids=["strip", "tree", "parts"])
def test_a_token_a_node_of_a_tree_and_a_part_is_a_click(drawn, said):
    said(clicked=0)
    assert drawn.clicked("it", 2) == 0
    assert drawn.clicked("another", 2) is None


@pytest.mark.parametrize("answer", [
    None, 5, [0, 5], {"at": 0}, {"id": 5}, {"at": 0, "id": 7}, {"at": 0, "id": 6},
    {"at": 1, "id": 5}, {"at": 2, "id": 5}, {"at": -2, "id": 5}, {"at": 0, "id": 5.0},
    {"at": False, "id": 5}, {"at": "0", "id": "5"}, {"at": 0, "id": [5]},
], ids=str)  # fmt: skip
def test_what_is_no_other_candidate_of_a_token_is_no_branch(answer, said):
    said(branched=answer)
    assert strip.branched("it", TOKENS) is None


@pytest.mark.parametrize("id", [5, 9])
def test_a_candidate_that_was_not_drawn_is_a_branch_also_when_a_filter_cut_it(id, said):
    said(branched={"at": 0, "id": id})
    assert strip.branched("it", TOKENS) == (0, id)
    assert strip.branched("another", TOKENS) is None


@pytest.mark.parametrize("copied, pieces", [
    ([], [["so "], ["it\n"], [], ["was"]]),
    ([(1, 7)], [["s", "o "], ["", "it\n"], [], ["", "w", "as"]]),
    ([(0, 4), (2, 5), (7, 8)], [["", "so "], ["", "it", "\n"], [], ["w", "a", "s"]]),
    ([(8, 99)], [["so "], ["it\n"], [], ["wa", "s"]]),
], ids=str)  # fmt: skip
def test_a_copied_passage_begins_and_ends_inside_tokens(copied, pieces):
    assert list(strip._pieces(["so ", "it\n", "", "was"], copied)) == pieces
