"""`inspect RUN --heads`: what each head of a run does, as a table and for machines."""

import json

import numpy as np
import pytest
import torch

from minigpt import bundle, weights
from minigpt.cli import main
from minigpt.config import GPTConfig, TrainConfig
from minigpt.engine import worker
from minigpt.interpret import ROLES, UNCLEAR, head_effects, head_scores, held_out_windows
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer


@pytest.fixture
def home(fresh_store, monkeypatch):
    monkeypatch.setenv("MINIGPT_HOME", str(fresh_store.folder))


@pytest.fixture
def trained(fresh_store, small_run, home) -> str:
    work = worker.Worker(fresh_store)
    while work.turn():
        pass
    return small_run


def told(capsys, *words: str) -> tuple[list[str], dict]:
    """What a command prints, and its JSON, in which there is nothing but JSON."""

    def no_json(name):
        raise AssertionError(name)

    assert main([*words, "--json"]) == 0, capsys.readouterr().err
    *lines, last = capsys.readouterr().out.splitlines()
    return lines, json.loads(last, parse_constant=no_json)


def refused(capsys, *words: str) -> str:
    assert main(words) == 1
    return capsys.readouterr().err


def test_the_table_has_a_line_for_each_head(fresh_store, trained, simple_text, capsys):
    lines, found = told(capsys, "inspect", trained, "--heads")
    assert lines[0] == "measured on 13 windows of 16 tokens that it was not trained on"
    model = weights.load_model(fresh_store, fresh_store.run(trained))
    tokenizer = CharTokenizer.train(simple_text)
    windows = held_out_windows(tokenizer.encode_array(simple_text)[-216:], 16)
    scores, effects = head_scores(model, windows), head_effects(model, windows)
    for head in (0, 1):
        row = found["heads"][head]
        assert (row["layer"], row["head"]) == (0, head)
        assert row["role"] in (*ROLES, UNCLEAR) and len(row["likeliest"]) == 2
        for role in ROLES:
            lift = scores.lifts[role][0, head]
            assert row["scores"][role]["lift"] == (None if np.isnan(lift) else lift)
        assert row["without"]["delta"] == effects.delta[0, head]
        line = next(line for line in lines if line.split()[:2] == ["0", str(head)])
        shown = row["likeliest"][0] if row["role"] == UNCLEAR else row["role"]
        for part in (
            row["role"],
            f"{row['scores'][shown]['lift']:.2f}",
            f"{found['chance'][shown]:.1%}",
        ):
            assert part in line
        assert f"{effects.delta[0, head]:+.4f}" in line
        assert any(line.startswith(f"{shown}: {ROLES[shown].definition}") for line in lines)
    assert found["copies"]["period"] >= 6 and found["loss"] == effects.loss


def test_a_head_that_is_nothing_but_the_token_before_is_named(
    fresh_store, trained, monkeypatch, capsys
):
    """Its keys are its queries, turned by one place: built into the weights by hand."""
    config = GPTConfig(vocab_size=40, block_size=16, n_layer=1, n_head=1, n_embd=64)
    model = weights.new_model(config, seed=0).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.h[0].ln_1.weight.fill_(1)
        model.wpe.weight[:, :16].copy_(torch.eye(16))
        q, k, _ = model.h[0].attn.c_attn.weight.view(3, 64, 64)
        q[:16, :16] = 30 * torch.eye(16)
        k[:16, :16] = torch.eye(16).roll(1, 0)  # place j has the key of place j + 1's query
    monkeypatch.setattr(weights, "load_model", lambda store, run: model)
    _, found = told(capsys, "inspect", trained, "--heads")
    assert [row["role"] for row in found["heads"]] == ["previous token"]
    assert found["heads"][0]["scores"]["previous token"]["shuffled"] > 0.9, "it needs no sense"
    assert found["heads"][0]["without"] == {"delta": 0, "low": 0, "high": 0}, "and brings nothing"


def test_without_its_text_a_run_is_measured_on_what_it_writes(
    exported, other_store, monkeypatch, capsys
):
    run = bundle.import_run(other_store, exported, EVERYONE)
    monkeypatch.setenv("MINIGPT_HOME", str(other_store.folder))
    lines, found = told(capsys, "inspect", run, "--heads")
    assert lines[0].endswith("of 16 tokens that it wrote itself, for its text is not here")
    assert found["windows"] == 250


def test_what_cannot_be_measured_is_a_sentence(fresh_store, small_run, home, capsys):
    assert "no weights" in refused(capsys, "inspect", small_run, "--heads")
    assert "give --prompt TEXT" in refused(capsys, "inspect", small_run)
    for option in (["--prompt", "a"], ["--layer", "0"], ["--output", "a.svg"], ["--force"]):
        said = refused(capsys, "inspect", small_run, "--heads", *option)
        assert f"{option[0]} is for a look at one prompt, without --heads: leave it out" in said


@pytest.mark.parametrize(
    "text, context, why",
    [
        ("hello world " * 90, 16, "108 tokens to measure heads on"),
        ("ab" * 500, 8, "holds 8 tokens"),
    ],
    ids=["short text", "short context"],
)
def test_too_short_a_text_or_context_is_a_sentence(
    fresh_store: Store, home, capsys, text, context, why
):
    tokenizer = CharTokenizer.train(text)
    config = GPTConfig(tokenizer.vocab_size, block_size=context, n_layer=1, n_head=1, n_embd=8)
    run = fresh_store.create_run(
        EVERYONE, "short", fresh_store.add_text(EVERYONE, "short", text), tokenizer.to_json(),
        config, TrainConfig(max_steps=1, batch_size=1, warmup_steps=0),
    )  # fmt: skip
    work = worker.Worker(fresh_store)
    while work.turn():
        pass
    assert why in refused(capsys, "inspect", run, "--heads")
