"""What the Data page says of a merge, against pairs counted one by one."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.bpe import FIRST_BYTE
from minigpt.ui.data.cutting import what_a_merge_did

# For plain English letters, the pieces that merges stay inside.
PIECES = re.compile(
    r"'(?:[sdmtSDMT]|ll|ve|re)|\n| ?[A-Za-z]{1,32}| ?[0-9]{1,3}| ?[^\sA-Za-z0-9]{1,32}"
    r"|[^\S\n]{1,32}(?!\S)|[^\S\n]{1,32}"
)
TEXTS = st.one_of(
    st.lists(st.text(st.sampled_from("a"), max_size=12), max_size=9).map("\n".join),
    st.lists(st.text(st.sampled_from("ab"), max_size=10), max_size=9).map("\n".join),
    st.lists(st.sampled_from("abc"), max_size=30).map("\n".join),
    st.lists(st.sampled_from(["the", "hat", "banana", "ooo", "1111", "!!!"])).map(" ".join),
    st.text(st.sampled_from("abc 1.\n"), max_size=80),
).filter(bool)


class Counted:
    """A text's pieces, merged by the rule and nothing else."""

    def __init__(self, text: str) -> None:
        assert "".join(PIECES.findall(text)) == text
        pieces = Counter(PIECES.findall(text)).items()
        self.pieces = [([byte + FIRST_BYTE for byte in p.encode()], n) for p, n in pieces]

    def pairs(self) -> Counter:
        """How often each pair stands side by side."""
        counts = Counter()
        for ids, n in self.pieces:
            for pair in pairwise(ids):
                counts[pair] += n
        return counts

    def merge(self, pair: tuple[int, int], made: int) -> int:
        """Joins a pair everywhere, from the left; returns how often."""
        joined = 0
        for ids, n in self.pieces:
            i = 0
            while i + 1 < len(ids):
                if (ids[i], ids[i + 1]) == pair:
                    ids[i : i + 2] = [made]
                    joined += n
                i += 1
        return joined


@given(TEXTS)
@example("aaaa\n" * 100 + "ab\n" * 150)
@example("a\nb\na\nb\na\nb")
@example("hello yellow fellow")
def test_what_is_said_of_every_merge_is_what_one_counts(text):
    tokenizer, counted = BPETokenizer.train(text, 300), Counted(text)
    joined = tokenizer.applied(tokenizer.encode_array(text))
    claims = []
    for k, pair in enumerate(tokenizer.merges):
        before = counted.pairs()
        did = counted.merge(pair, tokenizer.made[k])
        said = what_a_merge_did(tokenizer, k, joined)
        number = int(re.search(r"([\d,]+) (?:times|such pairs?|pairs)", said)[1].replace(",", ""))
        if "same token" in said:
            continue
        assert number == did
        if "no other pair" in said:
            assert number == before[pair] == max(before.values())
            claims.append(number)
        else:
            assert number <= before[pair] == max(before.values())
    assert claims == sorted(claims, reverse=True)
    assert max(counted.pairs().values(), default=0) < 2  # else there were a further merge


@pytest.mark.parametrize("text", ["a\nb\na\nb\n", "1234\n", "abc"])
def test_without_a_merge_no_two_characters_stand_twice_within_a_piece(text):
    assert BPETokenizer.train(text, 300).merges == []
    assert max(Counted(text).pairs().values(), default=0) < 2
