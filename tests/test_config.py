import dataclasses
import math

import pytest

from minigpt.config import BeamConfig, GPTConfig, InputError, SampleConfig, TrainConfig
from minigpt.limits import Limits
from minigpt.model import GPT
from minigpt.recipes import PRESETS


def test_classic_with_a_vocabulary_of_100_has_the_parameters_of_the_diary():
    assert PRESETS["classic"].model(vocab_size=100).num_parameters() == 145_764
    assert GPT(PRESETS["classic"].model(vocab_size=100)).num_parameters() == 145_764


@pytest.mark.parametrize("config", [GPTConfig(), TrainConfig(), SampleConfig(top_k=3, stop="\n")])
def test_json_brings_back_the_same_config(config):
    assert type(config).from_json(config.to_json()) == config


@pytest.mark.parametrize("config", [BeamConfig, GPTConfig, TrainConfig, SampleConfig])
def test_every_setting_is_explained(config):
    assert all(spec.metadata["help"].endswith((".", ").")) for spec in dataclasses.fields(config))


@pytest.mark.parametrize(
    "kind, bad",
    [
        (GPTConfig, {"n_layer": 0}),
        (GPTConfig, {"n_layer": -1}),
        (GPTConfig, {"block_size": 0}),
        (GPTConfig, {"n_embd": 10, "n_head": 4}),
        (GPTConfig, {"dropout": math.nan}),
        (GPTConfig, {"n_layer": 2.5}),
        (GPTConfig, {"n_layer": "2"}),
        (GPTConfig, {"n_layer": None}),
        (GPTConfig, {"bias": 1}),
        (GPTConfig, {"norm": "batchnorm"}),
        (GPTConfig, {"qk_gain": -1.0}),
        (GPTConfig, {"qk_gain": math.nan}),
        (GPTConfig, {"qk_gain": 1e9}),
        (GPTConfig, {"n_embd": 12, "n_head": 4, "position": "rope"}),
        (TrainConfig, {"optimizer": "sgd"}),
        (TrainConfig, {"accumulation_steps": 9, "batch_size": 8}),
        (TrainConfig, {"max_steps": 0}),
        (TrainConfig, {"learning_rate": -1e-3}),
        (TrainConfig, {"learning_rate": math.inf}),
        (TrainConfig, {"batch_size": True}),
        (SampleConfig, {"temperature": -0.1}),
        (SampleConfig, {"top_k": 0}),
        (SampleConfig, {"top_p": 1.5}),
        (SampleConfig, {"max_new_tokens": 0}),
        (SampleConfig, {"temperature": math.nan}),
        (SampleConfig, {"temperature": 1e9}),
        (SampleConfig, {"min_p": -0.1}),
        (SampleConfig, {"min_p": 1.1}),
        (SampleConfig, {"repetition_penalty": 0.9}),
        (SampleConfig, {"repetition_penalty": 6}),
        (SampleConfig, {"stop": ""}),
        (SampleConfig, {"stop": "a" * 101}),
        (SampleConfig, {"stop": 7}),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_name(kind, bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        kind(**bad)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"n_layers": 2}', '{"n_layer": "x"}', "null"])
def test_malformed_json_is_refused_in_words(text):
    with pytest.raises(InputError):
        GPTConfig.from_json(text)


def test_limits_come_from_the_environment_and_are_checked():
    limits = Limits.from_environment({"MINIGPT_MAX_PARAMETERS": "1000", "MINIGPT_MAX_TEXT_MB": "1"})
    with pytest.raises(InputError, match="1,000"):
        limits.check_model(GPTConfig())
    with pytest.raises(InputError, match="1 million"):
        limits.check_text(1_000_001)
    with pytest.raises(InputError, match="MINIGPT_MAX_TEXT_MB"):
        Limits.from_environment({"MINIGPT_MAX_TEXT_MB": "lots"})


def test_limits_refuse_what_is_too_long_too_many_or_too_large():
    limits = Limits(max_steps=100, max_runs_per_workspace=2, max_texts_per_workspace=2)
    limits.check_run(GPTConfig(), TrainConfig(max_steps=100))
    with pytest.raises(InputError, match="at most 100"):
        limits.check_run(GPTConfig(), TrainConfig(max_steps=101))
    limits.check_runs(1)
    limits.check_texts(1)
    with pytest.raises(InputError, match="keeps 2 for each: delete"):
        limits.check_runs(2)
    with pytest.raises(InputError, match="2 texts"):
        limits.check_texts(2)
