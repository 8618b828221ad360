"""What became of what a visitor did: told long enough to be read, and not for ever."""

import time
from types import SimpleNamespace

from minigpt.config import InputError
from minigpt.ui import news
from tests.pages.visits import by_label, data_page, opened

TOO_SHORT = "has 1 character besides spaces"


def alerts(app) -> str:
    return "\n".join(alert.value for alert in [*app.success, *app.error])


def later(monkeypatch, seconds: float) -> None:
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds)
    monkeypatch.setattr(news, "time", clock)


def paste(app, text: str):
    app.text_area(key="pasted_text").set_value(text)
    return app.button(key="keep_paste").click().run()


def test_news_of_texts_outlives_a_drawing_that_nobody_asked_for(home_page, monkeypatch):
    app = paste(data_page(home_page, "Paste"), "x")
    assert TOO_SHORT in alerts(app)
    assert TOO_SHORT in alerts(app.run())
    later(monkeypatch, news.SECONDS + 1)
    assert TOO_SHORT not in alerts(app.run())


def test_newer_news_takes_the_place_of_older_at_once(home_page):
    app = paste(data_page(home_page, "Paste"), "x")
    app = paste(app, "a text that is long enough\n" * 40)
    assert TOO_SHORT not in alerts(app)
    assert "Took" in alerts(app.run())


def test_a_refused_start_outlives_a_drawing_that_nobody_asked_for(home_page, monkeypatch):
    def refuse(*_):
        raise InputError("the line is full: try again later")

    app = opened(home_page, "pages/2_Train.py")
    monkeypatch.setattr("minigpt.ui.services.launch", refuse)
    by_label(app.button, "Start training").click().run()
    assert "The line is full" in alerts(app)
    assert "The line is full" in alerts(app.run())
    later(monkeypatch, news.SECONDS + 1)
    assert "The line is full" not in alerts(app.run())
