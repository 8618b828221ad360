"""How much memory a model takes on a processor, told before it is trained or looked at. No torch.

One run trains at a time: what it keeps between its turns adds up over the runs in memory, what a
turn takes for the moment does not. A number is one of float32, 4 bytes; N tokens are read at once.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from minigpt.config import GPTConfig, TrainConfig

NUMBER, ID = 4, 8  # bytes
MUON = 9  # numbers that it works with for each of a matrix, as was measured
OF_A_RUN = 2_000_000  # bytes that Python keeps for any run, however small
AT_ONCE = 2**22  # numbers of attention or logits that are worked on together where one only looks
COPIES = 3  # of them, at the peak


class Memory(NamedTuple):
    """What a run takes, in bytes: all the time, and besides for the moment of its turn."""

    kept: int
    moment: int

    @property
    def total(self) -> int:
        return self.kept + self.moment


def together(runs: Iterable[Memory]) -> int:
    """The bytes of runs that take turns."""
    kept, moments = zip(*runs, strict=True)
    return sum(kept) + max(moments)


def of_run(model: GPTConfig, train: TrainConfig, tokens: int = 0) -> Memory:
    """What such a run takes, on a text of so many tokens.

    It keeps its weights twice (the newest that gave a loss beside the newest), what the optimizer
    remembers, the ids, and the windows of its validation. A moment is the largest of four: a step,
    which holds the gradients and what the backward pass needs of the forward pass; Muon's own work;
    a validation; and a checkpoint, as the file's bytes and their copy.
    """
    weights = model.num_parameters()
    moved = matrices(model) if train.optimizer == "muon" else 0
    remembered = 2 * weights - moved  # AdamW has two averages, Muon one
    validated = min(
        int(tokens * train.val_fraction), train.eval_batches * train.batch_size * model.block_size
    )
    kept = NUMBER * (2 * weights + remembered) + 2 * tokens + 2 * ID * validated
    read = math.ceil(train.batch_size / train.accumulation_steps) * model.block_size
    step = NUMBER * (weights + read * numbers_per_token(model)) + 3 * ID * read
    step += 2 * ID * train.batch_size * model.block_size  # the batch is drawn whole
    guess = NUMBER * read * (6 * model.n_embd + 2 * model.n_hidden + 2 * model.vocab_size)
    checkpoint = 2 * NUMBER * (weights + remembered)
    muon = NUMBER * (weights + MUON * moved)
    return Memory(OF_A_RUN + kept, max(step, muon, guess, checkpoint))


def matrices(model: GPTConfig) -> int:
    """How many numbers the matrices inside the blocks have."""
    shapes = model.weight_shapes().items()
    return sum(math.prod(shape) for name, shape in shapes if name[0] == "h" and len(shape) == 2)


def numbers_per_token(model: GPTConfig) -> int:
    """What a step holds at its peak for each token that is read at once: what each layer's backward
    pass needs, the gradients inside one layer, and the logits, their softmax and its gradient."""
    C, M = model.n_embd, model.n_hidden
    attention = 6 * C + model.n_head  # x, normed, q, k, v, z; and one sum of each softmax
    attention += (2 * C) * (model.position == "rope") + (2 * C) * model.qk_norm
    mlp = 2 * C + {"gelu": 2, "relu2": 2, "swiglu": 4}[model.activation] * M
    norms = 2 * C * (model.norm == "rmsnorm")
    dropped = 2 * C * (model.dropout > 0)
    return (
        model.n_layer * (attention + mlp + norms + dropped) + 2 * M + 4 * C + 3 * model.vocab_size
    )


def of_weights(model: GPTConfig) -> int:
    """Bytes of a model that is looked at."""
    return NUMBER * model.num_parameters()


def of_cache(model: GPTConfig, tokens: int) -> int:
    """Bytes of the keys and values of so many tokens."""
    return 2 * NUMBER * tokens * model.n_layer * model.n_embd


def of_look(model: GPTConfig, tokens: int) -> int:
    """Bytes of a pass over so many tokens in which everything can be seen: the scores of a layer's
    heads, the logits, what a layer works with, and the residual stream after each part."""
    C, M = model.n_embd, model.n_hidden
    scores, logits = model.n_head * tokens**2, model.vocab_size * tokens
    layer, stream = (6 * C + 2 * M) * tokens, (2 * model.n_layer + 1) * C * tokens
    return NUMBER * (COPIES * (scores + logits) + layer + stream)
