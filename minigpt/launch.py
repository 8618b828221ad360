"""A new run: all that can be wrong with it is told here, before it stands in line."""

from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import split
from minigpt.limits import Limits
from minigpt.store import Store
from minigpt.tokenizers import Tokenizer


def launch(
    store: Store,
    limits: Limits,
    workspace: str,
    name: str,
    text_id: str,
    tokenizer: Tokenizer,
    model: GPTConfig,
    train: TrainConfig,
) -> str:
    """Puts a run on a stored text into the store, where the worker finds it; returns its id.

    Raises InputError when a limit is met or the text is too short for the context.
    """
    limits.check_run(model, train)
    limits.check_room(len(store.runs(workspace)), store.used_bytes())
    ids = tokenizer.encode_array(store.text(text_id))
    train_ids, val_ids = split(ids, train.val_fraction, model.block_size)
    scored = val_ids if len(val_ids) else train_ids
    return store.create_run(
        workspace,
        name,
        text_id,
        tokenizer.to_json(),
        model,
        train,
        characters_per_token=len(tokenizer.decode(scored)) / len(scored),
    )
