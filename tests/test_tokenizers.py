import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.tokenizers import CharTokenizer

any_text = st.text(min_size=1)
with_surrogates = st.text(st.characters(categories=["L", "N", "S", "Z", "C", "Cs"]), min_size=1)


@given(any_text | with_surrogates)
def test_decoding_what_was_encoded_gives_the_text_back(text):
    tok = CharTokenizer.train(text)
    assert tok.decode(tok.encode(text)) == text


@given(any_text, any_text)
def test_exactly_the_characters_never_seen_become_unk(text, other):
    tok = CharTokenizer.train(text)
    assert [i == tok.unk_id for i in tok.encode(other)] == [c not in text for c in other]


@given(any_text, any_text)
def test_a_tokenizer_out_of_json_encodes_the_same(text, other):
    tok = CharTokenizer.train(text)
    again = tokenizers.load(tok.to_json())
    assert again.tokens == tok.tokens
    assert again.encode(other) == tok.encode(other)


def test_special_tokens_come_first_and_count():
    tok = CharTokenizer.train("abba")
    assert tok.tokens == ["<pad>", "<unk>", "<eos>", "a", "b"]
    assert (tok.pad_id, tok.unk_id, tok.eos_id, tok.vocab_size) == (0, 1, 2, 5)


def test_an_unknown_character_is_shown_as_unk():
    tok = CharTokenizer.train("ab")
    assert tok.decode(tok.encode("a!b")) == "a<unk>b"


def test_an_empty_text_has_no_tokenizer():
    with pytest.raises(InputError, match="empty"):
        CharTokenizer.train("")


@pytest.mark.parametrize("ids", [[-1], [5], [0, 99]])
def test_a_foreign_id_is_refused(ids):
    with pytest.raises(InputError, match="from 0 to 4"):
        CharTokenizer.train("ab").decode(ids)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"kind": "magic"}',
     '{"kind": "char"}', '{"kind": "char", "characters": ["ab"]}',
     '{"kind": "char", "characters": ["a", "a"]}', '{"kind": "char", "characters": "ab"}'],
)  # fmt: skip
def test_what_is_no_tokenizer_is_refused(text):
    with pytest.raises(InputError):
        tokenizers.load(text)
