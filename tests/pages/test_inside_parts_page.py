"""Inside: embeddings, what was learned when, and the arithmetic of one prediction."""

import time

import numpy as np
import pytest

from minigpt import tokenizers
from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import trained_on
from minigpt.counting import percent
from minigpt.interpret import (
    aligned,
    by_chance,
    embedding,
    losses_by_class,
    losses_by_order,
    neighbours,
    plane,
    token_class,
    walk,
)
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import looking, measured
from minigpt.ui.inside import embeddings
from minigpt.ui.inside.view import View
from minigpt.ui.words import plain
from minigpt.weights import load_model
from tests.pages.test_words import not_at_the_foot, unexplained
from tests.pages.visits import by_label, opened, well

PAGE = "pages/5_Inside.py"


def inside(app, instrument: str, run: str | None = None, **said: str):
    """The page with an instrument open, by an address that says more."""
    for name, value in {"instrument": instrument, **said}.items():
        app.query_params[name] = value
    return opened(app, PAGE, run)


def words(app) -> str:
    well(app)
    return " ".join(element.value for element in [*app.markdown, *app.caption])


@pytest.fixture
def demo(store: Store):
    return store.find_run("demo")


def trained(store: Store, config: GPTConfig, text: str) -> str:
    tokenizer = CharTokenizer.train(text)
    run_id = store.create_run(
        EVERYONE, "own", store.add_text(EVERYONE, "own", text), tokenizer.to_json(),
        config.replace(vocab_size=tokenizer.vocab_size), TrainConfig(max_steps=3, batch_size=1),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while store.run(run_id).state != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return run_id


def seen_at(run, step: int) -> View:
    read = looking.look(run, "The sea", step)
    return View(read.run, read.at, read.tokens, read.ids, [], None, "The sea", False)


def test_the_film_is_the_same_whichever_way_one_scrubs_and_never_turns(home_page, store, demo):
    steps = store.snapshot_steps(demo.id)
    scene = embeddings._scene(demo, "token")
    ways = []
    for order in (steps, steps[::-1]):
        embeddings._planes.clear()
        ways.append({step: embeddings._film(seen_at(demo, step), scene) for step in order})
    before = None
    for step in steps:
        points = ways[0][step].points
        assert np.array_equal(points, ways[1][step].points)
        if before is not None:
            np.testing.assert_allclose(aligned(points, before), points, atol=1e-8)
        before = points
    vectors = embedding(load_model(store, demo, steps[-1]))[scene.rows]
    np.testing.assert_allclose(ways[0][steps[-1]].shares, plane(vectors).shares)


def test_embeddings_say_how_much_of_them_the_plane_holds_and_what_chance_gives(home_page, demo):
    app = inside(home_page, "Embeddings")
    scene = embeddings._scene(demo, "token")
    vectors = embedding(load_model(embeddings.services.store(), demo))[scene.rows]
    share, chance = plane(vectors).shares.sum(), by_chance(*vectors.shape)
    said = words(app)
    assert f"holds **{percent(share, 0)}** of what tells the {len(vectors)} tokens apart" in said
    assert f"it would hold {percent(chance.share, 0)}" in said
    assert f"the nearest would have {chance.cosine:+.2f} on average" in said
    names = tokenizers.load(demo.tokenizer).tokens
    assert "<unk>" not in scene.labels and set(scene.labels) <= set(names)


def test_the_nearest_neighbours_are_those_of_the_chosen_token(home_page, store, demo):
    app = inside(home_page, "Embeddings")
    names = tokenizers.load(demo.tokenizer).tokens
    by_label(well(app).selectbox, "Neighbours of").set_value(names.index("e")).run()
    assert app.query_params["near_token"] == str(names.index("e"))
    scene = embeddings._scene(demo, "token")
    vectors = embedding(load_model(store, demo))[scene.rows]
    near = neighbours(vectors, scene.labels.index("e"), embeddings.NEAR)
    (table,) = [table.value for table in well(app).table]
    assert [f"`{scene.labels[i].replace(' ', '·')}`" for i, _ in near] == list(table["Token"])
    assert table["Cosine"].iloc[0] == f"{near[0][1]:+.2f}".replace("-", "−")


def test_the_middle_of_the_plane_can_be_seen_larger_and_what_lies_outside_is_told(home_page, demo):
    app = inside(home_page, "Embeddings", near_token="4")
    by_label(well(app).button_group, "Shows").set_value("middle").run()
    assert app.query_params["extent"] == "middle"
    scene = embeddings._scene(demo, "token")
    far = np.abs(embeddings._film(seen_at(demo, 3_000), scene).points).max(axis=1)
    outside = far > sorted(far)[int(0.75 * (len(far) - 1))] * (1 + 1e-9)
    said = next(text.value for text in well(app).caption if "Outside of this square" in text.value)
    assert f"lie {outside.sum()}: " in said
    told = said.split(": ")[1].removesuffix(".").split()
    assert told == [f"`{scene.labels[i].replace(' ', '·')}`" for i in np.flatnonzero(outside)]


def test_places_are_laid_out_where_a_model_learns_them_and_only_there(home_page, store):
    config = GPTConfig(100, block_size=12, n_layer=1, n_head=1, n_embd=6)
    run_id = trained(store, config, "a tiny text, a tiny text. " * 20)
    app = inside(home_page, "Embeddings", run_id)
    by_label(well(app).button_group, "Numbers that stand for").set_value("position").run()
    assert app.query_params["embedded"] == "position"
    assert "what tells the 12 places apart" in words(app)
    assert by_label(app.selectbox, "Neighbours of place").options == [str(i) for i in range(12)]
    app = inside(app, "Embeddings", store.find_run("demo").id)
    assert "Numbers that stand for" not in [group.label for group in well(app).button_group]


def test_what_was_learned_is_told_of_each_kind_with_interval_and_count(home_page, store, demo):
    app = inside(home_page, "Learned when")
    model, sample = load_model(store, demo), measured.sample(demo)
    (table,) = [table.value for table in well(app).table]
    found = losses_by_class(model, sample.windows, token_class(tokenizers.load(demo.tokenizer)))
    assert list(table["Next token"]) == found.names
    assert list(table["Tokens"]) == [f"{n:,}" for n in found.count]
    assert list(table["Loss at step 3,000"]) == [f"{loss:.2f}" for loss in found.loss]
    assert table["95 % interval"].iloc[0] == f"{found.low[0]:.2f} to {found.high[0]:.2f}"
    said = words(app)
    assert "it says when, not because of what" in said and "By frequency alone" in said

    by_label(app.button_group, "Next tokens, by their").set_value("order").run()
    assert app.query_params["learned_by"] == "order"
    (table,) = [table.value for table in well(app).table]
    ids = tokenizers.load(demo.tokenizer).encode_array(store.text(demo.text_id))
    train_ids = ids[: trained_on(len(ids), demo.train.val_fraction)]
    found = losses_by_order(model, sample.windows, train_ids)
    assert list(table["Next token"]) == found.names
    assert list(table["Loss at step 3,000"]) == [f"{loss:.2f}" for loss in found.loss]


def test_how_far_counting_gets_takes_the_text_and_too_little_text_is_told(home_page, store):
    config = GPTConfig(100, block_size=4, n_layer=1, n_head=1, n_embd=4)
    run_id = trained(store, config, "abcab " * 4)
    app = inside(home_page, "Learned when", run_id)
    assert "takes a longer one" in app.error[0].value and not app.exception


def test_each_step_shows_the_model_s_own_numbers(home_page, store, demo):
    text = "The sea was"
    app = inside(home_page, "Arithmetic", opened="1,2,3,4,5,6", text=text, layer="1", head="2")
    ids = tokenizers.load(demo.tokenizer).encode(text)
    found = walk(load_model(store, demo), ids, 1, 2)
    tables = [table.value.to_string() for table in well(app).table]
    shown = "  ".join(f"{number:+.2f}".replace("-", "−") for number in found.q[:4])
    assert any(shown in table for table in tables)
    assert any(percent(found.probs.max()) in table for table in tables)
    said = words(app)
    gain, D = demo.model.qk_gain, demo.model.head_size
    assert f"{found.scale:.3f} (the gain {gain:g} ÷ {D} numbers)" in said
    assert found.scale == pytest.approx(gain / D)
    assert f"**{percent(found.weights.max())}**" in said and "and turned by their place" in said
    assert "`s`, the last of the text above" in said and "11 tokens" in said


def test_steps_open_on_demand_and_a_cold_address_opens_them(home_page):
    app = inside(home_page, "Arithmetic")
    assert not [table for table in well(app).table]
    app = inside(app, "Arithmetic", opened="5")
    assert "root of the mean square" in words(app) and len(app.table) == 1


def test_a_row_set_by_hand_moves_the_next_token_s_bars_and_stands_in_the_address(
    home_page, store, demo
):
    text = "The sea was"
    app = inside(home_page, "Arithmetic", opened="3", text=text, layer="0", head="0")
    slider = by_label(well(app).slider, "Its share of attention, %")
    own = walk(load_model(store, demo), tokenizers.load(demo.tokenizer).encode(text), 0, 0)
    assert slider.value == round(100 * float(own.weights.max()))
    by_label(app.selectbox, "Token that is looked at").set_value(4).run()
    by_label(well(app).slider, "Its share of attention, %").set_value(80).run()
    assert app.query_params["row"] == "0:0:4:80"
    said = words(app)
    assert "was set by hand" in said and "of the probability lies on other tokens now" in said
    table = app.table[-1].value
    assert table[table["Now"].str.contains("set")]["Now"].iloc[0] == "80.0 % (set)"
    by_label(app.selectbox, "Token that is looked at").set_value(1).run()
    assert by_label(well(app).slider, "Its share of attention, %").max == 20
    by_label(app.button, "Back to its own row").click().run()
    assert "row" not in app.query_params and "was set by hand" not in words(app)
    assert by_label(app.slider, "Its share of attention, %").max == 100


@pytest.mark.parametrize("said, told", [
    ({"row": "0:0:3:70,0:0:4:60"}, "130 % together"),
    ({"row": "0:0:99:70"}, "11 tokens"),
    ({"row": "nonsense"}, "layer:head:place:percent"),
    ({"opened": "9"}, "up to six numbers of steps"),
])  # fmt: skip
def test_what_an_address_cannot_say_falls_back_with_a_sentence(home_page, said, told):
    app = inside(
        home_page, "Arithmetic", text="The sea was", layer="0", head="0", **{"opened": "3", **said}
    )
    assert not app.exception and any(plain(told) in warning.value for warning in app.warning)


def test_a_model_of_one_head_and_a_text_of_one_token_can_be_walked(home_page, store):
    config = GPTConfig(100, block_size=4, n_layer=1, n_head=1, n_embd=4)
    run_id = trained(store, config, "abcab " * 4)
    app = inside(home_page, "Arithmetic", run_id, opened="1,2,3,4,5,6", text="a")
    said = words(app)
    assert "0.500 (1 ÷ √4)" in said
    assert "There is one token, and it gets all" in said and "This is the last layer" in said
    well(inside(app, "Embeddings", run_id))


@pytest.mark.parametrize("said", [
    {"instrument": "Embeddings"}, {"instrument": "Learned when", "learned_by": "order"},
    *({"instrument": "Arithmetic", "opened": step} for step in "123456"),
], ids=lambda said: "-".join(said.values()))  # fmt: skip
def test_every_word_of_an_instrument_is_explained_where_it_first_stands(home_page, said):
    app = inside(home_page, **said)
    assert unexplained(app) == [] and not_at_the_foot(app) == set()
