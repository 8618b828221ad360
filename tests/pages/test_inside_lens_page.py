"""Inside: the lens and the attribution, at any moment, of any text, by a cold address."""

import html

import numpy as np
import pytest

from minigpt import plots, tokenizers
from minigpt.counting import percent
from minigpt.interpret import attribute, decision_depth, decisions, lens, next_probs, token_class
from minigpt.tokenizers.visible import visible
from minigpt.ui import measured
from minigpt.ui.inside.lens_map import lens_map, told
from minigpt.weights import load_model
from tests.pages.visits import by_label, html_of, opened, strip_of, well

PAGE = "pages/5_Inside.py"
TEXT = "Once there was a lamp"


def inside(app, instrument: str, run: str | None = None, **said: str):
    """The page with that tab open, by its address alone."""
    app.query_params.update({"instrument": instrument, "text": TEXT, **said})
    return opened(app, PAGE, run)


def captions(app) -> str:
    return " ".join(caption.value for caption in well(app).caption)


def test_the_lens_shows_every_part_and_says_its_numbers(home_page, store):
    run = store.find_run("demo")
    model, tokenizer = load_model(store, run), tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(TEXT)
    found = lens(model, ids)
    app = well(inside(home_page, "Lens", place="9"))
    page = html_of(app)
    assert page.count("<tr>") == len(found.rows) + 2 and "comes next" in page
    depth = decision_depth(found)
    shown = plots.LensMap.of(found, depth, ids, tokenizer.tokens)
    assert told(shown, 3, 8) in page and page.count("mg-decided") == 1 + len(ids)
    numbers = app.table[0].value
    assert numbers["After"].tolist() == found.rows
    assert numbers["Its probability"].tolist() == [percent(p) for p in found.prob[:, 8]]
    assert numbers["Its rank"].tolist() == [f"{rank + 1:,}" for rank in found.rank[:, 8]]
    assert f"is there from *{found.rows[depth[8]]}*" in captions(app)
    by_label(app.get("button_group"), "Colours").set_value("kl").run()
    assert "Kullback" in captions(app) and app.query_params["lens"] == "kl"
    assert "echo" not in captions(app), "the demo's output layer is its own"


def test_how_deep_answers_are_decided_is_told_with_intervals(home_page, store):
    run = store.find_run("demo")
    found = decisions(
        load_model(store, run), measured.sample(run).windows,
        token_class(tokenizers.load(run.tokenizer)),
    )  # fmt: skip
    table = well(inside(home_page, "Lens")).table[1].value
    assert table["Answers that are"].tolist() == found.names
    assert table["Decided after part"].tolist() == [f"{mean:.1f}" for mean in found.mean]
    assert table["95 % interval"][0] == f"{found.low[0]:.1f} to {found.high[0]:.1f}"
    assert found.count.sum() == measured.sample(run).windows.size


def test_the_attribution_ends_at_the_logit_of_what_was_asked(home_page, store):
    run = store.find_run("demo")
    model, tokenizer = load_model(store, run), tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(TEXT)[:12]
    first, second = np.argsort(-next_probs(model, ids), kind="stable")[:2].tolist()
    app = well(inside(home_page, "Attribution", place="12"))
    found = attribute(model, ids, first)
    assert f"the sum, {found.logit:+.2f}" in captions(app) and "erased" in captions(app)
    by_label(app.get("button_group"), "Next token").set_value("rival").run()
    found = attribute(model, ids, first, second)
    assert f"the sum, {found.logit:+.2f}" in captions(app)
    by_label(app.get("button_group"), "Next token").set_value("token").run()
    follows = tokenizer.encode(TEXT)[12]
    assert f"the sum, {attribute(model, ids, follows).logit:+.2f}" in captions(app)
    (e,) = tokenizer.encode("e")
    by_label(app.selectbox, "Which token").set_value(e).run()
    assert f"the sum, {attribute(model, ids, e).logit:+.2f}" in captions(app)
    assert app.query_params["aim"] == "token" and app.query_params["aimed"] == str(e)


@pytest.mark.parametrize("instrument", ["Lens", "Attribution"])
def test_any_moment_and_any_text_can_be_looked_at(home_page, store, instrument):
    run = store.find_run("demo")
    step = store.snapshot_steps(run.id)[1]
    app = well(inside(home_page, instrument, step=str(step), place="5"))
    for text in ("a", "<b onload=x>*_$~`€"):
        app.text_area[0].set_value(text).run()
        assert "<b onload" not in html_of(well(app))
    app.text_area[0].set_value("").run()
    assert "write at least one character" in app.error[0].value


def test_of_a_long_text_the_newest_tokens_are_shown(home_page, store, monkeypatch):
    monkeypatch.setattr("minigpt.ui.inside.lens.MOST", 40)
    app = well(inside(home_page, "Lens", text="Nell sat by the sea and sang. " * 3))
    assert "reads 90 tokens, the newest 40 are shown" in captions(app)
    assert html_of(app).count("mg-decided") == 1 + 40


def test_a_map_escapes_every_token_and_marks_what_is_not_known():
    found = plots.LensMap(
        ["embedding"], ["<b>", '"', " "], [["<i>", "&", "⏎"]], *np.full((5, 1, 3), 0.5), 
        decided=np.zeros(3, int), vocab_size=4,
    )  # fmt: skip
    found.true_prob[0, 2] = np.nan
    found.rank[0] = 3, 3, -1
    page = lens_map(found, "true", here=1)
    assert "<b>" not in page and "<i>" not in page and "&lt;b&gt;" in page
    assert page.count("mg-none") == 2 and page.count('class="mg-here"') == 1
    assert "rank 4" in page and html.escape(visible("⏎")) in page


def test_attention_and_generate_open_the_token_they_show(home_page, store):
    run = store.find_run("demo")
    app = opened(home_page, "pages/3_Attention.py")
    app.query_params.update({"text": TEXT, "kept": "3,7"})
    app.run()
    by_label(app.button, "Take it apart").click().run()
    assert well(app).query_params["place"] == "8"  # so many tokens are read
    assert f"After `{TEXT[7]}` (token 8)" in " ".join(m.value for m in app.markdown)

    opened(app, "pages/4_Generate.py")
    strip = strip_of(app)
    by_label(app.button, "Take it apart").click().run()
    read = by_label(well(app).text_area, "Text to look at").value
    assert len(strip["labels"]) > run.model.block_size and read == strip["prompt"]
    assert app.query_params["instrument"] == "Attribution" and "place" not in app.query_params
    app.query_params["length"] = "20"
    opened(app, "pages/4_Generate.py")
    by_label(app.button, "Write").click().run()
    by_label(app.button, "Take it apart").click().run()
    whole = by_label(well(app).text_area, "Text to look at").value
    assert whole.startswith(read) and len(whole) == len(read) + 20
    assert app.query_params["place"] == str(len(read))
