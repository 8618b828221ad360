"""Inside: what matters, and surprise; measured, chosen, taken along, and refused in a sentence."""

import json
import re

import numpy as np
import pytest

from minigpt import tokenizers
from minigpt.interpret import surprise, token_effect, what_matters
from minigpt.interpret.ablation import Part
from minigpt.ui import measured, services
from minigpt.ui.inside import matters
from tests.pages.visits import by_label, html_of, opened, strip_of, well

PAGE = "pages/5_Inside.py"


def inside(app, run: str, instrument: str, **said: str):
    app.query_params["instrument"] = instrument
    for name, value in said.items():
        app.query_params[name] = value
    return opened(app, PAGE, run)


def captions(app) -> str:
    return " ".join(caption.value for caption in app.caption)


def cells(app) -> dict:
    """What the browser is told of the map."""
    for element in app.get("bidi_component"):
        if element.proto.component_name == "minigpt_parts":
            return json.loads(element.proto.json)
    return {}


def test_the_map_shows_what_was_measured_and_a_part_on_the_text(home_page, finished_run):
    app = well(inside(home_page, finished_run, "What matters", text="Nell sat by the"))
    run = services.store().run(finished_run)
    windows, shown = measured.sample(run).windows, cells(app)
    with services.turn.taken():
        model = services.model(run)
    found = what_matters(model, windows)
    n = run.model.n_layer * (run.model.n_head + 2)
    assert len(shown["cells"]) == n == len(found.parts)
    for cell, delta, seen in zip(shown["cells"], found.delta, found.seen, strict=True):
        assert cell["seen"] == seen
        assert cell["text"] == (f"{delta:+.3f}".replace("-", "−") if seen else "none seen")
    (table,) = [table.value for table in app.table]
    first = int(
        np.argmax(
            [abs(d) * (p.kind != "layer") for d, p in zip(found.delta, found.parts, strict=True)]
        )
    )
    assert table["Without"][0].startswith(found.parts[first].name)
    between = f"{found.low[first]:+.3f} to {found.high[first]:+.3f}".replace("-", "−")
    assert table["Interval"][0] == between
    assert (table["Effect"][0] != "no effect seen") == found.seen[first]
    parts = by_label(app.selectbox, "One part, token by token")
    parts.select("layer 0, MLP").run()
    assert "layer 0, MLP (chosen)" in list(app.table[0].value["Without"])
    assert "At step 0" not in captions(app)
    assert app.query_params["part"] == "layer 0, MLP"
    assert "Your text without layer 0, MLP" in " ".join(m.value for m in well(app).markdown)
    rises = token_effect(model, ids_of(run, "Nell sat by the"), Part(0, None, "mlp"), windows)
    assert f"{rises[0]:+.3f} nats".replace("-", "−") in html_of(app)
    said = captions(app)
    assert "Effects do not add" in said and "no effect seen" in said and "McGrath" in said


def ids_of(run, text: str) -> list[int]:
    return tokenizers.load(run.tokenizer).encode(text)[-run.model.block_size :]


def test_a_cold_address_shows_the_part_and_the_kind_it_says(home_page, finished_run):
    said = {"ablation": "resample", "part": "all of layer 0"}
    app = well(inside(home_page, finished_run, "What matters", **said))
    assert by_label(app.selectbox, "One part, token by token").value == "all of layer 0"
    shown = cells(app)
    assert shown["columns"][-1] == "whole layer"
    assert shown["chosen"] == len(shown["columns"]) - 1


def test_a_part_that_this_model_lacks_is_a_sentence(home_page, finished_run):
    app = inside(home_page, finished_run, "What matters", part="layer 99, MLP")
    assert any("this model has no such part" in warning.value for warning in app.warning)
    assert not app.exception and cells(app)["cells"]


def test_what_takes_long_waits_to_be_asked_for(home_page, finished_run, monkeypatch):
    monkeypatch.setattr(matters, "UNASKED_SECONDS", -1.0)
    clock = iter(range(10_000))
    monkeypatch.setattr(matters.time, "monotonic", lambda: 10.0 * next(clock))
    app = well(inside(home_page, finished_run, "What matters", ablation="mean", step="0"))
    assert not cells(app)
    ask = next(button for button in app.button if button.label.startswith("Measure step 0"))
    assert "about" in ask.label
    ask.click().run()
    assert "tells of these random numbers" in captions(app)
    assert len(cells(well(app))["cells"]) and "its average" in str(
        by_label(app.button_group, "What stands in a part's place").options
    )


def test_surprise_tells_of_every_token_and_of_places(home_page, finished_run):
    app = well(inside(home_page, finished_run, "Surprise", text="Nell sat by the"))
    run = services.store().run(finished_run)
    with services.turn.taken():
        bits = surprise(services.model(run), ids_of(run, "Nell sat by the"))
    shown = strip_of(app)
    assert len(shown["labels"]) == len(bits) == 14
    listed = " ".join(markdown.value for markdown in app.markdown)
    assert f"{bits.max():.1f} bits" in listed and "In-context gain" in listed
    assert "trigram" in listed and "trigram" in captions(app)


def test_what_a_model_cannot_read_is_told_apart_from_what_is_hard(home_page, finished_run):
    app = well(inside(home_page, finished_run, "Surprise", text="Nell ☃☃ sat"))
    run = services.store().run(finished_run)
    with services.turn.taken():
        bits = surprise(services.model(run), ids_of(run, "Nell ☃☃ sat"))
    unread = np.isin(np.arange(len(bits)), [4, 5])
    said = captions(app)
    assert "2 tokens of your text stand for something outside" in said
    assert f"{bits[unread].mean():.1f} bits each" in said
    assert f"without them it is {bits[~unread].mean():.2f}" in said
    marked = re.findall(r'mg-marked">([^<]+)<', "".join(e.proto.body for e in app.get("html")))
    assert len(marked) == 5 and not any("unk" in token for token in marked)
    assert f"{bits[~unread].max():.1f} bits" in " ".join(m.value for m in app.markdown)


def test_a_single_token_is_a_sentence(home_page, finished_run):
    app = inside(home_page, finished_run, "Surprise", text="N")
    assert "nothing comes before" in app.error[0].value.lower() and not app.exception
    app = inside(home_page, finished_run, "What matters", text="N")
    assert "Nothing comes before" in captions(app) and cells(app)["cells"]


@pytest.mark.parametrize("text", ["", "a" * 100_001], ids=["empty", "too long"])
def test_what_reads_no_text_stays_where_a_text_cannot_be_read(home_page, finished_run, text):
    app = inside(home_page, finished_run, "Surprise")
    app.text_area[0].set_value(text).run()
    assert len(app.error) == 1 and not app.exception
    for name in ("What matters", "Embeddings", "Learned when"):
        app.query_params["instrument"] = name
        assert len(well(app.run()).table) == 1
    app.query_params["instrument"] = "Arithmetic"
    assert len(app.run().error) == 1 and not app.exception
