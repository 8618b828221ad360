"""Numbers that are none: a training that blows up, and models whose weights did."""

import math

import pytest
import safetensors.torch
import torch

from minigpt import bundle, cli, tokenizers, weights
from minigpt.config import GPTConfig, NotFinite, SampleConfig
from minigpt.corpus import split, windows
from minigpt.engine import worker
from minigpt.evaluation import mean_loss
from minigpt.generation import generate
from minigpt.interpret import attention
from minigpt.recipes import PRESETS
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Diverged, Trainer

WILD = {"learning_rate": 1.0, "weight_decay": 10.0, "batch_size": 4, "max_steps": 60}
AT_ONCE = WILD | {"warmup_steps": 0, "min_lr_ratio": 1.0, "eval_interval": 1}
RECIPES = pytest.mark.parametrize("recipe", [WILD, AT_ONCE], ids=["with a warm-up", "at once"])


def shape(tokenizer) -> GPTConfig:
    return PRESETS["classic"].model(
        tokenizer.vocab_size, activation="relu2", block_size=32, n_embd=16
    )


def wild_run(store: Store, text: str, recipe: dict) -> str:
    tokenizer = CharTokenizer.train(text)
    train = PRESETS["classic"].train.replace(**recipe)
    text_id = store.add_text("me", "simple", text)
    return store.create_run("me", "wild", text_id, tokenizer.to_json(), shape(tokenizer), train)


def work(store: Store) -> None:
    trainer = worker.Worker(store)
    while trainer.turn():
        pass


def is_sound(model, prompt) -> bool:
    """Whether a model can do all that the pages ask of it."""
    assert all(weight.isfinite().all() for weight in model.parameters())
    attention(model, prompt)
    return len(list(generate(model, prompt, SampleConfig(max_new_tokens=40)))) == 40


@RECIPES
def test_a_training_that_blows_up_goes_back_to_weights_that_give_a_loss(simple_text, recipe):
    tokenizer = CharTokenizer.train(simple_text)
    train = PRESETS["classic"].train.replace(**recipe)
    train_ids, val_ids = split(tokenizer.encode_array(simple_text), 0.1, 32)
    trainer = Trainer(weights.new_model(shape(tokenizer), 1), train_ids, val_ids, train)
    with pytest.raises(Diverged) as raised:
        for _ in trainer:
            pass
    assert raised.value.kept == trainer.step == len(trainer.loss_history) > 0
    assert raised.value.step - trainer.step <= 2
    assert math.isfinite(trainer.validate())
    assert is_sound(trainer.model, tokenizer.encode("hello"))


@RECIPES
def test_a_diverged_run_is_kept_with_weights_every_page_can_use(fresh_store, simple_text, recipe):
    run_id = wild_run(fresh_store, simple_text, recipe)
    work(fresh_store)
    run = fresh_store.run(run_id)
    assert run.state == "diverged"
    kept, saved = fresh_store.checkpoint(run_id)
    assert f"the weights of step {kept:,}" in run.reason
    assert all(w.isfinite().all() for w in safetensors.torch.load(saved).values())
    assert fresh_store.weights_step(run_id) == kept <= run.step
    prompt = tokenizers.load(run.tokenizer).encode("hello")
    for step in (None, *fresh_store.snapshot_steps(run_id)):
        assert is_sound(weights.load_model(fresh_store, run, step), prompt)
    copy = bundle.import_run(fresh_store, bundle.export_run(fresh_store, run), "you")
    assert is_sound(weights.load_model(fresh_store, fresh_store.run(copy)), prompt)


def test_a_gradient_that_is_none_changes_no_weight(tiny_config, token_stream):
    config = PRESETS["classic"].train.replace(max_steps=4, batch_size=2)
    trainer = Trainer(weights.new_model(tiny_config, 1), token_stream, token_stream[:0], config)
    trainer.advance()
    before = [weight.clone() for weight in trainer.model.parameters()]
    next(trainer.model.parameters()).register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(Diverged) as raised:
        trainer.advance()
    assert (raised.value.step, raised.value.kept, trainer.step) == (2, 1, 1)
    assert all(map(torch.equal, before, trainer.model.parameters()))


def test_weights_that_half_precision_cannot_hold_survive_a_snapshot_and_an_export(
    fresh_store, small_run
):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    model = trainer.trainings[small_run].trainer.model
    with torch.no_grad():
        model.wpe.weight[0, 0] = 123_456.789
    while trainer.turn():
        pass
    run = fresh_store.run(small_run)
    assert run.state == "finished"
    copy = bundle.import_run(fresh_store, bundle.export_run(fresh_store, run), "you")
    for run_id in (small_run, copy):
        old = weights.load_model(fresh_store, fresh_store.run(run_id), 2)
        assert old.wpe.weight[0, 0].item() == pytest.approx(123_456.789, rel=1e-4)
        assert all(weight.isfinite().all() for weight in old.parameters())


def test_a_run_that_ends_above_blind_guessing_says_so_and_a_sound_one_says_nothing(
    fresh_store, small_run, simple_text
):
    wild = wild_run(fresh_store, simple_text, AT_ONCE | {"weight_decay": 0.0})
    work(fresh_store)
    run = fresh_store.run(wild)
    assert run.state == "finished"
    blind = math.log(run.model.vocab_size)
    assert f"where guessing blindly has {blind:.2f}" in run.reason
    assert fresh_store.run(small_run).reason == ""


# A model of weights that are no numbers, however it came to be.


@pytest.fixture(params=[math.nan, math.inf], ids=["NaN", "infinite"])
def ruined(request, tiny_model):
    with torch.no_grad():
        tiny_model.h[0].mlp.c_fc.weight[0, 0] = request.param
        tiny_model.h[0].attn.c_attn.weight[0, 0] = request.param
    return tiny_model


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.0}, {"top_k": 3}, {"top_p": 0.5}])
def test_a_ruined_model_writes_nothing_and_says_why(ruined, settings):
    with pytest.raises(NotFinite, match="grown beyond all bounds"):
        list(generate(ruined, [3, 4], SampleConfig(**settings)))


def test_a_ruined_model_has_no_attention_and_no_loss(ruined, token_stream):
    with pytest.raises(NotFinite):
        attention(ruined, [3, 4, 5])
    with pytest.raises(NotFinite):
        mean_loss(ruined, *windows(token_stream, 16), 4)


@pytest.mark.parametrize("command", ["generate", "evaluate", "inspect", "inspect --heads"])
def test_the_command_line_says_it_in_a_sentence(
    fresh_store, small_run, tmp_path, monkeypatch, capsys, command
):
    work(fresh_store)
    load_model = weights.load_model

    def ruined(*args):
        model = load_model(*args)
        with torch.no_grad():
            for weight in model.parameters():
                weight.fill_(math.nan)
        return model

    monkeypatch.setattr(weights, "load_model", ruined)
    monkeypatch.setenv("MINIGPT_HOME", str(fresh_store.folder))
    (tmp_path / "text.txt").write_text("hello world, hello moon")
    monkeypatch.chdir(tmp_path)
    options = {"evaluate": ["text.txt"], "inspect --heads": []}.get(command, ["--prompt", "hello"])
    assert cli.main([*command.split(), small_run, *options]) == 1
    assert "grown beyond all bounds" in capsys.readouterr().err
