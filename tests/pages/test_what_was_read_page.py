"""What a written text is told with: the drawn token, the part of a prompt that was read, and which
prompt and settings it answers."""

import json
import re

from minigpt.config import GPTConfig, TrainConfig
from minigpt.generation import Candidate, Step, packed
from minigpt.metrics import Results
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import prompts, written
from tests.pages.visits import by_label, html_of, opened, strip_of, well


def bars(app) -> tuple[list[str], list[float]]:
    """The rows of the bars of next tokens, and what each was drawn from."""
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    return figure["layout"]["yaxis"]["ticktext"], figure["data"][0]["x"]


def test_the_drawn_token_takes_the_last_row_only_where_it_has_none():
    tokenizer = CharTokenizer("abcdefghijkl")
    candidates = [Candidate(i, 0.1 - i / 1000, 0.1, None, i) for i in range(3, 13)]
    for drawn, row, rank in ((3, 0, 1), (10, 7, 8), (11, 7, 9), (14, 7, 12)):
        own = [] if drawn < 13 else [Candidate(drawn, 0.01, 0.02, None, rank)]
        step = Step(drawn, 0.01, packed(candidates + own), 0.02, rank, 0)
        rows, mark = written._rivals(step, tokenizer)
        assert len(rows) == 8 and mark == {row: f"drawn, no. {rank}"}
        assert rows[row][0] == tokenizer.tokens[drawn]
    assert rows[-1][1:] == (0.01, 0.02)


def test_no_earlier_text_stands_under_an_error(home_page, finished_run):
    app = well(opened(home_page, "pages/4_Generate.py", finished_run))
    assert strip_of(app)
    for prompt in ("", "a" * (prompts.MOST_CHARACTERS + 1)):
        app.text_area[0].set_value(prompt)
        by_label(app.button, "Write").click().run()
        assert len(app.error) == 1 and not app.exception
        assert not strip_of(app) and not app.get("tab")
        by_label(app.slider, "Temperature").set_value(1.0).run()
        assert len(app.error) == 1 and not strip_of(app)


def test_a_text_of_another_prompt_or_of_other_settings_is_said_to_be_so(home_page, finished_run):
    def said() -> str:
        return " ".join(caption.value for caption in well(app).caption)

    app = opened(home_page, "pages/4_Generate.py", finished_run)
    assert "earlier text" not in said() and "settings have changed" not in said()
    by_label(app.number_input, "Seed").set_value(77).run()
    assert "settings have changed" in said() and "earlier text" not in said()
    app.text_area[0].set_value("Nell and ").run()
    assert "This is the earlier text" in said()
    by_label(app.button, "Write").click().run()
    assert "earlier text" not in said() and "settings have changed" not in said()


def test_temperature_0_says_that_the_seed_changes_nothing_and_2_writes(home_page, finished_run):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    for temperature, said in ((0.0, True), (2.0, False)):
        by_label(app.slider, "Temperature").set_value(temperature)
        by_label(app.button, "Write").click().run()
        told = " ".join(caption.value for caption in well(app).caption)
        assert ("the seed changes nothing" in told) == said
    assert len(app.session_state[written.WRITTEN].steps) == written.USUAL.max_new_tokens


def test_what_lies_too_far_back_is_struck_through_and_told(home_page, finished_run):
    app = opened(home_page, "pages/4_Generate.py", finished_run)  # whose context holds 16
    app.text_area[0].set_value("Once there was a lamp")
    by_label(app.button, "Write").click().run()
    shown = strip_of(well(app))
    assert shown["unread"] == "Once " and shown["prompt"] == "there was a lamp"
    said = " ".join(caption.value for caption in app.caption)
    assert "What it reads begins with `there·was·a·lamp`" in said
    assert "never read the beginning of the prompt, 5 tokens" in said


def test_on_home_too_what_lies_too_far_back_is_struck_through(home_page):
    home_page.text_input[0].set_value("The sea. " * 20)  # of which the demo reads 128
    by_label(home_page.button, "Continue it").click().run()
    assert re.search(r'mg-unread\\*">The sea', html_of(well(home_page)))
    said = " ".join(caption.value for caption in home_page.caption)
    assert "never read the beginning of the prompt, 52 tokens" in said


def test_one_sample_has_the_whole_line_for_itself(home_page, store):
    tokenizer = CharTokenizer.train("abc ")
    for samples in (1, 2, 3):
        run_id = store.create_run(
            "class", "short", None, tokenizer.to_json(),
            GPTConfig(tokenizer.vocab_size, 16, 1, 1, 4), TrainConfig(),
            results=Results(samples=[(i, f"a b {i}") for i in range(samples)], state="stopped"),
        )  # fmt: skip
        app = opened(home_page, "app.py", run_id)
        cards = [c for c in app.columns if any("Step" in m.value for m in c.markdown)]
        assert [round(card.weight, 2) for card in cards] == [round(1 / samples, 2)] * samples
