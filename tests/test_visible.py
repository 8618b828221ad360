"""Every token can be seen, and told from every other."""

import re
import sys
import unicodedata
from html import unescape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt import plots
from minigpt.corpus.overlap import Passage
from minigpt.tokenizers.visible import WIDEST, brief, columns, legible, visible
from minigpt.ui import tokens
from minigpt.ui.words import distinct

NOT_SEEN = {"Cc", "Cf", "Mn", "Zs", "Zl", "Zp", "Co", "Cs", "Cn"}
EVERY = [chr(point) for point in range(sys.maxunicode + 1)]
# Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt: drawn as nothing by design.
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


@pytest.mark.parametrize(
    "token, shown",
    [
        (" ", "·"), ("\n", "⏎"), ("\t", "⇥"), ("a", "a"), ("", "∅"), ("\r", "<U+000D>"),
        ("\u0301", "◌\u0301"), ("\ufe0f", "<U+FE0F>"), ("\u200d", "<U+200D>"),
        ("a\u200d", "a<U+200D>"), ("a\ufe0f", "a<U+FE0F>"),
        ("\u2600\ufe0f", "\u2600\ufe0f"), ("\u2600\u200d\u2601", "\u2600\u200d\u2601"),
        ("می\u200cروم", "می\u200cروم"), ("\r\n", "<U+000D>⏎"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_stands_as_a_sign_or_as_its_code_point(token, shown):
    assert visible(token) == shown


def test_every_character_of_unicode_alone_as_a_token_can_be_seen():
    ignorable = {chr(point) for first, last in IGNORABLE for point in range(first, last + 1)}
    for character in EVERY:
        category, shown = unicodedata.category(character), visible(character)
        if character in " \n\t":
            continue
        if category[0] == "M" and character not in ignorable:
            assert shown == f"◌{character}"
        elif category in NOT_SEEN or character in ignorable:
            assert re.fullmatch(r"(◌?)<U\+[0-9A-F]{4,6}>", shown), hex(ord(character))


def test_no_two_characters_look_alike_for_what_stands_in_for_them():
    assert len({visible(character) for character in EVERY}) == len(EVERY)


def test_a_text_that_is_read_keeps_its_words_and_shows_what_would_break_it():
    assert legible("Ça va\u00a0? – می\u200cروم\tx\n") == "Ça va\u00a0? – می\u200cروم\tx\n"
    for character in "\r\u2028\u202e\u0000\u200b\u2066\x85":
        assert legible(f"a{character}b") == f"a<U+{ord(character):04X}>b"


def test_a_written_text_with_windows_line_ends_has_no_blank_lines():
    html = tokens.shaded("", "one\r\n", ["two", "\r", "\n", "\u202e"], [0.5] * 4, shade=True)
    assert "\r" not in html and "\u202e" not in html
    assert html.count("\n", html.rindex("mg-prompt")) == 2


SPANS = st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(1, 3))


@given(st.text("ab<&\"'\n\u202e", min_size=18, max_size=18), st.lists(SPANS, max_size=4))
def test_a_text_with_its_copies_reads_as_it_was_written(text, spans):
    """Overlapping or not: each character stands once, underlined where a passage covers it."""
    passages = [Passage(start, start + n, [0], count) for start, n, count in spans]
    for chosen in (None, *range(len(passages))):
        shown = tokens.copied(text, passages, chosen).removeprefix(tokens.STYLE)
        parts = re.split(r'(<span class="mg-copied[^>]*>|</span>|<div[^>]*>|</div>)', shown)
        characters, classes = [], ""
        for part in parts:
            if part.startswith("<"):
                classes = part if part.startswith("<span") else ""
            else:
                plain = unescape(part).replace("<U+202E>", "\u202e")
                characters += [(c, "mg-copied" in classes, "mg-marked" in classes) for c in plain]
        assert characters == [
            (
                c,
                any(p.start <= at < p.end for p in passages),
                chosen is not None and passages[chosen].start <= at < passages[chosen].end,
            )
            for at, c in enumerate(text)
        ]


def test_a_copy_tells_its_length_and_how_often_it_stands_there():
    shown = tokens.copied("one two", [Passage(0, 5, [3], 1), Passage(2, 7, [1, 9], 1_200)])
    assert 'title="5 characters, 1 time in the training text"' in shown
    both = "5 characters, 1 time in the training text; 5 characters, 1,200 times in the"
    assert f'title="{both} training text">e t</span>' in shown


def test_a_passage_in_its_context_stays_text():
    shown = tokens.in_context("<b>", "a\r<i>", "</div>").removeprefix(tokens.STYLE)
    assert re.findall(r"<(\w+)", shown) == ["div", "span", "span", "span"]
    assert 'mg-marked">a&lt;U+000D&gt;&lt;i&gt;</span>' in shown


def test_quotation_marks_stand_as_themselves_on_every_axis():
    rows = [('"', 0.6, 0.9), ("'", 0.3, 0.1), ("<b>", 0.1, 0.0)]
    bars = plots.next_tokens(rows)
    on_bars = plots.figure(bars).layout.yaxis.ticktext
    assert on_bars == ('"', "'", "&lt;b&gt;")
    assert plots.option(bars)["yAxis"]["data"] == ['"', "'", "<b>"]
    line = (np.arange(2), np.arange(2))
    figure = plots.figure(plots.comparison(['"a" & <i>b'], [line], "steps"))
    assert figure.data[-1].name == '"a" &amp; &lt;i&gt;b'


def test_a_token_that_is_too_wide_is_cut_by_columns_and_says_so():
    assert brief("z" * WIDEST) == "z" * WIDEST
    assert brief("z" * 300) == "z" * (WIDEST - 1) + "…"
    assert brief("\u200f" * 64).startswith("<U+200F><U+200F>")
    assert brief("語" * 40) == "語" * ((WIDEST - 1) // 2) + "…", "these are two columns wide each"
    assert columns(brief("語" * 40)) <= WIDEST


def test_choices_that_look_the_same_are_told_apart_by_their_numbers():
    labels = distinct([brief("z" * 64), "a", brief("z" * 128)], [7, 8, 9])
    assert labels == [f"{'z' * (WIDEST - 1)}… (7)", "a", f"{'z' * (WIDEST - 1)}… (9)"]
