"""What the loss of a run is compared with: counting on the same text, and a world's floor."""

from collections.abc import Mapping
from dataclasses import dataclass

from minigpt import tokenizers
from minigpt.corpus import fit_baselines, split, worlds
from minigpt.store import Run, Store

FLOOR = "lowest possible"


@dataclass(frozen=True)
class Levels:
    """What a run's losses are compared with, in nats per token."""

    tokens: int  # of the part of the text that it learns from
    lines: Mapping[str, float]  # uniform, unigram, bigram, trigram; of a world its floor


def levels(text: str, tokenizer: str, val_fraction: float, block_size: int) -> Levels:
    """What counting reaches on a text, cut by the tokenizer in that JSON; without lines where no
    part of it is kept for validation. Raises InputError when it is too short for the context."""
    chosen = tokenizers.load(tokenizer)
    train_ids, val_ids = split(chosen.encode_array(text), val_fraction, block_size)
    lines = {}
    if len(val_ids) > 1:
        lines = vars(fit_baselines(train_ids, val_ids, chosen.vocab_size))
    return Levels(len(train_ids), lines)


def with_floor(known: Levels, run: Run, origin: str) -> Levels:
    """The same with the lowest possible loss, where a world wrote the text."""
    world = worlds.load(origin)
    if world is None or not known.lines:
        return known
    return Levels(known.tokens, {**known.lines, FLOOR: world.floor * run.characters_per_token})


def levels_of(store: Store, run: Run) -> Levels | None:
    """What a run's losses are compared with; None without its text."""
    if run.text_id is None:
        return None
    text, train = store.text(run.text_id), run.train
    known = levels(text, run.tokenizer, train.val_fraction, run.model.block_size)
    return with_floor(known, run, store.origin(run.text_id))
