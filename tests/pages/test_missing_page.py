"""Moments that nobody measured yet: at once where that is quick, when asked to where it is not."""

from itertools import count
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.config import InputError
from minigpt.ui import missing


def page() -> None:
    import streamlit as st

    from minigpt.config import InputError
    from minigpt.ui import missing

    done = st.session_state.setdefault("done", [])

    def one(step: int) -> None:
        if step == 4:
            raise InputError("its numbers are none")
        done.append(step)

    steps = [step for step in (2, 4, 8, 16) if step not in done]
    missing.measure(steps, one, "the heads", "measure", waits="waits" in st.session_state)


def opened(**state: object) -> AppTest:
    app = AppTest.from_function(page)
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def test_what_is_quick_is_measured_at_once_and_one_that_cannot_be_holds_up_no_other():
    app = opened()
    assert app.session_state["done"] == [2, 8, 16] and not app.exception and not app.button
    assert [caption.value for caption in app.caption] == ["Step 4: Its numbers are none."]


def test_what_takes_long_waits_for_its_button(monkeypatch):
    clock = count(0, 10)  # each look at it ten seconds after the last
    monkeypatch.setattr(missing, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    app = opened()
    assert app.session_state["done"] == [2]
    assert app.button[0].label == "Measure 3 more moments, about 30 s"
    app.session_state["done"] = []
    app.button[0].click().run()
    assert app.session_state["done"] == [2, 8, 16]


def test_while_a_training_is_played_only_the_first_is():
    assert opened(waits=True).session_state["done"] == [2]


def test_where_the_first_cannot_be_measured_there_is_nothing_to_show():
    def refuses(step: int) -> None:
        raise InputError("its numbers are none")

    with pytest.raises(InputError, match="are none"):
        missing.measure([2, 4], refuses, "the heads", "measure")
