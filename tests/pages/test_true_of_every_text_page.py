"""Data: what is said of a text is true of every text, of worlds and of very short ones too."""

import math

import numpy as np
import pytest

from minigpt.corpus import LIBRARY, WORLDS
from minigpt.store import LIBRARY_SHELF
from minigpt.ui import choosing, services
from minigpt.ui.data import cutting
from tests.pages.visits import by_label, data_page, html_of, opened, well

SAYS = "Counted on the first nine tenths"


def said_under_the_counts(app) -> str:
    (words,) = (c.value for c in well(app).caption if c.value.startswith(SAYS))
    return words


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_is_shown_as_it_writes_and_says_how_far_counting_gets(home_page, store, name):
    world = WORLDS[name](seed=7)
    body = world.text(20_000)
    data_page(home_page, "Worlds")
    by_label(home_page.selectbox, "World").select(name)
    by_label(home_page.number_input, "Seed").set_value(7).run()
    assert body.startswith(world.beginning()) and len(world.beginning()) > 20
    word = max(world.beginning().split(), key=len)[:8]
    preview = next(html for html in home_page.get("html") if word in str(html.proto))
    assert ("⏎" in str(preview.proto)) == ("\n" in world.beginning())

    home_page.session_state[choosing.NEXT] = store.add_text("class", name, body, world.to_json())
    words, cut = said_under_the_counts(home_page.run()), services.cut
    found = cut(by_label(home_page.selectbox, "Look at").value, "char", 0).baselines
    best = min(found.uniform, found.unigram, found.bigram, found.trigram) / math.log(2)
    floor = world.floor / math.log(2)
    assert f"The rule leaves {floor:.3f} bits" in words
    if best <= 1.03 * floor:
        assert f"as far as that ({best:.3f}): there is no more to learn" in words
    else:
        assert f"gets below {best:.3f} bits" in words and "no more to learn" not in words
    assert (name == "markov") == ("no more to learn" in words)


def test_a_text_is_told_the_lowest_of_its_lines_whichever_that_is(home_page, store):
    shuffled = "".join(np.random.default_rng(1).permutation([*("aaaabbbc\n" * 200)]))
    for body in (LIBRARY["tales"].read(), shuffled):
        text_id = store.add_text("class", body[:9], body)
        home_page.session_state[choosing.NEXT] = text_id
        words = said_under_the_counts(opened(home_page, "pages/1_Data.py"))
        found = services.cut(text_id, "char", 0).baselines
        lowest = min(found.unigram, found.bigram, found.trigram) / math.log(2)
        assert f"gets below {lowest:.3f} bits" in words
    assert found.unigram < found.trigram, "where the last line is not the lowest"


@pytest.mark.parametrize("letters", [2, 9, 19, 20, 31])
def test_data_and_train_agree_on_what_is_kept_of_a_short_text(home_page, store, letters):
    body = ("ab cd ef " * 9)[:letters]
    home_page.session_state[choosing.NEXT] = store.add_text("class", f"short {letters}", body)
    opened(home_page, "pages/1_Data.py")
    whole = any("learns from all of it" in info.value for info in well(home_page).info)
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.number_input, "Context").set_value(1).run()
    (words,) = (c.value for c in home_page.caption if "that it learns from" in c.value)
    learned = letters if letters < 20 else letters - letters // 10
    assert f"the {learned} that it learns from" in words
    assert whole == (learned == letters)


def test_as_a_rule_the_first_merges_take_away_the_most(store):
    bodies = [store.text(store.texts(LIBRARY_SHELF)[0].id)[:40_000]]
    bodies += [world(seed=3).text(20_000) for world in WORLDS.values()]
    bodies += ["aaaa\n" * 200 + "bc\n" * 500, "Дом у реки. Die Mühle am Bach. " * 40]
    for body in bodies:
        text_id = store.add_text("class", "any", body)
        joined = services.cut(text_id, "bpe", 512).joined
        half = len(joined) // 2
        odd = body.startswith("aaaa")  # of four equal letters in a row few pairs can be joined
        assert odd == (joined[:half].sum() < joined[half:].sum())
        lengths = cutting.lengths(services.cut(text_id, "bpe", 512))
        assert (
            lengths[0] == len(body.encode())
            and lengths[-1] == services.cut(text_id, "bpe", 512).tokens
        )
        assert (np.diff(lengths) <= 0).all()


def test_a_vocabulary_that_cannot_be_is_a_sentence_on_data_and_train(home_page):
    home_page.session_state["tokenizer_kind"] = "bpe"
    opened(home_page, "pages/1_Data.py")
    for size in (9, 300.5, 99_999):
        by_label(home_page.number_input, "Vocabulary").set_value(size).run()
        assert not home_page.exception
        assert "choose a whole number from 260" in home_page.error[0].value
    opened(home_page, "pages/2_Train.py")
    assert "choose a whole number from 260" in home_page.warning[0].value
    assert by_label(home_page.button, "Start training").disabled
    assert "Traceback" not in html_of(home_page)
