"""Train: one step, and what it did."""

import time

from tests.pages.visits import SMALL, by_label, html_of, start_training, wait_for, well


def words(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


def test_one_step_shows_its_batch_its_losses_and_how_far_the_weights_went(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 70_000})
    wait_for(store, run_id, "running")
    store.wish(run_id, "paused")
    wait_for(store, run_id, "paused")
    assert "did**" not in words(well(home_page.run())), "nothing was asked for yet"
    at = store.run(run_id).step
    by_label(home_page.button, "One step").click().run()
    wait_for(store, run_id, "paused")
    while store.run(run_id).step == at:
        time.sleep(0.1)
    wait_for(store, run_id, "paused")
    well(home_page.run())
    step = store.single_step(run_id)
    shown = words(home_page)
    assert f"What step {at + 1:,} did" in shown
    assert f"{step.loss_before:.4f} → {step.loss_after:.4f} nats" in shown
    assert "The weights moved** by" in shown
    assert "mg-chip" in html_of(home_page)
    by_label(home_page.button, "Resume").click().run()
    wait_for(store, run_id, "running")
    assert "did**" not in words(well(home_page.run()))
