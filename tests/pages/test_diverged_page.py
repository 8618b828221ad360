"""Every page of a run whose numbers have run away."""

import math

import torch

from minigpt.recipes import PRESETS
from minigpt.store import EVERYONE
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import services
from tests.pages.visits import by_label, opened, wait_for, well

WILD = {"learning_rate": 1.0, "weight_decay": 10.0, "batch_size": 4, "max_steps": 60}
TEXT = "hello world, hello moon, hello sun. " * 60


def diverged_run(store) -> str:
    tokenizer = CharTokenizer.train(TEXT)
    run_id = store.create_run(
        "class",
        "wild",
        store.add_text("class", "simple", TEXT),
        tokenizer.to_json(),
        PRESETS["classic"].model(
            tokenizer.vocab_size, activation="relu2", block_size=32, n_embd=16
        ),
        PRESETS["classic"].train.replace(**WILD),
    )
    wait_for(store, run_id, "diverged")
    return run_id


def test_a_diverged_run_can_write_and_be_looked_into(home_page, store):
    run_id = diverged_run(store)
    home_page.query_params["run"] = run_id
    well(home_page.run())
    well(opened(home_page, "pages/3_Attention.py", run_id))
    well(opened(home_page, "pages/4_Generate.py", run_id))
    well(by_label(home_page.button, "Write").click().run())


def test_a_model_without_numbers_gets_a_sentence_on_every_page(home_page, store, monkeypatch):
    demo = next(run for run in store.runs(EVERYONE) if run.bundled)
    with services.turn.taken():
        loaded = services.model(demo)

    def ruined(run, step=None, **how):
        with torch.no_grad():
            model = type(loaded)(loaded.config)
            for weight in model.parameters():
                weight.fill_(math.nan)
        return model.eval()

    monkeypatch.setattr(services, "model", ruined)
    for page in ("app.py", "pages/3_Attention.py", "pages/4_Generate.py"):
        opened(home_page, page)
        button = {"app.py": "Continue it", "pages/4_Generate.py": "Write"}.get(page)
        if button:
            by_label(home_page.button, button).click().run()
        assert not home_page.exception
        assert any("grown beyond all bounds" in error.value for error in home_page.error)
