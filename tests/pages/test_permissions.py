"""Who may do what with a run and its text: one table, every row of it executed.

A run's id is the permission to look at the run. The id of a text is none: it is a hash, and whoever
knows or guesses a text has it. Ids come from outside in the address, in files, and in what a
browser says was chosen.
"""

import json
import re
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from minigpt import bundle
from minigpt.config import InputError
from minigpt.engine.launch import launch
from minigpt.limits import Limits
from minigpt.metrics import SingleStep
from minigpt.store import Store, text_id_of
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import services
from tests.bundles import changed, unpacked
from tests.pages.visits import ROOT, SMALL, by_label, html_of, opened, start_training, wait_for

PIN = "the pin of my card is 4711, and nobody knows it"
DIARY = "".join(f"{PIN}. day {n} was calm and long.\n" for n in range(120))


@dataclass
class Visitor:
    """Somebody's browser, and the run it looks at; without one, the demo."""

    workspace: str
    run_id: str | None
    monkeypatch: pytest.MonkeyPatch
    pages: dict[str, AppTest] = field(default_factory=dict)

    def at(self, page: str) -> AppTest:
        """The page as this visitor sees it, without a traceback."""
        self.monkeypatch.setenv("MINIGPT_WORKSPACE", self.workspace)
        if page not in self.pages:
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
            self.pages[page] = opened(app, page, self.run_id)
        assert not self.pages[page].exception
        return self.pages[page]

    def buttons(self) -> set[str]:
        return {button.label for button in self.at("pages/2_Train.py").button}

    def asks(self, what: str) -> bool:
        """Whether the menu of the run has this entry, and a message that it was chosen does
        something only then."""
        app = self.at("pages/2_Train.py")
        (menu,) = (menu for menu in app.menu_button if menu.label == "More")
        offered = [option for option in menu.options if option.endswith(what)]
        page = replace(self, pages={}).at("pages/2_Train.py")
        send(page, menu.id, (offered or [f":material/edit: {what}"])[0], "string_trigger_value")
        assert not page.exception
        opened = "open_panel" in page.session_state or "copied_run" in page.session_state
        assert opened == bool(offered)
        return opened


@pytest.fixture(scope="module")
def visitors(one_home) -> dict[str, Visitor]:
    with pytest.MonkeyPatch.context() as patch:
        store = services.store()
        text_id = store.add_text("class", "My diary", DIARY)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        theirs = start_training(app, **SMALL)
        run = store.run(theirs)
        assert run.text_id == text_id and run.workspace == "class"
        again = launch(
            store, Limits(), "class", "Once more", text_id, CharTokenizer.train(DIARY),
            run.model, run.train,
        )  # fmt: skip
        for started in (theirs, again):
            wait_for(store, started, "finished")
        file = bundle.export_run(store, store.run(theirs))
        # Who forges a file names the text by its hash, and cuts it by a tokenizer of their own.
        forged = changed(file, {"text": {"id": text_id}, "text_id": text_id})
        yield {
            "owner": Visitor("class", theirs, patch),
            "other": Visitor("other", None, patch),
            "link": Visitor("friend", theirs, patch),
            "importer": Visitor("importer", bundle.import_run(store, file, "importer"), patch),
            "forger": Visitor("forger", bundle.import_run(store, forged, "forger"), patch),
        }


def send(app: AppTest, widget_id: str, chosen: str, kind: str = "string_value") -> None:
    """A browser's message that this was chosen, whatever was offered."""
    states = app._tree.get_widget_states()
    (state,) = (state for state in states.widgets if state.id == widget_id)
    if kind == "string_value":
        state.string_value = chosen
    else:
        state.string_trigger_value.data = chosen
    app._run(states)


def lists_the_owners_run(who: Visitor) -> bool:
    options = by_label(who.at("pages/2_Train.py").selectbox, "Run").options
    return any("My diary" in option and services_owner_id()[:4] in option for option in options)


def services_owner_id() -> str:
    return next(run.id for run in services.store().runs("class") if run.name != "Once more")


def lists_the_text(who: Visitor) -> bool:
    options = by_label(who.at("pages/1_Data.py").selectbox, "Look at").options
    return any("My diary" in option for option in options)


def reads_the_text_by_its_id(who: Visitor) -> bool:
    """As a browser that sends the text's id as what was chosen."""
    app = who.at("pages/1_Data.py")
    for chosen in (text_id_of(DIARY), f"My diary · {len(DIARY):,} characters"):
        send(app, by_label(app.selectbox, "Look at").id, chosen)
        assert not app.exception
        if "4711" in html_of(app):
            return True
    return False


def trains_on_the_text_by_its_id(who: Visitor) -> bool:
    store = services.store()
    run = store.run(who.run_id or bundle.ensure_demo(store))
    tokenizer = CharTokenizer.train(DIARY)
    model = run.model.replace(vocab_size=tokenizer.vocab_size)
    try:
        started = launch(
            store, Limits(), who.workspace, "mine", text_id_of(DIARY), tokenizer, model, run.train
        )
    except InputError:
        return False
    store.delete_run(started)
    return True


def sees_what_counting_reaches(who: Visitor) -> bool:
    charts = who.at("pages/2_Train.py").get("plotly_chart")
    return any("trigram" in str(chart.proto) for chart in charts) and who.run_id is not None


def sees_its_first_line(who: Visitor) -> bool:
    return PIN[:18] in who.at("pages/3_Attention.py").text_area[0].value


def sees_pieces_of_it_where_heads_look(who: Visitor) -> bool:
    shown = re.sub("<[^>]*>", "", html_of(who.at("pages/3_Attention.py")))
    return any(word in shown for word in ("4711", "calm", "nobody", "knows", "card"))


def sees_what_a_single_step_read(who: Visitor) -> bool:
    """A piece of the text from anywhere in it, while the run rests after the step."""
    store = services.store()
    if who.run_id is None or store.run(who.run_id).imported:
        return False  # it rests for ever
    step = SingleStep(
        30, CharTokenizer.train(DIARY).encode("calm"), 1, 2.0, 1.0, {"wte": (1.0, 2.0)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "single_step", lambda *_: step)
        run = replace(store.run(who.run_id), state="paused", wish="paused")
        patch.setattr(Store, "run", lambda *_: run)
        app = replace(who, pages={}).at("pages/2_Train.py")
    assert any("What step 30 did" in words.value for words in app.markdown)
    return ">c<" in html_of(app)


def may_duplicate(who: Visitor) -> bool:
    return who.asks("Duplicate")


def may_leave_one_out(who: Visitor) -> bool:
    return who.asks("Leave one out")


def compares_with_the_owners_other_run(who: Visitor) -> bool:
    found = [box for box in who.at("pages/2_Train.py").multiselect if box.label == "Compare with"]
    return any("Once more" in option for box in found for option in box.options)


def may_rename(who: Visitor) -> bool:
    return who.asks("Rename")


def may_delete(who: Visitor) -> bool:
    return who.asks("Delete")


def may_train_longer(who: Visitor) -> bool:
    return "Go on" in who.buttons()


def may_download(who: Visitor) -> bool:
    return who.asks("Download")


def lets_it_write(who: Visitor) -> bool:
    app = who.at("pages/4_Generate.py")
    by_label(app.number_input, "Length").set_value(3)
    by_label(app.button, "Write").click().run()
    assert not app.exception
    return not app.error


EVERYBODY = {"owner", "other", "link", "importer", "forger"}
TABLE = {
    # what: who. `other` looks at the demo, importer and forger at the run from their own file.
    lists_the_owners_run: {"owner", "link"},
    lists_the_text: {"owner"},
    reads_the_text_by_its_id: {"owner"},
    trains_on_the_text_by_its_id: {"owner"},
    sees_what_counting_reaches: {"owner", "link"},
    sees_its_first_line: {"owner"},
    sees_pieces_of_it_where_heads_look: {"owner"},
    sees_what_a_single_step_read: {"owner"},
    may_duplicate: {"owner", "other"},
    may_leave_one_out: {"owner", "other"},
    compares_with_the_owners_other_run: {"owner"},
    may_rename: {"owner", "importer", "forger"},
    may_delete: {"owner", "importer", "forger"},
    may_train_longer: {"owner"},
    may_download: EVERYBODY,
    lets_it_write: EVERYBODY,
}


@pytest.mark.parametrize("act", TABLE, ids=lambda act: act.__name__)
def test_who_may_do_what(visitors, act):
    assert {name for name, who in visitors.items() if act(who)} == TABLE[act]


def test_what_counting_reaches_is_told_in_three_digits(visitors):
    run = services.store().run(visitors["owner"].run_id)
    levels = services.levels(run).lines
    assert set(levels) >= {"uniform", "bigram", "trigram"}
    assert all(round(loss, 3) == loss for loss in levels.values())


def test_a_made_up_tokenizer_reveals_nothing_of_somebody_elses_text(visitors):
    """With a vocabulary of one character, the level lines told how often it stands in the text,
    and with one of two, in which order: some hundred files, and a secret is read."""
    store = services.store()
    run = store.run(visitors["owner"].run_id)
    told = []
    for letters in ("4", "47"):
        vocab_size = 3 + len(letters)
        model = run.model.replace(vocab_size=vocab_size)
        rng = np.random.default_rng(0)
        shapes = model.weight_shapes().items()
        weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes}
        tensors = {f"weights.{name}": tensor for name, tensor in weights.items()} | {
            f"snapshots.0.{name}": tensor.astype(np.float16) for name, tensor in weights.items()
        }
        forged = only(
            bundle.export_run(store, run),
            {
                "text_id": run.text_id,
                "text": {"id": run.text_id},
                "model": model.to_json(),
                "tokenizer": json.dumps({"kind": "char", "characters": list(letters)}),
                "samples": [],
                "step": 0,
            },
            tensors | {"metrics": np.zeros((0, 7))},
        )
        imported = store.run(bundle.import_run(store, forged, "forger"))
        told.append((imported.text_id, services.levels(imported), services.guides(imported)))
    assert told == [(None, None, {})] * 2


def only(data: bytes, about: dict, tensors: dict) -> bytes:
    """The file with just these tensors."""
    return changed(data, about, dict.fromkeys(unpacked(data)[1]) | tensors)


def test_a_run_of_everyone_is_the_command_lines_and_nobody_elses(visitors):
    demo = services.store().run(bundle.ensure_demo(services.store()))
    assert demo.bundled and not may_delete(visitors["other"]) and not may_rename(visitors["other"])


def test_a_text_that_its_owner_deleted_is_shown_to_nobody(visitors):
    store = services.store()
    store.drop_text("class", text_id_of(DIARY))
    for name in ("owner", "link"):
        who = replace(visitors[name], pages={})
        assert not sees_its_first_line(who) and not sees_what_counting_reaches(who)
        assert not who.asks("Duplicate") and lets_it_write(who)
    store.add_text("class", "My diary", DIARY)
