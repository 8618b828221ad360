"""What a page says of a prompt that the model does not know, or not in this form."""

import pytest

from minigpt.config import GPTConfig, TrainConfig
from minigpt.metrics import Results
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from tests.pages.visits import by_label, opened


@pytest.mark.parametrize(
    "kind, typed, said",
    [
        ("char", "über", "`u` with U+0308 behind it where you have `ü` as one character"),
        ("char", "a € `", "has no `` ` `` `€` –"),
        ("bpe", "hte", "`h` `t` stand only inside longer tokens"),
        ("bpe", "the café", "trained on there is no `f` `é`:"),
    ],
)
def test_a_prompt_tells_what_the_model_never_met(home_page, store, kind, typed, said):
    body = "u\u0308ber das Meer \n" * 60 if kind == "char" else "by the cold sea, the end\n" * 60
    tokenizer = CharTokenizer.train(body) if kind == "char" else BPETokenizer.train(body, 300)
    run_id = store.create_run(
        "class", kind, store.add_text("class", kind, body), tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 16, 1, 1, 4), TrainConfig(),
        results=Results(state="stopped"),
    )  # fmt: skip
    opened(home_page, "pages/4_Generate.py", run_id)
    assert not any(said in caption.value for caption in home_page.caption)
    by_label(home_page.text_area, "Prompt").set_value(typed).run()
    assert not home_page.exception
    assert any(said in caption.value for caption in home_page.caption)
