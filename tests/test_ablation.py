import numpy as np
import pytest

from minigpt.config import TrainConfig
from minigpt.engine.ablation import time_to
from minigpt.recipes import PRESETS, WITHOUT, Preset, without

TINY = Preset(
    "tiny",
    {**PRESETS["modern"].shape, "block_size": 8, "n_layer": 1, "n_head": 1, "n_embd": 8},
    PRESETS["modern"].train.replace(max_steps=8, batch_size=4),
)


@pytest.mark.parametrize("ingredient", WITHOUT)
def test_one_ingredient_is_left_out_and_no_other(ingredient):
    whole, less = PRESETS["speedrun"], without(PRESETS["speedrun"], ingredient)
    before = vars(whole.model(100)) | vars(whole.train)
    after = vars(less.model(100)) | vars(less.train)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set(WITHOUT[ingredient])


def test_trainings_grow_until_one_reaches_the_target():
    ids = np.tile(np.arange(3, 11), 60)
    easy = time_to(2.5, TINY, 11, ids[:400], ids[400:], seed=1)
    hard = time_to(1.5, TINY, 11, ids[:400], ids[400:], seed=1)
    assert easy.steps >= 4 and easy.loss <= 2.5
    assert hard.steps > easy.steps and hard.loss <= 1.5 and hard.seconds > 0
    assert time_to(-1.0, TINY, 11, ids[:400], ids[400:], seed=1) is None


def test_the_recipe_itself_is_what_it_says():
    assert TINY.train.optimizer == "muon" and TrainConfig().optimizer == "adamw"
