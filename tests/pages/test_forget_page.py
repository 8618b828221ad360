"""Forget everything of mine, as a visitor asks for it."""

import time

from minigpt.ui import kept, measured, services
from tests.pages.visits import opened, well
from tests.test_gone import DIARY, anywhere, run_on


def known() -> set[object]:
    """What all that is kept for all sessions is about."""
    return {part for one in kept._all for about in one._results for part in about}


def test_forget_everything_of_mine_deletes_texts_and_runs_and_nothing_of_others(home_page, store):
    run_id = run_on(store, "class", store.add_text("class", "my diary", DIARY))
    theirs = store.add_text("you", "theirs", "a text of another visitor")
    app = opened(home_page, "pages/1_Data.py", run_id)
    text_id = store.run(run_id).text_id
    services.statistics(text_id)
    measured.once(("sample", run_id, True), lambda: "of the text that it learned")
    assert {run_id, text_id} <= known()
    told = [caption.value for caption in app.caption if "with their weights go" in caption.value]
    assert len(told) == 1 and "1 text and 1 run" in told[0]
    assert "shares one workspace" in told[0], "these tests have one for all visitors"
    app.button(key="forget").click().run()
    assert "Forgot 1 text and 1 run." in [success.value for success in app.success]
    assert store.texts("class") == [] and store.runs("class") == []
    assert [text.id for text in store.texts("you")] == [theirs]
    assert "run" not in app.query_params
    assert not {run_id, text_id} & known(), "nothing counted of them stays in the server's memory"
    well(opened(app, "pages/2_Train.py"))
    deadline = time.monotonic() + 60
    while anywhere(store):  # the worker sees it within a second
        assert time.monotonic() < deadline
        time.sleep(0.1)
