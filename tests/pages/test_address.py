"""Page state ⇄ URL: every parameter there and back, bad values of each kind, and any junk."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from minigpt.ui import address
from minigpt.ui import moment as moment_slider
from tests.pages.visits import PAGES, ROOT, by_label, opened, strip_of, well

ATTENTION, GENERATE = "pages/3_Attention.py", "pages/4_Generate.py"
KIND_OF = {  # of a label: where its field is among a page's elements
    "Moment of training": "select_slider",
    "Layer": "button_group",
    "Head": "button_group",
    "Text to look at": "text_area",
    "Prompt": "text_area",
    "Your beginning": "text_input",
    "Temperature": "slider",
    "Top-k": "number_input",
    "Top-p": "slider",
    "Length": "number_input",
    "Seed": "number_input",
}
CHOSEN = [  # page, field, what is chosen there, and how the address says it
    (ATTENTION, "Layer", 2, "layer=2"),
    (ATTENTION, "Head", 1, "head=1"),
    (ATTENTION, "Text to look at", "a lamp & a sea? ü\nNell", "text=a lamp & a sea? ü\nNell"),
    (ATTENTION, "Text to look at", "", "text="),
    (GENERATE, "Prompt", "Once = 100 % +1 #", "prompt=Once = 100 % +1 #"),
    (GENERATE, "Temperature", 1.25, "temperature=1.25"),
    (GENERATE, "Temperature", 0.0, "temperature=0"),
    (GENERATE, "Top-k", 7, "top_k=7"),
    (GENERATE, "Top-p", 0.35, "top_p=0.35"),
    (GENERATE, "Length", 11, "length=11"),
    (GENERATE, "Seed", 2**32 - 1, f"seed={2**32 - 1}"),
]
LONG = "a" * (address.MOST_TYPED + 1)
BAD = [  # page, and what no address can say of its fields
    *(
        (ATTENTION, {"layer": layer, "head": head, "step": step, "text": LONG})
        for layer, head, step in [
            ("4", "-1", "5"), ("x", "", "newest"), ("1.0", "٣", "-1"), ("9" * 400, "0 ", "1e2"),
        ]
    ),
    *(
        (GENERATE, {"temperature": t, "top_k": k, "top_p": p, "length": n, "seed": seed})
        for t, k, p, n, seed in [
            ("2.05", "-1", "0", "0", "-1"), ("-0.1", "65537", "1.01", "2001", str(2**32)),
            ("nan", "many", "-1", "<b>long</b>", "0x1"), ("inf", "", "half", "1.5", "`$x$`"),
            ("0.005", "1e1", "1e-1", "-7", ":material/home:"), ("hot", "٣", "", "", "9" * 400),
        ]
    ),
    (GENERATE, {"prompt": LONG}),
    ("app.py", {"prompt": LONG}),
]  # fmt: skip
LABEL_OF = {
    "step": "Moment of training", "layer": "Layer", "head": "Head", "text": "Text to look at",
    "prompt": "Prompt", "temperature": "Temperature", "top_k": "Top-k", "top_p": "Top-p",
    "length": "Length", "seed": "Seed",
}  # fmt: skip


def field(app: AppTest, label: str):
    return by_label(getattr(app, KIND_OF[label]), label)


def cold(page: str, said: dict[str, Any]) -> AppTest:
    """A page that a new visitor opens at an address."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page(page)
    for name, value in said.items():
        app.query_params[name] = value
    return app.run()


def said_in(app: AppTest) -> dict[str, str]:
    return dict(app.query_params)


@pytest.mark.parametrize("page, label, value, said", CHOSEN)
def test_what_is_chosen_stands_in_the_address_and_a_cold_link_chooses_it(
    home_page, page, label, value, said
):
    app = opened(home_page, page)
    assert said_in(app) == {}, "what is usual needs no address"
    usual = field(app, label).value
    field(app, label).set_value(value).run()
    name, written = said.split("=", 1)
    assert said_in(app) == {name: written}
    other = cold(page, {name: written})
    assert not other.exception and field(other, label).value == value
    assert not other.warning and said_in(other) == {name: written}
    field(app, label).set_value(usual).run()
    assert said_in(app) == {}


def test_the_moment_stands_in_the_address_and_the_newest_does_not(home_page, store):
    run = store.find_run("demo")
    app = opened(home_page, ATTENTION)
    moment = store.snapshot_steps(run.id)[3]
    field(app, "Moment of training").set_value(moment).run()
    assert said_in(well(app)) == {"step": str(moment)}
    assert field(well(cold(ATTENTION, {"step": moment})), "Moment of training").value == moment
    newest = well(cold(ATTENTION, {"step": run.step}))
    assert field(newest, "Moment of training").value == moment_slider.NEWEST
    assert not newest.warning and said_in(newest) == {}


@pytest.mark.parametrize("page, said", BAD)
def test_what_cannot_be_is_one_sentence_each_and_the_usual(page, said):
    app, usual = well(cold(page, said)), cold(page, {})
    for name in said:
        label = "Your beginning" if page == "app.py" else LABEL_OF[name]
        assert field(app, label).value == field(usual, label).value, name
    for _ in range(2):  # also when the browser has told whose it is
        told = [warning.value for warning in app.warning]
        assert len(told) == len(said)
        assert all(re.match("The address says .* usual stands here instead", t) for t in told)
        well(app.run())


def test_a_value_that_cannot_be_goes_once_another_is_chosen_and_is_not_carried_on(home_page):
    home_page.query_params["layer"] = "99"
    home_page.query_params["temperature"] = "hot"
    app = opened(home_page, ATTENTION)
    assert len(app.warning) == 1
    field(app, "Head").set_value(1).run()
    assert not well(app).warning and said_in(app) == {"head": "1", "temperature": "hot"}
    app = opened(app, GENERATE)
    assert len(app.warning) == 1
    field(app, "Seed").set_value(4).run()
    assert not well(app).warning and said_in(app) == {"head": "1", "seed": "4"}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    page=st.sampled_from(["app.py", ATTENTION, GENERATE]),
    said=st.dictionaries(
        st.sampled_from(["run", "beside", *(p.name for p in address.PARAMETERS)]),
        st.text(st.characters(codec="utf-8"), max_size=30) | st.integers().map(str),
        max_size=4,
    ),
)
def test_no_address_is_a_traceback(page, said):
    app = cold(page, said)
    assert not app.exception
    assert all("Traceback" not in error.value for error in app.error)


def test_nothing_is_lost_on_the_way_to_another_page_and_back(home_page):
    app = opened(home_page, ATTENTION)
    long = "the sea and the lamp " * 20
    field(app, "Text to look at").set_value(long).run()
    field(app, "Head").set_value(2).run()
    assert said_in(app) == {"head": "2"}, "a long text is not for an address"
    app = opened(app, GENERATE)
    field(app, "Prompt").set_value("Nell ").run()
    field(app, "Top-k").set_value(3).run()
    app = opened(opened(app, "pages/1_Data.py"), "pages/2_Train.py")
    assert said_in(well(app)) == {"head": "2", "prompt": "Nell ", "top_k": "3"}
    app = well(opened(app, ATTENTION))
    assert field(app, "Text to look at").value == long and field(app, "Head").value == 2
    app = well(opened(app, GENERATE))
    assert field(app, "Prompt").value == "Nell " and field(app, "Top-k").value == 3
    assert field(well(opened(app, "app.py")), "Your beginning").value == "Nell "


def test_two_choices_in_a_moment_are_both_kept_and_both_are_carried(home_page):
    """The browser sends the second with the address as it was before the first."""
    app = opened(home_page, ATTENTION)
    field(app, "Head").set_value(1).run()
    field(app, "Head").set_value(2).run()
    for late in ({"head": "1"}, {}):
        app.query_params.clear()
        app.query_params.update(late)
        layer = 1 - field(app, "Layer").value
        field(app, "Layer").set_value(layer).run()
        assert field(well(app), "Head").value == 2
        assert said_in(app) == {"head": "2"} | ({"layer": "0"} if layer == 0 else {})
        links = [element.proto.query_string for element in app.get("page_link")]
        assert len(links) == len(PAGES) and all("head=2" in link for link in links)
        assert all(("layer=0" in link) == (layer == 0) for link in links)


def test_a_run_just_started_stays_when_the_browser_sends_the_address_of_before(home_page, store):
    app = opened(home_page, "pages/2_Train.py")
    by_label(app.button, "Start training").click().run()
    run_id = said_in(well(app))["run"]
    assert store.run(run_id).active
    app.query_params.clear()
    assert said_in(well(app.run()))["run"] == run_id
    app.session_state[address.CHOSEN] = run_id, None, 0.0  # long ago
    app.query_params.clear()
    assert "run" not in said_in(well(app.run()))


def test_a_choice_of_which_nobody_was_told_stands_in_the_address_as_well(home_page):
    """Of two fields changed at once, the first one's call may end the run before the second's."""
    app = opened(home_page, GENERATE)
    app.session_state["seed"] = 7
    assert said_in(well(app.run())) == {"seed": "7"}
    app.session_state["seed"] = 8
    assert said_in(well(app.run())) == {"seed": "8"}


def test_a_cold_link_to_generate_writes_the_very_same_text():
    said = {
        "prompt": "Once a lamp ",
        "temperature": "1.3",
        "top_k": "9",
        "length": "30",
        "seed": "5",
    }
    one, other = well(cold(GENERATE, said)), well(cold(GENERATE, said))
    assert strip_of(one)["labels"] == strip_of(other)["labels"]
    assert any(
        "Temperature 1.3, top-k 9, seed 5, 30 tokens" in caption.value for caption in one.caption
    )


def test_another_run_has_its_own_state_and_the_first_finds_its_again(home_page, finished_run):
    app = opened(home_page, GENERATE)
    field(app, "Prompt").set_value("Nell and ").run()
    field(app, "Temperature").set_value(1.5).run()
    demo = field_of_runs(app).value
    field_of_runs(app).set_value(finished_run).run()
    assert said_in(well(app)) == {"run": finished_run, "temperature": "1.5"}
    assert field(app, "Prompt").value != "Nell and " and field(app, "Temperature").value == 1.5
    field_of_runs(app).set_value(demo).run()
    assert field(well(app), "Prompt").value == "Nell and "
    assert said_in(app) == {"run": demo, "temperature": "1.5", "prompt": "Nell and "}


def field_of_runs(app: AppTest):
    return by_label(app.selectbox, "Run")


def test_no_text_of_a_training_stands_in_an_address(home_page, store, finished_run):
    for page in ("app.py", ATTENTION, GENERATE):
        app = well(opened(home_page, page, finished_run))
        assert said_in(app) == {"run": finished_run}


def test_what_home_is_asked_for_is_written_with_the_usual_settings(home_page):
    app = opened(home_page, GENERATE)
    field(app, "Temperature").set_value(1.5).run()
    app = opened(app, "app.py")
    app.text_input[0].set_value("The sea ")
    by_label(app.button, "Continue it").click().run()
    assert said_in(well(app)) == {"prompt": "The sea "}
    app = well(opened(app, GENERATE))
    assert field(app, "Temperature").value == 0.8
    assert not any("have changed since" in caption.value for caption in app.caption)


def test_a_prompt_of_several_lines_is_one_line_on_home_and_stays_whole_in_the_address():
    app = well(cold("app.py", {"prompt": "one\ntwo\r\nthree"}))
    assert field(app, "Your beginning").value == "one two three"
    assert said_in(app) == {"prompt": "one\ntwo\r\nthree"}


def test_runs_to_compare_with_that_are_not_here_are_one_sentence(home_page, finished_run):
    home_page.query_params["beside"] = "none-like-it"
    app = well(opened(home_page, "pages/2_Train.py", finished_run))
    assert "names 1 run to compare with that cannot be laid over" in app.warning[0].value


def test_what_nobody_chose_follows_what_is_usual_and_what_was_chosen_stays():
    def page():
        import streamlit as st

        from minigpt.ui import address, services

        run = services.store().find_run("demo")
        usual = st.session_state.get("usual", "first")
        st.text_input("Text", **address.bind(address.TEXT, run, usual))

    app = AppTest.from_function(page).run()
    assert well(app).text_input[0].value == "first"
    app.session_state["usual"] = "second"  # as when a browser tells late whose it is
    assert well(app.run()).text_input[0].value == "second"
    assert well(app.run()).text_input[0].value == "second"
    app.text_input[0].set_value("my own").run()
    app.session_state["usual"] = "third"
    assert well(app.run()).text_input[0].value == "my own"
