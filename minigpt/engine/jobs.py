"""What a run needs to be trained, out of the store."""

import weakref

import numpy as np

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.engine.training import Job
from minigpt.store import Run, Store

# Thirty students train on one text: its ids are kept once, for as long as a trainer reads them.
_ids_in_use: weakref.WeakValueDictionary[tuple[str, str], np.ndarray] = (
    weakref.WeakValueDictionary()
)


def encoded(store: Store, text_id: str, tokenizer: str) -> np.ndarray:
    """The ids of a stored text, uint16 (n,), by the tokenizer in that JSON."""
    key = text_id, tokenizer
    ids = _ids_in_use.get(key)
    if ids is None:
        ids = tokenizers.load(tokenizer).encode_array(store.text(text_id))
        _ids_in_use[key] = ids
    return ids


def job_of(store: Store, run: Run) -> Job:
    """A run as it stands: at its newest checkpoint, or at step 0 where it has none.

    Raises InputError when its text is gone.
    """
    if run.text_id is None:
        raise InputError("this run came without its text: start a new one on one of yours")
    saved = store.checkpoint(run.id)
    return Job(
        id=run.id,
        workspace=run.workspace,
        model=run.model,
        train=run.train,
        tokenizer=run.tokenizer,
        ids=encoded(store, run.text_id, run.tokenizer),
        origin=store.origin(run.text_id),
        checkpoint=saved[1] if saved else None,
        pause_at=run.pause_at,
    )
