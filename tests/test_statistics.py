from hypothesis import given
from hypothesis import strategies as st

from minigpt.corpus import describe
from minigpt.corpus.statistics import PASSAGE, code_points, repetition


@given(st.text())
def test_a_text_is_described_by_what_is_in_it(text):
    numbers = describe(text)
    assert numbers.characters == len(text)
    assert numbers.distinct == len(set(text))
    assert numbers.lines == len(text.removesuffix("\n").split("\n")) - (text == "") + (text == "")
    assert 0 <= numbers.repetition <= 1


@given(st.text(st.sampled_from("ab"), max_size=200))
def test_repetition_is_the_share_of_passages_seen_before(text):
    passages = [text[i : i + PASSAGE] for i in range(len(text) - PASSAGE + 1)]
    seen = 1 - len(set(passages)) / len(passages) if len(text) > PASSAGE else 0.0
    assert abs(repetition(code_points(text)) - seen) < 1e-12


def test_a_text_that_stands_twice_is_half_repetition():
    once = "".join(chr(0x4E00 + i) for i in range(5_000))
    assert abs(repetition(code_points(once * 2)) - 0.5) < 0.01
