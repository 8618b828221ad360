"""Words that a newcomer may not know are explained where they first stand on a page."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import takewhile

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.config import BeamConfig, GPTConfig, SampleConfig, TrainConfig
from minigpt.ui import services
from minigpt.ui.glossary import BRIEF, GLOSSARY, LABELS
from tests.pages.visits import PAGES, data_page, opened, well

SPECIAL = re.compile("<unk>|<eos>|<pad>")
# How a word stands in a sentence, where it is more than itself and its plural.
FORMS = {
    "batch": r"\bbatch(es)?\b",
    "floor": r"\blowest possible\b",
    "merge": r"\bmerge[sd]?\b",
    "special tokens": r"<unk>|<eos>|<pad>|\bspecial tokens?\b",
    "validation": r"\bvalidation\b|\bunseen text\b",
}
# Labels that carry their explanation, rather than words that stand in sentences; a seed stands in
# names of texts too.
LABELS_ONLY = {"estimate", "repetition", "right answers", "tokens per second", "baseline", "seed"}
WORDS = sorted(set(GLOSSARY) - LABELS_ONLY)
FOOT = "Words on this page"
NAMES = ("title", "page_link", "tab")  # of pages and of tabs: what they name explains itself


@dataclass(frozen=True)
class Shown:
    """One element of a page: what is read, and what its help says."""

    words: str
    help: str
    label: str


def elements(app: AppTest) -> Iterator[Shown]:
    """All that a page shows in words, from the menu to its foot."""
    above = ""
    for part in (app.sidebar, app.main):
        for node in _under(part):
            proto = getattr(node, "proto", None)
            words = [getattr(node, "label", ""), getattr(proto, "delta", "")]
            help = getattr(proto, "help", "")
            if node.type in ("markdown", "caption", "subheader", "metric", "info", "success"):
                words.append(str(node.value))
            elif node.type == "button_group":
                words += [option.content for option in proto.options]
            elif columns := getattr(proto, "columns", ""):
                columns = json.loads(columns)
                words += columns
                help = " ".join(column.get("help") or "" for column in columns.values())
            elif node.type == "html":  # somebody's text, told of by what stands above it
                words, help = SPECIAL.findall(html.unescape(proto.body)), above
            if node.type in ("markdown", "caption"):
                above = help
            if node.type not in NAMES:
                label = getattr(node, "label", "") or ""
                yield Shown(" ".join(filter(None, words)), help, label)


def _under(node) -> Iterator:
    for child in node.children.values():
        yield child
        yield from _under(child) if hasattr(child, "children") else ()


def stands(word: str, text: str) -> bool:
    return bool(re.search(FORMS.get(word, rf"\b{re.escape(word)}s?\b"), text, re.I))


def explains(shown: Shown, word: str) -> bool:
    """By its help, in its own words, or, for a setting, by the setting's help."""
    said = f"{shown.words} {shown.help}"
    brief = BRIEF.get(word)
    settings = [label for label in LABELS.values() if label in shown.words and shown.help]
    return (
        GLOSSARY[word] in said
        or bool(brief and brief in said)
        or any(stands(word, label) for label in settings)
    )


def unexplained(app: AppTest, name: str = "") -> list[tuple[str, str]]:
    """The words whose first place on the page does not explain them, with that place; a run's own
    `name` asks for no explanation."""
    page = list(takewhile(lambda shown: shown.label != FOOT, elements(well(app))))
    page = [shown for shown in page if not name or not shown.words.startswith(name)]
    first = {word: next((e for e in page if stands(word, e.words)), None) for word in WORDS}
    return [(w, e.words[:120]) for w, e in first.items() if e and not explains(e, w)]


def not_at_the_foot(app: AppTest) -> set[str]:
    """The words that stand on the page, or in a help on it, and not in the list at its foot."""
    (foot,) = (e for e in app.expander if e.label == FOOT)
    (listed,) = (words.value for words in foot.markdown)
    read = " ".join(f"{e.words} {e.help}" for e in elements(app))
    return {w for w in WORDS if stands(w, read) and GLOSSARY[w] not in listed}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_a_word_is_explained_where_it_first_stands_and_at_the_foot(home_page, page, kind):
    home_page.session_state["tokenizer_kind"] = kind
    app = opened(home_page, page)
    assert unexplained(app) == []
    assert not_at_the_foot(app) == set()


def test_words_of_a_world_and_of_a_run_on_it_are_explained(home_page, store):
    app = data_page(home_page, "Worlds")
    app.selectbox(key="world").select("markov").run()
    assert unexplained(app) == []
    app.button(key="write_world").click().run()
    assert unexplained(app) == []
    assert not_at_the_foot(app) == set()


def test_words_around_a_run_of_one_s_own_are_explained(home_page, finished_run):
    app = opened(home_page, "pages/2_Train.py", finished_run)
    assert unexplained(app, name=services.store().run(finished_run).name) == []
    assert not_at_the_foot(app) == set()


@pytest.mark.parametrize("config", [GPTConfig, TrainConfig])
def test_a_setting_explains_each_of_its_choices(config):
    for spec in fields(config):
        for choice in spec.metadata["choices"] or ():
            assert choice in spec.metadata["help"], (spec.name, choice)


def test_no_help_of_a_setting_begins_with_a_word_of_the_trade():
    """The first sentence of each is plain: what stands in a paper comes later."""
    trade = re.compile(r"activations?|vectors?|logits?|overfit\w*|tensors?|regulari\w+", re.I)
    for config in (BeamConfig, GPTConfig, TrainConfig, SampleConfig):
        for spec in fields(config):
            assert not trade.search(spec.metadata["help"]), spec.name
