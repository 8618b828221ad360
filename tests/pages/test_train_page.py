"""Train: starting, steering, keeping, comparing."""

import re
import time
from dataclasses import fields
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from minigpt import bundle, tokenizers
from minigpt.config import GPTConfig, TrainConfig
from minigpt.engine.speed import BUDGETS, Speed, work
from minigpt.recipes import PRESETS
from minigpt.ui import address, services, words
from minigpt.ui.glossary import NAMES
from minigpt.ui.train import comparing, menu
from tests.pages.visits import (
    ROOT,
    SMALL,
    ask,
    by_label,
    data_page,
    opened,
    start_training,
    wait_for,
    well,
)


def test_a_started_run_is_in_the_store_with_its_settings(home_page, store):
    run = store.run(start_training(home_page, **{**SMALL, "Steps": 25}))
    assert (run.train.max_steps, run.model.block_size, run.model.n_embd) == (25, 16, 8)
    assert run.workspace == "class"


IMPOSSIBLE = {
    "Width": (10, "Width is 10 and Heads is 4: the width has to be a multiple of the number of"),
    "Steps": (200_000, "Steps is 200,000, this installation trains for at most 100,000"),
    "Layers": (-3, "Layers is -3: the least is 1."),
    "Context": (12.5, "Context is 12.5: it has to be a whole number."),
    "Learning rate": (9, "Learning rate is 9: the most is 1."),
    "Parts of a batch": (30, "Parts of a batch is 30 and Batch size is 16: a batch cannot be read"),
    "Seed": (1e300, "Seed is 1e+300: the most is 4,294,967,295."),
}


@pytest.mark.parametrize("label", IMPOSSIBLE)
def test_a_number_that_cannot_be_is_refused_by_its_field_s_name_where_start_is(
    home_page, store, label
):
    value, said = IMPOSSIBLE[label]
    before = len(store.runs())
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.number_input, label).set_value(value)
    by_label(home_page.button, "Start training").click().run()  # the very click that leaves it
    assert home_page.error[0].value.startswith(said)
    assert not home_page.exception
    home_page.run()
    (warning,) = home_page.warning
    assert warning.value.startswith(said)
    assert by_label(home_page.button, "Start training").disabled
    assert not any("It will read" in caption.value for caption in home_page.caption)
    assert by_label(home_page.number_input, label).value == value
    assert len(store.runs()) == before


def test_a_run_that_takes_too_much_memory_is_refused_with_what_would_fit(
    home_page, store, monkeypatch
):
    monkeypatch.setenv("MINIGPT_MEMORY_MB", "1000")
    before = len(store.runs())
    opened(home_page, "pages/2_Train.py")
    for label in ("Context", "Batch size"):
        by_label(home_page.number_input, label).set_value(1_024)
    home_page.run()
    (warning,) = home_page.warning
    assert warning.value.startswith("Batch size is 1,024 and Context is 1,024: training this model")
    said = re.search(r"about ([\d,]+) MB .* 250 MB for runs: (set .*)\.$", warning.value)
    assert int(said[1].replace(",", "")) > 10_000
    assert re.fullmatch(
        r"set Parts of a batch to at least \d+ or Batch size to at most \d", said[2]
    )
    assert by_label(home_page.button, "Start training").disabled
    assert len(store.runs()) == before


def test_every_setting_of_a_run_has_a_name_on_the_page():
    specs = (*fields(GPTConfig), *fields(TrainConfig))
    unasked = {"beta1", "beta2", "eval_batches", "lr_decay_steps"}
    assert {spec.name for spec in specs} - set(NAMES) == unasked


def test_running_can_be_paused_resumed_and_stopped(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 100_000})
    for label, state in (("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped")):
        by_label(home_page.button, label).click().run()
        deadline = time.monotonic() + 30
        while store.run(run_id).state != state:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        well(home_page.run())
    assert "Pause" not in [button.label for button in home_page.button]


def test_another_s_run_can_be_watched_but_not_controlled(home_page, store):
    some = store.run(start_training(home_page, **{**SMALL, "Steps": 100_000}))
    foreign = store.create_run(
        "stranger", "theirs", some.text_id, some.tokenizer, some.model, some.train
    )
    app = well(opened(home_page, "pages/2_Train.py", foreign))
    assert not {"Pause", "Resume", "Stop"} & {button.label for button in app.button}
    assert foreign not in [run.id for run in store.runs("class")]


def test_a_bpe_run_trains_and_is_compared_in_bits_per_character(home_page, store):
    home_page.session_state["tokenizer_kind"] = "bpe"
    run = store.run(start_training(home_page, **SMALL))
    assert "modern, BPE " in run.name
    assert tokenizers.load(run.tokenizer).kind == "bpe"
    assert run.characters_per_token > 1.5
    assert set(services.guides(run)) == {"uniform", "bigram", "trigram"}
    wait_for(store, run.id, "finished")
    well(home_page.run())
    loss = store.curves(run.id).val_loss[-1]
    shown = next(metric for metric in home_page.metric if metric.label == "Loss on unseen text")
    assert f"{loss / 0.693147 / run.characters_per_token:.2f} bits" in shown.delta
    for page in ("pages/3_Attention.py", "pages/4_Generate.py"):
        well(opened(home_page, page, run.id))


def test_a_run_on_a_world_is_measured_against_its_floor_and_in_right_answers(home_page, store):
    data_page(home_page, "Worlds")
    by_label(home_page.selectbox, "World").select("copy").run()
    by_label(home_page.button, "Write it").click().run()
    run = store.run(start_training(home_page, **SMALL))
    assert services.guides(run)[services.FLOOR] == pytest.approx(1.1364, abs=1e-3)
    wait_for(store, run.id, "finished")
    well(home_page.run())
    shares = store.curves(run.id).accuracy
    assert ((shares >= 0) & (shares <= 1)).any()
    assert any("Right answers:" in words.value for words in home_page.markdown)


def test_a_double_click_on_start_starts_one_run(home_page, store):
    opened(home_page, "pages/2_Train.py")
    for label, value in {**SMALL, "Steps": 26}.items():
        by_label(home_page.number_input, label.replace("_", " ")).set_value(value)
    home_page.run()
    before = len(store.runs())
    for _ in range(2):
        by_label(home_page.button, "Start training").click().run()
    well(home_page)
    assert len(store.runs()) == before + 1


def test_a_fifth_run_of_one_workspace_is_told_its_place_in_line(home_page, store):
    runs = [start_training(home_page, **{**SMALL, "Steps": 90_000 + i}) for i in range(5)]
    deadline = time.monotonic() + 30
    while len(store.running()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    well(home_page.run())
    assert store.run(runs[4]).state == "queued"
    assert any("Number 1 in line" in info.value for info in home_page.info)
    opened(home_page, "pages/2_Train.py", runs[0])
    assert any("4 runs share this machine" in caption.value for caption in home_page.caption)


def test_a_paused_run_makes_one_step_and_an_ended_one_trains_longer(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 80_000})

    def until(state: str, step: int = 0) -> None:
        deadline = time.monotonic() + 30
        while (run := store.run(run_id)).state != state or run.step < step:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        well(home_page.run())

    until("running", 1)
    by_label(home_page.button, "Pause").click().run()
    until("paused")
    step = store.run(run_id).step
    by_label(home_page.button, "One step").click().run()
    until("paused", step + 1)
    assert store.run(run_id).step == step + 1
    by_label(home_page.button, "Stop").click().run()
    until("stopped")
    by_label(home_page.number_input, "Further steps").set_value(7)
    by_label(home_page.button, "Go on").click().run()
    until("finished", step + 8)


def test_a_run_can_be_renamed_and_deleted_and_a_bad_name_is_refused(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 22})
    ask(home_page, "Rename")
    by_label(home_page.text_input, "Name").set_value("   ").run()
    by_label(home_page.button, "Keep this name").click().run()
    assert "between 1 and 80" in home_page.error[0].value
    by_label(home_page.text_input, "Name").set_value("a *bold* name").run()
    by_label(home_page.button, "Keep this name").click().run()
    assert "new name" in home_page.toast[0].value
    assert "Name" not in [field.label for field in home_page.text_input]
    assert "a \\*bold\\* name" in [title.value for title in well(home_page).subheader]
    ask(home_page, "Delete")
    by_label(home_page.button, "Delete this run").click().run()
    assert run_id not in [run.id for run in store.runs()]
    assert "run" not in well(home_page).query_params


def test_a_duplicate_begins_with_the_settings_of_its_model(home_page, store):
    first = store.run(start_training(home_page, **{**SMALL, "Steps": 23}))
    ask(home_page, "Duplicate")
    assert by_label(home_page.number_input, "Width").value == 8
    by_label(home_page.number_input, "Steps").set_value(24).run()
    by_label(home_page.button, "Start training").click().run()
    copy = store.run(well(home_page).query_params["run"])
    assert copy.id != first.id
    assert (copy.model, copy.text_id) == (first.model, first.text_id)
    assert copy.train == first.train.replace(max_steps=24)


def test_a_file_that_is_no_run_is_refused_and_a_run_is_taken(home_page, store, finished_run):
    opened(home_page, "pages/2_Train.py")
    uploader = home_page.file_uploader[0]
    uploader.set_value(("bad.safetensors", b"no run", "application/octet-stream")).run()
    assert "not a run exported by minigpt" in home_page.error[0].value
    data = bundle.export_run(store, store.run(finished_run))
    home_page.file_uploader[0].set_value(("run.safetensors", data, "")).run()
    imported = store.run(well(home_page).query_params["run"])
    assert imported.imported and imported.workspace == "class"
    assert "Train longer" not in [button.label for button in home_page.button]


@pytest.mark.parametrize(
    "name", ["![x](http://a.b/c.png)", ":material/home:", "$5 and $10", "a_b_"]
)
def test_a_name_that_looks_like_markdown_stays_text(name):
    shown = words.plain(name)
    assert shown != name
    assert shown.replace("\\", "").replace(words.JOINER, "") == name


SPEED = Speed({name: work(p.model(100), p.train) / 1e9 for name, p in PRESETS.items()})


def test_every_switch_can_be_set_and_stands_in_the_run_s_name(home_page, store):
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.selectbox, "Activation").set_value("swiglu")
    by_label(home_page.selectbox, "Optimizer").set_value("adamw")
    by_label(home_page.toggle, "QK-norm").set_value(False)
    run = store.run(start_training(home_page, **SMALL))
    assert (run.model.activation, run.train.optimizer) == ("swiglu", "adamw")
    assert run.model.qk_norm is False and run.model.position == "rope"
    assert "activation swiglu" in run.name or "width 8" in run.name


def test_the_time_a_preset_takes_stands_with_it(home_page, monkeypatch):
    monkeypatch.setattr(services, "speed", lambda: None)
    assert any("being measured" in c.value for c in opened(home_page, "pages/2_Train.py").caption)
    monkeypatch.setattr(services, "speed", lambda: SPEED)
    well(home_page.run())
    assert any("take about **" in caption.value for caption in home_page.caption)
    assert re.search(r"speedrun \d+ s\b", by_label(home_page.button_group, "Preset").help)


def test_the_budget_dial_picks_a_model_that_fits_and_lets_go(home_page, monkeypatch):
    monkeypatch.setattr(services, "speed", lambda: SPEED)
    opened(home_page, "pages/2_Train.py")
    steps = {}
    for seconds in BUDGETS:
        by_label(home_page.button_group, "Or by the time you have").set_value(seconds).run()
        well(home_page)
        steps[seconds] = by_label(home_page.number_input, "Steps").value
        preset = SPEED.for_budget(seconds)
        assert steps[seconds] == preset.train.max_steps
        assert by_label(home_page.number_input, "Width").value == preset.shape["n_embd"]
    by_label(home_page.button_group, "Preset").set_value("gpt2").run()
    well(home_page)
    assert home_page.session_state["budget"] is None
    assert by_label(home_page.number_input, "Width").value == 128


def test_runs_on_one_text_are_laid_over_each_other(home_page, store):
    first = start_training(home_page, **SMALL)
    second = start_training(home_page, **{**SMALL, "Steps": 31})
    for run_id in (first, second):
        wait_for(store, run_id, "finished")
    opened(home_page, "pages/2_Train.py", second)
    beside = by_label(home_page.multiselect, "Compare with")
    beside.set_value([first]).run()
    well(home_page)
    (table,) = (t.value for t in home_page.table)
    what, chosen, other = (list(table[column]) for column in table)
    assert what[0] == "Best bits per character" and what[2:] == ["Steps"]
    assert float(chosen[0]) > 0 and float(chosen[1]) > 0
    assert (chosen[2], other[2]) == ("31", "30")
    assert by_label(home_page.button_group, "Along").value == "steps"
    for axis in ("seconds", "tokens"):
        by_label(home_page.button_group, "Along").set_value(axis).run()
        well(home_page)


def test_a_run_is_trained_once_more_without_an_ingredient(home_page, store):
    whole = start_training(home_page, **SMALL)
    wait_for(store, whole, "finished")
    opened(home_page, "pages/2_Train.py", whole)
    ask(home_page, "Leave one out")
    by_label(home_page.button_group, "What to leave out").set_value(["muon", "qk_norm"]).run()
    assert any("Jordan" in caption.value for caption in home_page.caption), "what it is"
    by_label(home_page.button, "Train 2 runs").click().run()
    well(home_page)
    assert "without muon and without QK-norm" in home_page.toast[0].value
    (table,) = (t.value for t in home_page.table)
    (states,) = (row for row in table.to_numpy().tolist() if row[0] == "State")
    assert states[1] == "finished, step 30" and len(states) == 4, "also of one that only waits"
    assert "What to leave out" not in [group.label for group in home_page.button_group]
    assert by_label(home_page.button_group, "Along").value == "steps"
    chosen = by_label(home_page.multiselect, "Compare with").value
    without = [store.run(run_id) for run_id in chosen]
    name = store.run(whole).name
    assert [run.name for run in without] == [f"{name}, without muon", f"{name}, without QK-norm"]

    fresh = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name in ("run", address.BESIDE):
        fresh.query_params[name] = home_page.query_params[name]
    fresh.run().switch_page("pages/2_Train.py").run()
    assert by_label(well(fresh).multiselect, "Compare with").value == chosen, "as the address says"
    for run in without:
        wait_for(store, run.id, "finished")
    well(home_page.run())
    (table,) = (t.value for t in home_page.table)
    what, *columns = (list(table[column]) for column in table)
    assert [column[what.index("Optimizer")] for column in columns] == ["muon", "adamw", "muon"]
    assert [column[what.index("QK-norm")] for column in columns] == ["on", "on", "off"]
    by_label(home_page.multiselect, "Compare with").set_value(chosen[:1]).run()
    assert home_page.query_params[address.BESIDE] == chosen[0]
    fresh.query_params[address.BESIDE] = "none-like-it,,"
    fresh.query_params["run"] = chosen[0]
    assert by_label(well(fresh.run()).multiselect, "Compare with").value == []


def test_only_recipes_with_ingredients_offer_to_leave_one_out(home_page, store):
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.button_group, "Preset").set_value("classic").run()
    by_label(home_page.number_input, "Steps").set_value(2).run()
    by_label(home_page.button, "Start training").click().run()
    wait_for(store, home_page.query_params["run"], "finished")
    well(home_page.run())
    assert not any("Leave one out" in entry for entry in home_page.menu_button[0].options)


def test_a_text_shorter_than_the_context_is_refused_where_start_is(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("hello hello hello").run()
    by_label(home_page.button, "Keep this text").click().run()
    well(home_page)
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.number_input, "Context").set_value(64).run()
    assert "choose a context of at most" in home_page.warning[0].value
    assert by_label(home_page.button, "Start training").disabled


def test_a_second_click_trains_no_further_runs(home_page, store):
    whole = start_training(home_page, **{**SMALL, "Steps": 27})
    wait_for(store, whole, "finished")
    opened(home_page, "pages/2_Train.py", whole)
    before = len(store.runs())
    for _ in range(2):  # what a browser sends at a double click: twice what stood there at first
        home_page.session_state[menu.OPEN] = whole, "Leave one out"
        home_page.run()
        by_label(home_page.button_group, "What to leave out").set_value(["muon", "relu2"]).run()
        by_label(home_page.button, "Train 2 runs").click().run()
    well(home_page)
    assert len(store.runs()) == before + 2


def test_runs_beside_each_other_are_called_by_what_tells_them_apart(store):
    names = ["Tales, modern", "Tales, modern, without muon", "Tales, modern", "Tales, gpt2"]
    runs = [SimpleNamespace(name=name, id=f"{i:04}") for i, name in enumerate(names)]
    assert comparing.short_names(runs) == [
        "modern · 0000",
        "modern, without muon",
        "modern · 0002",
        "gpt2",
    ]
    assert comparing.short_names(runs[:1]) == ["modern"]


def test_what_keeps_the_worker_from_working_is_told_under_the_curve(home_page, monkeypatch):
    opened(home_page, "pages/2_Train.py")
    monkeypatch.setattr(services, "trouble", lambda: "store.sqlite – the disk is full")
    home_page.run()
    (told,) = home_page.error
    assert "Training waits: store.sqlite – the disk is full." in told.value
