from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.corpus import CLEANINGS, clean

BOOK = (
    "The Project Gutenberg eBook of Emma\r\nlicence\r\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***\r\n\r\nEmma Woodhouse, handsome.\r\n\r\n"
    "*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\r\nmore licence\r\n"
)


def test_the_book_remains_without_project_gutenberg_s_words():
    assert clean(BOOK, ["gutenberg"]) == "Emma Woodhouse, handsome.\n"


@pytest.mark.parametrize("name", CLEANINGS)
def test_a_text_that_is_clean_already_stays_as_it_is(name):
    text = "emma woodhouse, handsome.\n\nand clever\n"
    assert clean(text, [name]) == text


@given(st.text(st.sampled_from("a \t\r\n")))
def test_no_two_blank_lines_in_a_row_remain(text):
    lines = clean(text, ["line-ends", "blank-lines"]).split("\n")
    blank = [not line.strip() for line in lines[1:-1]]  # the first and the last have one neighbour
    assert not any(one and other for one, other in pairwise(blank))


@given(st.text(st.sampled_from("a b\r\n")))
def test_collapsing_blank_lines_keeps_all_else(text):
    cleaned = clean(text, ["blank-lines"])
    assert cleaned.split() == text.split()


def test_line_ends_become_alike_and_letters_small():
    assert clean("One\r\nTwo\rThree", ["lower-case", "line-ends"]) == "one\ntwo\nthree"
