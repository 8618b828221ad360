import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.corpus import clean, describe
from minigpt.tokenizers import BPETokenizer, CharTokenizer, unfamiliar

WORDS = "über die Brücke, à côté, Zoë, 한국어 and plain. "
ONE, SEVERAL = (unicodedata.normalize(form, WORDS) for form in ("NFC", "NFD"))


@given(st.text(st.one_of(st.sampled_from("ua\u0308\u0301한ᄒ\u1161\u11ab가"), st.characters())))
def test_letters_lose_nothing_and_are_each_written_by_themselves(text):
    letters = list(unfamiliar.letters(text))
    assert "".join(letters) == text
    for form in ("NFC", "NFD"):
        apart = "".join(unicodedata.normalize(form, letter) for letter in letters)
        assert apart == unicodedata.normalize(form, text)


@pytest.mark.parametrize(
    "text, typed, told", [(SEVERAL, ONE, "as one character"), (ONE, SEVERAL, "behind it")]
)
def test_a_letter_known_in_its_other_form_is_said_to_be_so(text, typed, told):
    tokenizer = CharTokenizer.train(text)
    assert unfamiliar.notes(tokenizer, text) == []
    notes = unfamiliar.notes(tokenizer, typed[:4])
    assert len(notes) == 1 and "has no" not in notes[0]
    assert "U+0308" in notes[0] and "where you have" in notes[0] and told in notes[0]
    cleaned = clean(text, ["one-form"])
    assert unfamiliar.notes(CharTokenizer.train(cleaned), clean(typed, ["one-form"])) == []


def test_a_letter_unknown_in_both_forms_is_unknown():
    tokenizer = CharTokenizer.train("plain words, u and more")
    (note,) = unfamiliar.notes(tokenizer, "über €")
    assert "has no b ü €" in note
    assert "one form" not in note


def test_bytes_that_bpe_never_met_are_told_as_their_character():
    text = "the cafe by the sea, in the evening " * 40
    tokenizer = BPETokenizer.train(text, 300)
    seen = unfamiliar.met(tokenizer, tokenizer.encode_array(text))
    assert unfamiliar.notes(tokenizer, "the sea", seen) == []
    *_, note = unfamiliar.notes(tokenizer, "the café", seen)
    assert "trained on there is no é:" in note
    assert unfamiliar.notes(tokenizer, "the café") == []  # without its text nobody knows


def test_a_piece_that_only_stands_inside_longer_ones_is_said_to_stand_there():
    text = "banana " * 50
    tokenizer = BPETokenizer.train(text, 300)
    seen = unfamiliar.met(tokenizer, tokenizer.encode_array(text))
    strange = next(t for i, t in enumerate(tokenizer.tokens) if i > 258 and not seen[i])
    (note,) = unfamiliar.notes(tokenizer, strange, seen)
    assert f"{strange} stands only inside longer tokens" in note
    assert "as a token of its own" in note and "never met" not in note


def test_no_byte_is_taken_for_a_letter_of_the_name_it_is_shown_by():
    tokenizer = BPETokenizer.train("\u00e9t\u00e9 " * 50, 262)  # met: <0xC3>, but no x
    seen = unfamiliar.met(tokenizer, tokenizer.encode_array("\u00e9t\u00e9 "))
    seen[tokenizer.encode("\u00e9")] = True
    notes = unfamiliar.notes(tokenizer, "xC", seen)
    assert len(notes) == 1 and "there is no C x:" in notes[0]


def test_a_list_of_unknown_characters_that_is_cut_says_how_many_are_left():
    (note,) = unfamiliar.notes(CharTokenizer.train("z"), "abcdefghijklmnop")
    assert "has no a b c d e f g h i j k l and 4 more –" in note


def test_a_character_that_stands_only_where_is_validated_was_not_met():
    tokenizer = CharTokenizer.train("abcd")
    seen = unfamiliar.met(tokenizer, np.array(tokenizer.encode("abc")))
    (note,) = unfamiliar.notes(tokenizer, "abd", seen)
    assert "trained on there is no d:" in note


def test_a_text_tells_which_forms_it_writes():
    assert describe(ONE).forms.several == 0
    found = describe(SEVERAL * 3 + "ü").forms
    letters = sum(
        unicodedata.normalize("NFC", letter) != letter for letter in unfamiliar.letters(SEVERAL)
    )
    assert (found.several, found.one, found.example) == (3 * letters, 1, "u\u0308")
    assert describe(clean(SEVERAL, ["one-form"])).forms.several == 0
