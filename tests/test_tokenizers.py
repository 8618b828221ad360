import json
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from minigpt.tokenizers.bpe import FIRST_BYTE

any_text = st.text(min_size=1)

KINDS = pytest.mark.parametrize("kind", tokenizers.KINDS)


@KINDS
@given(any_text)
def test_decoding_what_was_encoded_gives_the_text_back(kind, text):
    tok = tokenizers.train(text, kind, vocab_size=300)
    assert tok.decode(tok.encode(text)) == text
    assert "".join(tok.pieces(tok.encode(text))) == text


@KINDS
@pytest.mark.parametrize(
    "text",
    ["one\r\ntwo\rthree\n\n\n", "a\0b", "e\u0301\u0300 \u202e\u2066",
     "👩\u200d👩\u200d👧 🏳️\u200d🌈", "שלום עליכם, مرحبا بالعالم",
     "你好，世界。吾輩は猫である。", "<eos> <pad>"],
)  # fmt: skip
def test_every_script_survives(kind, text):
    tok = tokenizers.train(text, kind, vocab_size=300)
    assert tok.decode(tok.encode(text)) == text


@given(any_text, any_text)
def test_exactly_the_characters_never_seen_become_unk(text, other):
    tok = CharTokenizer.train(text)
    assert [i == tok.unk_id for i in tok.encode(other)] == [c not in text for c in other]


@KINDS
@given(any_text, any_text)
def test_a_tokenizer_out_of_json_encodes_the_same(kind, text, other):
    tok = tokenizers.train(text, kind, vocab_size=300)
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


@KINDS
def test_an_empty_text_has_no_tokenizer(kind):
    with pytest.raises(InputError, match="empty"):
        tokenizers.train("", kind)


@pytest.mark.parametrize("ids", [[-1], [5], [0, 99]])
def test_a_foreign_id_is_refused(ids):
    with pytest.raises(InputError, match="from 0 to 4"):
        CharTokenizer.train("ab").decode(ids)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"kind": "magic"}',
     '{"kind": "char"}', '{"kind": "char", "characters": ["ab"]}',
     '{"kind": "char", "characters": ["a", "a"]}', '{"kind": "char", "characters": "ab"}',
     '{"kind": "bpe"}', '{"kind": "bpe", "merges": 3}', '{"kind": "bpe", "merges": [[3]]}',
     '{"kind": "bpe", "merges": [[3, 259]]}', '{"kind": "bpe", "merges": [[0, 3]]}',
     '{"kind": "bpe", "merges": [[3, true]]}', '{"kind": "bpe", "merges": [["a", "b"]]}'],
)  # fmt: skip
def test_what_is_no_tokenizer_is_refused(text):
    with pytest.raises(InputError):
        tokenizers.load(text)


def as_text(tok: BPETokenizer, ids: list[int]) -> list[str]:
    return [tok.tokens[i] for i in ids]


def test_the_known_example_merges_as_it_should():
    tok = BPETokenizer.train("aaabdaaabac", vocab_size=300)
    assert [as_text(tok, pair) for pair in tok.merges] == [["a", "a"], ["a", "b"], ["aa", "ab"]]
    assert as_text(tok, tok.encode("aaabdaaabac")) == ["aaab", "d", "aaab", "a", "c"]


@given(any_text, any_text)
def test_nothing_is_unknown_to_bytes(text, other):
    tok = BPETokenizer.train(text, vocab_size=280)
    ids = tok.encode(other)
    assert tok.decode(ids) == other
    assert tok.unk_id not in ids


def joined(word: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    out, i = [], 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def test_every_merge_joins_a_most_frequent_pair():
    """Against the definition, on a text without spaces inside its pieces."""
    text = "\n".join(["lower", "lowest", "newer", "newest", "wider", "low", "new", "wide"] * 3)
    tok = BPETokenizer.train(text, vocab_size=300)
    words = [[bytes([b]) for b in word.encode()] for word in text.split("\n")]
    assert len(tok.merges) > 10
    for left, right in tok.merges:
        pair = tok.token_bytes[left], tok.token_bytes[right]
        counts = Counter(pair for word in words for pair in pairwise(word))
        assert counts[pair] == max(counts.values()) >= 2
        words = [joined(word, pair) for word in words]
    ids = [i for i in tok.encode(text) if tok.tokens[i] != "\n"]
    assert [tok.token_bytes[i] for i in ids] == [token for word in words for token in word]


@given(st.text(st.sampled_from("abc \n"), min_size=1, max_size=300), st.integers(260, 300))
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(text, size):
    large = BPETokenizer.train(text, vocab_size=300)
    small = BPETokenizer.train(text, vocab_size=size)
    assert large.smaller(size).merges == small.merges
    assert small.vocab_size <= size


@given(st.text(st.sampled_from("abé \n"), min_size=1, max_size=300))
def test_merges_are_counted_as_often_as_they_shorten_the_text(text):
    tok = BPETokenizer.train(text, vocab_size=290)
    applied = tok.applied(np.array(tok.encode(text)))
    assert len(set(tok.made)) < len(tok.made) or (applied > 0).all()
    for k in range(len(tok.merges) + 1):
        assert len(text.encode()) - applied[:k].sum() <= len(tok.first(k).encode(text))
    if len(set(tok.made)) == len(tok.made):  # no token is made in two ways
        for k in range(len(tok.merges) + 1):
            assert len(text.encode()) - applied[:k].sum() == len(tok.first(k).encode(text))


def test_tokens_never_cross_a_line_and_a_long_text_is_cut_as_its_lines_are():
    text = "".join(f"line {i} of  many\n" for i in range(9_000))  # more than a chunk
    tok = BPETokenizer.train(text, vocab_size=400)
    assert not any("\n" in token for token in tok.tokens if len(token) > 1)
    lines = text.splitlines(keepends=True)
    assert tok.encode(text) == [i for line in lines for i in tok.encode(line)]


def test_half_a_character_is_shown_as_its_bytes_and_never_as_a_question_mark():
    tok = BPETokenizer.train("hello", vocab_size=260)
    first, second = tok.encode("é")
    assert tok.tokens[first] == "<0xC3>"
    assert tok.decode([first]) == "<0xC3>"
    assert list(tok.pieces([first, second])) == ["", "é"]
    assert list(tok.pieces([first, tok.eos_id, first])) == ["", "<0xC3><eos>", "<0xC3>"]


# Bytes at the edges of UTF-8's ranges, which a model that has learnt little puts in any order.
EDGES = st.sampled_from(
    [0x41, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC3, 0xCF, 0xE2, 0xED, 0xF0, 0xF4, 0xFF]
)


@example([0xED, 0xA0, 0x80])  # half a character
@example([0xED, 0xCF, 0x81])  # "\xED" without its byte, then a Greek letter
@given(st.lists(EDGES | st.integers(0, 255), max_size=12))
def test_tokens_in_any_order_are_text_and_the_same_one_piece_by_piece(order):
    tok = BPETokenizer.train("hello", vocab_size=260)
    ids = [FIRST_BYTE + byte for byte in order]
    text = tok.decode(ids)
    assert "".join(tok.pieces(ids)) == text
    written = text.encode()  # so it can be stored and shown
    read = re.sub(rb"<0x(..)>", lambda found: bytes.fromhex(found[1].decode()), written)
    assert read == bytes(order)  # nothing lost


def test_bytes_of_half_a_character_show_as_any_bytes_that_are_none():
    tok = BPETokenizer.train("hello", vocab_size=260)
    ids = [FIRST_BYTE + byte for byte in (0xED, 0xA0, 0x80)]
    assert tok.decode(ids) == "".join(tok.pieces(ids)) == "<0xED><0xA0><0x80>"
    merges = [[FIRST_BYTE + 0xED, FIRST_BYTE + 0xA0], [259, FIRST_BYTE + 0x80]]
    assert BPETokenizer(merges).tokens[-1] == "<0xED><0xA0><0x80>"


@KINDS
def test_half_a_character_is_refused_with_a_sentence(kind):
    tok = tokenizers.train("hello", kind, vocab_size=270)
    for act in (tok.encode, lambda text: tokenizers.train(text, kind, 270)):
        with pytest.raises(InputError, match=r"'\\udce9' is half a character.*leave it out"):
            act("caf\udce9")


def test_a_list_of_characters_with_half_a_one_is_no_tokenizer():
    with pytest.raises(InputError, match="half a character"):
        tokenizers.load('{"kind": "char", "characters": ["a", "\\ud800"]}')


def test_a_list_of_merges_that_doubles_a_token_each_time_is_refused_at_once():
    merges = [[3 + 97, 3 + 97], *([259 + i, 259 + i] for i in range(60))]
    with pytest.raises(InputError, match="512 bytes: the most is 256"):
        tokenizers.load(json.dumps({"kind": "bpe", "merges": merges}))


def test_special_tokens_written_out_in_a_text_are_only_letters():
    tok = BPETokenizer.train("a <eos> b", vocab_size=270)
    assert tok.eos_id not in tok.encode("a <eos> b")


@pytest.mark.parametrize("size", [0, 259, 16_385])
def test_a_vocabulary_out_of_bounds_is_refused(size):
    with pytest.raises(InputError, match=r"from 260 .* to 16,384"):
        BPETokenizer.train("hello", vocab_size=size)


@pytest.mark.parametrize("text", ["a" * 300_000, "ab" * 150_000, "字" * 100_000])
def test_a_text_without_a_single_space_takes_no_longer(text):
    tok = BPETokenizer.train(text, vocab_size=600)
    assert tok.decode(tok.encode(text)) == text
