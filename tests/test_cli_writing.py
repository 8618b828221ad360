"""`generate`: by chance and by beams, at every moment that is kept, and what it tells machines."""

import json
import math

import pytest

from minigpt import tokenizers, weights
from minigpt.cli import main
from minigpt.config import SampleConfig
from minigpt.engine import worker
from minigpt.generation import generate
from minigpt.store import Store

ASK = ["--prompt", "hello ", "--max-new-tokens", "24"]


@pytest.fixture
def run(fresh_store, small_run, monkeypatch) -> str:
    """The small run, trained, where the command line finds it."""
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    monkeypatch.setenv("MINIGPT_HOME", str(fresh_store.folder))
    return small_run


@pytest.fixture
def told(run, capsys):
    """What the command says to machines, with its notes."""

    def ask(*options: str) -> tuple[dict, str]:
        assert main(["generate", run, *ASK, *options, "--json"]) == 0
        out, err = capsys.readouterr()
        return json.loads(out.splitlines()[-1]), err

    return ask


def test_every_token_is_told_with_its_probability_rank_and_bits(told, run, fresh_store: Store):
    found, _ = told("--min-p", "0.05", "--repetition-penalty", "1.1", "--top-k", "9")
    settings = {"min_p": 0.05, "repetition_penalty": 1.1, "top_k": 9}
    kept = fresh_store.run(run)
    tokenizer = tokenizers.load(kept.tokenizer)
    config = SampleConfig(max_new_tokens=24, **settings)
    steps = list(
        generate(weights.load_model(fresh_store, kept), tokenizer.encode("hello "), config)
    )
    assert found["text"] == tokenizer.decode([step.id for step in steps])
    assert found["step"] == 20
    for token, step in zip(found["tokens"], steps, strict=True):
        assert (token["id"], token["rank"]) == (step.id, step.rank)
        assert token["token"] == tokenizer.tokens[step.id]
        assert token["probability"] == step.prob and token["drawn_from"] == step.drawn_from
        assert token["bits"] == pytest.approx(-math.log2(step.prob))


def test_a_beam_search_tells_every_finished_text_the_best_first(told):
    found, notes = told("--strategy", "beam", "--width", "3")
    assert len(found["hypotheses"]) == 3 and not notes
    assert found["text"] == found["hypotheses"][0]["text"]
    scores = [one["score"] for one in found["hypotheses"]]
    assert scores == sorted(scores, reverse=True)
    for one in found["hypotheses"]:
        assert one["score"] == one["log_probability"]
        bits = sum(token["bits"] for token in one["tokens"])
        assert one["log_probability"] == pytest.approx(-bits * math.log(2))
        assert "".join(token["token"] for token in one["tokens"]) == one["text"]


def test_what_means_nothing_to_a_beam_search_is_told(told):
    found, notes = told("--strategy", "beam", "--min-p", "0.05", "--seed", "3", "--stop", "\\n")
    assert "so this changes nothing: --min-p, --seed" in notes
    assert found["text"] == told("--strategy", "beam", "--stop", "\\n")[0]["text"]


@pytest.mark.parametrize("strategy", ["sample", "beam"])
@pytest.mark.parametrize("stop", ["o", r"\n"], ids=["a letter", "a line end"])
def test_a_stop_ends_the_text_and_one_that_is_not_met_is_told(run, capsys, strategy, stop):
    ask = ["generate", "demo", "--prompt", "Nell", "--strategy", strategy, "--json"]
    assert main([*ask, "--stop", stop]) == 0
    out, notes = capsys.readouterr()
    text, end = json.loads(out.splitlines()[-1])["text"], stop.replace(r"\n", "\n")
    assert text.count(end) == 1 and text.endswith(end) and not notes
    assert main([*ask, "--max-new-tokens", "9", "--stop", "never"]) == 0
    assert "the stop was not met in 9 tokens" in capsys.readouterr().err


def test_every_kept_moment_writes_and_another_is_told_with_those_there_are(told, run, capsys):
    texts = [told("--snapshot", str(step), "--temperature", "0")[0] for step in (0, 20)]
    assert [one["step"] for one in texts] == [0, 20] and texts[0]["text"] != texts[1]["text"]
    assert texts[1]["text"] == told("--temperature", "0")[0]["text"]
    assert main(["generate", run, *ASK, "--snapshot", "7"]) == 1
    said = capsys.readouterr().err
    assert "the weights of step 7 are not kept: this run has those of 0, 1, 2, 3, 4, 6, 8" in said


REFUSED = {
    "--strategy hope": "invalid choice: 'hope'",
    "--width 4": "--width is for --strategy beam: leave it out",
    "--strategy beam --width 0": "--width is 0: the least is 1",
    "--strategy beam --width 17": "--width is 17: the most is 16",
    "--strategy beam --max-new-tokens 1000000": "--max-new-tokens is 1,000,000: the most is",
    "--strategy beam --length-penalty 1": "without one all texts are equally long",
    "--strategy beam --stop a --length-penalty nan": "nan: it has to be a finite number",
    "--strategy beam --stop a --length-penalty 9": "--length-penalty is 9: the most is 5",
    "--min-p 2": "--min-p is 2: the most is 1",
    "--repetition-penalty 0.5": "--repetition-penalty is 0.5: the least is 1",
    "--snapshot -1": "-1: the least is 0",
    "--snapshot soon": "soon is no whole number",
}


def test_what_cannot_be_is_a_sentence(run, capsys):
    for options, sentence in REFUSED.items():
        assert main(["generate", run, *ASK, *options.split()]) == 1
        assert sentence in capsys.readouterr().err
    for stop in ("", "a" * 101):
        assert main(["generate", run, *ASK, "--stop", stop]) == 1
        said = f"--stop has {len(stop)} characters: it has to have between 1 and 100"
        assert said in capsys.readouterr().err
