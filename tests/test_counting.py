"""One of a thing is never said to be several."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import minigpt
from minigpt.counting import counted

PACKAGE = Path(minigpt.__file__).parent
FILES = sorted([*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "pages").glob("*.py")])
THINGS = {
    "bytes", "characters", "days", "heads", "layers", "lines", "merges", "minutes", "pages",
    "runs", "samples", "steps", "texts", "times", "tokens",
}  # fmt: skip
NEVER_ONE = {  # what stands before the noun where it cannot be 1, and why
    "block_size": "the context of a text that does not fit it",
    "count": "once is said in words there",
    "cut.tokenizer.vocab_size": "a vocabulary has three special tokens and more",
    "found.dropped": "one byte is said in words there",
    "len(chosen)": "one run is said in words there",
    "copies.copies": "a sequence is repeated twice and more",
    "len(found)": "one run is what was looked for",
    "len(joined)": "above a limit",
    "past + T": "above a limit",
    "reading.run.step": "said after many",
    "reading.tokens": "no model trains on one token",
    "runs": "one run is said in words there",
    "self.count": "one byte is said in words there",
    "self._failures": "the first is not told",
    "self.vocab_size": "above a limit",
    "step": "above a limit",
    "told": "a number with a fraction, or ten and more",
    "sharing": "said where there are several",
    "tokenizer.vocab_size": "a vocabulary has three special tokens and more",
}


def counts_in(path: Path) -> list[str]:
    """What stands before a plural in the f-strings of a file, as source."""
    found = []
    for string in ast.walk(ast.parse(path.read_text())):
        parts = string.values if isinstance(string, ast.JoinedStr) else []
        for value, words in pairwise(parts):
            if not isinstance(value, ast.FormattedValue) or not isinstance(words, ast.Constant):
                continue
            fraction = value.format_spec and "." in ast.unparse(value.format_spec)
            noun = re.match(r"\W* (\w+)", words.value)
            if noun and noun[1] in THINGS and not fraction:
                found.append(ast.unparse(value.value))
    return found


def test_one_is_singular_and_everything_else_plural():
    assert [counted(n, "token") for n in (0, np.int64(1), np.int64(2), 1200)] == [
        "0 tokens", "1 token", "2 tokens", "1,200 tokens"
    ]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_number_and_its_noun_agree_everywhere(path):
    wrong = [
        count
        for count in counts_in(path)
        if count not in NEVER_ONE and not count.rpartition(".")[2].isupper()
    ]
    assert not wrong, f"say counted(n, 'thing') in {path.name}"
