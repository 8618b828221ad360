"""Train: what a longer training will do is said before it begins, and shown afterwards."""

from minigpt.config import Restart
from tests.pages.visits import SMALL, ask, by_label, opened, start_training, wait_for, well


def captions(app) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_a_finished_run_is_raised_once_more_and_says_so(home_page, store):
    run_id = start_training(home_page, **SMALL)
    wait_for(store, run_id, "finished")
    opened(home_page, "pages/2_Train.py", run_id)
    assert "where nothing is learned any more" in captions(well(home_page))
    assert "raised to 30 % of its peak" in captions(home_page)
    by_label(home_page.number_input, "Further steps").set_value(20)
    by_label(home_page.slider, "Learning rate to begin with").set_value(50).run()
    assert "raised to 50 % of its peak, and falls again to 0 % over 20 steps" in captions(home_page)
    by_label(home_page.button, "Go on").click().run()
    wait_for(store, run_id, "finished")
    assert store.run(run_id).train.restarts == (Restart(30, 50, 0.5),)
    well(home_page.run())
    assert "Trained longer from step 30 at 50 % of its peak learning rate" in captions(home_page)

    ask(home_page, "Duplicate")
    by_label(home_page.button, "Start training").click().run()
    copy = store.run(well(home_page).query_params["run"])
    assert copy.id != run_id
    assert (copy.train.max_steps, copy.train.restarts) == (50, ())
    assert copy.train.lr_decay_steps is None


def test_a_stopped_run_says_that_it_goes_on_along_its_plan(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 90_000})
    wait_for(store, run_id, "running")
    store.wish(run_id, "stopped")
    wait_for(store, run_id, "stopped")
    opened(home_page, "pages/2_Train.py", run_id)
    step = store.run(run_id).step
    further = by_label(home_page.number_input, "Further steps")
    assert further.value == 90_000 - step, "what is left of its plan"
    further.set_value(100).run()
    assert f"planned up to step 90,000, and the run is at step {step:,}: it goes on along" in (
        captions(well(home_page))
    )
    assert f"up to step {step + 100:,}. Only beyond the plan" in captions(home_page)
    rate = "Learning rate to begin with"
    assert by_label(home_page.slider, rate).disabled, "it would change nothing"
    by_label(home_page.number_input, "Further steps").set_value(95_000).run()
    assert "up to step 90,000. There its learning rate is raised to 30 % of its peak" in captions(
        home_page
    )
    assert not by_label(home_page.slider, rate).disabled

    by_label(home_page.number_input, "Further steps").set_value(5).run()
    by_label(home_page.button, "Go on").click().run()
    wait_for(store, run_id, "finished")
    said = captions(well(home_page.run()))
    assert f"planned up to step 90,000, and the run is at step {step + 5:,}" in said
    assert "was stopped" not in said, "it has finished"


def test_further_steps_that_cannot_be_made_are_refused_before_they_are_asked_for(home_page, store):
    run_id = start_training(home_page, **SMALL)
    wait_for(store, run_id, "finished")
    opened(home_page, "pages/2_Train.py", run_id)
    for steps, said in (
        (0, "Further steps is 0: it has to be a whole number from 1."),
        (2.5, "Further steps is 2.5: it has to be a whole number from 1."),
        (99_971, "at step 30; this installation trains for at most 100,000: choose at most 99,970"),
    ):
        by_label(home_page.number_input, "Further steps").set_value(steps).run()
        assert not home_page.exception
        assert any(said in warning.value for warning in home_page.warning), steps
        assert by_label(home_page.button, "Go on").disabled
    by_label(home_page.number_input, "Further steps").set_value(99_970).run()
    assert not home_page.warning and not by_label(home_page.button, "Go on").disabled
