"""Train: what the curve says stands under it."""

import numpy as np

from minigpt import tokenizers
from minigpt.metrics import Metrics, Results
from minigpt.recipes import PRESETS
from tests.pages.visits import opened, well


def words(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


def test_the_demo_says_what_its_curve_says_and_repeats_nothing(home_page):
    shown = words(well(opened(home_page, "pages/2_Train.py")))
    assert "**Still falling at its end:** by 0.02 nats" in shown
    assert "learns the text by heart" not in shown
    assert "The level lines: blind guessing" in shown


def test_a_short_text_learned_by_heart_is_told_so(home_page, store):
    body = store.text(store.texts("library")[0].id)[:3_000]
    tokenizer = tokenizers.CharTokenizer.train(body)
    preset = PRESETS["speedrun"]
    losses = zip(np.linspace(3.9, 0.15, 130), 2.3 + 0.02 * np.arange(130), strict=True)
    rows = [
        Metrics(n, n, train, val if n % 10 == 0 else None, 0.03, 1.0, n / 10)
        for n, (train, val) in enumerate(losses, 1)
    ]
    run_id = store.create_run(
        "class",
        "short",
        store.add_text("class", "short", body),
        tokenizer.to_json(),
        preset.model(tokenizer.vocab_size),
        preset.train,
        results=Results(rows, state="finished"),
    )
    shown = words(well(opened(home_page, "pages/2_Train.py", run_id)))
    assert "**Learning by heart since step 10:**" in shown
    assert "2.48 nats, and is at 4.88 by now" in shown
    assert "were read 99 times over: bring more text" in shown
